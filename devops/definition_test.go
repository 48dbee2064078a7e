package devops_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// TestPauseAndResume: the queue status cannot be set alone, each write makes a revision, and the comment
// is found in the history.
func TestPauseAndResume(t *testing.T) {
	srv := listening(t, devopstest.Options{})
	c := client(t, srv)
	change := set(t, c, devops.Paused, "run 42: upgrade")
	want := devops.Change{Before: devops.Enabled, After: devops.Paused, RevisionBefore: 3, RevisionAfter: 4}
	if diff := cmp.Diff(want, change); diff != "" {
		t.Error(diff)
	}
	again := set(t, c, devops.Paused, "run 42: upgrade")
	want = devops.Change{Before: devops.Paused, After: devops.Paused, RevisionBefore: 4, RevisionAfter: 4, AlreadySo: true}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Error(diff)
	}
	if n := srv.PutCount(); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	back := set(t, c, devops.Enabled, "")
	if back.After != devops.Enabled || back.RevisionAfter != 5 {
		t.Errorf("resume: %+v", back)
	}
	history, err := c.Revisions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last, before := history[len(history)-1], history[len(history)-2]
	if before.Comment != "run 42: upgrade" || before.ChangedBy != "Upgrade Operator <upgrade.operator@example.org>" || before.ChangedAt.IsZero() {
		t.Errorf("history %+v", before)
	}
	if last.Comment == "" || last.ChangeType != "update" {
		t.Errorf("history %+v", last)
	}
}

// TestOnlyTheStatusDiffers compares what was read with what was written, field by field.
func TestOnlyTheStatusDiffers(t *testing.T) {
	for _, mask := range []bool{false, true} {
		srv := inProcess(devopstest.Options{MaskSecrets: mask})
		before := srv.Document()
		change := set(t, client(t, srv), devops.Paused, `<why> & "who"`)
		if change.Altered != nil {
			t.Errorf("altered: %v", change.Altered)
		}
		if got := srv.Secret("servicePrincipalKey"); got != "stored-secret" {
			t.Errorf("masked %v: the secret became %q", mask, got)
		}
		var sent map[string]any
		for _, r := range srv.Requests() {
			if r.Method != http.MethodPut {
				continue
			}
			dec := json.NewDecoder(strings.NewReader(string(r.Body)))
			dec.UseNumber()
			if err := dec.Decode(&sent); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(r.Body), `<shared> & \"quoted\"`) || !strings.Contains(string(r.Body), "9007199254740993") {
				t.Error("a value was not kept as it was written")
			}
		}
		if sent["comment"] != `<why> & "who"` || sent["queueStatus"] != "paused" {
			t.Errorf("sent status %v, comment %v", sent["queueStatus"], sent["comment"])
		}
		variables := sent["variables"].(map[string]any)
		if v := variables["servicePrincipalKey"].(map[string]any)["value"]; v != nil {
			t.Errorf("the secret was sent as %v", v)
		}
		if v := variables["looksLikeAMask"].(map[string]any)["value"]; v != "***" {
			t.Errorf("a plain value was sent as %v", v)
		}
		for _, doc := range []map[string]any{before, sent} {
			delete(doc, "comment")
			delete(doc, "queueStatus")
			delete(doc["variables"].(map[string]any), "servicePrincipalKey")
		}
		if diff := cmp.Diff(before, sent); diff != "" {
			t.Error(diff)
		}
	}
}

// TestFieldsTheServiceAltersAreNamed: a field that is left out gets a dangerous default, such as a job
// token that reaches the whole collection.
func TestFieldsTheServiceAltersAreNamed(t *testing.T) {
	srv := inProcess(devopstest.Options{Document: map[string]any{"queueStatus": "enabled", "tags": []string{"a"}}})
	change := set(t, client(t, srv), devops.Paused, "x")
	// The document had no jobAuthorizationScope, so the service filled in its own default.
	if diff := cmp.Diff([]string{"jobAuthorizationScope"}, change.Altered); diff != "" {
		t.Error(diff)
	}
}

