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
	Sums       string `json:"sums"`
	Signature  string `json:"signature,omitempty"`
}

// Save writes the evidence, the reports made from it and the list of checksums into dir, where the run's
// attachments are, replacing earlier ones. With a key it also signs: what the signature covers is that
// list, byte for byte, and through it every file. Without a key an earlier signature is removed. It may be
// repeated; a bundle whose writing was interrupted has no list, and does not verify.
func (e *Evidence) Save(dir string, key ed25519.PrivateKey) (Bundle, error) {
	at := func(name string) string { return filepath.Join(dir, name) }
	b := Bundle{Evidence: at(EvidenceFile), Report: at(ReportFile), ReportHTML: at(HTMLFile), JUnit: at(JUnitFile), Sums: at(SumsFile)}
	for _, name := range []string{SignatureFile, SumsFile} {
		if err := os.Remove(at(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return b, fmt.Errorf("save evidence: %w", err)
		}
	}
	list := e.attachedSums()
	for _, f := range e.files() {
		a, err := writeAttachment(dir, f.name, f.write)
		if err != nil {
			return b, fmt.Errorf("save %s: %w", f.name, err)
		}
		list[f.name] = a.SHA256
	}
	if _, err := writeAttachment(dir, SumsFile, writes(list.text())); err != nil {
		return b, fmt.Errorf("save %s: %w", SumsFile, err)
	}
	if key == nil {
		return b, nil
	}
	b.Signature = at(SignatureFile)
	if _, err := writeAttachment(dir, SignatureFile, writes(sign(key, list.text()))); err != nil {
		return b, fmt.Errorf("save %s: %w", SignatureFile, err)
	}
	return b, nil
}

type bundled struct {
	name  string
	write func(io.Writer) error
}

// files are those that Save writes and sums up.
func (e *Evidence) files() []bundled {
	return append([]bundled{{EvidenceFile, e.write}}, e.reports()...)
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
	err := e.write(&b)
	return b.Bytes(), err
}

func (e *Evidence) write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(e)
}

// signed says what a signature is for, so that it cannot be used for anything else.
func signed(list []byte) []byte { return append([]byte("runbook bundle 1\n"), list...) }

func sign(key ed25519.PrivateKey, list []byte) []byte {
	return []byte(signatureText(ed25519.Sign(key, signed(list))))
}

func signatureText(sig []byte) string { return base64.StdEncoding.EncodeToString(sig) + "\n" }

// ReadEvidence reads a file that Save wrote and verifies it alone: every byte of it, the records and
// what is said about them. A difference is an error that matches ErrDamaged and names its place.
func ReadEvidence(path string) (*Evidence, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	e := &Evidence{}
	var b bytes.Buffer // what steps left is shown in reports as it was written, without indentation
	if err = json.Compact(&b, raw); err == nil {
		err = json.Unmarshal(b.Bytes(), e)
	}
	if err != nil {
		return e, fmt.Errorf("evidence %s: %w: %v", path, errFile, err)
	}
	if err := e.Verify(); err != nil {
		return e, err
	}
	again, err := e.encode()
	if err == nil {
		err = same(again, raw)
	}
	if err != nil {
		return e, fmt.Errorf("evidence %s: %w", path, err)
	}
	return e, nil
}

// errFile is ErrDamaged where not a journal is damaged but a file that was made from it.
var errFile error = fileError{}

type fileError struct{}

func (fileError) Error() string        { return "damaged" }
func (fileError) Is(target error) bool { return target == ErrDamaged }

// same names the first place in which a file differs from what it must be.
func same(want, got []byte) error {
	if bytes.Equal(want, got) {
		return nil
	}
	at := 0
	for at < len(want) && at < len(got) && want[at] == got[at] {
		at++
	}
	return fmt.Errorf("%w: it was changed at byte %d, in line %d", errFile, at, 1+bytes.Count(want[:at], []byte("\n")))
}

// ReadBundle reads the evidence in dir and verifies all of the bundle, offline: evidence.json as
// ReadEvidence does, that every file has the SHA-256 that SumsFile says, and every attachment the size and
// SHA-256 that the records say. Reports that this version of the program would write in the same form are
// also made again and compared. With a public key the signature must be there and fit. Whatever is wrong
// is in the error, which matches ErrDamaged and names each file; the evidence is returned also then, if
// it could be read.
func ReadBundle(dir string, key ed25519.PublicKey) (*Evidence, error) {
	e, err := ReadEvidence(filepath.Join(dir, EvidenceFile))
	if err != nil {
		return e, err
	}
	list, err := os.ReadFile(filepath.Join(dir, SumsFile))
	if err != nil {
		return e, fmt.Errorf("%w: the bundle was not written to its end: %v", errFile, err)
	}
	changed := e.checkSums(dir, list)
	faults := []error{checkSignature(dir, list, key), changed}
	if changed == nil && e.ReportsCompared() {
		for _, f := range e.reports() {
			faults = append(faults, checkDerived(dir, f))
		}
	}
	for _, a := range e.State.Attachments() {
		faults = append(faults, checkAttachment(dir, a))
	}
	return e, errors.Join(faults...)
}

func checkSignature(dir string, list []byte, key ed25519.PublicKey) error {
	if key == nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, SignatureFile))
	if err != nil {
		return fmt.Errorf("%w: there is no signature: %v", errFile, err)
	}
	sig, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || string(text) != signatureText(sig) || !ed25519.Verify(key, signed(list), sig) {
		return fmt.Errorf("%w: %s does not fit %s and the public key", errFile, SignatureFile, SumsFile)
	}
	return nil
}

func checkDerived(dir string, f bundled) error {
	got, err := os.ReadFile(filepath.Join(dir, f.name))
	if err != nil {
		return fmt.Errorf("%w: %v", errFile, err)
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
		return fmt.Errorf("%w: %q is not the name of an attachment", errFile, a.Name)
	}
	f, err := os.Open(filepath.Join(dir, a.Name))
	if err != nil {
		return fmt.Errorf("%w: attachment %s: %v", errFile, a.Name, err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return fmt.Errorf("attachment %s: %w", a.Name, err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != a.Size || sum != a.SHA256 {
		return fmt.Errorf("%w: attachment %s has %d bytes and SHA-256 %s, it was %d bytes and %s", errFile, a.Name, n, sum, a.Size, a.SHA256)
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
