package upgrade_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
	"github.com/verify-by-video/pexip-upgrade/internal/ramdir"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// stage is a world with its configuration.
type stage struct {
	*upgradetest.World
	dir string
	cfg *upgrade.Config
}

// folder is a temporary one, in memory where the system has that: every record of a journal is synced, and
// what a disk makes of it is tested where journals are files (package filelog).
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(ramdir.Parent(), "upgrade-test-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

func newStage(t *testing.T, o upgradetest.Options) *stage {
	t.Helper()
	o.PackageSize = cmp.Or(o.PackageSize, 96<<10)
	w, err := upgradetest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	s := &stage{World: w, dir: folder(t)}
	file, err := w.WriteConfig(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.cfg, err = upgrade.LoadConfig(file); err != nil {
		t.Fatal(err)
	}
	s.cfg.Upload.ChunkSize = 64 << 10 // the package goes in two
	s.cfg.Waits.StartResolve = 300 * time.Millisecond
	return s
}

// listens is false in a world that only answers in process.
func (s *stage) listens() bool { return !strings.HasSuffix(s.Test.URL, ".invalid") }

func (s *stage) open(t *testing.T, env policy.Environment, asker runbook.Asker) *upgrade.Session {
	t.Helper()
	o := upgrade.SessionOptions{Environment: env, Actor: "ann@desk", Asker: asker}
	if !s.listens() {
		o.Transport = s.Transport
	}
	session, err := upgrade.Open(t.Context(), s.cfg, o)
	must(t, err)
	return session
}

// effects lists the requests that were more than reads, as METHOD path, without those for tokens.
func (s *stage) effects() []string {
	var out []string
	for _, r := range s.Requests() {
		if !r.ReadOnly() && !strings.HasSuffix(r.URL, "/oauth/token/") {
			out = append(out, r.System+" "+r.Method+" "+r.URL)
		}
	}
	return out
}

func (s *stage) wantPutBack(t *testing.T) {
	t.Helper()
	if st := s.Pipeline.State(); st.QueueStatus != "enabled" {
		t.Errorf("the pipeline is %s", st.QueueStatus)
	}
	for _, p := range []*pexiptest.Server{s.Test, s.Production} {
		if !p.State().SessionTimeoutEnabled {
			t.Error("the session timeout is off")
		}
	}
	for _, vm := range s.Azure.State().VMs {
		if vm.Power != azurevm.Running {
			t.Errorf("%s is %s", vm.Name, vm.Power)
		}
	}
}

// decisions answers failures from a list, everything else as People does.
func decisions(list ...runbook.PreparedAnswer) runbook.Asker {
	return runbook.Askers{&runbook.Prepared{How: "test", Answers: list}, upgradetest.People{}}
}

func run(t *testing.T, session *upgrade.Session) *runbook.State {
	t.Helper()
	r, err := session.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r.State
}

func TestTestThenProduction(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{ConferencingNodes: 3})
	for _, env := range []policy.Environment{policy.Test, policy.Production} {
		state := run(t, s.open(t, env, upgradetest.People{}))
		if state.End == nil || state.End.Outcome != runbook.Completed || len(state.Owed) > 0 {
			t.Fatalf("%s: %+v", env, state.End)
		}
		s.wantPutBack(t)
		if n := s.Pexip(env).StartCount(); n != 1 {
			t.Errorf("%s: %d upgrades started", env, n)
		}
	}
	for _, vm := range s.Azure.State().VMs {
		if vm.Backups != 1 {
			t.Errorf("%s was backed up %d times", vm.Name, vm.Backups)
		}
	}
}

// The order of what was done, as the document has it.
func TestOrderOfEffects(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	run(t, s.open(t, policy.Test, upgradetest.People{}))
	effects := s.effects()
	order := []string{"devops PUT", "backup_create/", "/deallocate?", "/backup?", "/start?", "PATCH /api/admin/configuration/v1/global/1/",
		"/platform/upgrade/", "/upload/", "/finish/", "PATCH /api/admin/configuration/v1/global/1/", "devops PUT"}
	at := 0
	for _, part := range order {
		i := slices.IndexFunc(effects[at:], func(e string) bool { return strings.Contains(e, part) })
		if i < 0 {
			t.Fatalf("%s does not follow in %s", part, strings.Join(effects, "\n"))
		}
		at += i + 1
	}
}

func TestEveryClauseHasAStep(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	for _, env := range []policy.Environment{policy.Test, policy.Production} {
		s.cfg.Production.BCSCCall = true
		plan, err := s.open(t, env, nil).Definition.Plan()
		if err != nil {
			t.Fatal(err)
		}
		if missing := upgrade.Uncovered(plan); len(missing) > 0 {
			t.Errorf("%s: no step for %v", env, missing)
		}
	}
	if len(upgrade.Clauses) != 32 {
		t.Errorf("%d clauses", len(upgrade.Clauses))
	}
}

// Each of these is refused with a clear message, before anything is changed.
func TestRefusedBeforeAnythingIsChanged(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		world upgradetest.Options
		env   policy.Environment
		set   func(*testing.T, *stage)
		step  string
		want  string
	}{
		{name: "wrong checksum", set: func(_ *testing.T, s *stage) { s.cfg.Package.SHA256 = strings.Repeat("0", 64) }, step: "check-package", want: "checksum-matches"},
		{name: "truncated package", set: func(t *testing.T, s *stage) { must(t, os.Truncate(s.cfg.Package.File, 1<<10)) }, step: "check-package", want: "checksum-matches"},
		{name: "VMs of the other environment", world: upgradetest.Options{Swapped: true}, step: "prove-identity", want: "10.30.0.4, which no node of test"},
		{name: "VM without a node", set: func(_ *testing.T, s *stage) { s.cfg.Test.VMs = append(s.cfg.Test.VMs, s.cfg.Production.VMs[0]) }, step: "prove-identity", want: "which no node of test"},
		{name: "node without a VM", set: func(_ *testing.T, s *stage) { s.cfg.Test.VMs = s.cfg.Test.VMs[:1] }, step: "prove-identity", want: "is none of the configured VMs"},
		{name: "expired Azure token", set: func(t *testing.T, s *stage) {
			must(t, os.WriteFile(filepath.Join(s.dir, "azure.token"), []byte("an-old-token"), 0o600))
		}, step: "check-azure-access", want: "401"},
		{name: "expired DevOps token", set: func(t *testing.T, s *stage) {
			must(t, os.WriteFile(filepath.Join(s.dir, "devops.pat"), []byte("an-old-token"), 0o600))
		}, step: "check-pipeline-access", want: "credential"},
		{name: "unknown Pexip client", set: func(_ *testing.T, s *stage) { s.cfg.Test.Pexip.OAuth2.ClientID = "nobody" }, step: "check-pexip-access", want: "401"},
		{name: "no right to back up", world: upgradetest.Options{Azure: func(o *azurevmtest.Options) {
			o.MissingActions = []string{"Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/backup/action"}
		}}, step: "check-azure-access", want: "Backup Operator"},
		{name: "no right to stop builds", world: upgradetest.Options{DevOps: func(o *devopstest.Options) {
			o.MissingPermissions = []devopstest.Permission{devopstest.StopBuilds}
		}}, step: "check-pipeline-access", want: "Stop builds"},
		{name: "read-only lock", world: upgradetest.Options{Azure: func(o *azurevmtest.Options) {
			o.Locks = []azurevmtest.Lock{{Name: "frozen", Level: "ReadOnly", Scope: "/subscriptions/" + o.SubscriptionID}}
		}}, step: "check-azure-access", want: "frozen"},
		{name: "downgrade", world: upgradetest.Options{TestVersion: "40 (90000.0.0)", ProductionVersion: "40 (90000.0.0)"}, step: "check-promotion-policy", want: "no-downgrade"},
		{name: "two majors ahead", world: upgradetest.Options{TestVersion: "37 (70000.0.0)", ProductionVersion: "37 (70000.0.0)"}, step: "check-promotion-policy", want: "one-major-ahead"},
		{name: "already there", world: upgradetest.Options{TestVersion: "39.1 (83067.0.0)"}, step: "check-promotion-policy", want: "no-no-op"},
		{name: "Production before Test", env: policy.Production, step: "check-promotion-policy", want: "same-as-test"},
		{name: "no remote syslog", set: func(t *testing.T, s *stage) { must(t, s.Test.RemoveSyslog("location Location A")) }, step: "check-remote-syslog", want: "Location A"},
		{name: "node out of contact", set: func(_ *testing.T, s *stage) {
			s.Test.AddAlarm(pexip.Alarm{Name: "connectivity_lost", Level: "critical", Node: "10.20.0.5"})
		}, step: "check-platform-health", want: "not in contact"},
		{name: "mixed versions", set: func(t *testing.T, s *stage) { must(t, s.Test.SetVersion("test-conf-core", "38 (80000.0.0)")) }, step: "check-platform-health", want: "one-version"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := quiet(t, tt.world)
			if tt.set != nil {
				tt.set(t, s)
			}
			if tt.env == "" {
				tt.env = policy.Test
			}
			session := s.open(t, tt.env, nil)
			p, err := session.Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(p.Refused, tt.step) || !strings.Contains(p.Gates[tt.step].Error, tt.want) {
				t.Errorf("refused %v: %s\nwant %s: %q", p.Refused, upgrade.RefusalText(p), tt.step, tt.want)
			}
			if effects := s.effects(); len(effects) > 0 {
				t.Errorf("the plan sent %v", effects)
			}
			// Run without looking at the plan: it stops there too, and aborting leaves nothing behind.
			stop := decisions(runbook.PreparedAnswer{Step: tt.step, Decision: runbook.DecideAbort, Statement: "refused"})
			session.Runner.Asker = stop
			r, err := session.Run(t.Context())
			if upgrade.ExitCode(r.State, err) != upgrade.ExitEnded || len(r.State.Owed) > 0 {
				t.Errorf("run: %v", err)
			}
			if effects := s.effects(); len(effects) > 0 {
				t.Errorf("the refused run sent %v", effects)
			}
		})
	}
}

