package features_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

func (w *world) outcomeSteps() []step {
	return []step{
		{`^"([^"]*)" was not needed$`, w.notNeeded},
		{`^no check refuses$`, w.noRefusal},
		{`^nothing is left to put back$`, w.nothingOwed},
		{`^the check "([^"]*)" refuses$`, w.checkRefuses},
		{`^the reason says "([^"]*)"$`, w.reasonSays},
		{`^the record can be checked and holds no secret$`, w.recordSound},
		{`^the record notices that the document of "([^"]*)" is changed$`, w.recordNotices},
		{`^the record of "([^"]*)" says "([^"]*)"$`, w.recordSays},
		{`^the report begins with "([^"]*)"$`, w.reportBegins},
		{`^the upgrade has ended as (aborted|completed|rolled back)$`, w.ended},
		{`^the upgrade is not begun$`, w.notBegun},
		{`^the upgrade stops at "([^"]*)"$`, w.stopsAt},
		{`^the upgrade waits for an answer to "([^"]*)"$`, w.waitsFor},
		{`^the upload was continued where it had stopped$`, w.continued},
		{`^these are still to be put back:$`, w.owes},
	}
}

func (w *world) ended(how string) error {
	if w.err != nil {
		return fmt.Errorf("the upgrade has not ended: %w", w.err)
	}
	if end := w.result.State.End; end == nil || string(end.Outcome) != how {
		return fmt.Errorf("the upgrade has ended as %v, wanted %s", end, how)
	}
	return nil
}

// waiting is what the upgrade waits for.
func (w *world) waiting() (runbook.Question, error) {
	var wait *runbook.WaitingError
	if errors.As(w.err, &wait) {
		return wait.Question, nil
	}
	if w.err == nil {
		return runbook.Question{}, errors.New("the upgrade waits for nothing, it has ended")
	}
	return runbook.Question{}, fmt.Errorf("the upgrade waits for nothing: %w", w.err)
}

func (w *world) stopsAt(title string) error {
	q, err := w.waiting()
	if err != nil {
		return err
	}
	if q.Ask.Kind != runbook.DecisionWanted || q.Title != title {
		return fmt.Errorf("the upgrade waits for a %s about %q (%s), wanted a decision about %q", q.Ask.Kind, q.Title, q.Failure, title)
	}
	return nil
}

func (w *world) waitsFor(title string) error {
	q, err := w.waiting()
	if err != nil {
		return err
	}
	if q.Ask.Kind == runbook.DecisionWanted || q.Title != title {
		return fmt.Errorf("the upgrade waits for a %s about %q (%s), wanted an answer to %q", q.Ask.Kind, q.Title, q.Failure, title)
	}
	return nil
}

func (w *world) notBegun() error {
	if w.err == nil || w.result.State != nil {
		return fmt.Errorf("the upgrade was begun, with error %v", w.err)
	}
	return nil
}

// reason is why something was refused, stopped or asked.
func (w *world) reason() string {
	var parts []string
	for _, gate := range w.preview.Gates {
		parts = append(parts, gate.Error)
	}
	if q, err := w.waiting(); err == nil {
		parts = append(parts, q.Failure, q.Ask.Text)
	}
	if w.err != nil {
		parts = append(parts, w.err.Error())
	}
	return strings.Join(parts, "\n")
}

func (w *world) reasonSays(want string) error {
	if got := w.reason(); !strings.Contains(got, want) {
		return fmt.Errorf("the reason is\n%s\nwanted %q in it", got, want)
	}
	return nil
}

// recorded is the state of a step by its title.
func (w *world) recorded(title string) (s runbook.StepState, err error) {
	if w.result.State == nil {
		return s, fmt.Errorf("there is no record: %v", w.err)
	}
	plan := w.result.State.Plan
	for _, p := range slices.Concat(plan.Steps, plan.Rollback) {
		if p.Title == title {
			return w.result.State.Step(p.ID), nil
		}
	}
	return s, fmt.Errorf("the plan has no step %q", title)
}

func (w *world) recordSays(title, want string) error {
	s, err := w.recorded(title)
	if err != nil {
		return err
	}
	answers, err := json.Marshal(s.Answers)
	if err != nil {
		return err
	}
	got := strings.Join(append([]string{s.Detail, s.Error, string(answers)}, s.Deviations...), "\n")
	if !strings.Contains(got, want) {
		return fmt.Errorf("the record of %q (%s) is\n%s\nwanted %q in it", title, s.Status, got, want)
	}
	return nil
}

