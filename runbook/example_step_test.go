package runbook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// run drives steps to their end; a decision about what failed is to try it again.
func run(files string, steps ...runbook.Step) *runbook.State {
	ann := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Files: files, Secrets: []string{"hunter2"},
		Asker: runbook.AskerFunc(func(_ context.Context, q runbook.Question) (runbook.Answer, error) {
			if q.Ask.Kind == runbook.DecisionWanted {
				return runbook.Answer{How: "prompt", Decision: runbook.DecideRetry}, nil
			}
			return runbook.Answer{How: "prompt", Statement: "go ahead"}, nil
		})}
	state, err := ann.Start(context.Background(), &runbook.Definition{Name: "copy", Environment: "test", Steps: steps})
	if err != nil {
		log.Fatal(err)
	}
	return state
}

// A step leaves a result; a later one reads it, also in another process.
func ExampleStepContext_Load() {
	state := run("", runbook.Step{ID: "measure", Title: "Measure", Apply: func(sc *runbook.StepContext) error {
		sc.Say("%d nodes", 3)
		return sc.Output([]string{"mgr", "conf1", "conf2"})
	}}, runbook.Step{ID: "use", Title: "Use it", Apply: func(sc *runbook.StepContext) error {
		var nodes []string
		if err := sc.Load("measure", &nodes); err != nil {
			return err
		}
		sc.Say("the first is %s; measuring is %s", nodes[0], sc.Status("measure"))
		return nil
	}})
	fmt.Println(state.Step("measure").Detail, "-", state.Step("use").Detail)
	// Output: 3 nodes - the first is mgr; measuring is done
}

// What a try must tell the next one is noted before it is relied on.
func ExampleStepContext_Note() {
	state := run("", runbook.Step{ID: "upload", Title: "Upload", Apply: func(sc *runbook.StepContext) error {
		var sent int
		if again, err := sc.Noted("sent", &sent); again || err != nil {
			sc.Say("try %d went on at byte %d; in doubt: %t", sc.Try, sent, sc.InDoubt)
			return err
		}
		if err := sc.Note("sent", 4096); err != nil {
			return err
		}
		return errors.New("the connection broke")
	}})
	fmt.Println(state.Step("upload").Detail)
	// Output: try 2 went on at byte 4096; in doubt: true
}

// Whether a person is needed shows only inside the step.
func ExampleStepContext_Ask() {
	state := run("", runbook.Step{ID: "start", Title: "Start the machines", Apply: func(sc *runbook.StepContext) error {
		answer, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation, Text: "Two machines are off. May they be started?"})
		if err != nil {
			return err // it stops the run until somebody answers
		}
		sc.Say("%s said: %s", answer.Actor, answer.Statement)
		return nil
	}})
	fmt.Println(state.Step("start").Detail)
	// Output: ann@laptop said: go ahead
}

// A file beside the journal is part of the evidence, with its checksum. What a step writes itself it redacts itself.
func ExampleStepContext_Attach() {
	dir, err := os.MkdirTemp("", "files")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	state := run(dir, runbook.Step{ID: "settings", Title: "Keep the settings", Apply: func(sc *runbook.StepContext) error {
		_, err := sc.Attach("settings.txt", func(w io.Writer) error {
			_, err := io.WriteString(w, sc.Redacted("user kim, password hunter2\n"))
			return err
		})
		return err
	}})
	for _, a := range state.Attachments() {
		fmt.Printf("%s has %d bytes, SHA-256 %.12s…\n", a.Name, a.Size, a.SHA256)
	}
	// Output: settings.txt has 30 bytes, SHA-256 19058d9b015d…
}

// What differs from the process stands at the head of every report, what was seen as a table below the step.
func ExampleStepContext_Deviate() {
	state := run("", runbook.Step{ID: "compare", Title: "Compare", Apply: func(sc *runbook.StepContext) error {
		sc.Table(runbook.Table{Title: "Nodes", Header: []string{"node", "version"}, Rows: [][]string{{"mgr", "39.1"}}})
		sc.Deviate("conf2 was not reachable and was not compared")
		return nil
	}})
	compared := state.Step("compare")
	fmt.Println(strings.Join(compared.Deviations, "; "), "-", compared.Tables[0].Rows)
	// Output: conf2 was not reachable and was not compared - [[mgr 39.1]]
}

// An obligation is written down before the change, with what was found; the close-out, or whatever ends the run, puts
// it back.
func ExampleStepContext_Owe() {
	timeout := 30
	set := runbook.Step{ID: "set", Title: "Switch the timeout off", Owes: []string{"timeout"}, Apply: func(sc *runbook.StepContext) error {
		if err := sc.Owe("timeout", "session", timeout); err != nil {
			return err
		}
		timeout = 0
		return nil
	}}
	closeOut := runbook.Step{ID: "close-out", Title: "Put back", Apply: func(sc *runbook.StepContext) error { return sc.Settle("timeout", "session") }}
	undo := runbook.Undo{Kind: "timeout", Title: "Timeout as it was", Settle: func(_ *runbook.StepContext, o runbook.Owed) (string, error) {
		return "set and read again", json.Unmarshal(o.Found, &timeout)
	}}
	state, err := (&runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop"}).Start(context.Background(), &runbook.Definition{
		Name: "timeout", Environment: "test", Steps: []runbook.Step{set, closeOut}, Undos: []runbook.Undo{undo}})
	fmt.Println("timeout:", timeout, "- owed:", len(state.Owed), "-", state.Settled[0].Note, err)
	// Output: timeout: 30 - owed: 0 - set and read again <nil>
}