// A file that the configuration names and that cannot be read is wrong input, found before any request.
func TestUnreadableFilesAreInputErrors(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*stage){
		"missing package": func(s *stage) { s.cfg.Package.File += ".gone" },
		"a folder":        func(s *stage) { s.cfg.Package.File = s.dir },
		"collection":      func(s *stage) { s.cfg.Test.Checks.Newman = &upgrade.NewmanCheck{Collection: "gone.json"} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, upgradetest.Options{})
			set(s)
			_, err := s.open(t, policy.Test, nil).Plan(t.Context())
			if upgrade.ExitCode(nil, err) != upgrade.ExitInput || len(s.Requests()) > 0 {
				t.Errorf("%v, %d requests", err, len(s.Requests()))
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSecondRunIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	_, err := s.open(t, policy.Test, nil).Run(t.Context())
	if code := upgrade.ExitCode(nil, err); code != upgrade.ExitWaiting {
		t.Fatalf("first run: %v", err)
	}
	_, err = s.open(t, policy.Test, upgradetest.People{}).Run(t.Context())
	var active *runbook.ActiveRunError
	if !errors.As(err, &active) || upgrade.ExitCode(nil, err) != upgrade.ExitActive {
		t.Errorf("second run: %v", err)
	}
	if len(s.effects()) > 0 {
		t.Errorf("sent %v", s.effects())
	}
}

// finishFault hits the request that starts the upgrade, and not the one that only validates.
func finishFault(kind string) pexiptest.Fault {
	f := pexiptest.Fault{Kind: pexiptest.DropAfter, Method: http.MethodPost, Path: "/finish/$", Skip: 1}
	switch kind {
	case "before":
		f.Kind = pexiptest.DropBefore
	case "502":
		f.Kind, f.Status, f.Body = pexiptest.AnswerAfter, http.StatusBadGateway, "<html>bad gateway</html>"
	}
	return f
}

// The answer to the start is lost, after it took effect: the node's state tells, nothing is repeated.
func TestLostAnswerToTheStart(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"after", "502"} {
		t.Run(kind, func(t *testing.T) {
			s := newStage(t, upgradetest.Options{})
			must(t, s.Test.Inject(finishFault(kind)))
			state := run(t, s.open(t, policy.Test, upgradetest.People{}))
			if state.End.Outcome != runbook.Completed || s.Test.StartCount() != 1 || s.Test.StartAttempts() != 1 {
				t.Errorf("%+v, started %d, attempts %d", state.End, s.Test.StartCount(), s.Test.StartAttempts())
			}
			s.wantPutBack(t)
		})
	}
}

