package trace_test

import (
	"context"
	"fmt"
	"log"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/trace"
)

// A run as spans. Here they stay in memory; a program gives a provider with an exporter.
func ExampleNew() {
	spans := tracetest.NewInMemoryExporter()
	tracer := trace.New(trace.Config{Provider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))})
	runner := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Observer: tracer.Observe, Within: tracer.Within}
	if _, err := runner.Start(context.Background(), &runbook.Definition{Name: "hello", Environment: "test", Steps: []runbook.Step{
		{ID: "hello", Phase: "Greeting", Title: "Say hello", Apply: func(*runbook.StepContext) error { return nil }}}}); err != nil {
		log.Fatal(err)
	}
	tracer.Close()
	for _, s := range spans.GetSpans() {
		fmt.Println(s.Name, s.SpanContext.TraceID() == trace.TraceID("test-0001"))
	}
	// Output:
	// hello true
	// Greeting true
	// run test-0001 true
}
