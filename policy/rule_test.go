package policy_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// row is a rule as the table of the package's documentation shows it.
func row(r policy.Rule) string {
	f := policy.Finding{Rule: r.Name, Class: r.Class, Status: policy.Fail}
	lift := string(f.Lift())
	if r.Waivable && f.Lift() != policy.LiftWaiver {
		lift += "/waiver"
	}
	if lift == "" {
		lift = "-"
	}
	return strings.TrimRight(fmt.Sprintf("//\t%-7s %-20s %-7s %-18s %s", r.Clause, r.Name, r.Class, lift, r.Source), " ")
}

func TestEveryRuleStandsInTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, r := range policy.Rules() {
		if rows = append(rows, row(r)); r.Source == "" || r.Clause == "" {
			t.Errorf("%+v", r)
		}
	}
	if table := strings.Join(rows, "\n"); !strings.Contains(string(text), "\n"+table+"\n") {
		t.Errorf("the table of rules in doc.go should read\n%s", table)
	}
}

func TestRuleClass(t *testing.T) {
	if c, ok := policy.RuleClass(policy.RuleMinor); !ok || c != policy.Should {
		t.Errorf("%s, %v", c, ok)
	}
	if _, ok := policy.RuleClass("nonsense"); ok {
		t.Error("nonsense is a rule")
	}
}