// The start never arrived: nobody can tell, so a person decides; only then is it sent again.
func TestStartThatNeverArrived(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	must(t, s.Test.Inject(finishFault("before")))
	retry := runbook.PreparedAnswer{Step: "start-upgrade", Decision: runbook.DecideRetry, Statement: "the web interface shows no upgrade"}
	session := s.open(t, policy.Test, decisions(retry, retry))
	state := run(t, session)
	if state.End.Outcome != runbook.Completed || s.Test.StartCount() != 1 || state.Step("start-upgrade").Tries != 3 {
		t.Errorf("%+v, started %d, tries %d", state.End, s.Test.StartCount(), state.Step("start-upgrade").Tries)
	}
}

// A scheduled stop that queued while the pipeline was paused must not stop the VMs after the resume.
func TestScheduledStopIsCancelledBeforeTheResume(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	ticked := false
	session := s.open(t, policy.Test, upgradetest.People{})
	session.Runner.Observer = func(e runbook.Event) {
		if e.Step == "upload-package" && !ticked {
			ticked = true
			s.Tick("stop")
			s.Tick("start")
		}
	}
	state := run(t, session)
	s.Pipeline.Settle()
	s.wantPutBack(t)
	var out struct{ Cancelled []int }
	must(t, json.Unmarshal(state.Step("clear-backlog").Output, &out))
	if len(out.Cancelled) != 2 || s.Pipeline.RunCount() != 0 {
		t.Errorf("cancelled %v, runs %d", out.Cancelled, s.Pipeline.RunCount())
	}
}

