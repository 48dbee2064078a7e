// Package trace shows runs as traces of OpenTelemetry. It is an observer of package runbook and knows
// only OpenTelemetry's API: where spans go is up to the program.
//
//	tracer := trace.New(trace.Config{Provider: otel.GetTracerProvider()})
//	defer tracer.Close()
//	runner.Observer = runbook.Observers(runner.Observer, tracer.Observe)
//	runner.Within = tracer.Within // requests of a step become children of its span
//
// For the requests themselves wrap the transport of a client: otelhttp.NewTransport of
// go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp with any client, azotel's provider with
// package azurevm. Both find the step's span in the context.
//
// A run is one trace, however many processes drive it, because the id of the trace follows from the
// run's. Each process adds a span "run NAME" with a span for each phase, and below that one for each try
// of a step, with its clauses, status and text. These spans name a common parent which nobody has sent:
// it stands for the run as a whole, and some displays call it missing.
//
// Texts are those of events, from which the runner has removed every secret that it knows. A program
// without a Tracer pays nothing: runs make no events when nobody observes them.
package trace

import (
	"context"
	"crypto/sha256"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Scope is the instrumentation scope of the spans.
const Scope = "github.com/verify-by-video/pexip-upgrade/runbook/trace"

// Config says where spans go. The zero value sends none.
type Config struct {
	// Provider makes the spans (default: none are made). It stays the caller's to flush and to shut down.
	Provider oteltrace.TracerProvider
}

// Tracer makes spans of events. It is safe for concurrent use, also by several runs.
type Tracer struct {
	tracer oteltrace.Tracer

	mu   sync.Mutex
	runs map[string]*run
}

// run is what is open of one run.
type run struct {
	span, phase oteltrace.Span
	inRun       context.Context
	inPhase     context.Context
	phaseName   string
	steps       map[string]oteltrace.Span
}

// New returns a tracer. It cannot fail.
func New(c Config) *Tracer {
	if c.Provider == nil {
		c.Provider = noop.NewTracerProvider()
	}
	return &Tracer{tracer: c.Provider.Tracer(Scope), runs: map[string]*run{}}
}

// TraceID is the id of a run's trace. Runs of different stores should have different names, or share one.
func TraceID(run string) oteltrace.TraceID { return parent(run).TraceID() }

// parent stands for the run as a whole, the same in each process.
func parent(run string) oteltrace.SpanContext {
	sum := sha256.Sum256([]byte("run " + run))
	return oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID(sum[:16]), SpanID: oteltrace.SpanID(sum[16:24]),
		TraceFlags: oteltrace.FlagsSampled, Remote: true})
}

// Within puts the span of a step's try into its context; see runbook.Runner.Within.
func (t *Tracer) Within(ctx context.Context, run, step string) context.Context {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.runs[run]; r != nil && r.steps[step] != nil {
		return oteltrace.ContextWithSpan(ctx, r.steps[step])
	}
	return ctx
}

// Observe is a runbook.Observer.
func (t *Tracer) Observe(e runbook.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if runbook.Kind(e.Kind) == runbook.KindStart {
		t.begin(e)
		return
	}
	r := t.runs[e.Run]
	if r == nil {
		return
	}
	switch runbook.Kind(e.Kind) {
	case runbook.KindIntent:
		t.intent(r, e)
	case runbook.KindDone, runbook.KindFail:
		r.outcome(e)
	case runbook.KindWait, runbook.KindOwe, runbook.KindSettled:
		r.happened(e)
	case runbook.KindEnd:
		r.ended(e)
		delete(t.runs, e.Run)
	}
}

// begin opens a span for this process's part of the run.
func (t *Tracer) begin(e runbook.Event) {
	if was := t.runs[e.Run]; was != nil { // driven again by the same process
		was.close(oteltrace.WithTimestamp(e.At))
	}
	r := &run{steps: map[string]oteltrace.Span{}}
	above := oteltrace.ContextWithSpanContext(context.Background(), parent(e.Run))
	r.inRun, r.span = t.tracer.Start(above, "run "+e.Run, oteltrace.WithTimestamp(e.At), oteltrace.WithAttributes(
		attribute.String("runbook.run", e.Run), attribute.String("runbook.environment", e.Environment)))
	t.runs[e.Run] = r
}

func (t *Tracer) intent(r *run, e runbook.Event) {
	if r.phase == nil || r.phaseName != e.Phase {
		r.endPhase(oteltrace.WithTimestamp(e.At))
		r.phaseName = e.Phase
		r.inPhase, r.phase = t.tracer.Start(r.inRun, e.Phase, oteltrace.WithTimestamp(e.At))
	}
	_, r.steps[e.Step] = t.tracer.Start(r.inPhase, e.Step, oteltrace.WithTimestamp(e.At), oteltrace.WithAttributes(
		attribute.String("runbook.step", e.Step), attribute.String("runbook.title", e.Title), attribute.StringSlice("runbook.clauses", e.Clauses), attribute.Int("runbook.try", e.Try)))
}

func (r *run) outcome(e runbook.Event) {
	span := r.steps[e.Step]
	if span == nil { // waived or stated after an earlier try's failure
		r.happened(e)
		return
	}
	span.SetAttributes(attribute.String("runbook.status", string(e.Status)), attribute.String("runbook.text", e.Text), attribute.Float64("runbook.elapsed_seconds", e.Elapsed.Seconds()))
	if e.Status == runbook.StepFailed {
		span.SetStatus(codes.Error, e.Text)
		r.span.SetStatus(codes.Error, "a step failed: "+e.Step)
	} else {
		span.SetStatus(codes.Ok, "")
	}
	span.End(oteltrace.WithTimestamp(e.At))
	delete(r.steps, e.Step)
}

// happened notes an event in the span of its step, or in the run's.
func (r *run) happened(e runbook.Event) {
	span := r.steps[e.Step]
	if span == nil {
		span = r.span
	}
	attrs := []attribute.KeyValue{attribute.String("runbook.step", e.Step), attribute.String("runbook.text", e.Text)}
	if e.Status != "" {
		attrs = append(attrs, attribute.String("runbook.status", string(e.Status)))
	}
	if e.Owed != nil {
		attrs = append(attrs, attribute.String("runbook.owed", e.Owed.ID()))
	}
	span.AddEvent(string(e.Kind), oteltrace.WithTimestamp(e.At), oteltrace.WithAttributes(attrs...))
}

// ended closes what is open when the run has ended.
func (r *run) ended(e runbook.Event) {
	r.span.SetAttributes(attribute.String("runbook.outcome", e.Text))
	if e.Text == string(runbook.Completed) {
		r.span.SetStatus(codes.Ok, "")
	} else {
		r.span.SetStatus(codes.Error, e.Text)
	}
	r.close(oteltrace.WithTimestamp(e.At))
}

// close ends every span that is open.
func (r *run) close(when ...oteltrace.SpanEndOption) {
	for _, span := range r.steps {
		span.AddEvent("left without an outcome")
		span.End(when...)
	}
	r.endPhase(when...)
	r.span.End(when...)
}

func (r *run) endPhase(when ...oteltrace.SpanEndOption) {
	if r.phase != nil {
		r.phase.End(when...)
	}
}

// Close ends the spans of runs that this process leaves unfinished: they wait for a person, or were
// stopped. It may be repeated.
func (t *Tracer) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, r := range t.runs {
		r.close()
		delete(t.runs, name)
	}
}
