package command

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

var programs = []Program{Upload, Status, PausePipeline, Backup}

func TestMain(m *testing.M) {
	mains := map[string]func(){}
	for _, p := range programs {
		mains[p.Name] = func() { Main(p) }
	}
	testscript.Main(m, mains)
}

// One test binary is all four programs, because linking four would take longer than the tests do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", Setup: startWorld, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"code": code, "json": wantJSON, "world": world, "noeffects": noEffects, "capture": capture}})
}

// startWorld simulates the systems for a script, whose folder gets their configuration.
func startWorld(env *testscript.Env) error {
	w, err := upgradetest.Start(upgradetest.Options{PackageSize: 9 << 20})
	if err != nil {
		return err
	}
	env.Defer(w.Close)
	env.Values["world"] = w
	_, err = w.WriteConfig(env.WorkDir)
	return err
}

// code N PROGRAM … runs a program in this process, with the script's configuration; it must end with
// that exit code.
func code(ts *testscript.TestScript, _ bool, args []string) {
	i := slices.IndexFunc(programs, func(p Program) bool { return p.Name == args[1] })
	got := programs[i].main(context.Background(), append([]string{"-config", ts.MkAbs("upgrade.yaml")}, args[2:]...), ts.Stdout(), ts.Stderr())
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s ended with %d, not %s", args[1], got, args[0])
	}
}

// json PATH VALUE looks into the result that the last command printed.
func wantJSON(ts *testscript.TestScript, _ bool, args []string) {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for _, key := range strings.Split(args[0], ".") {
		if i, err := strconv.Atoi(key); err == nil {
			v = v.([]any)[i]
		} else {
			v = v.(map[string]any)[key]
		}
	}
	if got := strings.Trim(jsonText(v), `"`); got != args[1] {
		ts.Fatalf("%s is %s, not %s", args[0], got, args[1])
	}
}

func jsonText(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// capture NAME REGEXP sets a variable to what the expression's group matches in stderr.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stderr"))
	if m == nil {
		ts.Fatalf("no match for %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// world VERB … lets something happen in the simulated systems.
func world(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value("world").(*upgradetest.World)
	switch args[0] {
	case "tick": // the pipeline's schedule fires
		w.Tick("stop")
	case "queue": // a colleague queues a run
		w.Pipeline.QueueManual(nil)
	case "pipeline": // what it must be
		if got := w.Pipeline.Document()["queueStatus"]; got != args[1] {
			ts.Fatalf("the pipeline is %v, not %s", got, args[1])
		}
	case "pausedby": // a colleague pauses it
		w.Pipeline.SetQueueStatus("paused", args[1])
	case "off": // all VMs of Test are off
		for _, name := range []string{"vm-node-mgmt-core", "vm-node-conf-core"} {
			w.Azure.SetPower(azurevmtest.VM{ResourceGroup: "rg-vbv-pexip-test", Name: name}, azurevm.Deallocated)
		}
	case "refuse": // the node refuses matching requests, after N of them
		skip, err := strconv.Atoi(args[3])
		ts.Check(err)
		ts.Check(w.Test.Inject(pexiptest.Fault{Kind: pexiptest.Answer, Method: args[1], Path: args[2], Skip: skip, Status: http.StatusForbidden}))
	default:
		ts.Fatalf("world %s?", args[0])
	}
}

// noeffects checks that requests arrived, and that all of them were reads.
func noEffects(ts *testscript.TestScript, _ bool, _ []string) {
	all := ts.Value("world").(*upgradetest.World).Requests()
	for _, r := range all {
		if !r.ReadOnly() && !strings.HasSuffix(r.URL, "/oauth/token/") {
			ts.Fatalf("%s received %s %s", r.System, r.Method, r.URL)
		}
	}
	if len(all) == 0 {
		ts.Fatalf("no request arrived")
	}
}

// Each program has a folder with its main, help with an example, and says its exit codes.
func TestPrograms(t *testing.T) {
	for _, p := range programs {
		var out, errOut strings.Builder
		if got := p.main(t.Context(), []string{"-help"}, &out, &errOut); got != ExitDone || !strings.Contains(errOut.String(), p.Example[:10]) || !strings.Contains(errOut.String(), "Exit codes: 0 done") {
			t.Errorf("%s -help: %d, %s", p.Name, got, errOut.String())
		}
		if found, err := filepath.Glob(filepath.Join("..", "..", p.Name, "main.go")); err != nil || len(found) != 1 {
			t.Errorf("%s has no folder: %v, %v", p.Name, found, err)
		}
		for _, wrong := range [][]string{{"-nonsense"}, {"-output", "xml"}, {"-environment", "staging"}, {"-config", "no-such-file.yaml"}} {
			if got := p.main(t.Context(), wrong, &out, &errOut); got != ExitInput {
				t.Errorf("%s %v: %d", p.Name, wrong, got)
			}
		}
	}
}