// onResume lets the schedule fire between the last look at the backlog and the resume.
type onResume struct {
	next http.RoundTripper
	tick func()
	puts int
}

func (o *onResume) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		if o.puts++; o.puts == 2 {
			o.tick()
		}
	}
	return o.next.RoundTrip(r)
}

func TestScheduledRunThatTheResumeStartsIsCancelled(t *testing.T) {
	t.Parallel()
	w := upgradetest.New(upgradetest.Options{DevOps: func(o *devopstest.Options) { o.RunDuration = 10 * 24 * time.Hour }})
	dir := t.TempDir()
	file, err := w.WriteConfig(dir)
	must(t, err)
	cfg, err := upgrade.LoadConfig(file)
	must(t, err)
	hook := &onResume{next: w.Transport(nil), tick: func() { w.Pipeline.Tick(map[string]string{"action": "nothing"}) }}
	session, err := upgrade.Open(t.Context(), cfg, upgrade.SessionOptions{Environment: policy.Test, Asker: upgradetest.People{},
		Transport: func(http.RoundTripper) http.RoundTripper { return hook }})
	must(t, err)
	state := run(t, session)
	note := state.Settled[len(state.Settled)-1].Note
	if !strings.Contains(note, "had started in the moment of the resume") {
		t.Errorf("note %q, pipeline %+v", note, w.Pipeline.State())
	}
	for _, b := range w.Pipeline.State().Builds {
		if b.Result != "canceled" {
			t.Errorf("build %d ended as %q", b.ID, b.Result)
		}
	}
}

func TestColleagueResumedThePipeline(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	session := s.open(t, policy.Test, upgradetest.People{})
	session.Runner.Observer = func(e runbook.Event) {
		if e.Step == "start-upgrade" && e.Kind == runbook.EventKind(runbook.KindDone) {
			s.Pipeline.SetQueueStatus("disabled", "Bob")
		}
	}
	_, err := session.Run(t.Context())
	if upgrade.ExitCode(nil, err) != upgrade.ExitDecision || !strings.Contains(err.Error(), "Bob") {
		t.Fatalf("err %v", err)
	}
	if st := s.Pipeline.State(); st.QueueStatus != "disabled" {
		t.Errorf("Bob's state was overwritten with %s", st.QueueStatus)
	}
	session.Runner.Observer = nil
	session.Runner.Asker = decisions(runbook.PreparedAnswer{Step: "resume-pipeline", Decision: runbook.DecideAbort, Statement: "Bob needs it off"},
		runbook.PreparedAnswer{Step: "settle/pipeline/queue-status", Decision: runbook.DecideDone, Statement: "agreed with Bob"})
	r, err := session.Resume(t.Context(), "", "agreed")
	if err != nil || r.State.End == nil || s.Pipeline.State().QueueStatus != "disabled" {
		t.Errorf("%v, %+v", err, r.State.End)
	}
}

