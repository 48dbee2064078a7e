package pexip

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
)

// ChunkEncoding is how a chunk of a package is put on the wire. None of them is verified against
// a real node; watching the web interface's own upload in a browser's developer tools tells which
// one a deployment needs.
type ChunkEncoding string

const (
	// RawContentRange: the bytes as the body, Content-Type application/octet-stream, and
	// Content-Range: bytes first-last/total.
	RawContentRange ChunkEncoding = "raw-content-range"
	// MultipartPackage: multipart/form-data with the bytes as file part "package", and Content-Range.
	MultipartPackage ChunkEncoding = "multipart-package"
	// MultipartFile: the same with part "file".
	MultipartFile ChunkEncoding = "multipart-file"
	// MultipartChunkOffset: multipart/form-data with a field "offset" and the file part "chunk".
	MultipartChunkOffset ChunkEncoding = "multipart-chunk-offset"
)

// ChunkEncodings lists the known encodings, the likeliest first.
func ChunkEncodings() []ChunkEncoding {
	return []ChunkEncoding{RawContentRange, MultipartPackage, MultipartFile, MultipartChunkOffset}
}

func (e ChunkEncoding) known() bool { return slices.Contains(ChunkEncodings(), e) }

// envelope is what surrounds the bytes of a package in a request.
type envelope struct {
	contentType    string
	header         http.Header
	prefix, suffix []byte
}

// wrap builds the envelope for bytes off to off+n of total. e is one of ChunkEncodings.
func (e ChunkEncoding) wrap(name string, off, n, total int64) envelope {
	contentRange := http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, total)}}
	switch e {
	case MultipartPackage:
		return formFile("package", name, nil, contentRange)
	case MultipartFile:
		return formFile("file", name, nil, contentRange)
	case MultipartChunkOffset:
		return formFile("chunk", name, [][2]string{{"offset", strconv.FormatInt(off, 10)}}, nil)
	default: // RawContentRange
		return envelope{contentType: "application/octet-stream", header: contentRange}
	}
}

// formFile builds a multipart form around one file part; fields come before it. Nothing in it can
// fail, because a buffer takes whatever is written.
func formFile(part, name string, fields [][2]string, header http.Header) envelope {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for _, f := range fields {
		_ = form.WriteField(f[0], f[1])
	}
	_, _ = form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition(part, name)},
		"Content-Type":        {"application/octet-stream"},
	})
	cut := b.Len()
	_ = form.Close()
	return envelope{form.FormDataContentType(), header, b.Bytes()[:cut], b.Bytes()[cut:]}
}
