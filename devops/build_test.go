package devops_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// TestBacklogOverAllPagesOldestFirst: a held build may be notStarted or postponed, the list comes in pages
// that only a header announces, and its order is not the one in which builds start unless it is asked for.
func TestBacklogOverAllPagesOldestFirst(t *testing.T) {
	for _, held := range []string{"notStarted", "postponed"} {
		ck := newClock()
		srv := inProcess(devopstest.Options{PageSize: 2, HeldStatus: held, Now: ck.Now})
		c := client(t, srv)
		set(t, c, devops.Paused, "run 42")
		var want []int
		for _, action := range []string{"stop", "start", "stop", "start", "stop"} {
			want = append(want, srv.Tick(map[string]string{"action": action}).ID)
			ck.Add(time.Hour)
		}
		got, err := c.Backlog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, ids(got)); diff != "" {
			t.Error(diff)
		}
		first := got[0]
		if first.Reason != "schedule" || first.Parameters["action"] != "stop" || first.Status != held || first.Queued.IsZero() ||
			first.RequestedFor != "Microsoft.VisualStudio.Services.TFS" || first.URL == "" || first.SourceBranch != "refs/heads/main" {
			t.Errorf("%+v", first)
		}
		running, err := c.InProgress(t.Context())
		if err != nil || len(running) != 0 {
			t.Errorf("running %v, %v", running, err)
		}
	}
}

