package runbook_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// watch collects events as text: kind, step, and what is owed or waited for.
func watch(r *runbook.Runner, d *runbook.Definition) *[]string {
	var seen []string
	r.Observer = func(e runbook.Event) {
		text := fmt.Sprintf("%s %s", e.Kind, e.Step)
		if e.Run != "test-0001" || e.Environment != d.Environment {
			text += " of run " + e.Run
		}
		if e.Owed != nil {
			text += fmt.Sprintf(" %s found %s since %t", e.Owed.ID(), e.Owed.Found, !e.Owed.Since.IsZero())
		}
		if e.Waiting != nil {
			text += fmt.Sprintf(" %s since %t", e.Waiting.Question.Ask.Kind, !e.Waiting.Since.IsZero())
		}
		if len(e.Clauses) > 0 {
			text += " " + strings.Join(e.Clauses, ",")
		}
		seen = append(seen, text)
	}
	return &seen
}

func TestEventsTellWhatIsOwedAndWaitedFor(t *testing.T) {
	l, log := &lamp{on: true}, &memlog.Log{}
	def := book(l)
	launch := def.Steps[2].Apply
	def.Steps[2].Apply = func(*runbook.StepContext) error { return errors.New("no fuel") }
	r := runner(log)
	seen := watch(r, def)
	if _, err := r.Start(t.Context(), def); err == nil {
		t.Fatal("a failed step went unnoticed")
	}
	want := []string{"start ", "intent look A-1", "done look A-1", "intent lamp-off", "owe lamp-off lamp/desk found true since true", "done lamp-off",
		"intent launch B-1", "fail launch B-1", "wait launch decision since true B-1"}
	if !slices.Equal(*seen, want) {
		t.Errorf("events:\n%s\nwant:\n%s", strings.Join(*seen, "\n"), strings.Join(want, "\n"))
	}
	def.Steps[2].Apply = launch
	if err := r.Signal(t.Context(), "test-0001", "launch", retry()); err != nil {
		t.Fatal(err)
	}
	seen = watch(r, def)
	if _, err := r.Resume(t.Context(), def, "test-0001", "fuelled"); err != nil {
		t.Fatal(err)
	}
	want = []string{"start ", "owe lamp-off lamp/desk found true since true", "intent launch B-1", "done launch B-1",
		"intent lamp-on C-1", "settled lamp-on lamp/desk found true since true C-1", "done lamp-on C-1", "end "}
	if !slices.Equal(*seen, want) {
		t.Errorf("events of the resumed run:\n%s\nwant:\n%s", strings.Join(*seen, "\n"), strings.Join(want, "\n"))
	}
}

func TestEventsTellWhatAPersonPutBack(t *testing.T) {
	l, log := &lamp{on: true}, &memlog.Log{}
	def := book(l)
	def.Steps = def.Steps[:3]
	def.Undos[0].Settle = func(*runbook.StepContext, runbook.Owed) (string, error) { return "", errors.New("the switch is stuck") }
	r := runner(log)
	r.Asker = answers(func(runbook.Question) runbook.Answer {
		return runbook.Answer{How: "test", Decision: runbook.DecideDone, Statement: "switched by hand"}
	})
	seen := watch(r, def)
	if _, err := r.Start(t.Context(), def); err != nil {
		t.Fatal(err)
	}
	if want := "settled settle/lamp/desk lamp/desk found true since true"; !slices.Contains(*seen, want) {
		t.Errorf("events without %q:\n%s", want, strings.Join(*seen, "\n"))
	}
}

type answers func(runbook.Question) runbook.Answer

func (f answers) Ask(_ context.Context, q runbook.Question) (runbook.Answer, error) { return f(q), nil }

// Within makes the context that a step's try works with, after its observers know of the try.
func TestWithinGivesStepsTheirContext(t *testing.T) {
	type key struct{}
	def := book(&lamp{on: true})
	def.Steps = def.Steps[:1]
	var got any
	def.Steps[0].Apply = func(sc *runbook.StepContext) error { got = sc.Value(key{}); return nil }
	r := runner(&memlog.Log{})
	last := ""
	r.Observer = func(e runbook.Event) { last = string(e.Kind) }
	r.Within = func(ctx context.Context, run, step string) context.Context {
		return context.WithValue(ctx, key{}, last+" "+run+" "+step)
	}
	if _, err := r.Start(t.Context(), def); err != nil {
		t.Fatal(err)
	}
	if got != "intent test-0001 look" {
		t.Errorf("the step's context holds %v", got)
	}
}
