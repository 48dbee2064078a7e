package upgrade

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// endpointChecks tests the service: the team's Postman collection through newman, HTTP checks from
// the configuration, or, with neither, a person's word.
func (p *Process) endpointChecks() runbook.Step {
	s := runbook.Step{ID: "run-endpoint-checks", Phase: phaseVerification, Title: "Test the service's endpoints", Clauses: []string{"VER-2", "POL-4"},
		Expected: 2 * time.Minute, Apply: p.checkEndpoints}
	checks := p.own.Checks
	switch {
	case checks.Newman != nil:
		s.Does = fmt.Sprintf("runs the Postman collection %s and %d HTTP checks", checks.Newman.Collection, len(checks.HTTP))
	case len(checks.HTTP) > 0:
		s.Does = fmt.Sprintf("makes %d HTTP checks", len(checks.HTTP))
	default:
		s.Does = "a person runs the Postman collection"
		s.Apply = notObserved("no endpoint check is configured: the result is what a person says, and was not observed")
		s.Ask = attestEndpoints()
	}
	return s
}

// notObserved makes a step whose outcome rests on a person's word say so.
func notObserved(sentence string) func(*runbook.StepContext) error {
	return func(sc *runbook.StepContext) error {
		sc.Deviate(sentence)
		return nil
	}
}

func (p *Process) checkEndpoints(sc *runbook.StepContext) error {
	var fs policy.Findings
	if p.own.Checks.Newman != nil {
		f, err := p.newman(sc)
		if err != nil {
			return err
		}
		fs = append(fs, f)
	}
	for _, c := range p.own.Checks.HTTP {
		err := p.httpCheck(sc, c)
		detail := fmt.Sprintf("%s: as expected", c.Name)
		if err != nil {
			detail = fmt.Sprintf("%s: %v", c.Name, err)
		}
		fs = append(fs, finding("VER-2", "endpoint", policy.Must, err == nil, detail, "find out whether the upgrade broke it; retry, or roll back"))
	}
	return p.judge(sc, fs)
}

// maxCheckBody is how much of an answer a check reads.
const maxCheckBody = 1 << 20

func (p *Process) httpCheck(ctx context.Context, c HTTPCheck) error {
	req, err := http.NewRequestWithContext(ctx, c.Method, c.URL, nil)
	if err != nil {
		return err
	}
	client, err := clientFor(c.CAFile, p.transport)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxCheckBody))
	if err != nil {
		return err
	}
	if res.StatusCode != c.ExpectStatus {
		return fmt.Errorf("answered %s, expected %d", res.Status, c.ExpectStatus)
	}
	return c.matches(body)
}

// matches compares the value at the check's JSON path.
func (c HTTPCheck) matches(body []byte) error {
	if c.JSONPath == "" {
		return nil
	}
	if !gjson.ValidBytes(body) {
		return errors.New("the answer is not JSON")
	}
	got := gjson.GetBytes(body, c.JSONPath)
	if !got.Exists() {
		return fmt.Errorf("the answer has no %s", c.JSONPath)
	}
	if c.Equals != "" && got.String() != c.Equals {
		return fmt.Errorf("%s is %q, expected %q", c.JSONPath, got.String(), c.Equals)
	}
	return nil
}

// newman runs the Postman collection with newman, an external program, and keeps its report.
func (p *Process) newman(sc *runbook.StepContext) (policy.Finding, error) {
	n := p.own.Checks.Newman
	path, err := exec.LookPath("newman")
	if err != nil {
		return policy.Finding{}, errors.New("newman, which runs the Postman collection, is not installed: npm install -g newman; or declare http checks instead")
	}
	version, err := exec.CommandContext(sc, path, "--version").Output()
	if err != nil {
		return policy.Finding{}, fmt.Errorf("newman --version: %w", err)
	}
	dir, err := os.MkdirTemp("", "newman")
	if err != nil {
		return policy.Finding{}, err
	}
	defer os.RemoveAll(dir)
	report := filepath.Join(dir, "report.json")
	args := []string{"run", n.Collection, "--reporters", "json", "--reporter-json-export", report}
	if n.Environment != "" {
		args = append(args, "--environment", n.Environment)
	}
	out, runErr := exec.CommandContext(sc, path, args...).CombinedOutput()
	raw, err := os.ReadFile(report)
	if err != nil {
		return policy.Finding{}, fmt.Errorf("newman wrote no report (%v): %s", runErr, lastLine(sc.Redacted(string(out))))
	}
	return p.newmanFinding(sc, strings.TrimSpace(string(version)), raw)
}

func (p *Process) newmanFinding(sc *runbook.StepContext, version string, raw []byte) (policy.Finding, error) {
	var r struct {
		Run struct {
			Stats struct {
				Requests, Assertions struct{ Total, Failed int }
			}
			Failures []struct {
				Error struct{ Test, Message string }
			}
		}
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return policy.Finding{}, fmt.Errorf("newman's report does not read: %w", err)
	}
	if _, err := sc.Attach("newman.json", func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader([]byte(sc.Redacted(string(raw)))))
		return err
	}); err != nil {
		return policy.Finding{}, err
	}
	s := r.Run.Stats
	detail := fmt.Sprintf("newman %s: %d requests, %d assertions, %d failed", version, s.Requests.Total, s.Assertions.Total, len(r.Run.Failures))
	for _, f := range r.Run.Failures {
		detail += fmt.Sprintf("; %s: %s", f.Error.Test, f.Error.Message)
	}
	ok := len(r.Run.Failures) == 0 && s.Requests.Total > 0 && s.Requests.Failed == 0
	return finding("POL-4", "postman", policy.Must, ok, detail, "look at newman.json; retry, or roll back"), nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