// TestListThatIsNone: 200 with {} has no list, and must not look like an empty backlog.
func TestListThatIsNone(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	c := client(t, srv)
	for _, body := range []string{`{}`, `{"value":null}`, `[]`} {
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Path: "builds", Status: 200, Body: body})
		_, err := c.Backlog(t.Context())
		wantError(t, err, nil, "list the backlog")
	}
	// Builds of another definition never count, whatever the server's filter does.
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Path: "builds", Status: 200, Body: `{"value":[{"id":1,"status":"notStarted","definition":{"id":9}}]}`})
	if got, err := c.Backlog(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestClearTheBacklogBeforeResuming: everything that queued up during a pause starts at the resume, oldest
// first, and a cancelled build is over only some time after it was asked to be.
func TestClearTheBacklogBeforeResuming(t *testing.T) {
	var ran []string
	srv := listening(t, devopstest.Options{OnRun: func(b devopstest.Build) { ran = append(ran, b.Parameters["action"]) }})
	c := client(t, srv)
	set(t, c, devops.Paused, "run 42")
	srv.Tick(map[string]string{"action": "stop"})
	srv.Tick(map[string]string{"action": "start"})
	backlog, err := c.Backlog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done, err := c.Cancel(t.Context(), ids(backlog)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range done {
		if b.Status != devops.StatusCompleted || b.Result != devops.ResultCanceled || b.Finished.IsZero() {
			t.Errorf("%+v", b)
		}
	}
	if again, err := c.Cancel(t.Context(), ids(backlog)...); err != nil || len(again) != 2 {
		t.Errorf("cancelled twice: %v, %v", again, err)
	}
	if n := count(srv, "PATCH", "builds"); n != 2 {
		t.Errorf("%d cancellations, want 2", n)
	}
	set(t, c, devops.Enabled, "run 42")
	srv.Settle()
	if len(ran) != 0 {
		t.Errorf("ran %v", ran)
	}
}

// TestCancelWhatRuns: cancelling goes for running builds too.
func TestCancelWhatRuns(t *testing.T) {
	srv := inProcess(devopstest.Options{Speed: 1, RunDuration: time.Hour, CancelDuration: time.Nanosecond})
	running := srv.Tick(nil)
	done, err := client(t, srv).Cancel(t.Context(), running.ID)
	if err != nil || done[0].Result != "canceled" || done[0].Started.IsZero() {
		t.Errorf("%+v, %v", done, err)
	}
	if done, err := client(t, srv).Cancel(t.Context()); err != nil || len(done) != 0 {
		t.Errorf("nothing to cancel: %v, %v", done, err)
	}
}

// TestCancelWithoutPermission: whoever may pause may still not cancel what the schedule or others queued.
// One refusal does not keep the other builds from being asked.
func TestCancelWithoutPermission(t *testing.T) {
	srv := inProcess(devopstest.Options{MissingPermissions: []devopstest.Permission{devopstest.StopBuilds}})
	c := client(t, srv)
	set(t, c, devops.Paused, "run 42")
	a, b := srv.Tick(nil), srv.Tick(nil)
	_, err := c.Cancel(t.Context(), a.ID, b.ID, 9)
	wantError(t, err, devops.ErrForbidden, "Stop builds")
	wantError(t, err, devops.ErrNotFound, "build 9")
	if n := count(srv, "PATCH", "builds"); n != 2 {
		t.Errorf("%d attempts", n)
	}
}

// TestCancelSurvivesFaults: a cancellation without a usable answer is looked after, and asked for again
// only if it had no effect.
func TestCancelSurvivesFaults(t *testing.T) {
	for name, f := range map[string]devopstest.Fault{
		"dropped before": {Kind: devopstest.DropBefore, Method: "PATCH"},
		"dropped after":  {Kind: devopstest.DropAfter, Method: "PATCH"},
		"garbage":        {Kind: devopstest.AnswerAfter, Method: "PATCH", Status: 200, Body: "x"},
		"another answer": {Kind: devopstest.AnswerAfter, Method: "PATCH", Status: 200, Body: "{}"},
		"not done":       {Kind: devopstest.Answer, Method: "PATCH", Status: 200, Body: "{}"},
		"broken off":     {Kind: devopstest.CutAnswer, Method: "PATCH"},
		"503":            devopstest.Unavailable("PATCH", ""),
		"throttled":      devopstest.Throttled("PATCH", "", 0),
		"reads fail":     {Kind: devopstest.DropBefore, Method: "GET", Path: "builds", Times: 7},
	} {
		t.Run(name, func(t *testing.T) {
			srv := inProcess(devopstest.Options{})
			c := client(t, srv)
			set(t, c, devops.Paused, "run 42")
			held := srv.Tick(nil)
			inject(t, srv, f)
			done, err := c.Cancel(t.Context(), held.ID)
			if err != nil || done[0].Result != "canceled" {
				t.Errorf("%+v, %v", done, err)
			}
		})
	}
}

// TestBuildThatEndsWhileBeingCancelled: a completed build refuses to be cancelled, which is no failure;
// the same refusal while it runs is one.
func TestBuildThatEndsWhileBeingCancelled(t *testing.T) {
	ck := newClock()
	srv := inProcess(devopstest.Options{Now: ck.Now, Speed: 1})
	b := srv.Tick(nil)
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "PATCH", Status: 400, Body: `{"message":"over","typeKey":"BuildStatusInvalidChangeException"}`})
	_, err := client(t, srv).Cancel(t.Context(), b.ID)
	wantError(t, err, nil, "over") // still running, so the refusal stands
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "PATCH", Status: 400, Body: `{"message":"over"}`})
	hc := &http.Client{Transport: onPatch{srv.RoundTripper(), func() { ck.Add(time.Hour) }}}
	done, err := client(t, srv, func(cfg *devops.Config) { cfg.HTTPClient = hc }).Cancel(t.Context(), b.ID)
	if err != nil || done[0].Result != "succeeded" {
		t.Errorf("%+v, %v", done, err)
	}
}

type onPatch struct {
	next http.RoundTripper
	do   func()
}

func (o onPatch) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch {
		o.do()
	}
	return o.next.RoundTrip(r)
}

// TestCancelThatNeverCompletes: the answer to a cancellation says cancelling, not canceled, and may stay
// so: the wait has a limit.
func TestCancelThatNeverCompletes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inProcess(devopstest.Options{Now: newClock().Now}) // a clock that stands still
		c := client(t, srv, func(cfg *devops.Config) { cfg.CancelLimit, cfg.PollInterval = time.Minute, 10*time.Second })
		set(t, c, devops.Paused, "run 42")
		held := srv.Tick(nil)
		builds, err := c.Cancel(t.Context(), held.ID)
		wantError(t, err, context.DeadlineExceeded, "is cancelling")
		if builds[0].Status != "cancelling" {
			t.Errorf("%+v", builds)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		_, err = c.Cancel(ctx, held.ID)
		wantError(t, err, context.Canceled)
	})
}

