package upgrade

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

type answersFile struct {
	Answers []runbook.PreparedAnswer `yaml:"answers"`
}

// LoadAnswers reads a file of prepared answers for a scripted upgrade:
//
//	answers:
//	  - step: attest-release-notes
//	    statement: read, nothing that concerns us
//	    values: {link: "https://docs.pexip.com/…", reviewer: Kim, read-on: "2026-03-01"}
//	  - step: attest-breaking-changes
//	    statement: agreed with the network team
//	    values: {expected: "yes", mitigation: open port 5061 for the gateways}
//	    files: {document: mitigation.pdf}
//
// Paths of files are relative to the folder of the answers file. Whatever is wrong, an unknown key too, is an *InputError.
// Compare the answers with the plan (runbook.Prepared.Check) before a run.
func LoadAnswers(path string) (*runbook.Prepared, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, &InputError{fmt.Errorf("answers file: %w", err)}
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var f answersFile
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, &InputError{fmt.Errorf("answers file %s: %w", path, err)}
	}
	if len(f.Answers) == 0 {
		return nil, &InputError{fmt.Errorf("answers file %s holds no answers", path)}
	}
	for _, a := range f.Answers {
		for entry, file := range a.Files {
			if !filepath.IsAbs(file) {
				a.Files[entry] = filepath.Join(filepath.Dir(path), file)
			}
		}
	}
	return &runbook.Prepared{How: "answers file " + filepath.Base(path), Answers: f.Answers}, nil
}

// WriteAnswers writes answers in the form that LoadAnswers reads. Its errors are those of w.
func WriteAnswers(w io.Writer, answers []runbook.PreparedAnswer) error {
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(answersFile{answers}); err != nil {
		return err
	}
	return enc.Close()
}
