package upgrade_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// whenAsked is a person who, when asked for the call, first has something happen.
type whenAsked struct {
	t  *testing.T
	do func()
}

func (p whenAsked) Ask(ctx context.Context, q runbook.Question) (runbook.Answer, error) {
	if q.Step == "attest-bcsc-call" && q.Ask.Kind == runbook.Attestation {
		p.do()
	}
	return upgradetest.People{}.Ask(ctx, q)
}

// aHistory is what the Management Node says about calls that have just been made.
func (s *stage) aHistory(t *testing.T, rows ...string) {
	t.Helper()
	must(t, s.Test.Inject(pexiptest.Fault{Kind: pexiptest.Answer, Path: "/history/", Status: 200, Times: -1,
		Body: `{"meta":{"next":null},"objects":[` + strings.Join(rows, ",") + `]}`}))
}

func callRow(id, node string) string {
	at := time.Now().UTC().Format("2006-01-02T15:04:05")
	return fmt.Sprintf(`{"call_uuid":%q,"call_direction":"in","local_alias":"vbv","media_node":%q,"start_time":%q,"end_time":%q}`, id, node, at, at)
}

// A call on a node that does not run the target proves nothing; one whose node is not named counts, and it is said
// that the node is not known (VER-3, POL-4a).
func TestCallsOnOtherNodes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		rows      func(old string) []string
		deviation string
		counts    []bool
	}{
		"old only":        {func(old string) []string { return []string{callRow("c1", old)} }, "saw no call on an upgraded node", []bool{false}},
		"and one nowhere": {func(old string) []string { return []string{callRow("c1", old), callRow("c2", "")} }, "", []bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, upgradetest.Options{NoCall: true})
			node := s.Test.State().Nodes[1]
			state := run(t, s.open(t, policy.Test, whenAsked{t, func() {
				must(t, s.Test.SetVersion(node.Name, "38.1 (81931.0.0)"))
				s.aHistory(t, want.rows(node.Address)...)
			}}))
			st := state.Step("attest-bcsc-call")
			var proof struct {
				Corroborated bool
				Values       map[string]string
				Calls        []struct {
					ID, Alias, NodeName, Runs string
					Counts                    bool
				}
			}
			must(t, json.Unmarshal(st.Output, &proof))
			var counts []bool
			for _, c := range proof.Calls {
				counts = append(counts, c.Counts)
			}
			if deviations := strings.Join(st.Deviations, "\n"); !strings.Contains(deviations, want.deviation) || (deviations == "") != proof.Corroborated {
				t.Errorf("corroborated %t, deviations %q", proof.Corroborated, deviations)
			}
			if fmt.Sprint(counts) != fmt.Sprint(want.counts) || proof.Values["taken-by"] == "" {
				t.Errorf("%+v", proof)
			}
			if last := proof.Calls[len(proof.Calls)-1]; last.NodeName != node.Name || last.Runs != "38.1 (81931.0.0)" || last.Alias != "vbv" {
				t.Errorf("%+v", last)
			}
		})
	}
}

// What an upgrade of Test needed, and the document that says so, is put to whoever upgrades Production, also where only
// the evidence is at hand, and stands in the promise (POL-3, POL-1).
func TestMitigationsReachProduction(t *testing.T) {
	t.Parallel()
	s := newStage(t, upgradetest.Options{})
	must(t, os.WriteFile(filepath.Join(s.dir, "ports.md"), []byte("port 5061"), 0o600))
	answers := filepath.Join(s.dir, "answers.yaml")
	must(t, os.WriteFile(answers, []byte(`answers:
  - step: attest-breaking-changes
    statement: agreed
    values: {expected: "yes", mitigation: open port 5061}
    files: {document: ports.md}
`), 0o600))
	prepared, err := upgrade.LoadAnswers(answers)
	must(t, err)
	r, err := s.open(t, policy.Test, runbook.Askers{prepared, upgradetest.People{}}).Run(t.Context())
	must(t, err)
	var promise policy.Promise
	must(t, json.Unmarshal(r.State.Step("close-run").Output, &promise))
	if len(promise.Mitigations) != 1 || promise.Mitigations[0].Text != "open port 5061" {
		t.Errorf("%+v", promise)
	}
	files := r.State.Step("attest-breaking-changes").Answers[0].Attached
	if len(files) != 1 || files[0].Was != "ports.md" {
		t.Fatalf("%+v", files)
	}
	dir := filepath.Dir(r.Evidence)
	s.elsewhere(t, dir)
	plan, err := s.open(t, policy.Production, nil).Definition.Plan()
	must(t, err)
	var asked *runbook.Ask
	for _, step := range plan.Steps {
		if step.Title == "Apply Test's mitigation to Production: open port 5061" {
			asked = step.Ask
		}
	}
	if asked == nil || !strings.Contains(asked.Text, "Test's document (run test-0001): "+files[0].Name) {
		t.Errorf("%+v", asked)
	}
	must(t, os.Remove(filepath.Join(dir, files[0].Name)))
	s.wantProductionRefused(t, files[0].Name)
}
