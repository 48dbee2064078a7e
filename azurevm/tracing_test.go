package azurevm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/tracing/azotel"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// Every call is a span below the caller's, whether the SDK has a method for it or not, and no span
// holds the token.
func TestTracing(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	srv, _ := start(t, azurevmtest.Options{Token: "canary-token"})
	cfg := srv.Config()
	cfg.TracingProvider = azotel.NewTracingProvider(provider, nil)
	client := connect(t, cfg)
	ctx, root := provider.Tracer("test").Start(t.Context(), "step")
	if _, err := client.Power(ctx, manager); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Locks(ctx, manager); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Power(ctx, azurevm.VM{ResourceGroup: "rg-pexip-test", Name: "vm-gone"}); err == nil {
		t.Fatal("a VM that does not exist has a power state")
	}
	root.End()
	var names []string
	failed := 0
	for _, s := range spans.GetSpans() {
		names = append(names, s.Name)
		if s.Status.Code == codes.Error {
			failed++
		}
		if s.SpanContext.TraceID() != root.SpanContext().TraceID() {
			t.Errorf("%s is in a trace of its own", s.Name)
		}
		if text := fmt.Sprintf("%+v", s); strings.Contains(text, "canary") {
			t.Errorf("a span holds the token: %s", text)
		}
	}
	for _, want := range []string{"VirtualMachinesClient.InstanceView", "azurevm: list the locks of", "HTTP GET"} {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, want) }) {
			t.Errorf("no span %q in %q", want, names)
		}
	}
	if failed == 0 {
		t.Errorf("the failed call is no failed span: %q", names)
	}
}
