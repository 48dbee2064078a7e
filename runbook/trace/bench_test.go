package trace_test

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/trace"
)

// BenchmarkRun is a run of two steps: without a tracer, with one that goes nowhere, and with the SDK.
func BenchmarkRun(b *testing.B) {
	bench := func(t *trace.Tracer) func(*testing.B) {
		return func(b *testing.B) {
			def := flight(func(*runbook.StepContext) error { return nil })
			for b.Loop() {
				r := runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop"}
				if t != nil {
					r.Observer, r.Within = t.Observe, t.Within
				}
				if _, err := r.Start(b.Context(), def); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("off", bench(nil))
	b.Run("noop", bench(trace.New(trace.Config{})))
	b.Run("sdk", bench(trace.New(trace.Config{Provider: sdktrace.NewTracerProvider()})))
}