// TestWhatTheServiceNormalisesIsNoAlteration: a branch comes back in its full form.
func TestWhatTheServiceNormalisesIsNoAlteration(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	short := &recorder{next: srv.RoundTripper(), edit: func(r *http.Request, res *http.Response) *http.Response {
		if r.Method == http.MethodGet {
			raw, _ := io.ReadAll(res.Body)
			raw = bytes.ReplaceAll(raw, []byte(`"defaultBranch":"refs/heads/main"`), []byte(`"defaultBranch":"main"`))
			res.Body = io.NopCloser(bytes.NewReader(raw))
		}
		return res
	}}
	change := set(t, client(t, srv, through(short)), devops.Paused, "run 42")
	for _, r := range srv.Requests() {
		if r.Method == http.MethodPut && !strings.Contains(string(r.Body), `"defaultBranch":"main"`) {
			t.Errorf("sent %s", r.Body)
		}
	}
	if change.Altered != nil {
		t.Errorf("altered %v", change.Altered)
	}
}

// TestTheOldCommentIsNotWrittenAgain: the service may show the last one in the document, and a write
// that sent it back would claim somebody else's reason.
func TestTheOldCommentIsNotWrittenAgain(t *testing.T) {
	srv := inProcess(devopstest.Options{EchoComment: true})
	srv.Edit("Pat", "Pat's reason", func(map[string]any) {})
	c := client(t, srv)
	set(t, c, devops.Paused, "run 42")
	if got := srv.State().LastComment; got != "run 42" {
		t.Errorf("comment %q", got)
	}
	set(t, c, devops.Enabled, "")
	if got := srv.State().LastComment; got == "run 42" || got == "" {
		t.Errorf("comment %q", got)
	}
}

// TestAPipelineThatWasNotEnabledStaysSo: what was found is put back, which need not be enabled.
func TestAPipelineThatWasNotEnabledStaysSo(t *testing.T) {
	for found, writes := range map[devops.QueueStatus]int{devops.Paused: 0, devops.Disabled: 2} {
		srv := inProcess(devopstest.Options{})
		srv.SetQueueStatus(string(found), "Pat")
		c := client(t, srv)
		pause := set(t, c, devops.Paused, "run 42")
		back, err := c.RestoreQueueStatus(t.Context(), devops.Restore{Found: pause.Before, Revision: pause.RevisionAfter})
		if err != nil || pause.Before != found || back.After != found || srv.State().QueueStatus != string(found) || srv.PutCount() != writes {
			t.Errorf("%s: %+v, %+v, %v, %d writes", found, pause, back, err, srv.PutCount())
		}
	}
}

// editOnPut lets a colleague edit the definition just before the first n writes arrive.
type editOnPut struct {
	next http.RoundTripper
	n    int
	edit func(int)
}

func (e *editOnPut) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && e.n > 0 {
		e.n--
		e.edit(e.n)
	}
	return e.next.RoundTrip(r)
}

func racing(srv *devopstest.Server, n int, edit func(int)) func(*devops.Config) {
	return func(cfg *devops.Config) {
		cfg.HTTPClient = &http.Client{Transport: &editOnPut{srv.RoundTripper(), n, edit}}
	}
}

// TestAColleaguesEditInBetweenIsKept: a stale revision is answered with 404, 409 or 400, which is known
// for none of them for sure; the one field is applied to the newer document.
func TestAColleaguesEditInBetweenIsKept(t *testing.T) {
	for _, answer := range []string{"404", "409", "400"} {
		srv := inProcess(devopstest.Options{StaleRevision: answer})
		c := client(t, srv, racing(srv, 2, func(n int) {
			srv.Edit("Pat", "tags", func(doc map[string]any) { doc["tags"] = []any{fmt.Sprint("edit ", n)} })
		}))
		change := set(t, c, devops.Paused, "run 42")
		want := devops.Change{Before: devops.Enabled, After: devops.Paused, RevisionBefore: 5, RevisionAfter: 6, Conflicts: 2}
		if diff := cmp.Diff(want, change); diff != "" {
			t.Errorf("%s: %s", answer, diff)
		}
		if diff := cmp.Diff([]any{"edit 0"}, srv.Document()["tags"]); diff != "" {
			t.Errorf("%s: the colleague's edit is gone: %s", answer, diff)
		}
	}
}

