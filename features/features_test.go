package features_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cucumber/godog"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

func TestMain(m *testing.M) {
	flag.String("godog.tags", os.Getenv("GODOG_TAGS"), "which scenarios to run, for example @UPG-3 or '@Production && ~@POL-1a'")
	flag.String("godog.format", "progress", "pretty, progress, cucumber, junit; NAME:FILE writes to a file, commas separate several")
	flag.Parse()
	debug.SetGCPercent(400) // many small worlds come and go: a fifth less to do
	os.Exit(m.Run())
}

func given(name string) string { return flag.Lookup(name).Value.String() }

// TestFeatures runs the scenarios. gock is global, hence one at a time; the order is random, so that
// none can lean on another.
func TestFeatures(t *testing.T) {
	t.Setenv("PATH", "") // whether this machine can be kept awake is no matter of the document, and costs two processes a run
	tags := given("godog.tags")
	if err := knownTags(tags, parse(t)); err != nil {
		t.Fatal(err)
	}
	var ran atomic.Int32
	suite := godog.TestSuite{
		ScenarioInitializer: func(sc *godog.ScenarioContext) {
			sc.Before(func(ctx context.Context, _ *godog.Scenario) (context.Context, error) {
				ran.Add(1)
				return ctx, nil
			})
			initialize(sc)
		},
		Options: &godog.Options{Strict: true, Randomize: -1, Concurrency: 1, Paths: []string{"."}, Tags: tags,
			Format: given("godog.format"), NoColors: true, TestingT: t},
	}
	if suite.Run() != 0 {
		t.Error("there are scenarios that fail, or steps that are not defined")
	}
	if ran.Load() == 0 {
		t.Errorf("no scenario was run: the tags %q select none (godog writes \"not\" as ~, \"and\" as &&, \"or\" as a comma)", tags)
	}
}

// knownTags refuses an expression with a tag that no scenario has: it would select nothing, or less
// than was meant, without a word.
func knownTags(expression string, scenarios []scenario) error {
	for _, tag := range regexp.MustCompile(`@[\w-]+`).FindAllString(expression, -1) {
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return slices.Contains(s.tags, tag) }) {
			return fmt.Errorf("no scenario has the tag %s", tag)
		}
	}
	return nil
}

// scenario is what the checks below need of one.
type scenario struct {
	name        string
	tags, steps []string
	whens       int
}

func (s scenario) clauses() []string {
	var ids []string
	form := regexp.MustCompile(`^@([A-Z]+-\d+[a-z]?)$`)
	for _, tag := range s.tags {
		if m := form.FindStringSubmatch(tag); m != nil {
			ids = append(ids, m[1])
		}
	}
	return ids
}

func parse(t *testing.T) []scenario {
	t.Helper()
	features, err := godog.TestSuite{Options: &godog.Options{Paths: []string{"."}}}.RetrieveFeatures()
	if err != nil {
		t.Fatal(err)
	}
	var all []scenario
	for _, f := range features {
		for _, p := range f.Pickles {
			s := scenario{name: f.Uri + ": " + p.Name}
			for _, tag := range p.Tags {
				s.tags = append(s.tags, tag.Name)
			}
			for _, step := range p.Steps {
				s.steps = append(s.steps, step.Text)
				if step.Type == "Action" {
					s.whens++
				}
			}
			all = append(all, s)
		}
	}
	return all
}

// TestClauses holds document, scenarios and process together: every clause has a scenario and a step,
// and every scenario names clauses that exist.
func TestClauses(t *testing.T) {
	scenarios := parse(t)
	shown := map[string]int{}
	for _, s := range scenarios {
		if len(s.clauses()) == 0 {
			t.Errorf("%s: names no clause", s.name)
		}
		if slices.Contains(s.tags, "@Test") == slices.Contains(s.tags, "@Production") {
			t.Errorf("%s: needs one of the tags @Test and @Production", s.name)
		}
		if s.whens != 1 {
			t.Errorf("%s: has %d When, wanted one", s.name, s.whens)
		}
		for _, id := range s.clauses() {
			shown[id]++
			if upgrade.ClauseText(id) == "" {
				t.Errorf("%s: there is no clause %s", s.name, id)
			}
		}
	}
	cited := citedClauses(t)
	for _, c := range upgrade.Clauses {
		if shown[c.ID] == 0 {
			t.Errorf("%s has no scenario: %s", c.ID, c.Text)
		}
		if len(cited[c.ID]) == 0 {
			t.Errorf("%s has no step in the process: %s", c.ID, c.Text)
		}
	}
	t.Logf("%d scenarios for %d clauses: %v", len(scenarios), len(upgrade.Clauses), shown)
}

// citedClauses are the titles of the steps for Test and for Production, by the clauses that they name.
func citedClauses(t *testing.T) map[string][]string {
	t.Helper()
	path, err := upgradetest.New(upgradetest.Options{PackageSize: packageSize}).WriteConfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := upgrade.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	cited := map[string][]string{}
	for _, env := range []policy.Environment{policy.Test, policy.Production} {
		session, err := upgrade.Open(t.Context(), cfg, upgrade.SessionOptions{Environment: env})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range session.Definition.Steps {
			for _, id := range step.Clauses {
				if !slices.Contains(cited[id], step.Title) {
					cited[id] = append(cited[id], step.Title)
				}
			}
		}
	}
	return cited
}

// TestSteps: each sentence of the features fits one definition, and each definition is used.
func TestSteps(t *testing.T) {
	used, forms := map[string]bool{}, map[string]*regexp.Regexp{}
	steps := (&world{}).steps()
	for _, def := range steps {
		forms[def.expr] = regexp.MustCompile(def.expr)
	}
	for _, s := range parse(t) {
		for _, text := range s.steps {
			var fits []string
			for _, def := range steps {
				if forms[def.expr].MatchString(text) {
					fits, used[def.expr] = append(fits, def.expr), true
				}
			}
			if len(fits) != 1 {
				t.Errorf("%s: %q fits %d definitions: %q", s.name, text, len(fits), fits)
			}
		}
	}
	for _, def := range steps {
		if !strings.HasPrefix(def.expr, "^") || !strings.HasSuffix(def.expr, "$") {
			t.Errorf("%s is not anchored", def.expr)
		}
		if !used[def.expr] {
			t.Errorf("%s is not used", def.expr)
		}
	}
}
