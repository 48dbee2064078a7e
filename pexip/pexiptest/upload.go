package pexiptest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// States of an upgrade request; the real words are not documented.
const (
	stateUploading = "pending"
	stateUploaded  = "completed"
	stateRunning   = "running"
)

// upload is an upgrade request. The bytes themselves are not kept.
type upload struct {
	id      string
	total   int64
	state   string
	current pexip.VersionInfo
	upgrade *pexip.VersionInfo
	received
	lie   int64      // is added to the offset that is told
	lies  int        // this often; negative: always
	marks []received // as it was before each chunk, for RewindUpload
}

// received is what is kept of a package on its way in.
type received struct {
	offset int64
	header []byte
	sum    hash.Hash
}

func newReceived() received { return received{sum: sha256.New()} }

// fork is an independent copy.
func (p received) fork() received {
	h, _ := p.sum.(hash.Cloner).Clone() // sha256 always can
	p.sum = h
	p.header = append([]byte(nil), p.header...)
	return p
}

func (p *received) Write(b []byte) (int, error) {
	if room := headerSize - len(p.header); room > 0 {
		p.header = append(p.header, b[:min(room, len(b))]...)
	}
	p.offset += int64(len(b))
	return p.sum.Write(b)
}

func (p *received) hex() string { return hex.EncodeToString(p.sum.Sum(nil)) }

func (w *world) upgradeRequests() []object {
	var rows []object
	for _, u := range w.uploads {
		rows = append(rows, u.object())
	}
	return rows
}

func (u *upload) object() object {
	return object{"uuid": u.id, "state": u.state, "offset": u.told(), "current": u.current, "upgrade": u.upgrade,
		"resource_uri": uri("configuration", "upgrade_request", u.id)}
}

func (w *world) upload(id string) *upload {
	for _, u := range w.uploads {
		if u.id == id {
			return u
		}
	}
	return nil
}

// platformUpgrade makes an upgrade request, or takes a whole package and starts.
func (s *Server) platformUpgrade(w http.ResponseWriter, r *http.Request, now time.Time) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		s.oneShot(w, r)
		return
	}
	in, ok := fields(w, r)
	if !ok {
		return
	}
	total, _ := in["total_size"].(float64)
	if s.opt.NoResumableUpload || in["request"] != true || total < 1 {
		reply(w, http.StatusBadRequest, object{"upgrade": object{"package": []string{"This field is required."}}})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &upload{id: newID(), total: int64(total), state: stateUploading, current: info(s.world.manager().version), received: newReceived()}
	s.world.uploads = append(s.world.uploads, u)
	s.created(w, u, now)
}

func (s *Server) created(w http.ResponseWriter, u *upload, now time.Time) {
	switch s.opt.CreationReply {
	case ReplyNested:
		reply(w, http.StatusAccepted, object{"status": "success", "data": object{"upload_id": u.id}})
	case ReplyLocation:
		w.Header().Set("Location", uri("configuration", "upgrade_request", u.id))
		w.WriteHeader(http.StatusCreated)
	case ReplyBare:
		reply(w, http.StatusAccepted, object{"status": "success"})
	default:
		reply(w, http.StatusAccepted, okay(u, now))
	}
}

func okay(u *upload, now time.Time) object {
	return object{"ok": true, "upload_id": u.id, "timestamp": now.Unix(), "current": u.current, "upgrade": u.upgrade}
}

// upgradeRequest answers on one request and its actions.
func (s *Server) upgradeRequest(w http.ResponseWriter, r *http.Request, rest []string, now time.Time) {
	s.mu.Lock()
	u := s.world.upload(rest[0])
	s.mu.Unlock()
	action := r.Method
	if len(rest) == 2 {
		action += " " + rest[1]
	}
	switch {
	case u == nil || len(rest) > 2:
		notFound(w)
	case action == "GET":
		s.resource(w, r, "configuration/upgrade_request", rest, now)
	case action == "DELETE":
		s.remove(u, now)
		w.WriteHeader(http.StatusNoContent)
	case action == "POST upload":
		s.chunk(w, r, u, now)
	case action == "POST finish":
		s.finish(w, r, u, now)
	case action == "POST cancel":
		reply(w, http.StatusOK, s.remove(u, now))
	case len(rest) == 2 && rest[1] != "upload" && rest[1] != "finish" && rest[1] != "cancel":
		notFound(w)
	default:
		notAllowed(w, []string{http.MethodGet, http.MethodDelete})
	}
}