// TestARefusalWithoutAnEdit: the same answers, while the revision is still the one that was read, mean
// something else, and the write is not tried again.
func TestARefusalWithoutAnEdit(t *testing.T) {
	for _, status := range []int{404, 409, 400} {
		srv := inProcess(devopstest.Options{})
		inject(t, srv, devopstest.StaleRevision(status))
		_, err := client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
		if e := wantError(t, err, nil); e.Status != status || e.ActivityID == "" || count(srv, "PUT", "") != 1 || srv.State().QueueStatus != "enabled" {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// TestConflictsWithoutEnd: there is an end to applying it again, and the error says who keeps editing.
func TestConflictsWithoutEnd(t *testing.T) {
	srv := inProcess(devopstest.Options{StaleRevision: "409"})
	c := client(t, srv, racing(srv, 99, func(int) {
		srv.Edit("Pat", "again", func(doc map[string]any) { doc["tags"] = []any{} })
	}), func(cfg *devops.Config) { cfg.ConflictRetries = 2 })
	change, err := c.SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, devops.ErrConflict, "3 edits", "Pat", `"again"`, "safe to repeat")
	if srv.PutCount() != 3 || change.Conflicts != 3 {
		t.Errorf("%d writes, %+v", srv.PutCount(), change)
	}
}

// TestAColleaguesStatusInBetweenWins: their decision about the queue status is not ours to overwrite.
func TestAColleaguesStatusInBetweenWins(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	c := client(t, srv, racing(srv, 1, func(int) { srv.SetQueueStatus("disabled", "Pat") }))
	_, err := c.SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, devops.ErrChangedByOther, "disabled since revision 4", "Pat")
	if got := srv.State().QueueStatus; got != "disabled" {
		t.Errorf("status %s", got)
	}
	srv = inProcess(devopstest.Options{})
	c = client(t, srv, racing(srv, 1, func(int) { srv.SetQueueStatus("paused", "Pat") }))
	change := set(t, c, devops.Paused, "run 42")
	if !change.AlreadySo || change.Before != devops.Enabled || change.RevisionAfter != 4 {
		t.Errorf("paused by a colleague: %+v", change)
	}
}

// TestRefusedWriteIsNotRepeated: 403 names the missing permission by type key; a 400 may be about the
// document and not about its revision.
func TestRefusedWriteIsNotRepeated(t *testing.T) {
	srv := inProcess(devopstest.Options{MissingPermissions: []devopstest.Permission{devopstest.EditPipeline}})
	_, err := client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	e := wantError(t, err, devops.ErrForbidden, "TF215106", "Edit build pipeline", "nothing was changed")
	if e.TypeKey != "AccessDeniedException" || e.Status != 403 || e.ActivityID == "" || e.Method != "PUT" {
		t.Errorf("%+v", e)
	}
	if srv.PutCount() != 1 {
		t.Errorf("%d writes", srv.PutCount())
	}
	// A 400 with the revision unchanged is about the document, not about the revision.
	srv = inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "PUT", Status: 400, Times: -1, Body: `{"message":"bad pool","typeKey":"X"}`})
	_, err = client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, nil, "bad pool")
	if n := count(srv, "PUT", "definitions"); n != 1 {
		t.Errorf("%d writes", n)
	}
}

// TestWriteWithoutAnAnswer: whether a PUT without a usable answer took effect is read from the definition
// and its history; it is never just sent again.
func TestWriteWithoutAnAnswer(t *testing.T) {
	html := devopstest.Unavailable("PUT", "")
	applied := html
	applied.Kind = devopstest.AnswerAfter
	for name, f := range map[string]devopstest.Fault{
		"dropped before":         {Kind: devopstest.DropBefore, Method: "PUT"},
		"dropped after":          {Kind: devopstest.DropAfter, Method: "PUT"},
		"cut in the request":     {Kind: devopstest.CutBody, Method: "PUT", BodyLimit: 100},
		"cut in the answer":      {Kind: devopstest.Truncate, Method: "PUT"},
		"503 before the effect":  html,
		"503 after the effect":   applied,
		"garbage after":          {Kind: devopstest.AnswerAfter, Method: "PUT", Status: 200, Body: "oops"},
		"empty object after":     {Kind: devopstest.AnswerAfter, Method: "PUT", Status: 200, Body: "{}"},
		"another form after":     {Kind: devopstest.AnswerAfter, Method: "PUT", Status: 200, Body: `["s3cret"]`},
		"throttled, not applied": devopstest.Throttled("PUT", "", 0),
	} {
		t.Run(name, func(t *testing.T) {
			srv := listening(t, devopstest.Options{})
			inject(t, srv, f)
			change := set(t, client(t, srv), devops.Paused, "run 42")
			want := devops.Change{Before: devops.Enabled, After: devops.Paused, RevisionBefore: 3, RevisionAfter: 4}
			if diff := cmp.Diff(want, change); diff != "" {
				t.Error(diff)
			}
			if got := srv.State(); got.Revision != 4 || got.LastComment != "run 42" {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestHostGoneAfterTheWrite: when nothing can be read either, the outcome is unknown and said to be.
func TestHostGoneAfterTheWrite(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.DropAfter, Method: "PUT"})
	inject(t, srv, devopstest.Fault{Kind: devopstest.DropBefore, Method: "GET", Path: "definitions", Skip: 1, Times: -1})
	_, err := client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, devops.ErrOutcomeUnknown, "set the queue status to paused", "connection reset")
	srv.ClearFaults()
	if change := set(t, client(t, srv), devops.Paused, "run 42"); !change.AlreadySo {
		t.Errorf("repeated: %+v", change)
	}
	// The history is needed too, to tell whose change it was.
	srv = inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.DropAfter, Method: "PUT"})
	inject(t, srv, devopstest.Fault{Kind: devopstest.DropBefore, Path: "revisions", Times: -1})
	_, err = client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, devops.ErrOutcomeUnknown)
}

