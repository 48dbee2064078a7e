package runbook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SumsFile lists the SHA-256 of every other file of a bundle, as sha256sum writes and checks it. What the signature
// covers is this list, so that a report is known to be the one that was written also by a later version of the
// program, which would write another.
const SumsFile = "SHA256SUMS"

// sums are the SHA-256 of files, by their names.
type sums map[string]string

// text is the one way in which sums are written.
func (s sums) text() []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%s  %s\n", s[name], name)
	}
	return b.Bytes()
}

// attachedSums are those of the attachments, as the records say them.
func (e *Evidence) attachedSums() sums {
	out := sums{}
	for _, a := range e.State.Attachments() {
		out[a.Name] = a.SHA256
	}
	return out
}

// checkSums holds every file of a bundle against the list, and the list against the files that there must be.
func (e *Evidence) checkSums(dir string, list []byte) error {
	is := e.attachedSums() // their files are checked on their own
	var faults []error
	for _, f := range e.files() {
		name := f.name
		sum, err := sumOf(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("%w: %v", errFile, err)
		}
		if !bytes.Contains(list, sums{name: sum}.text()) {
			faults = append(faults, fmt.Errorf("%s: %w: its SHA-256 is not the one that %s says", name, errFile, SumsFile))
		}
		is[name] = sum
	}
	if len(faults) == 0 && !bytes.Equal(is.text(), list) {
		return fmt.Errorf("%w: %s lists other files or sums than those of the run", errFile, SumsFile)
	}
	return errors.Join(faults...)
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// reserved says that a name belongs to a file of the bundle itself.
func reserved(name string) bool {
	return slices.ContainsFunc([]string{EvidenceFile, ReportFile, HTMLFile, JUnitFile, SignatureFile, SumsFile, "journal.jsonl"},
		func(own string) bool { return strings.EqualFold(own, name) })
}
