package upgrade

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// RefusedError is a gate's refusal: findings that block, at least one of which no answer lifts.
type RefusedError struct {
	Findings policy.Findings
}

func (e *RefusedError) Error() string {
	var b strings.Builder
	for i, f := range e.Findings {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s (%s): %s", f.Clause, f.Rule, f.Detail)
		if f.Remedy != "" {
			fmt.Fprintf(&b, " — %s", f.Remedy)
		}
	}
	return b.String()
}

// judge ends a gate: what nobody may answer for on the spot refuses, what else blocks must be acknowledged by a person;
// all findings are the step's output. Exceptions documented in the configuration count as given (POL-0).
func (p *Process) judge(sc *runbook.StepContext, fs policy.Findings) error {
	fs = fs.Acknowledge(p.cfg.Policy.Acknowledge)
	if sc.Preview {
		if err := sc.Note(noteFindings, fs); err != nil {
			return err
		}
	}
	var refused, doubtful policy.Findings
	for _, f := range fs.Blocking() {
		if refuses(f) {
			refused = append(refused, f)
		} else {
			doubtful = append(doubtful, f)
		}
	}
	if len(refused) > 0 {
		return errors.Join(keep(sc, fs), &RefusedError{Findings: append(refused, doubtful...)})
	}
	sc.Say("%s", summary(fs))
	if len(doubtful) == 0 || sc.Preview {
		return keep(sc, fs)
	}
	return p.acknowledge(sc, fs, doubtful)
}

// refuses: nobody may answer for it on the spot. What only the team's files lift refuses, and so does a soak time that
// is not over: whoever wants Production to follow sooner says so beforehand.
func refuses(f policy.Finding) bool {
	return f.Blocks() && (f.Lift() != policy.LiftAcknowledge || f.Rule == policy.RuleSoak)
}

// acknowledge asks a person to take responsibility for findings that could not be passed.
func (p *Process) acknowledge(sc *runbook.StepContext, fs, doubtful policy.Findings) error {
	a, err := sc.Ask(runbook.Ask{Kind: runbook.Attestation,
		Text: "These findings do not pass. May the upgrade go on in spite of them, and why?\n" + doubtful.Text()})
	if err != nil {
		return err
	}
	fs = slices.Clone(fs)
	for i := range fs {
		if fs[i].Blocks() {
			fs[i].Status = policy.Acknowledged
			fs[i].Detail += fmt.Sprintf("; acknowledged by %s: %s", a.Actor, a.Statement)
		}
	}
	sc.Say("%s", summary(fs))
	return keep(sc, fs)
}

// summary says the findings in one line: those that are not a plain pass, or that all passed.
func summary(fs policy.Findings) string {
	var open []string
	for _, f := range fs {
		if f.Status != policy.Pass {
			open = append(open, fmt.Sprintf("%s %s: %s", f.Clause, word(f), f.Detail))
		}
	}
	if len(open) == 0 {
		return fmt.Sprintf("all %d checks pass", len(fs))
	}
	count := "1 check"
	if len(fs) > 1 {
		count = fmt.Sprintf("%d checks", len(fs))
	}
	return count + ", of which: " + strings.Join(open, "; ")
}

// word is a finding's status for people: advice does not fail.
func word(f policy.Finding) string {
	if f.Class == policy.Advice {
		return string(policy.Advice)
	}
	return string(f.Status)
}

// finding makes a finding of a rule that lives in this package.
func finding(clause, rule string, class policy.Class, ok bool, detail, remedy string) policy.Finding {
	f := policy.Finding{Clause: clause, Rule: rule, Class: class, Status: policy.Pass, Detail: detail, Source: "process document"}
	if !ok {
		f.Status, f.Remedy = policy.Fail, remedy
	}
	return f
}
