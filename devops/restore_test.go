package devops_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// paused returns a world in which run 42 has just paused the definition.
func paused(t *testing.T) (*devopstest.Server, *devops.Client, devops.Restore) {
	t.Helper()
	srv := inProcess(devopstest.Options{})
	c := client(t, srv)
	change := set(t, c, devops.Paused, "run 42: upgrade")
	return srv, c, devops.Restore{Found: change.Before, Revision: change.RevisionAfter, Marker: "run 42", Comment: "run 42: done"}
}

// TestRestore: what was found is put back, and doing it twice does it once.
func TestRestore(t *testing.T) {
	srv, c, restore := paused(t)
	change, err := c.RestoreQueueStatus(t.Context(), restore)
	if err != nil {
		t.Fatal(err)
	}
	want := devops.Change{Before: devops.Paused, After: devops.Enabled, RevisionBefore: 4, RevisionAfter: 5}
	if diff := cmp.Diff(want, change); diff != "" {
		t.Error(diff)
	}
	if s := srv.State(); s.QueueStatus != "enabled" || s.LastComment != "run 42: done" {
		t.Errorf("%+v", s)
	}
	again, err := c.RestoreQueueStatus(t.Context(), restore)
	if err != nil || !again.AlreadySo || srv.PutCount() != 2 {
		t.Errorf("repeated: %+v, %v, %d writes", again, err, srv.PutCount())
	}
}

// TestRestoreAfterACrashThatLostTheRevision: the comment in the history recognises the own pause.
func TestRestoreAfterACrashThatLostTheRevision(t *testing.T) {
	srv, c, restore := paused(t)
	restore.Revision = 0
	srv.Edit("Pat", "other things", func(doc map[string]any) { doc["tags"] = []any{"kept"} })
	change, err := c.RestoreQueueStatus(t.Context(), restore)
	if err != nil || change.After != devops.Enabled {
		t.Fatalf("%+v, %v", change, err)
	}
}

// TestRestoreWhenTheRunNeverPaused: a pause that is not ours is not undone.
func TestRestoreWhenTheRunNeverPaused(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	srv.SetQueueStatus("paused", "Pat")
	_, err := client(t, srv).RestoreQueueStatus(t.Context(), devops.Restore{Found: devops.Enabled, Marker: "run 42"})
	wantError(t, err, devops.ErrChangedByOther, "Pat", "paused since revision 4")
	if srv.PutCount() != 0 {
		t.Error("something was written")
	}
}

// TestRestoreKeepsAColleaguesEdits: newer revisions do not hinder as long as they left the status alone.
func TestRestoreKeepsAColleaguesEdits(t *testing.T) {
	srv, c, restore := paused(t)
	for range 3 {
		srv.Edit("Pat", "tags", func(doc map[string]any) { doc["tags"] = []any{"kept"} })
	}
	change, err := c.RestoreQueueStatus(t.Context(), restore)
	if err != nil || change.RevisionAfter != 8 {
		t.Fatalf("%+v, %v", change, err)
	}
	if diff := cmp.Diff([]any{"kept"}, srv.Document()["tags"]); diff != "" {
		t.Error(diff)
	}
}

// TestRestoreLeavesAColleaguesStatus: also when it is the same status again, set by them.
func TestRestoreLeavesAColleaguesStatus(t *testing.T) {
	for name, change := range map[string]func(*devopstest.Server){
		"disabled": func(s *devopstest.Server) {
			s.Edit("Pat", "machines are broken", func(doc map[string]any) { doc["queueStatus"] = "disabled" })
		},
		"resumed and paused again": func(s *devopstest.Server) {
			s.SetQueueStatus("enabled", "Pat")
			s.Edit("Pat", "machines are broken", func(doc map[string]any) { doc["queueStatus"] = "paused" })
			s.Edit("Kim", "tags", func(doc map[string]any) { doc["tags"] = []any{} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv, c, restore := paused(t)
			change(srv)
			before := srv.State().QueueStatus
			_, err := c.RestoreQueueStatus(t.Context(), restore)
			wantError(t, err, devops.ErrChangedByOther, "Pat", "machines are broken", "talk to them")
			if after := srv.State().QueueStatus; after != before || srv.PutCount() != 1 {
				t.Errorf("%s became %s", before, after)
			}
		})
	}
}

// TestRestoredByHand: then nothing is left to do, and nothing is sent.
func TestRestoredByHand(t *testing.T) {
	srv, c, restore := paused(t)
	srv.SetQueueStatus("enabled", "Pat")
	change, err := c.RestoreQueueStatus(t.Context(), restore)
	if err != nil || !change.AlreadySo || srv.PutCount() != 1 {
		t.Errorf("%+v, %v", change, err)
	}
}

// TestRestoreRacesWithAColleague: between the look and the write.
func TestRestoreRacesWithAColleague(t *testing.T) {
	srv, _, restore := paused(t)
	c := client(t, srv, racing(srv, 1, func(int) { srv.SetQueueStatus("disabled", "Pat") }))
	_, err := c.RestoreQueueStatus(t.Context(), restore)
	wantError(t, err, devops.ErrChangedByOther, "Pat")
	if got := srv.State().QueueStatus; got != "disabled" {
		t.Errorf("status %s", got)
	}
	srv, _, restore = paused(t)
	c = client(t, srv, racing(srv, 1, func(int) {
		srv.Edit("Pat", "", func(doc map[string]any) { doc["tags"] = []any{"kept"} })
	}))
	change, err := c.RestoreQueueStatus(t.Context(), restore)
	if err != nil || change.Conflicts != 1 || change.After != devops.Enabled {
		t.Errorf("%+v, %v", change, err)
	}
}

// TestRestoreNeedsAWayToRecogniseThePause: an empty Restore must not match anybody's pause.
func TestRestoreNeedsAWayToRecogniseThePause(t *testing.T) {
	srv, c, _ := paused(t)
	_, err := c.RestoreQueueStatus(t.Context(), devops.Restore{Found: devops.Enabled})
	wantError(t, err, nil, "Revision or Marker")
	// The right revision with another run's marker is not ours.
	_, err = c.RestoreQueueStatus(t.Context(), devops.Restore{Found: devops.Enabled, Revision: 4, Marker: "run 43"})
	wantError(t, err, devops.ErrChangedByOther, "run 42: upgrade")
	_, err = c.RestoreQueueStatus(t.Context(), devops.Restore{Revision: 4})
	wantError(t, err, nil, "is not a queue status")
	if srv.PutCount() != 1 {
		t.Error("something was written")
	}
}

// TestRestoreWithUnreadableHistory: without the history nobody knows whose pause it is, so it stays.
func TestRestoreWithUnreadableHistory(t *testing.T) {
	srv, c, restore := paused(t)
	srv.Edit("Pat", "", func(doc map[string]any) { doc["tags"] = []any{} })
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Path: `revision=4`, Status: 404, Body: `{}`})
	restore.Revision, restore.Marker = 2, ""
	_, err := c.RestoreQueueStatus(t.Context(), restore)
	wantError(t, err, devops.ErrNotFound)
	inject(t, srv, devopstest.Forbidden("GET", "revisions"))
	_, err = c.RestoreQueueStatus(t.Context(), restore)
	wantError(t, err, devops.ErrForbidden)
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Path: "revisions", Status: 200, Body: `{"count":0,"value":[]}`})
	_, err = c.RestoreQueueStatus(t.Context(), restore)
	wantError(t, err, devops.ErrChangedByOther, "does not tell since when")
	if srv.PutCount() != 1 {
		t.Error("something was written")
	}
}
