package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"policycheck": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "decision": decision, "digest": digest}})
}

// code N COMMAND … runs a command that must end with that exit code.
func code(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("%s ended with %d, not %s", args[1], got, args[0])
	}
}

// decision OUTCOME checks that the output is a decision of that outcome as JSON.
func decision(ts *testscript.TestScript, _ bool, args []string) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.DisallowUnknownFields()
	var got policy.Decision
	ts.Check(d.Decode(&got))
	if string(got.Outcome) != args[0] || got.Schema != policy.DecisionSchema || len(got.Findings) == 0 {
		ts.Fatalf("outcome %s, schema %d, %d findings", got.Outcome, got.Schema, len(got.Findings))
	}
}

// digest FILE TEXT puts the digest of a risk's text in the place of DIGEST in a file.
func digest(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.ReplaceAll(ts.ReadFile(args[0]), "DIGEST", policy.Risk{Text: args[1]}.Digest())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// world serves the two Management Nodes and returns a configuration for them.
func world(t *testing.T, o upgradetest.Options) (*upgradetest.World, string) {
	t.Helper()
	w, err := upgradetest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	config, err := w.WriteConfig(filepath.Join(t.TempDir(), "sim"))
	if err != nil {
		t.Fatal(err)
	}
	return w, config
}

func check(t *testing.T, args ...string) (exit int, d policy.Decision, errText string) {
	t.Helper()
	var out, errOut bytes.Buffer
	exit = run(context.Background(), append(args, "-output", "json"), time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), &out, &errOut)
	if exit == exitInput {
		return exit, d, errOut.String()
	}
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), errOut.String())
	}
	return exit, d, errOut.String()
}

func TestLiveVersionsAreReadOnly(t *testing.T) {
	w, config := world(t, upgradetest.Options{PackageSize: 1 << 20, TestVersion: "39 (82000.0.0)", ProductionVersion: "38.1 (81950.0.0)"})
	exit, d, errText := check(t, "-environment", "test", "-config", config)
	if d.Test == nil || d.Test.String() != "39 (82000.0.0)" || d.Production == nil || d.Production.String() != "38.1 (81950.0.0)" || errText != "" {
		t.Errorf("exit %d, %v, %v\n%s", exit, d.Test, d.Production, errText)
	}
	for _, r := range w.Requests() {
		if r.Method != "GET" && r.Method != "OPTIONS" && !strings.HasSuffix(r.URL, "/oauth/token/") {
			t.Errorf("%s received %s %s", r.System, r.Method, r.URL)
		}
	}
}

func TestFlagsGoBeforeTheNodes(t *testing.T) {
	w, config := world(t, upgradetest.Options{PackageSize: 1 << 20})
	before := len(w.Requests())
	_, d, _ := check(t, "-environment", "production", "-config", config, "-test", "39.1 (83067)", "-production", "39 (82000)", "-target", "39.2 (84000)")
	if got := []string{d.Test.String(), d.Production.String(), d.Target.String()}; !cmp.Equal(got, []string{"39.1 (83067.0.0)", "39 (82000.0.0)", "39.2 (84000.0.0)"}) {
		t.Error(got)
	}
	if len(w.Requests()) != before {
		t.Error("the nodes were asked")
	}
}

func TestNodeThatDoesNotAnswerIsUnknown(t *testing.T) {
	w, config := world(t, upgradetest.Options{PackageSize: 1 << 20})
	w.Close()
	exit, d, errText := check(t, "-environment", "test", "-config", config, "-production", "38 (81931)")
	if exit != 3 || d.Test != nil || d.Production == nil || !strings.Contains(errText, "warning: the version of test is unknown") {
		t.Errorf("exit %d, %v, %v\n%s", exit, d.Test, d.Production, errText)
	}
}