// reportBegins looks at what the report says before anything else.
func (w *world) reportBegins(want string) error {
	raw, err := os.ReadFile(w.result.Report)
	if err != nil {
		return fmt.Errorf("there is no report: %w", err)
	}
	_, text, _ := strings.Cut(string(raw), "\n## ")
	first, _, _ := strings.Cut(text, "\n## ")
	if !strings.Contains(first, want) {
		return fmt.Errorf("the report begins with\n%s\nwanted %q in it", first, want)
	}
	return nil
}

func (w *world) notNeeded(title string) error {
	s, err := w.recorded(title)
	if err == nil && s.Status != runbook.StepAlready {
		err = fmt.Errorf("%q is %s, wanted %s", title, s.Status, runbook.StepAlready)
	}
	return err
}

func (w *world) continued() error {
	s, err := w.recorded("Upload the package")
	if err != nil {
		return err
	}
	var sent struct{ Resumed, Bytes int64 }
	if err := json.Unmarshal(s.Output, &sent); err != nil {
		return err
	}
	if sent.Resumed == 0 || sent.Resumed+sent.Bytes != packageSize {
		return fmt.Errorf("of %d bytes %d were there already and %d were sent then", packageSize, sent.Resumed, sent.Bytes)
	}
	return nil
}

func (w *world) owed() []string {
	words := map[string]string{"pipeline": "pipeline", "power": "power of VMs", "session-timeout": "session timeout", "upgrade-request": "upload"}
	var out []string
	if w.result.State == nil {
		return nil
	}
	for _, o := range w.result.State.Owed {
		out = append(out, words[o.Kind])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (w *world) nothingOwed() error {
	if left := w.owed(); len(left) > 0 {
		return fmt.Errorf("still to be put back: %s", strings.Join(left, ", "))
	}
	return nil
}

func (w *world) owes(table *godog.Table) error {
	var want []string
	for _, row := range table.Rows {
		want = append(want, row.Cells[0].Value)
	}
	slices.Sort(want)
	if got := w.owed(); !slices.Equal(got, want) {
		return fmt.Errorf("still to be put back are %q, wanted %q", got, want)
	}
	return nil
}

func (w *world) noRefusal() error {
	if w.err != nil || len(w.preview.Refused) > 0 {
		return fmt.Errorf("refused by %q, error %v: %s", w.preview.Refused, w.err, w.reason())
	}
	return nil
}

func (w *world) checkRefuses(title string) error {
	for _, s := range w.preview.Plan.Steps {
		if s.Title == title && slices.Contains(w.preview.Refused, s.ID) {
			return nil
		}
	}
	return fmt.Errorf("refused by %q, wanted %q, error %v", w.preview.Refused, title, w.err)
}

// recordNotices changes what an answer brought, and reads the evidence as somebody else would.
func (w *world) recordNotices(title string) error {
	s, err := w.recorded(title)
	if err != nil {
		return err
	}
	if len(s.Answers) != 1 || len(s.Answers[0].Attached) != 1 {
		return fmt.Errorf("the record of %q has no document: %+v", title, s.Answers)
	}
	dir := filepath.Dir(w.result.Evidence)
	if _, err := runbook.ReadBundle(dir, nil); err != nil {
		return err
	}
	name := s.Answers[0].Attached[0].Name
	if err := os.WriteFile(filepath.Join(dir, name), []byte("port 5062 was opened for the gateways\n"), 0o600); err != nil {
		return err
	}
	if _, err := runbook.ReadBundle(dir, nil); !errors.Is(err, runbook.ErrDamaged) || !strings.Contains(err.Error(), name) {
		return fmt.Errorf("the changed document %s was not noticed: %v", name, err)
	}
	return nil
}

// recordSound reads the evidence as somebody else would, and looks for the secrets in it.
func (w *world) recordSound() error {
	if _, err := runbook.ReadBundle(filepath.Dir(w.result.Evidence), nil); err != nil {
		return err
	}
	secrets, err := w.cfg.ReadSecrets()
	if err != nil {
		return err
	}
	for _, file := range []string{w.result.Evidence, w.result.Report, w.result.ReportHTML} {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for i, secret := range secrets.Values() {
			if strings.Contains(string(raw), secret) {
				return fmt.Errorf("%s holds secret number %d", file, i+1)
			}
		}
	}
	return nil
}
