package upgradetest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// session is one of Test in a small world without sockets, and what removes its folder.
func session(world *upgradetest.World) (*upgrade.Session, func()) {
	dir, err := os.MkdirTemp("", "world")
	check(err)
	file, err := world.WriteConfig(dir)
	check(err)
	cfg, err := upgrade.LoadConfig(file)
	check(err)
	s, err := upgrade.Open(context.Background(), cfg, upgrade.SessionOptions{Environment: policy.Test, Actor: "ann@laptop", Transport: world.Transport})
	check(err)
	return s, func() { os.RemoveAll(dir) }
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A world that is not started answers in process, under the vendors' own host names.
func ExampleNew() {
	world := upgradetest.New(upgradetest.Options{PackageSize: 1 << 16})
	s, remove := session(world)
	defer remove()
	preview, err := s.Plan(context.Background())
	check(err)
	fmt.Println("refused:", len(preview.Refused))
	systems := map[string]bool{}
	for _, r := range world.Requests() {
		systems[r.System] = true
	}
	fmt.Println("looked at", len(systems), "systems")
	// Output:
	// refused: 0
	// looked at 4 systems
}

// A started world listens on loopback, with certificates of its own; other programs can use it too.
func ExampleStart() {
	world, err := upgradetest.Start(upgradetest.Options{})
	check(err)
	defer world.Close()
	fmt.Println(strings.HasPrefix(world.Test.URL, "https://127.0.0.1:"))
	_, err = http.Get(world.Test.URL)
	fmt.Println("without its certificate:", err != nil)
	// Output:
	// true
	// without its certificate: true
}

// What a plan does when Azure is off the air.
func ExampleWorld_Part() {
	world := upgradetest.New(upgradetest.Options{PackageSize: 1 << 16, PollInterval: time.Millisecond})
	s, remove := session(world)
	defer remove()
	azure, err := world.Part("azure")
	check(err)
	azure.SetDown(true)
	preview, err := s.Plan(context.Background())
	fmt.Println(preview.Refused, err)
	// Output: [check-azure-access prove-identity] <nil>
}

// The schedule fires in the middle of a test: the machines stop, and take their nodes off the air.
func ExampleWorld_Tick() {
	world := upgradetest.New(upgradetest.Options{})
	fmt.Println("reachable:", world.Test.Reachable())
	world.Tick("stop")
	world.State() // what was queued has happened by now
	fmt.Println("reachable:", world.Test.Reachable())
	// Output:
	// reachable: true
	// reachable: false
}

// The same from outside, for scripts: see the list of what Control answers.
func ExampleWorld_Control() {
	control := upgradetest.New(upgradetest.Options{}).Control()
	for _, call := range []string{"POST /tick?action=stop", "POST /tick?action=pause", "GET /requests?system=azure"} {
		method, target, _ := strings.Cut(call, " ")
		answer := httptest.NewRecorder()
		control.ServeHTTP(answer, httptest.NewRequest(method, target, nil))
		fmt.Println(answer.Code, strings.TrimSpace(answer.Body.String()))
	}
	// Output:
	// 200 "queued"
	// 400 {"error":"action is \"pause\"; it is start or stop"}
	// 200 []
}

// An answer for every question that the plan is known to ask, as a script of a run.
func ExampleAnswers() {
	s, remove := session(upgradetest.New(upgradetest.Options{PackageSize: 1 << 16}))
	defer remove()
	plan, err := s.Definition.Plan()
	check(err)
	script := &runbook.Prepared{How: "answers file", Answers: upgradetest.Answers(plan)}
	fmt.Println("first:", script.Answers[0].Step, "- faults:", len(script.Check(plan)))
	// Output: first: attest-release-notes - faults: 0
}

// A form filled in so that it fits, around what the test is about.
func ExampleFill() {
	ask := runbook.Ask{Kind: runbook.Attestation, Fields: []runbook.Field{
		{Name: "expected", Text: "is something expected to break", OneOf: []string{"no", "yes"}, Required: true},
		{Name: "mitigation", Text: "what mitigates it", When: "expected=yes", Required: true},
	}}
	fmt.Println(upgradetest.Fill(ask, nil))
	fmt.Println(upgradetest.Fill(ask, map[string]string{"expected": "yes", "mitigation": "open port 5061"}))
	// Output:
	// map[expected:no]
	// map[expected:yes mitigation:open port 5061]
}

// The simulator as a program of your own. It serves until its context ends, which here is right away.
func ExampleSimulate() {
	dir, err := os.MkdirTemp("", "sim")
	check(err)
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	var out strings.Builder
	err = upgradetest.Simulate(ctx, []string{"-dir", dir, "-package-size", "65536"}, &out, os.Stderr)
	fmt.Println(strings.HasPrefix(out.String(), "configuration "+filepath.Join(dir, "upgrade.yaml")), err)
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	for _, f := range files {
		fmt.Println(filepath.Base(f), err)
	}
	// Output:
	// true <nil>
	// answers-production.yaml <nil>
	// answers-test.yaml <nil>
	// upgrade.yaml <nil>
}