// TestWriteThatIsAcceptedAndIgnored: a status of success is no proof: the answer must have the wanted
// status and a newer revision.
func TestWriteThatIsAcceptedAndIgnored(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "PUT", Status: 200, Body: `{"id":107,"revision":4,"queueStatus":"enabled"}`})
	_, err := client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, nil, "answered with revision 4, still enabled")
}

// TestChangedRightAfterTheWrite: the status is read back, because the answer to the write is already
// history.
func TestChangedRightAfterTheWrite(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "PUT", Status: 200, Body: `{"id":107,"revision":4,"queueStatus":"paused"}`})
	srv.SetQueueStatus("disabled", "Pat")
	srv.SetQueueStatus("enabled", "Pat")
	_, err := client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, nil, "revision 4", "still paused") // 4 is below the revision written from
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "PUT", Status: 200, Body: `{"id":107,"revision":9,"queueStatus":"paused"}`})
	_, err = client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, devops.ErrChangedByOther, "enabled since revision 5", "Pat")
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Path: "definitions", Skip: 1, Status: 500, Body: `{"message":"boom"}`})
	_, err = client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, nil, "read back", "boom")
}

// TestNotAStatus: the service would take the default, enabled, for what it does not know.
func TestNotAStatus(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	_, err := client(t, srv).SetQueueStatus(t.Context(), "Paused ", "x")
	wantError(t, err, nil, "is not a queue status")
	if len(srv.Requests()) != 0 {
		t.Error("something was sent")
	}
}

// TestAnswersThatAreNotTheDefinition: {} and null decode without an error into a definition in which
// nothing is set.
func TestAnswersThatAreNotTheDefinition(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `{"id":108,"revision":1,"queueStatus":"enabled"}`, `{"id":107,"revision":1}`, `{"id":107,"revision":"x","queueStatus":"enabled"}`} {
		srv := inProcess(devopstest.Options{})
		inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Status: 200, Body: body})
		_, err := client(t, srv).Definition(t.Context())
		wantError(t, err, nil, "not this definition")
	}
}

