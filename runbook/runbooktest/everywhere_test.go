package runbooktest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

// pad is a launch pad with a valve, behind HTTP: PUT /open, PUT /closed, POST /launch, GET /.
type pad struct {
	url string

	mu       sync.Mutex
	open     bool
	launches int
}

func newPad(t *testing.T) *pad {
	p := &pad{}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

func (p *pad) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.Method {
	case http.MethodPut:
		p.open = r.URL.Path == "/open"
	case http.MethodPost:
		p.launches++
	}
	fmt.Fprint(w, p.launches)
}

// launchSequence is a runbook of three steps: open the valve, launch once, close the valve.
type launchSequence struct {
	url    string
	client *http.Client
}

func (l launchSequence) send(sc *runbook.StepContext, method, path string) (answer string, err error) {
	r, err := http.NewRequestWithContext(sc, method, l.url+path, nil)
	if err != nil {
		return "", err
	}
	res, err := l.client.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	_, err = fmt.Fscan(res.Body, &answer)
	return answer, err
}

func (l launchSequence) open(sc *runbook.StepContext) error {
	if err := sc.Owe("valve", "main", "closed"); err != nil {
		return err
	}
	_, err := l.send(sc, http.MethodPut, "/open")
	return err
}

func (l launchSequence) shut(sc *runbook.StepContext, _ runbook.Owed) (string, error) {
	_, err := l.send(sc, http.MethodPut, "/closed")
	return "closed", err
}

func (l launchSequence) launch(sc *runbook.StepContext) error {
	if err := sc.Guard(); err != nil {
		return err
	}
	_, err := l.send(sc, http.MethodPost, "/launch")
	return err
}

func (l launchSequence) launched(sc *runbook.StepContext) (runbook.Resolution, error) {
	n, err := l.send(sc, http.MethodGet, "/")
	if err != nil || n == "0" {
		return runbook.ResolvedNotDone, err
	}
	return runbook.ResolvedDone, nil
}

func (l launchSequence) definition() *runbook.Definition {
	return &runbook.Definition{Name: "launch", Environment: "test",
		Steps: []runbook.Step{
			{ID: "open", Title: "Open the valve", Owes: []string{"valve"}, Apply: l.open},
			{ID: "launch", Title: "Launch", Effect: runbook.Once, Apply: l.launch, Resolve: l.launched},
			{ID: "close", Title: "Close the valve", Apply: func(sc *runbook.StepContext) error { return sc.Settle("valve", "main") }},
		},
		Undos: []runbook.Undo{{Kind: "valve", Title: "Valve closed", Settle: l.shut}}}
}

// newTrial is a launch on a new pad, that bob resumes when ann's process has died.
func newTrial(t *testing.T) *runbooktest.Trial {
	p, log := newPad(t), &memlog.Log{}
	return &runbooktest.Trial{Log: log, Environment: "test",
		Start: func(ctx context.Context, c *runbooktest.Crash) error {
			l := launchSequence{p.url, &http.Client{Transport: c.Transport(http.DefaultTransport)}}
			_, err := (&runbook.Runner{Log: c, Actor: "ann@laptop"}).Start(ctx, l.definition())
			return err
		},
		Resume: func(ctx context.Context, run string) error {
			l := launchSequence{p.url, http.DefaultClient}
			_, err := (&runbook.Runner{Log: log, Actor: "bob@desk", Clock: hurried()}).Resume(ctx, l.definition(), run, "ann's laptop died")
			return err
		},
		Check: func(t *testing.T, _ *runbook.State) {
			if p.launches != 1 || p.open {
				t.Errorf("%d launches, the valve is open: %t", p.launches, p.open)
			}
		},
	}
}

func hurried() *runbooktest.Clock {
	c := runbooktest.NewClock(time.Now())
	c.Hurry()
	return c
}

// A runbook of three steps survives the death of its process at every record and every request.
// newTrial makes a launch pad with a runner for it; see everywhere_test.go.
func ExampleCrashEverywhere() {
	// This is the body of a func TestLaunch(t *testing.T).
	_ = func(t *testing.T) {
		points := runbooktest.CrashEverywhere(t, 1, newTrial)
		t.Logf("survived %d crashes", points)
	}
}