// TestRunAndWait: runtime parameters and variables come back in two forms, an object and JSON in a string;
// stages can be skipped only through the pipelines API.
func TestRunAndWait(t *testing.T) {
	srv := listening(t, devopstest.Options{})
	c := client(t, srv)
	b, err := c.Run(t.Context(), devops.RunOptions{TemplateParameters: map[string]string{"action": "start"}, Variables: map[string]string{"reason": "upgrade"},
		StagesToSkip: []string{"Prepare"}, Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	done, err := c.WaitBuild(t.Context(), b.ID, func(b devops.Build) { seen = append(seen, b.Status) })
	if err != nil {
		t.Fatal(err)
	}
	if done.Status != "completed" || done.Result != "succeeded" || seen[len(seen)-1] != "completed" {
		t.Errorf("%+v, seen %v", done, seen)
	}
	if diff := cmp.Diff(map[string]string{"action": "start", "reason": "upgrade"}, done.Parameters); diff != "" {
		t.Error(diff)
	}
	got := srv.State().Builds[0]
	if got.SourceBranch != "refs/heads/main" || !slices.Equal(got.StagesToSkip, []string{"Prepare"}) || srv.RunCount() != 1 {
		t.Errorf("%+v", got)
	}
}

// TestAFailedBuildIsNoError, and a result that nobody here has heard of comes as it is.
func TestAFailedBuildIsNoError(t *testing.T) {
	for _, result := range []string{"failed", "partiallySucceeded", "unheardOf"} {
		srv := inProcess(devopstest.Options{})
		srv.SetRunResult(result)
		c := client(t, srv)
		b, err := c.Run(t.Context(), devops.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if b, err = c.WaitBuild(t.Context(), b.ID, nil); err != nil || b.Result != result {
			t.Errorf("%+v, %v", b, err)
		}
	}
}

// TestAStatusThatNobodyKnows, such as abandoned of newer versions, passes through: it is neither waiting
// nor over, and the wait ends at its limit with it.
func TestAStatusThatNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inProcess(devopstest.Options{})
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Path: "builds/5", Status: 200, Times: -1, Body: `{"id":5,"status":"abandoned","definition":{"id":107}}`})
		b, err := client(t, srv, func(cfg *devops.Config) { cfg.PollInterval, cfg.RunLimit = time.Minute, time.Hour }).WaitBuild(t.Context(), 5, nil)
		wantError(t, err, context.DeadlineExceeded, "last seen: abandoned")
		if b.Status != "abandoned" {
			t.Errorf("%+v", b)
		}
	})
}

