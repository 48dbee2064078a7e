package web

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// uploads puts the files of a form into a folder of their own, where the answer finds them, and returns
// their paths by the names of their entries. remove takes the folder away again.
func uploads(r *http.Request) (files map[string]string, remove func(), err error) {
	if r.MultipartForm == nil {
		return nil, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "runbook-upload-")
	if err != nil {
		return nil, func() {}, err
	}
	remove = func() { _ = os.RemoveAll(dir) } // what is left is never read again
	files = map[string]string{}
	for name, sent := range r.MultipartForm.File {
		entry, ok := strings.CutPrefix(name, "file.")
		if !ok || len(sent) == 0 || sent[0].Filename == "" {
			continue
		}
		if files[entry], err = save(dir, sent[0]); err != nil {
			return nil, remove, err
		}
	}
	return files, remove, nil
}

// save keeps the name that the file had, without the folders in which some browsers say it lies.
func save(dir string, sent *multipart.FileHeader) (string, error) {
	name := filepath.Base(strings.ReplaceAll(sent.Filename, `\`, "/"))
	if name == "." || name == ".." {
		name = "file"
	}
	own, err := os.MkdirTemp(dir, "")
	if err != nil {
		return "", err
	}
	in, err := sent.Open()
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(own, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("keep the file that was sent: %w", err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return "", err
	}
	return out.Name(), out.Close()
}

// reason is an error without the path at which it came up.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}
