package trace_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/trace"
)

// flight is a runbook with two phases; launch is what its second step does.
func flight(launch func(*runbook.StepContext) error) *runbook.Definition {
	return &runbook.Definition{Name: "launch", Environment: "test",
		Steps: []runbook.Step{
			{ID: "lamp-off", Phase: "Before", Title: "Switch the lamp off", Clauses: []string{"A-1", "A-2"}, Owes: []string{"lamp"},
				Apply: func(sc *runbook.StepContext) error { return sc.Owe("lamp", "desk", true) }},
			{ID: "launch", Phase: "Flight", Title: "Launch", Apply: launch},
		},
		Undos: []runbook.Undo{{Kind: "lamp", Title: "lamp as it was", Settle: func(*runbook.StepContext, runbook.Owed) (string, error) { return "on", nil }}},
	}
}

// exporter makes a provider whose spans it keeps, and a tracer of it.
func exporter() (*tracetest.InMemoryExporter, *sdktrace.TracerProvider, *trace.Tracer) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	return spans, provider, trace.New(trace.Config{Provider: provider})
}

// tree is each span as its path, status and attributes of interest, in order of their ends.
func tree(t *testing.T, spans tracetest.SpanStubs, run string) (out []string) {
	t.Helper()
	byID := map[string]tracetest.SpanStub{}
	for _, s := range spans {
		byID[s.SpanContext.SpanID().String()] = s
	}
	for _, s := range spans {
		if s.SpanContext.TraceID() != trace.TraceID(run) {
			t.Errorf("%s is in trace %s", s.Name, s.SpanContext.TraceID())
		}
		path := s.Name
		for up, ok := byID[s.Parent.SpanID().String()]; ok; up, ok = byID[up.Parent.SpanID().String()] {
			path = up.Name + " > " + path
		}
		for _, e := range s.Events {
			path += " +" + e.Name
		}
		out = append(out, strings.TrimSpace(path+" "+s.Status.Code.String()+" "+wanted(s.Attributes)))
	}
	return out
}

func wanted(attrs []attribute.KeyValue) string {
	var out []string
	for _, a := range attrs {
		switch a.Key {
		case "runbook.clauses", "runbook.try", "runbook.status", "runbook.outcome", "runbook.environment":
			out = append(out, string(a.Key)[len("runbook."):]+"="+a.Value.String())
		}
	}
	return strings.Join(out, " ")
}

// A run that fails, waits, and goes on in another process is one trace.
func TestARunIsOneTraceInAllItsProcesses(t *testing.T) {
	log := &memlog.Log{}
	first, _, tracer := exporter()
	runner := runbook.Runner{Log: log, Actor: "ann@laptop", Observer: tracer.Observe, Within: tracer.Within}
	s, err := runner.Start(t.Context(), flight(func(*runbook.StepContext) error { return errors.New("no fuel") }))
	if err == nil {
		t.Fatal("no failure")
	}
	tracer.Close()
	want := []string{
		`run test-0001 > Before > lamp-off +owe Ok clauses=["A-1","A-2"] try=1 status=done`,
		`run test-0001 > Before Unset`,
		`run test-0001 > Flight > launch Error clauses=[] try=1 status=failed`,
		`run test-0001 > Flight Unset`,
		`run test-0001 +wait Error environment=test`}
	if got := tree(t, first.GetSpans(), s.Run); !slices.Equal(got, want) {
		t.Errorf("spans:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	second, _, tracer := exporter()
	runner.Observer, runner.Within = tracer.Observe, tracer.Within
	if err := runner.Signal(t.Context(), s.Run, "launch", runbook.Answer{How: "decide", Decision: runbook.DecideRetry}); err != nil {
		t.Fatal(err)
	}
	if _, err := runner.Resume(t.Context(), flight(func(*runbook.StepContext) error { return nil }), s.Run, "fuelled"); err != nil {
		t.Fatal(err)
	}
	tracer.Close()
	want = []string{
		`run test-0001 > Flight > launch Ok clauses=[] try=2 status=done`,
		`run test-0001 > Flight Unset`,
		`run test-0001 > Put back > settle/lamp/desk +settled Ok clauses=[] try=1 status=done`,
		`run test-0001 > Put back Unset`,
		`run test-0001 +owe Ok environment=test outcome=completed`}
	if got := tree(t, second.GetSpans(), s.Run); !slices.Equal(got, want) {
		t.Errorf("spans of the second process:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	a, b := parents(first), parents(second)
	if a != b {
		t.Errorf("the processes' spans have the parents %s and %s", a, b)
	}
}

// parents is the parent of the span of the run.
func parents(spans *tracetest.InMemoryExporter) string {
	all := spans.GetSpans()
	return all[len(all)-1].Parent.SpanID().String()
}

// What a process leaves in the middle, because it is stopped, ends with the tracer.
func TestAStepWithoutOutcomeEndsWithTheTracer(t *testing.T) {
	spans, _, tracer := exporter()
	ctx, cancel := context.WithCancel(t.Context())
	runner := runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Observer: tracer.Observe}
	if _, err := runner.Start(ctx, flight(func(sc *runbook.StepContext) error { cancel(); return sc.Err() })); err == nil {
		t.Fatal("the run was not interrupted")
	}
	tracer.Close()
	tracer.Close()
	if got, want := tree(t, spans.GetSpans(), "test-0001"), "run test-0001 > Flight > launch +left without an outcome Unset clauses=[] try=1"; !slices.Contains(got, want) || len(got) != 5 {
		t.Errorf("spans:\n%s", strings.Join(got, "\n"))
	}
}

// The requests of a step, sent through any instrumented client, are below the step's span.
func TestRequestsAreChildrenOfTheirStep(t *testing.T) {
	spans, provider, tracer := exporter()
	var header string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { header = r.Header.Get("Authorization") }))
	defer server.Close()
	client := http.Client{Transport: otelhttp.NewTransport(server.Client().Transport, otelhttp.WithTracerProvider(provider))}
	runner := runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Observer: tracer.Observe, Within: tracer.Within}
	_, err := runner.Start(t.Context(), flight(func(sc *runbook.StepContext) error {
		req, err := http.NewRequestWithContext(sc, http.MethodGet, server.URL, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer canary")
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}))
	if err != nil {
		t.Fatal(err)
	}
	got := tree(t, spans.GetSpans(), "test-0001")
	if want := "run test-0001 > Flight > launch > HTTP GET"; !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }) {
		t.Errorf("spans:\n%s", strings.Join(got, "\n"))
	}
	if header != "Bearer canary" || strings.Contains(fmt.Sprintf("%+v", spans.GetSpans()), "canary") {
		t.Errorf("header %q; or the spans hold the token", header)
	}
}

// A tracer without a provider, and events of a run whose beginning it did not see, do nothing.
func TestNothingToTrace(t *testing.T) {
	tracer := trace.New(trace.Config{})
	runner := runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Observer: tracer.Observe, Within: tracer.Within}
	if _, err := runner.Start(t.Context(), flight(func(*runbook.StepContext) error { return nil })); err != nil {
		t.Fatal(err)
	}
	spans, _, tracer := exporter()
	tracer.Observe(runbook.Event{Run: "test-0009", Kind: "intent", Step: "a"})
	tracer.Close()
	if n := len(spans.GetSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
	if trace.TraceID("test-0001") == trace.TraceID("test-0002") || !trace.TraceID("test-0001").IsValid() {
		t.Error("the id of a trace does not follow from the run's name")
	}
}