func TestUploadMethods(t *testing.T) {
	t.Parallel()
	for _, method := range []upgrade.UploadMethod{upgrade.UploadOneShot, upgrade.UploadManual} {
		t.Run(string(method), func(t *testing.T) {
			s := newStage(t, upgradetest.Options{})
			s.cfg.Upload.Method = method
			session := s.open(t, policy.Test, upgradetest.People{})
			if method == upgrade.UploadManual {
				session.Runner.Observer = func(e runbook.Event) {
					if e.Step == "start-upgrade" && e.Kind == runbook.EventKind(runbook.KindWait) {
						byHand(t, s)
					}
				}
			}
			state := run(t, session)
			if state.End.Outcome != runbook.Completed || s.Test.StartCount() != 1 {
				t.Errorf("%+v, started %d", state.End, s.Test.StartCount())
			}
			s.wantPutBack(t)
		})
	}
}

// byHand is the person who uploads and starts in the web interface.
func byHand(t *testing.T, s *stage) {
	t.Helper()
	c, err := pexip.New(s.Test.Config())
	must(t, err)
	f, err := pexip.OpenPackage(s.cfg.Package.File, s.cfg.Package.SHA256)
	must(t, err)
	defer f.Close()
	_, err = c.UploadAndStart(t.Context(), f.Package, nil)
	must(t, err)
}

// Outside service hours everything is off; the pipeline starts it, once, and only after a yes.
func TestEnvironmentIsStartedOutsideServiceHours(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	for _, vm := range s.Azure.State().VMs {
		s.Azure.SetPower(azurevmtest.VM{ResourceGroup: vm.ResourceGroup, Name: vm.Name}, azurevm.Deallocated)
	}
	session := s.open(t, policy.Test, upgradetest.People{})
	p, err := session.Plan(t.Context())
	must(t, err)
	if len(p.Refused) > 0 && !slices.Equal(p.Refused, []string{"check-promotion-policy"}) {
		t.Errorf("refused %v: %s", p.Refused, upgrade.RefusalText(p))
	}
	state := run(t, session)
	if state.End.Outcome != runbook.Completed || s.Pipeline.RunCount() != 1 {
		t.Errorf("%+v, pipeline runs %d", state.End, s.Pipeline.RunCount())
	}
	s.wantPutBack(t)
}

func TestRecentRecoveryPointsAreReused(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	s.cfg.Snapshot.ReuseYoungerThan = 6 * time.Hour
	for _, vm := range s.cfg.Test.VMs {
		s.Azure.AddRecoveryPoint(azurevmtest.VM{ResourceGroup: vm.ResourceGroup, Name: vm.Name}, time.Now().Add(-time.Hour), "CrashConsistent")
	}
	state := run(t, s.open(t, policy.Test, upgradetest.People{}))
	for _, e := range s.effects() {
		if strings.Contains(e, "/deallocate?") || strings.Contains(e, "/backup?") {
			t.Errorf("sent %s", e)
		}
	}
	if st := state.Step("backup-vm/vm-node-mgmt-core"); st.Status != runbook.StepAlready {
		t.Errorf("backup is %s", st.Status)
	}
}

// A failed verification, the decision to roll back, and the old version runs again.
func TestRollback(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	must(t, s.Service.Inject(azurevmtest.Fault{Kind: azurevmtest.Answer, Status: http.StatusInternalServerError, Times: -1}))
	session := s.open(t, policy.Test, decisions(runbook.PreparedAnswer{Step: "run-endpoint-checks", Decision: runbook.DecideRollback, Statement: "calls fail"}))
	r, err := session.Run(t.Context())
	must(t, err)
	if r.State.End.Outcome != runbook.RolledBack || upgrade.ExitCode(r.State, nil) != upgrade.ExitEnded {
		t.Fatalf("%+v", r.State.End)
	}
	for _, n := range s.Test.State().Nodes {
		if n.Version != "38.1 (81931.0.0)" {
			t.Errorf("%s runs %s", n.Name, n.Version)
		}
	}
	s.wantPutBack(t)
}

