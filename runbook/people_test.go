package runbook_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// form is a question with an entry of each sort.
func form() runbook.Ask {
	return runbook.Ask{Kind: runbook.Attestation, Text: "Which?", Fields: []runbook.Field{
		{Name: "link", Text: "link", Required: true}, {Name: "day", Text: "day", Date: true}, {Name: "size", Text: "size", OneOf: []string{"s", "m"}}}}
}

func TestAnswersAreChecked(t *testing.T) {
	q := runbook.Question{Step: "s", Ask: form()}
	for text, a := range map[string]runbook.Answer{
		"":                     {Statement: "this", Values: map[string]string{"link": "x", "day": "2026-02-28", "size": "m"}},
		"own words":            {Statement: " ", Values: map[string]string{"link": "x"}},
		"link is needed":       {Statement: "this"},
		"YYYY-MM-DD":           {Statement: "this", Values: map[string]string{"link": "x", "day": "2026-02-30"}},
		"must be one of s, m":  {Statement: "this", Values: map[string]string{"link": "x", "size": "xl"}},
		"colour is not asked":  {Statement: "this", Values: map[string]string{"link": "x", "colour": "red"}},
		"link is needed (link": {Statement: "this", Values: map[string]string{"link": "  "}},
	} {
		err := q.Check(a)
		if (err == nil) != (text == "") || err != nil && !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
	d := runbook.Question{Step: "s", Ask: runbook.Ask{Kind: runbook.DecisionWanted}, Decisions: []runbook.Decision{runbook.DecideRetry, runbook.DecideAbort}}
	if err := d.Check(runbook.Answer{Decision: runbook.DecideAbort}); err == nil || !strings.Contains(err.Error(), "needs a reason") {
		t.Errorf("an abort without a reason: %v", err)
	}
	if err := d.Check(runbook.Answer{Decision: runbook.DecideWaive, Statement: "x"}); err == nil || !strings.Contains(err.Error(), "possible: retry, abort") {
		t.Errorf("a decision that is not possible: %v", err)
	}
}

// Prepared answers are compared with the plan before anything happens; every fault is told.
func TestPreparedAnswersAreChecked(t *testing.T) {
	ask := form()
	def := &runbook.Definition{Name: "n", Environment: "e", Steps: []runbook.Step{{ID: "s", Title: "s", Ask: &ask}}}
	plan, err := def.Plan()
	if err != nil {
		t.Fatal(err)
	}
	p := &runbook.Prepared{How: "file", Answers: []runbook.PreparedAnswer{{Step: "nowhere", Statement: "x"}, {Step: "s", Statement: "x"},
		{Step: "s", Statement: "x", Values: map[string]string{"link": "y"}}, {Step: "s", Decision: runbook.DecideRetry}}}
	faults := p.Check(plan)
	if len(faults) != 2 || !strings.Contains(faults[0].Error(), `answer 1: the plan has no step "nowhere"`) || !strings.Contains(faults[1].Error(), "answer 2, s: link is needed") {
		t.Errorf("%v", faults)
	}
}

func TestAskersAskInTurn(t *testing.T) {
	no := runbook.AskerFunc(func(context.Context, runbook.Question) (runbook.Answer, error) {
		return runbook.Answer{}, runbook.ErrNoAnswer
	})
	yes := runbook.AskerFunc(func(context.Context, runbook.Question) (runbook.Answer, error) {
		return runbook.Answer{Statement: "yes"}, nil
	})
	if a, err := (runbook.Askers{no, yes}).Ask(t.Context(), runbook.Question{}); err != nil || a.Statement != "yes" {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := (runbook.Askers{no, no}).Ask(t.Context(), runbook.Question{}); !errors.Is(err, runbook.ErrNoAnswer) {
		t.Error(err)
	}
}

// An Asker's answer that does not fit is not recorded; one that only a second person may give counts as none.
func TestAskersAnswersMustFit(t *testing.T) {
	for want, ask := range map[string]runbook.Ask{"does not fit": form(), "waits for an answer": {Kind: runbook.Approval, Text: "Go?", SecondPerson: true}} {
		def := book(&lamp{on: true})
		def.Steps[0] = runbook.Step{ID: "ask", Title: "ask", Ask: &ask}
		r := runner(&memlog.Log{})
		r.Asker = &runbook.Prepared{How: "file", Answers: []runbook.PreparedAnswer{{Step: "ask", Statement: "x"}}}
		s, err := r.Start(t.Context(), def)
		if err == nil || !strings.Contains(err.Error(), want) && (s.Step("ask").Error == "" || !strings.Contains(s.Step("ask").Error, want)) {
			t.Errorf("%s: %v, %+v", want, err, s.Step("ask"))
		}
		if len(s.Step("ask").Answers) != 0 {
			t.Errorf("%s: recorded %+v", want, s.Step("ask").Answers)
		}
	}
}

// What a step can know: who drives it, how far others came, what they noted, and what it may show.
func TestStepContext(t *testing.T) {
	def := book(&lamp{on: true})
	look := def.Steps[0].Apply
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		if err := sc.Note("seen", 7); err != nil {
			return err
		}
		return look(sc)
	}
	off := def.Steps[1].Apply
	def.Steps[1].Apply = func(sc *runbook.StepContext) error {
		var seen int
		if found, err := sc.NotedBy("look", "seen", &seen); err != nil || !found || seen != 7 {
			t.Errorf("noted %d, %t, %v", seen, found, err)
		}
		if found, err := sc.Noted("nothing", &seen); err != nil || found {
			t.Errorf("a note that nobody made: %t, %v", found, err)
		}
		if sc.Actor() != "ann@laptop" || sc.Run() != "test-0001" || sc.Status("look") != runbook.StepDone || sc.Status("launch") != runbook.StepPending || sc.Redacted("a hunter2") != "a [redacted]" {
			t.Errorf("%s %s %s %s", sc.Actor(), sc.Run(), sc.Status("look"), sc.Redacted("a hunter2"))
		}
		if err := sc.Owe("window", "left", true); err == nil {
			t.Error("it owes what it did not declare")
		}
		if err := sc.Note("bad", func() {}); err == nil {
			t.Error("a note that cannot be written")
		}
		if err := sc.Settle("lamp", "nowhere"); err != nil {
			t.Errorf("settling what is not owed: %v", err)
		}
		if _, err := sc.Attach("x", nil); err == nil {
			t.Error("attached without a folder")
		}
		return off(sc)
	}
	r := runner(&memlog.Log{})
	r.Secrets = []string{"hunter2", ""}
	if _, err := r.Start(t.Context(), def); err != nil {
		t.Fatal(err)
	}
}

// An attachment is complete or not there; its name cannot lead elsewhere.
func TestAttachments(t *testing.T) {
	root := t.TempDir()
	def := book(&lamp{on: true})
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		for _, name := range []string{"", "../x", ".hidden", "a/b", `a\b`} {
			if _, err := sc.Attach(name, func(io.Writer) error { return nil }); err == nil {
				t.Errorf("%q was accepted", name)
			}
		}
		_, err := sc.Attach("half", func(w io.Writer) error {
			_, _ = io.WriteString(w, "half of")
			return errors.New("the camera broke")
		})
		if err == nil || !strings.Contains(err.Error(), "attach half: the camera broke") {
			t.Errorf("half an attachment: %v", err)
		}
		a, err := sc.Attach("whole", func(w io.Writer) error { _, err := io.WriteString(w, "all of it"); return err })
		if a.Size != 9 {
			t.Errorf("%+v", a)
		}
		return err
	}
	r := runner(newFilelog(t))
	r.Files = root
	s, err := r.Start(t.Context(), def)
	if err != nil || len(s.Attachments()) != 1 {
		t.Fatalf("%v, %+v", err, s.Attachments())
	}
	files, err := os.ReadDir(filepath.Join(root, "runs", s.Run))
	if err != nil || len(files) != 1 || files[0].Name() != "whole" {
		t.Errorf("%v, %v", files, err)
	}
	r.Files = filepath.Join(root, "runs", s.Run, "whole") // a file, not a folder
	def.Steps[0].Apply = func(sc *runbook.StepContext) error {
		_, err := sc.Attach("x", func(io.Writer) error { return nil })
		return err
	}
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) || !strings.Contains(waiting.Question.Failure, "attach x") {
		t.Errorf("into a folder that cannot be: %v", err)
	}
}

