package upgrade_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/tracing/azotel"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/trace"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// The calls to all three systems are below the spans of the steps that made them.
func TestTracesOfARun(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	tracer := trace.New(trace.Config{Provider: provider})
	session, err := upgrade.Open(t.Context(), s.cfg, upgrade.SessionOptions{Environment: policy.Test, Actor: "ann@desk",
		Observer: tracer.Observe, Within: tracer.Within, Tracing: azotel.NewTracingProvider(provider, nil),
		Transport: func(next http.RoundTripper) http.RoundTripper {
			return otelhttp.NewTransport(next, otelhttp.WithTracerProvider(provider), otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.URL.Host }))
		}})
	must(t, err)
	r, err := session.Run(t.Context())
	if r.State == nil || r.State.Waiting == nil {
		t.Fatalf("the run: %v", err)
	}
	tracer.Close()
	names := map[string]string{}
	for _, span := range spans.GetSpans() {
		names[span.SpanContext.SpanID().String()] = span.Name
		if span.SpanContext.TraceID() != trace.TraceID(r.State.Run) {
			t.Errorf("%s is in another trace", span.Name)
		}
	}
	var below []string
	for _, span := range spans.GetSpans() {
		below = append(below, names[span.Parent.SpanID().String()]+" > "+span.Name)
	}
	for _, want := range []string{"check-azure-access > azurevm: read the caller's permissions at", "check-pipeline-access > " + hostOf(t, s.cfg.Test.Pipeline.URL), "check-pexip-access > " + hostOf(t, s.cfg.Test.Pexip.URL)} {
		if !slices.Contains(below, want) {
			t.Errorf("no span %q in %q", want, slices.Compact(slices.Sorted(slices.Values(below))))
		}
	}
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	return u.Host
}