// Aborted while an upgrade runs: the pipeline stays paused, a person is told, and a later settle
// puts it back.
func TestPipelineIsNotResumedWhileAnUpgradeRuns(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{Speed: 600})
	s.cfg.Waits.ManagementNode = 50 * time.Millisecond
	session := s.open(t, policy.Test, decisions(runbook.PreparedAnswer{Step: "wait-management-node", Decision: runbook.DecideAbort, Statement: "taking too long"}))
	_, err := session.Run(t.Context())
	if upgrade.ExitCode(nil, err) != upgrade.ExitDecision || !strings.Contains(err.Error(), "stays paused while an upgrade runs") {
		t.Fatalf("err %v", err)
	}
	if st := s.Pipeline.State(); st.QueueStatus != "paused" {
		t.Errorf("the pipeline is %s", st.QueueStatus)
	}
	var r upgrade.Result
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for err = errors.New("not yet"); err != nil && ctx.Err() == nil; <-again.C {
		r, err = session.Settle(ctx, "", "once it is over")
	}
	if err != nil || r.State.End.Outcome != runbook.Aborted {
		t.Fatalf("%v, %+v", err, r.State)
	}
	s.wantPutBack(t)
}

// No credential appears in anything that a run leaves behind.
func TestNoSecretIsWritten(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	must(t, s.Test.Inject(pexiptest.Fault{Kind: pexiptest.Answer, Status: 400, Path: "/backup_create/", Body: `{"error":"bad passphrase simulated-backup-passphrase"}`}))
	session := s.open(t, policy.Test, decisions(runbook.PreparedAnswer{Step: "create-config-backup", Decision: runbook.DecideRetry}))
	run(t, session)
	secrets, err := s.cfg.ReadSecrets()
	must(t, err)
	must(t, filepath.WalkDir(s.cfg.State, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, secret := range secrets.Values() {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s holds a secret", path)
			}
		}
		return err
	}))
}

func TestReadOnlyTransport(t *testing.T) {
	t.Parallel()
	sent := 0
	rt := upgrade.ReadOnly(roundTrip(func(*http.Request) (*http.Response, error) {
		sent++
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}))
	for method, ok := range map[string]bool{"GET": true, "HEAD": true, "OPTIONS": true, "POST": false, "PUT": false, "PATCH": false, "DELETE": false} {
		req, err := http.NewRequest(method, "https://example.invalid/x", nil)
		must(t, err)
		if _, err := rt.RoundTrip(req); errors.Is(err, upgrade.ErrReadOnly) == ok {
			t.Errorf("%s: %v", method, err)
		}
	}
	if sent != 3 {
		t.Errorf("%d requests sent", sent)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A node that refuses to be read while the outcome of a start is looked for does not count as an
// answer: the outcome stays unknown, and one decision lets the start be sent again.
func TestUnreadableNodeLeavesTheStartUnknown(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	must(t, s.Test.Inject(finishFault("before")))
	forbidden := pexiptest.Fault{Kind: pexiptest.Answer, Status: http.StatusForbidden, Path: "/management_vm/", Times: -1}
	retry := runbook.PreparedAnswer{Step: "start-upgrade", Decision: runbook.DecideRetry, Statement: "no upgrade is running"}
	session := s.open(t, policy.Test, decisions(retry, retry))
	session.Runner.Observer = func(e runbook.Event) {
		switch {
		case e.Step == "start-upgrade" && e.Kind == runbook.EventKind(runbook.KindFail):
			s.Test.ClearFaults()
		case e.Step == "start-upgrade" && e.Kind == runbook.EventKind(runbook.KindIntent) && e.Try == 2:
			must(t, s.Test.Inject(forbidden))
		}
	}
	state := run(t, session)
	if state.End.Outcome != runbook.Completed || s.Test.StartCount() != 1 || state.Step("start-upgrade").Tries != 3 {
		t.Errorf("%+v, started %d, tries %d", state.End, s.Test.StartCount(), state.Step("start-upgrade").Tries)
	}
}
