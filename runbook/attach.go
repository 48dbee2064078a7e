package runbook

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// Attachment is a file that belongs to a run's evidence. It lies beside the journal.
type Attachment struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Was is the name that the file of an answer had, without its folder.
	Was string `json:"was,omitempty"`
}

// attachmentNote begins the names of notes that describe attachments.
const attachmentNote = "attachment "

var attachmentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Attach writes a file into the run's folder, durably, and notes its size and SHA-256. An existing
// file of that name is replaced only once the new one is complete. The names of the bundle's own files
// are refused.
func (sc *StepContext) Attach(name string, write func(io.Writer) error) (Attachment, error) {
	if sc.driver.Files == "" {
		return Attachment{}, errNoFiles
	}
	if !attachmentName.MatchString(name) {
		return Attachment{}, fmt.Errorf("%q is not a file name", name)
	}
	if reserved(name) {
		return Attachment{}, fmt.Errorf("%q is the name of a file that the bundle has itself", name)
	}
	a, err := writeAttachment(filepath.Join(sc.driver.Files, RunStream(sc.Run())), name, write)
	if err != nil {
		return a, fmt.Errorf("attach %s: %w", name, err)
	}
	return a, sc.Note(attachmentNote+name, a)
}

func writeAttachment(dir, name string, write func(io.Writer) error) (a Attachment, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return a, err
	}
	f, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return a, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	h := sha256.New()
	n := new(counter)
	buffered := bufio.NewWriterSize(io.MultiWriter(f, h, n), 64<<10) // a page is written in thousands of pieces
	if err := write(buffered); err != nil {
		return a, err
	}
	if err := buffered.Flush(); err != nil {
		return a, err
	}
	if err := f.Sync(); err != nil {
		return a, err
	}
	if err := f.Close(); err != nil {
		return a, err
	}
	a = Attachment{Name: name, Size: int64(*n), SHA256: hex.EncodeToString(h.Sum(nil))}
	return a, os.Rename(f.Name(), filepath.Join(dir, name))
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