// TestARunThatIsHeldLooksHeld: the answer to a run has no word for waiting and says inProgress, so that
// the build is read.
func TestARunThatIsHeldLooksHeld(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	pausing := onPost{srv.RoundTripper(), func() { srv.SetQueueStatus("paused", "Pat") }}
	b, err := client(t, srv, through(pausing)).Run(t.Context(), devops.RunOptions{})
	if err != nil || b.Status != devops.StatusNotStarted || !b.Started.IsZero() {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestRunIsSentOnce: a POST that is sent again starts the machines twice. Without a usable answer the
// builds tell whether it had arrived.
func TestRunIsSentOnce(t *testing.T) {
	start := devops.RunOptions{TemplateParameters: map[string]string{"action": "start"}, Branch: "refs/heads/main"}
	unavailable := devopstest.Unavailable("POST", "")
	for name, test := range map[string]struct {
		fault   devopstest.Fault
		reached bool
	}{
		"dropped before": {devopstest.Fault{Kind: devopstest.DropBefore, Method: "POST"}, false},
		"dropped after":  {devopstest.Fault{Kind: devopstest.DropAfter, Method: "POST"}, true},
		"garbage after":  {devopstest.Fault{Kind: devopstest.AnswerAfter, Method: "POST", Status: 200, Body: "garbage"}, true},
		"no id after":    {devopstest.Fault{Kind: devopstest.AnswerAfter, Method: "POST", Status: 200, Body: "{}"}, true},
		"cut answer":     {devopstest.Fault{Kind: devopstest.Truncate, Method: "POST"}, true},
		"503":            {unavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := listening(t, devopstest.Options{})
			old := srv.QueueManual(map[string]string{"action": "start"})
			inject(t, srv, test.fault)
			b, err := client(t, srv).Run(t.Context(), start)
			if test.reached && (err != nil || b.ID != old.ID+1) {
				t.Errorf("%+v, %v", b, err)
			}
			if !test.reached {
				wantError(t, err, devops.ErrOutcomeUnknown, "no build was queued by hand since", "look at the pipeline")
			}
			if n := count(srv, "POST", "runs"); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// TestRunThatCannotBeTold: what is found may be somebody else's.
func TestRunThatCannotBeTold(t *testing.T) {
	start := devops.RunOptions{TemplateParameters: map[string]string{"action": "start"}}
	for name, test := range map[string]struct {
		others []map[string]string
		text   string
		id     int
	}{
		"other parameters": {[]map[string]string{{"action": "stop"}}, "has other parameters", 501},
		"two of them":      {[]map[string]string{{"action": "start"}, {"action": "start"}}, "2 builds were queued by hand", 0},
	} {
		t.Run(name, func(t *testing.T) {
			srv := inProcess(devopstest.Options{})
			inject(t, srv, devopstest.Fault{Kind: devopstest.DropBefore, Method: "POST"})
			hc := &http.Client{Transport: onPost{srv.RoundTripper(), func() {
				for _, p := range test.others {
					srv.QueueManual(p)
				}
			}}}
			b, err := client(t, srv, func(cfg *devops.Config) { cfg.HTTPClient = hc }).Run(t.Context(), start)
			wantError(t, err, devops.ErrOutcomeUnknown, test.text)
			if b.ID != test.id {
				t.Errorf("%+v", b)
			}
		})
	}
	srv := inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.DropAfter, Method: "POST"})
	inject(t, srv, devopstest.Fault{Kind: devopstest.DropBefore, Method: "GET", Path: "reasonFilter", Times: -1})
	_, err := client(t, srv).Run(t.Context(), start)
	wantError(t, err, devops.ErrOutcomeUnknown, "could not be listed")
}

type onPost struct {
	next http.RoundTripper
	do   func()
}

func (o onPost) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		o.do()
	}
	return o.next.RoundTrip(r)
}

// TestRunThatIsRefused: a run of a paused pipeline is accepted and does not start, one of a disabled
// pipeline is refused, and parameters need a permission of their own.
func TestRunThatIsRefused(t *testing.T) {
	srv := inProcess(devopstest.Options{MissingPermissions: []devopstest.Permission{devopstest.QueueBuilds}})
	_, err := client(t, srv).Run(t.Context(), devops.RunOptions{})
	wantError(t, err, devops.ErrForbidden, "Queue builds")
	srv = inProcess(devopstest.Options{MissingPermissions: []devopstest.Permission{devopstest.EditQueueConfiguration}})
	if _, err = client(t, srv).Run(t.Context(), devops.RunOptions{}); err != nil {
		t.Error(err)
	}
	_, err = client(t, srv).Run(t.Context(), devops.RunOptions{Variables: map[string]string{"a": "b"}})
	wantError(t, err, devops.ErrForbidden, "Edit queue build configuration")
	for _, status := range []string{"paused", "disabled"} {
		srv := inProcess(devopstest.Options{})
		srv.SetQueueStatus(status, "Pat")
		_, err := client(t, srv).Run(t.Context(), devops.RunOptions{})
		wantError(t, err, devops.ErrPaused, status, "nothing was sent")
		if n := count(srv, "POST", ""); n != 0 {
			t.Error("something was sent")
		}
	}
	srv = inProcess(devopstest.Options{}) // disabled between the look and the request
	hc := &http.Client{Transport: onPost{srv.RoundTripper(), func() { srv.SetQueueStatus("disabled", "Pat") }}}
	_, err = client(t, srv, func(cfg *devops.Config) { cfg.HTTPClient = hc }).Run(t.Context(), devops.RunOptions{})
	wantError(t, err, devops.ErrPaused, "disabled")
	srv = inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Throttled("POST", "", 0))
	_, err = client(t, srv).Run(t.Context(), devops.RunOptions{})
	wantError(t, err, nil, "TF400733", "wait and repeat")
	if srv.RunCount() != 0 || count(srv, "POST", "") != 1 {
		t.Error("sent again")
	}
}