// rewrite changes a configuration file.
func rewrite(t *testing.T, config, old, replacement string) {
	t.Helper()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("the configuration has no %q", old)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(text), old, replacement, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestConfiguredWindowCounts(t *testing.T) {
	_, config := world(t, upgradetest.Options{PackageSize: 1 << 20})
	rewrite(t, config, "\nwindow:\n", "\nwindow:\n  change_window: {from: '23:00', to: '03:00', days: [Sun], time_zone: UTC}\n")
	exit, d, errText := check(t, "-environment", "test", "-config", config, "-test", "39 (82000)", "-production", "39 (82000)")
	i := slices.IndexFunc(d.Findings, func(f policy.Finding) bool { return f.Rule == policy.RuleTimeBudget })
	if exit != 4 || i < 0 || !strings.Contains(d.Findings[i].Detail, "opens at Sun 2026-11-29 23:00 UTC") {
		t.Errorf("exit %d, %s\n%s", exit, d.Findings.Text(), errText)
	}
}

// What the configuration names counts as in a run, unless a flag says otherwise.
func TestFilesOfTheConfigurationCount(t *testing.T) {
	_, config := world(t, upgradetest.Options{PackageSize: 1 << 20})
	rewrite(t, config, "\nwindow:\n", "\nwindow:\n  calendar: windows.yaml\n")
	rewrite(t, config, "\npolicy:\n", "\npolicy:\n  promises: promises.yaml\n")
	in := func(name, text string) string {
		path := filepath.Join(filepath.Dir(config), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	in("windows.yaml", "version: 1\ntime_zone: UTC\ndeny:\n  - {first: 2026-11-25, last: 2026-11-27, from: 00:00, to: 24:00, reason: the days of the fair}\n")
	in("promises.yaml", "version: 1\npromises:\n  - {target: 39 (82000), opened: 2026-09-01, earliest: 2026-09-08, latest: 2026-10-01}\n")
	args := []string{"-environment", "test", "-config", config, "-test", "39 (82000)", "-production", "38.1 (81931)"}
	blocking := func(args ...string) (rules []string) {
		_, d, errText := check(t, args...)
		for _, f := range d.Findings.Blocking() {
			rules = append(rules, f.Rule)
		}
		if errText != "" {
			t.Error(errText)
		}
		return rules
	}
	if got := blocking(args...); !slices.Equal(got, []string{policy.RulePromise, policy.RuleTimeBudget}) {
		t.Error(got)
	}
	flags := []string{"-promises", in("none.yaml", "version: 1\n"), "-windows", in("any.yaml", "version: 1\ntime_zone: UTC\n")}
	if got := blocking(append(args, flags...)...); got != nil {
		t.Error(got)
	}
}

// POL-4: as in a run, Production relies on the evidence of Test. Looking for it leaves no trace.
func TestProductionReliesOnTheEvidenceOfTest(t *testing.T) {
	_, config := world(t, upgradetest.Options{PackageSize: 1 << 20})
	args := []string{"-environment", "production", "-config", config, "-test", "39.1 (83067)", "-production", "38.1 (81931)"}
	want := func(exit int, rule, detail string) {
		t.Helper()
		got, d, errText := check(t, args...)
		if got != exit || len(d.Findings.Blocking()) != 1 || d.Findings.Blocking()[0].Rule != rule || !strings.Contains(d.Findings.Blocking()[0].Detail, detail) {
			t.Errorf("exit %d\n%s%s", got, d.Findings.Text(), errText)
		}
	}
	want(4, policy.RuleTestRun, "no completed upgrade of Test to 39.1 (83067.0.0) is on record")
	if _, err := os.Stat(filepath.Join(filepath.Dir(config), "state")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder for journals was made: %v", err)
	}
	if err := os.Mkdir(filepath.Join(filepath.Dir(config), "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	want(4, policy.RuleTestRun, "no completed upgrade of Test")
	rewrite(t, config, "\n  production:\n", "\n  production:\n    test_evidence: evidence\n")
	want(3, policy.RuleTestRunSound, "is not sound")
}

func TestFaultyConfigurationIsWrongInput(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(config string)
		want   string
	}{
		{"unknown key", func(config string) { rewrite(t, config, "\nwindow:\n", "\nwindow:\n  hours: 1\n") }, "window.hours: unknown key"},
		{"a faulty file", func(config string) {
			rewrite(t, config, "\npolicy:\n", "\npolicy:\n  waivers: nothing.yaml\n")
		}, "policy.waivers: "},
		{"no secret", func(config string) {
			if err := os.Remove(filepath.Join(filepath.Dir(config), "devops.pat")); err != nil {
				t.Fatal(err)
			}
		}, "devops.pat"},
		{"no certificate", func(config string) {
			if err := os.Remove(filepath.Join(filepath.Dir(config), "ca-test.pem")); err != nil {
				t.Fatal(err)
			}
		}, "ca-test.pem"},
	} {
		_, config := world(t, upgradetest.Options{PackageSize: 1 << 20})
		c.change(config)
		if exit, _, errText := check(t, "-environment", "test", "-config", config); exit != exitInput || !strings.Contains(errText, c.want) {
			t.Errorf("%s: exit %d, %s", c.name, exit, errText)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestOutputThatCannotBeWritten(t *testing.T) {
	for output := range writers {
		var errOut bytes.Buffer
		exit := run(context.Background(), []string{"-environment", "test", "-target", "39.1", "-output", output}, time.Now(), full{}, &errOut)
		if exit != exitFailed || !strings.Contains(errOut.String(), "no space left") {
			t.Errorf("%s: exit %d, %s", output, exit, errOut.String())
		}
	}
}

// commandForm is what the agent takes for a command.
var commandForm = regexp.MustCompile(`(?i)##(vso)?\[`)

// What others wrote must not reach the agent of a pipeline as a command.
func TestNothingForeignIsACommand(t *testing.T) {
	const evil = "x]\r\n##vso[task.setvariable variable=a]b ###VSO[task.complete]; ##[error]100%"
	d := policy.Decision{Outcome: policy.NeedsConsent, Findings: policy.Findings{
		{Clause: "POL-1;b]", Rule: "r", Class: policy.Should, Status: policy.Fail, Detail: evil, Remedy: evil},
		{Clause: "POL-2", Rule: "r", Class: policy.Advice, Status: policy.Fail, Detail: evil}},
		WaiversUsed:    []policy.Waiver{{ID: evil, Reason: evil}},
		WaiversRefused: []policy.RefusedWaiver{{ID: evil, Reasons: []string{evil}}}}
	var out bytes.Buffer
	if err := writeADO(&out, d); err != nil {
		t.Fatal(err)
	}
	var commands []string
	for line := range strings.Lines(out.String()) {
		if commandForm.MatchString(line) {
			name, _, _ := strings.Cut(line, " ")
			commands = append(commands, strings.TrimSpace(name))
			if n := len(commandForm.FindAllString(line, -1)); n != 1 {
				t.Errorf("%d commands in %q", n, line)
			}
		}
	}
	want := []string{"##[group]Policy:", "##[endgroup]", "##vso[task.logissue", "##vso[task.logissue", "##vso[task.logissue", "##vso[task.complete"}
	if diff := cmp.Diff(want, commands); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(out.String(), "##vso[task.logissue type=error;code=POL-1%3Bb%5D]POL-1;b] r fail: x]%0D%0A## vso[task.setvariable") || !strings.Contains(out.String(), "100%AZP25") {
		t.Errorf("%s", out.String())
	}
}