// Errors tell a person what is going on.
func TestErrorsSpeak(t *testing.T) {
	log := newFilelog(t)
	def := book(&lamp{on: true})
	def.Steps[2].Apply = failing("no fuel")
	r := runner(log)
	_, err := r.Start(t.Context(), def)
	if err == nil || !strings.Contains(err.Error(), "waits for a decision about launch (retry, abort, done): no fuel") {
		t.Error(err)
	}
	if _, err := r.Start(t.Context(), def); err == nil || !strings.Contains(err.Error(), "already has the run test-0001, started by ann@laptop") || !strings.Contains(err.Error(), "1 things to put back") {
		t.Error(err)
	}
	def.Steps[0].Title = "another"
	if _, err := r.Resume(t.Context(), def, "test-0001", "x"); err == nil || !strings.Contains(err.Error(), "nothing was done: restore them, or continue with a recorded reason") {
		t.Error(err)
	}
	for step, want := range map[string]string{"look": "already done", "nowhere": "no step", "lamp-on": "asks nothing"} {
		if err := r.Signal(t.Context(), "test-0001", step, runbook.Answer{Statement: "x"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", step, err)
		}
	}
	if err := r.Signal(t.Context(), "test-0001", "look", retry()); err == nil || !strings.Contains(err.Error(), "waits for no decision") {
		t.Error(err)
	}
}
