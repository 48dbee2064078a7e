package runbook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of a bundle. Attachments lie beside them.
const (
	EvidenceFile  = "evidence.json"
	ReportFile    = "report.md"
	HTMLFile      = "report.html"
	JUnitFile     = "report.xml"
	SignatureFile = "evidence.sig"
)

// Bundle is where the files of a run's evidence lie.
type Bundle struct {
	Evidence   string `json:"evidence"`
	Report     string `json:"report"`
	ReportHTML string `json:"html"`
	JUnit      string `json:"junit"`
	Signature  string `json:"signature,omitempty"`
}

// Save writes the evidence and the reports made from it into dir, where the run's attachments are,
// replacing earlier ones. With a key it also signs: what the signature covers is evidence.json, byte
// for byte, and through the checksums in it every attachment. Without a key an earlier signature is
// removed. It may be repeated.
func (e *Evidence) Save(dir string, key ed25519.PrivateKey) (Bundle, error) {
	b := Bundle{Evidence: filepath.Join(dir, EvidenceFile), Report: filepath.Join(dir, ReportFile),
		ReportHTML: filepath.Join(dir, HTMLFile), JUnit: filepath.Join(dir, JUnitFile)}
	raw, err := e.encode()
	if err != nil {
		return b, fmt.Errorf("save evidence: %w", err)
	}
	signature := filepath.Join(dir, SignatureFile)
	if err := os.Remove(signature); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return b, fmt.Errorf("save evidence: %w", err)
	}
	files := append([]bundled{{EvidenceFile, writes(raw)}}, e.reports()...)
	if key != nil {
		b.Signature = signature
		files = append(files, bundled{SignatureFile, writes(sign(key, raw))})
	}
	for _, f := range files {
		if _, err := writeAttachment(dir, f.name, f.write); err != nil {
			return b, fmt.Errorf("save %s: %w", f.name, err)
		}
	}
	return b, nil
}

type bundled struct {
	name  string
	write func(io.Writer) error
}

// reports are the files that are made from the evidence alone.
func (e *Evidence) reports() []bundled {
	return []bundled{{ReportFile, e.WriteMarkdown}, {HTMLFile, e.WriteHTML}, {JUnitFile, e.WriteJUnit}}
}

func writes(b []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(b); return err }
}

// encode is the one way in which evidence is written, so that each byte of a file can be checked.
func (e *Evidence) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	err := enc.Encode(e)
	return b.Bytes(), err
}

// signed says what a signature is for, so that it cannot be used for anything else.
func signed(raw []byte) []byte { return append([]byte("runbook evidence 1\n"), raw...) }

func sign(key ed25519.PrivateKey, raw []byte) []byte {
	return []byte(signatureText(ed25519.Sign(key, signed(raw))))
}

func signatureText(sig []byte) string { return base64.StdEncoding.EncodeToString(sig) + "\n" }

// ReadEvidence reads a file that Save wrote and verifies it alone: every byte of it, the records and
// what is said about them. A difference is an error that matches ErrDamaged and names its place.
func ReadEvidence(path string) (*Evidence, error) {
	_, e, err := readEvidence(path)
	return e, err
}

func readEvidence(path string) ([]byte, *Evidence, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read evidence: %w", err)
	}
	e := &Evidence{}
	var b bytes.Buffer // what steps left is shown in reports as it was written, without indentation
	if err = json.Compact(&b, raw); err == nil {
		err = json.Unmarshal(b.Bytes(), e)
	}
	if err != nil {
		return raw, e, fmt.Errorf("evidence %s: %w: %v", path, ErrDamaged, err)
	}
	if err := e.Verify(); err != nil {
		return raw, e, err
	}
	again, err := e.encode()
	if err == nil {
		err = same(again, raw)
	}
	if err != nil {
		return raw, e, fmt.Errorf("evidence %s: %w", path, err)
	}
	return raw, e, nil
}

// same names the first place in which a file differs from what it must be.
func same(want, got []byte) error {
	if bytes.Equal(want, got) {
		return nil
	}
	at := 0
	for at < len(want) && at < len(got) && want[at] == got[at] {
		at++
	}
	return fmt.Errorf("%w: it was changed at byte %d, in line %d", ErrDamaged, at, 1+bytes.Count(want[:at], []byte("\n")))
}

// ReadBundle reads the evidence in dir and verifies all of the bundle, offline: evidence.json as
// ReadEvidence does, that the reports say what it says, and that every attachment is there with its
// size and checksum. A bundle of schema 1 was written before there was a report.html: there the file
// need not be, but it is checked if it is. With a public key the signature must be there and fit. Whatever is wrong is in
// the error, which matches ErrDamaged and names each file; the evidence is returned also then, if
// it could be read.
func ReadBundle(dir string, key ed25519.PublicKey) (*Evidence, error) {
	raw, e, err := readEvidence(filepath.Join(dir, EvidenceFile))
	if err != nil {
		return e, err
	}
	faults := []error{checkSignature(dir, raw, key)}
	for _, f := range e.reports() {
		if f.name == HTMLFile && e.Schema < schemaHTML && missing(dir, f.name) {
			continue
		}
		faults = append(faults, checkDerived(dir, f))
	}
	for _, a := range e.State.Attachments() {
		faults = append(faults, checkAttachment(dir, a))
	}
	return e, errors.Join(faults...)
}

func missing(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return errors.Is(err, fs.ErrNotExist)
}

func checkSignature(dir string, raw []byte, key ed25519.PublicKey) error {
	if key == nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, SignatureFile))
	if err != nil {
		return fmt.Errorf("%w: there is no signature: %v", ErrDamaged, err)
	}
	sig, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || string(text) != signatureText(sig) || !ed25519.Verify(key, signed(raw), sig) {
		return fmt.Errorf("%w: %s does not fit %s and the public key", ErrDamaged, SignatureFile, EvidenceFile)
	}
	return nil
}

func checkDerived(dir string, f bundled) error {
	got, err := os.ReadFile(filepath.Join(dir, f.name))
	if err != nil {
		return fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	var want bytes.Buffer
	if err = f.write(&want); err == nil {
		err = same(want.Bytes(), got)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

func checkAttachment(dir string, a Attachment) error {
	if !attachmentName.MatchString(a.Name) {
		return fmt.Errorf("%w: %q is not the name of an attachment", ErrDamaged, a.Name)
	}
	f, err := os.Open(filepath.Join(dir, a.Name))
	if err != nil {
		return fmt.Errorf("%w: attachment %s: %v", ErrDamaged, a.Name, err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return fmt.Errorf("attachment %s: %w", a.Name, err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != a.Size || sum != a.SHA256 {
		return fmt.Errorf("%w: attachment %s has %d bytes and SHA-256 %s, it was %d bytes and %s", ErrDamaged, a.Name, n, sum, a.Size, a.SHA256)
	}
	return nil
}

// Attachments are the files of all steps and of the answers that they were given, by name. Of several with one
// name the last one counts.
func (s *State) Attachments() []Attachment {
	var out []Attachment
	for _, st := range s.Steps {
		out = append(out, st.files()...)
	}
	slices.SortFunc(out, func(a, b Attachment) int { return strings.Compare(a.Name, b.Name) })
	return slices.Compact(out)
}

// files are those that the step attached, then those of its answers.
func (st *StepState) files() []Attachment {
	var out []Attachment
	for name, raw := range st.Notes {
		var a Attachment
		if strings.HasPrefix(name, attachmentNote) && json.Unmarshal(raw, &a) == nil {
			out = append(out, a)
		}
	}
	for _, answer := range st.Answers {
		out = append(out, answer.Attached...)
	}
	return out
}