func (s *Server) remove(u *upload, now time.Time) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.uploads = slices.DeleteFunc(s.world.uploads, func(o *upload) bool { return o == u })
	return okay(u, now)
}

// piece is a chunk's place and bytes.
type piece struct {
	offset int64
	length int64 // -1: not declared
	bytes  io.Reader
	end    func() error // checks what comes after the bytes
}

// chunk takes the next bytes of a package. Nothing is locked while they arrive.
func (s *Server) chunk(w http.ResponseWriter, r *http.Request, u *upload, now time.Time) {
	p, err := s.opt.chunkIn(r)
	if err != nil {
		refuse(w, "%s", err)
		return
	}
	s.mu.Lock()
	before := u.received.fork()
	s.mu.Unlock()
	if p.offset != before.offset {
		refuse(w, "offsets do not match: %d bytes are here, the chunk begins at %d", before.offset, p.offset)
		return
	}
	after := before.fork()
	n, err := io.CopyBuffer(&after, io.LimitReader(p.bytes, u.total-before.offset+1), make([]byte, 256<<10))
	if err == nil && n > u.total-before.offset {
		refuse(w, "more bytes than the %d announced", u.total)
		return
	}
	if err == nil {
		err = p.end()
	}
	if err == nil && p.length >= 0 && n != p.length {
		err = fmt.Errorf("the chunk has %d bytes, %d were declared", n, p.length)
	}
	if err != nil && !s.opt.KeepPartialChunks {
		refuse(w, "%s", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.offset != before.offset {
		refuse(w, "another chunk came in between")
		return
	}
	u.marks = append(u.marks, before)
	u.received = after
	if u.offset == u.total {
		u.state = stateUploaded
	}
	if err != nil {
		refuse(w, "%s", err)
		return
	}
	reply(w, http.StatusOK, okay(u, now))
}

// chunkIn reads a chunk's frame in the one encoding that is accepted.
func (o Options) chunkIn(r *http.Request) (piece, error) {
	if o.EnvelopeCounts {
		p, err := contentRange(r)
		p.length, p.bytes, p.end = -1, r.Body, func() error { return nil }
		return p, err
	}
	if o.ChunkEncoding == pexip.RawContentRange {
		if r.Header.Get("Content-Type") != "application/octet-stream" {
			return piece{}, fmt.Errorf("unexpected content type %q", r.Header.Get("Content-Type"))
		}
		p, err := contentRange(r)
		p.bytes, p.end = r.Body, func() error { return nil }
		return p, err
	}
	form, err := r.MultipartReader()
	if err != nil {
		return piece{}, err
	}
	var p piece
	name := "chunk"
	switch o.ChunkEncoding {
	case pexip.MultipartPackage, pexip.MultipartFile:
		name = strings.TrimPrefix(string(o.ChunkEncoding), "multipart-")
		p, err = contentRange(r)
	default:
		p.length = -1
		p.offset, err = offsetField(form)
	}
	if err != nil {
		return piece{}, err
	}
	return p, p.open(form, name)
}

func contentRange(r *http.Request) (piece, error) {
	var first, last, total int64
	v := r.Header.Get("Content-Range")
	if _, err := fmt.Sscanf(v, "bytes %d-%d/%d", &first, &last, &total); err != nil || last < first {
		return piece{}, fmt.Errorf("bad Content-Range %q", v)
	}
	return piece{offset: first, length: last - first + 1}, nil
}

func offsetField(form *multipart.Reader) (int64, error) {
	part, err := form.NextPart()
	if err != nil || part.FormName() != "offset" {
		return 0, errors.New("field offset is missing")
	}
	text, err := io.ReadAll(io.LimitReader(part, 32))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}

// open goes to the file part, which must be the last; plain fields may come before it.
func (p *piece) open(form *multipart.Reader, name string) error {
	part, err := form.NextPart()
	for err == nil && part.FileName() == "" {
		part, err = form.NextPart()
	}
	if err != nil || part.FormName() != name || part.FileName() == "" {
		return fmt.Errorf("file part %q is missing", name)
	}
	p.bytes = part
	p.end = func() error {
		if _, err := form.NextPart(); err != io.EOF {
			return errors.New("the form does not end after the file")
		}
		return nil
	}
	return nil
}