// TestCancelPausedBuildsParameter: servers whose resource version is below 8 ignore the parameter, without
// a word: it is never the only measure.
func TestCancelPausedBuildsParameter(t *testing.T) {
	for version, left := range map[int]int{7: 1, 8: 0} {
		srv := listening(t, devopstest.Options{DefinitionsVersion: version})
		c := client(t, srv, func(cfg *devops.Config) { cfg.CancelPausedBuilds = true })
		set(t, c, devops.Paused, "run 42")
		if n := count(srv, "PUT", "cancelPausedBuilds"); n != 0 {
			t.Error("sent with a pause")
		}
		held := srv.Tick(map[string]string{"action": "stop"})
		set(t, c, devops.Enabled, "run 42")
		if n := count(srv, "PUT", "cancelPausedBuilds=true"); n != 1 {
			t.Errorf("sent %d times with the resume", n)
		}
		b, err := c.WaitBuild(context.Background(), held.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		if started := !b.Started.IsZero(); started != (left == 1) {
			t.Errorf("resource version %d: started %v", version, started)
		}
	}
}

// TestUndoneWhileTheAnswerWasLost: the write arrived, its answer did not, and a colleague resumed the
// pipeline before the next look. That is their decision, and pausing again would overwrite it.
func TestUndoneWhileTheAnswerWasLost(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.DropAfter, Method: "PUT"})
	undo := &recorder{next: afterPut{srv.RoundTripper(), func() { srv.SetQueueStatus("enabled", "Pat") }}}
	_, err := client(t, srv, through(undo)).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, devops.ErrChangedByOther, "enabled since revision 5", "Pat")
	if s := srv.State(); s.QueueStatus != "enabled" || s.PutCount != 1 {
		t.Errorf("%+v", s)
	}
	// The write did not arrive: an edit of other things in between is kept, and the pause applied.
	srv = inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.DropBefore, Method: "PUT"})
	edit := afterPut{srv.RoundTripper(), func() { srv.Edit("Pat", "", func(doc map[string]any) { doc["tags"] = []any{"kept"} }) }}
	change, err := client(t, srv, through(edit)).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	if err != nil || change.After != devops.Paused || change.Conflicts != 1 {
		t.Errorf("%+v, %v", change, err)
	}
	if diff := cmp.Diff([]any{"kept"}, srv.Document()["tags"]); diff != "" {
		t.Error(diff)
	}
	// Neither can be told without the history.
	srv = inProcess(devopstest.Options{})
	inject(t, srv, devopstest.Fault{Kind: devopstest.DropAfter, Method: "PUT"})
	inject(t, srv, devopstest.Forbidden("GET", "revisions"))
	undo.next = afterPut{srv.RoundTripper(), func() { srv.SetQueueStatus("enabled", "Pat") }}
	_, err = client(t, srv, through(undo)).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, devops.ErrOutcomeUnknown)
}

// afterPut does something right after the first write, answered or not.
type afterPut struct {
	next http.RoundTripper
	do   func()
}

func (a afterPut) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := a.next.RoundTrip(r)
	if r.Method == http.MethodPut && err != nil {
		a.do()
	}
	return res, err
}

// TestGoneDuringTheWrite: 404 to the write and to the read after it means gone, not a conflict.
func TestGoneDuringTheWrite(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	gone := `{"message":"Build pipeline 107 was not found.","typeKey":"DefinitionNotFoundException"}`
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "PUT", Status: 404, Body: gone})
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Skip: 1, Status: 404, Body: gone})
	_, err := client(t, srv).SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, devops.ErrNotFound, "nothing was changed")
}

// TestFieldsOfSomeAnswersOnlyAreNotWrittenBack.
func TestFieldsOfSomeAnswersOnlyAreNotWrittenBack(t *testing.T) {
	doc := inProcess(devopstest.Options{}).Document()
	for _, key := range []string{"latestBuild", "latestCompletedBuild", "metrics"} {
		doc[key] = map[string]any{"id": 1}
	}
	srv := inProcess(devopstest.Options{Document: doc})
	change := set(t, client(t, srv), devops.Paused, "run 42")
	for _, r := range srv.Requests() {
		if r.Method == http.MethodPut && (strings.Contains(string(r.Body), "latest") || strings.Contains(string(r.Body), "metrics")) {
			t.Errorf("sent %s", r.Body)
		}
	}
	if change.Altered != nil {
		t.Errorf("altered %v", change.Altered)
	}
}

// TestDeepUnknownFieldsAreKept at every level at which a typed client would lose them.
func TestDeepUnknownFieldsAreKept(t *testing.T) {
	doc := inProcess(devopstest.Options{}).Document()
	odd := map[string]any{"n": json.Number("12345678901234567890"), "null": nil, "empty": []any{}}
	for _, key := range []string{"repository", "queue", "variables", "process", "properties"} {
		doc[key].(map[string]any)["unheardOf"] = odd
	}
	doc["queue"].(map[string]any)["pool"].(map[string]any)["unheardOf"] = odd
	srv := inProcess(devopstest.Options{Document: doc})
	before := srv.Document()
	change := set(t, client(t, srv), devops.Paused, "run 42")
	after := srv.Document()
	for _, key := range []string{"queueStatus", "revision", "createdDate", "authoredBy"} {
		delete(before, key)
		delete(after, key)
	}
	if diff := cmp.Diff(before, after); diff != "" || change.Altered != nil {
		t.Error(diff, change.Altered)
	}
}
