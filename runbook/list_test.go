package runbook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// many writes the journal of an environment that has had n runs.
func many(t testing.TB, log runbook.Log, environment string, n int) {
	t.Helper()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 2 * n {
		r := &runbook.Record{V: runbook.RecordVersion, Seq: uint64(i + 1), Epoch: 1, At: at.Add(time.Duration(i) * time.Minute), Actor: "ann@laptop", Kind: runbook.KindStart}
		data := map[string]string{"run": fmt.Sprintf("%s-%04d", environment, i/2+1)}
		if i%2 == 1 {
			r.Kind, data["outcome"] = runbook.KindEnd, string(runbook.Completed)
		}
		r.Data, _ = json.Marshal(data)
		if err := log.Append(t.Context(), runbook.EnvironmentStream(environment), r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListSaysHowRunsEnded(t *testing.T) {
	log := newFilelog(t)
	r := runner(log)
	if list, err := r.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("of nothing: %+v, %v", list, err)
	}
	if _, err := r.Start(t.Context(), book(&lamp{on: true})); err != nil {
		t.Fatal(err)
	}
	def := book(&lamp{on: true})
	def.Steps[2].Apply = failing("no fuel")
	var waiting *runbook.WaitingError
	if _, err := r.Start(t.Context(), def); !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	list, err := r.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Outcome != runbook.Completed || list[1].Outcome != "" || !list[1].Ended.IsZero() {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := r.Settle(t.Context(), def, "test-0002", "enough"); err != nil {
		t.Fatal(err)
	}
	if list, err = r.List(t.Context()); err != nil || list[1].Outcome != runbook.Aborted || list[1].Reason != "enough" {
		t.Errorf("%+v, %v", list, err)
	}
	if runs, err := r.Runs(t.Context()); err != nil || len(runs) != 2 || runs[1].End.Outcome != runbook.Aborted {
		t.Errorf("%+v, %v", runs, err)
	}
}

func TestListOfADamagedEnvironment(t *testing.T) {
	for _, data := range []string{`"no object"`, `{}`} {
		log := &memlog.Log{}
		r := &runbook.Record{V: 1, Seq: 1, Kind: runbook.KindEnd, Data: json.RawMessage(data)}
		if err := log.Append(t.Context(), runbook.EnvironmentStream("test"), r); err != nil {
			t.Fatal(err)
		}
		if _, err := runner(log).List(t.Context()); !errors.Is(err, runbook.ErrDamaged) {
			t.Errorf("%s: %v", data, err)
		}
	}
}

// BenchmarkList lists ten thousand runs of one environment, and of a thousand, from files.
func BenchmarkList(b *testing.B) {
	for name, environments := range map[string]int{"one environment": 1, "a thousand environments": 1000} {
		b.Run(name, func(b *testing.B) {
			root := b.TempDir()
			log, err := filelog.New(root)
			if err != nil {
				b.Fatal(err)
			}
			for i := range environments {
				many(b, log, fmt.Sprint("e", i), 10_000/environments)
			}
			for b.Loop() {
				fresh, err := filelog.New(root)
				if err != nil {
					b.Fatal(err)
				}
				if list, err := runner(fresh).List(b.Context()); err != nil || len(list) != 10_000 {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}