func TestCrashEverywhere(t *testing.T) {
	var mu sync.Mutex
	deaths := 0
	var points int
	t.Run("all", func(t *testing.T) {
		points = runbooktest.CrashEverywhere(t, 1, func(t *testing.T) *runbooktest.Trial {
			tr := newTrial(t)
			start := tr.Start
			tr.Start = func(ctx context.Context, c *runbooktest.Crash) error {
				err := start(ctx, c)
				if c.Happened() && ctx.Err() == nil {
					t.Error("the process died and its context lives")
				}
				mu.Lock()
				defer mu.Unlock()
				if c.Happened() {
					deaths++
				}
				return err
			}
			return tr
		})
	})
	// 13 records: start and end of environment and run, two for each step, guard, owe, settled; and 3 requests.
	if points != 2*(13+3) || deaths != points {
		t.Errorf("%d points, %d deaths", points, deaths)
	}
}

func TestStrideMeetsBothSides(t *testing.T) {
	var mu sync.Mutex
	before, after := 0, 0
	t.Run("every second", func(t *testing.T) {
		runbooktest.CrashEverywhere(t, 2, func(t *testing.T) *runbooktest.Trial {
			tr := newTrial(t)
			start := tr.Start
			tr.Start = func(ctx context.Context, c *runbooktest.Crash) error {
				mu.Lock()
				if c.At > 0 && c.After {
					after++
				} else if c.At > 0 {
					before++
				}
				mu.Unlock()
				return start(ctx, c)
			}
			return tr
		})
	})
	if before < 5 || after < 5 || before+after > 12 {
		t.Errorf("%d times before and %d times after", before, after)
	}
}

// What is wrong with a trial, and what the harness says about it.
func TestWhatATrialMayNotDo(t *testing.T) {
	point := runbooktest.Point{N: 6, After: true}
	for want, spoil := range map[string]func(*runbooktest.Trial){
		"though its process lived: no fuel": func(tr *runbooktest.Trial) {
			tr.Start = func(context.Context, *runbooktest.Crash) error { return errors.New("no fuel") }
		},
		"the next process: no fuel": func(tr *runbooktest.Trial) {
			tr.Resume = func(context.Context, string) error { return errors.New("no fuel") }
		},
		"its end is <nil>, it owes [{valve main": func(tr *runbooktest.Trial) {
			tr.Resume = func(context.Context, string) error { return nil }
		},
		`its environment calls it ""`: func(tr *runbooktest.Trial) {
			whole := tr.Log
			tr.Resume = func(ctx context.Context, run string) error {
				e := runbook.Record{V: runbook.RecordVersion, Seq: 7, Epoch: 1, Actor: "bob", Kind: runbook.KindSettled, Key: "valve/main", Data: []byte("{}")}
				end := runbook.Record{V: runbook.RecordVersion, Seq: 8, Epoch: 1, Actor: "bob", Kind: runbook.KindEnd, Data: []byte(`{"outcome":"aborted"}`)}
				state, err := (&runbook.Runner{Log: whole}).State(ctx, run)
				e.Seq, end.Seq = state.Records+1, state.Records+2
				return errors.Join(err, whole.Append(ctx, "runs/"+run, &e), whole.Append(ctx, "runs/"+run, &end))
			}
		},
		runbook.ErrDamaged.Error(): func(tr *runbooktest.Trial) {
			resume, log := tr.Resume, tr.Log
			tr.Resume = func(ctx context.Context, run string) error {
				err := resume(ctx, run)
				tr.Log = forged{log}
				return err
			}
		},
	} {
		t.Run(want, func(t *testing.T) {
			tr := newTrial(t)
			spoil(tr)
			if err := runbooktest.Survive(t.Context(), tr, point.Crash()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the harness says %v", err)
			}
		})
	}
}

// forged is a store whose records were changed.
type forged struct{ runbook.Log }

func (f forged) Read(ctx context.Context, stream string, from uint64) ([]runbook.Record, error) {
	records, err := f.Log.Read(ctx, stream, from)
	for i := range records {
		records[i].Actor = "eve"
	}
	return records, err
}
