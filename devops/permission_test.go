package devops_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

func verdicts(t *testing.T, c *devops.Client) map[string]devops.Verdict {
	t.Helper()
	got, err := c.CheckPermissions(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]devops.Verdict{}
	for _, p := range got {
		out[p.Name] = p.Verdict
		if p.Purpose == "" || p.Detail == "" {
			t.Errorf("%+v", p)
		}
	}
	return out
}

// TestCheckPermissions: a contributor may pause and not clear the queue, which is better known before
// pausing.
func TestCheckPermissions(t *testing.T) {
	want := map[string]devops.Verdict{"View builds and build pipeline": devops.Granted, "Edit build pipeline": devops.Granted,
		"Queue builds": devops.Granted, "Stop builds": devops.Granted}
	srv := listening(t, devopstest.Options{Folder: `\Platform\Video`})
	if diff := cmp.Diff(want, verdicts(t, client(t, srv))); diff != "" {
		t.Error(diff)
	}
	srv.SetMissingPermissions(devopstest.StopBuilds)
	want["Stop builds"] = devops.Missing
	if diff := cmp.Diff(want, verdicts(t, client(t, srv))); diff != "" {
		t.Error(diff)
	}
	if n := count(srv, "PUT", ""); n != 0 {
		t.Error("something was written")
	}
}

// TestWhatTheServiceDoesNotSayIsUnknown: unknown never counts as granted.
func TestWhatTheServiceDoesNotSayIsUnknown(t *testing.T) {
	for name, f := range map[string]devopstest.Fault{
		"404":            {Status: 404, Body: `{"message":"no such thing"}`},
		"400":            {Status: 400, Body: `{}`},
		"401":            {Status: 401},
		"another form":   {Status: 200, Body: `true`},
		"text, not bool": {Status: 200, Body: `{"count":1,"value":["true"]}`},
		"no value":       {Status: 200, Body: `{"count":1}`},
		"two values":     {Status: 200, Body: `{"count":2,"value":[true,true]}`},
		"wrong count":    {Status: 200, Body: `{"count":0,"value":[true]}`},
		"garbage":        {Status: 200, Body: `yes`},
		"sign-in page":   devopstest.SignInPage("", ""),
	} {
		srv := inProcess(devopstest.Options{})
		f.Kind, f.Path, f.Times = devopstest.Answer, "permissions", -1
		inject(t, srv, f)
		for permission, verdict := range verdicts(t, client(t, srv)) {
			if want := map[bool]devops.Verdict{true: devops.Granted, false: devops.Unknown}[permission == "View builds and build pipeline"]; verdict != want {
				t.Errorf("%s: %s is %s", name, permission, verdict)
			}
		}
	}
}

// TestPermissionsWhenTheDefinitionCannotBeRead: without the permission to view, the service says 403, or
// 404 as if there were no such definition.
func TestPermissionsWhenTheDefinitionCannotBeRead(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Forbidden("GET", "definitions"))
	for permission, verdict := range verdicts(t, client(t, srv)) {
		if want := map[bool]devops.Verdict{true: devops.Missing, false: devops.Unknown}[permission == "View builds and build pipeline"]; verdict != want {
			t.Errorf("%s is %s", permission, verdict)
		}
	}
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Path: "definitions", Status: 404, Body: "{}"})
	_, err := client(t, srv).CheckPermissions(t.Context())
	wantError(t, err, devops.ErrNotFound)
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Path: "definitions", Status: 200, Body: `{"id":107,"revision":3,"queueStatus":"enabled"}`})
	if got := verdicts(t, client(t, srv))["Stop builds"]; got != devops.Unknown {
		t.Errorf("without a project id: %s", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	inject(t, srv, devopstest.Fault{Kind: devopstest.Delay, Path: "permissions", Delay: 1})
	stop()
	_, err = client(t, srv).CheckPermissions(ctx)
	wantError(t, err, context.Canceled)
}