// TestRunKeepsTheIDWhenTheBuildCannotBeRead: the build is queued all the same.
func TestRunKeepsTheIDWhenTheBuildCannotBeRead(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Path: "builds/501", Status: 500})
	b, err := client(t, srv).Run(t.Context(), devops.RunOptions{})
	if err != nil || b.ID != 501 {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestWaitingForABuildThatCannotStart: a run on a paused pipeline does not start, not even one by hand, so
// that waiting for it would never end.
func TestWaitingForABuildThatCannotStart(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	srv.SetQueueStatus("paused", "Pat")
	b := srv.QueueManual(nil)
	got, err := client(t, srv).WaitBuild(t.Context(), b.ID, nil)
	wantError(t, err, devops.ErrPaused, "notStarted", "paused", "resume the pipeline")
	if got.ID != b.ID {
		t.Errorf("%+v", got)
	}
}

// TestBuildOfAnotherDefinition: builds are numbered across the whole organization, and a wrong number must
// not cancel somebody else's build.
func TestBuildOfAnotherDefinition(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	c := client(t, srv)
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Path: "builds/5", Status: 200, Times: -1, Body: `{"id":5,"status":"inProgress","definition":{"id":9}}`})
	_, err := c.Build(t.Context(), 5)
	wantError(t, err, devops.ErrNotFound, "definition 9")
	_, err = c.Cancel(t.Context(), 5)
	wantError(t, err, devops.ErrNotFound)
	if n := count(srv, "PATCH", ""); n != 0 {
		t.Error("it was cancelled")
	}
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Path: "builds/6", Status: 200, Body: `{}`})
	_, err = c.Build(t.Context(), 6)
	wantError(t, err, nil, "not this build")
}

// TestWaitIdle: a pause does not end what runs already.
func TestWaitIdle(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	srv.Tick(nil)
	c := client(t, srv)
	set(t, c, devops.Paused, "run 42")
	most := 0
	if err := c.WaitIdle(t.Context(), func(b []devops.Build) { most = max(most, len(b)) }); err != nil {
		t.Fatal(err)
	}
	if running, err := c.InProgress(t.Context()); err != nil || len(running) != 0 {
		t.Errorf("%v, %v", running, err)
	}
}

// TestWaitingHasALimit: whatever is waited for may never come; the error says how far it had come.
func TestWaitingHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := inProcess(devopstest.Options{Now: newClock().Now}) // a clock that stands still
		b := srv.Tick(nil)
		c := client(t, srv, func(cfg *devops.Config) { cfg.PollInterval = 0 })
		began := time.Now()
		wantError(t, c.WaitIdle(t.Context(), nil), context.DeadlineExceeded, "1 in progress")
		if took := time.Since(began); took != 2*time.Hour {
			t.Errorf("waited %s", took)
		}
		_, err := c.WaitBuild(t.Context(), b.ID, nil)
		wantError(t, err, context.DeadlineExceeded, "last seen: inProgress")
	})
}

// TestWaitingSitsOutAnOutageButNotForEver: a wait of hours meets outages; a rejected credential is none of
// them.
func TestWaitingSitsOutAnOutageButNotForEver(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	c := client(t, srv)
	b := srv.Tick(nil)
	inject(t, srv, devopstest.Fault{Kind: devopstest.DropBefore, Path: "builds", Times: 20})
	if _, err := c.WaitBuild(t.Context(), b.ID, nil); err != nil {
		t.Error(err)
	}
	inject(t, srv, devopstest.Unavailable("GET", "builds"))
	inject(t, srv, devopstest.SignInPage("GET", "builds"))
	wantError(t, c.WaitIdle(t.Context(), nil), devops.ErrUnauthorized)
	srv.SetDown(true)
	wantError(t, c.WaitIdle(t.Context(), nil), nil, "connection refused", "check the network")
}

// TestATickBetweenTheLastLookAndTheResume: what the schedule queues then starts, and a look after the
// resume shows it.
func TestATickBetweenTheLastLookAndTheResume(t *testing.T) {
	srv := inProcess(devopstest.Options{Speed: 1})
	c := client(t, srv)
	pause := set(t, c, devops.Paused, "run 42")
	if backlog, err := c.Backlog(t.Context()); err != nil || len(backlog) != 0 {
		t.Fatal(backlog, err)
	}
	late := srv.Tick(map[string]string{"action": "stop"})
	if _, err := c.RestoreQueueStatus(t.Context(), devops.Restore{Found: pause.Before, Revision: pause.RevisionAfter}); err != nil {
		t.Fatal(err)
	}
	running, err := c.InProgress(t.Context())
	if err != nil || len(running) != 1 || running[0].ID != late.ID || running[0].Parameters["action"] != "stop" {
		t.Errorf("%+v, %v", running, err)
	}
}
