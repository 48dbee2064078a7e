package runbook_test

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// BenchmarkHTML writes the page of a run of 10,000 records.
func BenchmarkHTML(b *testing.B) {
	def := &runbook.Definition{Name: "long", Environment: "test"}
	for i := range 3000 {
		def.Steps = append(def.Steps, runbook.Step{ID: fmt.Sprint("step-", i), Phase: fmt.Sprint("Phase ", i/100), Title: "One of many", Clauses: []string{fmt.Sprint("C-", i%50)},
			Apply: func(sc *runbook.StepContext) error {
				sc.Say("number %d", i)
				sc.Deviate("something differs")
				runbook.NoteExchange(sc, runbook.Exchange{At: time.Now(), Method: "POST", Target: "one.invalid/of/many", Status: 200}, true)
				return sc.Note("seen", json.RawMessage(`true`))
			}})
	}
	r := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann"}
	s, err := r.Start(b.Context(), def)
	if err != nil {
		b.Fatal(err)
	}
	e, err := r.Evidence(b.Context(), s.Run)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(e.Records)), "records")
	for b.Loop() {
		if err := e.WriteHTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
