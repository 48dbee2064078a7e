package upgrade

import (
	"context"
	"fmt"
	"os"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// PolicyRequest is everything that the configuration says about an upgrade of an environment: target, rules, the
// team's files, the time it takes and when there is time, for Production also the evidence of Test's upgrade. What
// Test and Production run is for the caller to find out. It reads the files, the evidence and the history, which may
// be nil, and looks at the package; it changes nothing and may be repeated at will. All faults of the files are reported
// together, as *ConfigError; what is wrong with the evidence is for the rules to say.
func (c *Config) PolicyRequest(ctx context.Context, env policy.Environment, h History) (policy.Request, error) {
	target, err := c.Package.Target()
	if err != nil {
		return policy.Request{}, err
	}
	r := policy.Request{Proposal: policy.Proposal{Environment: env, Target: &target, Releases: c.Policy.Releases},
		Acknowledgements: c.Policy.Acknowledge, Soak: c.Policy.Soak, PromiseWithin: c.Policy.Promise,
		Budget: &policy.Budget{Estimate: c.Effort(env).Estimate()}}
	if err := c.readPolicies(&r); err != nil {
		return policy.Request{}, err
	}
	if env == policy.Production {
		r.Evidence, err = c.testEvidence(ctx, h)
	}
	return r, err
}

// Effort is what an upgrade of an environment is estimated from. Without a package its size is unknown.
func (c *Config) Effort(env policy.Environment) policy.Effort {
	e := policy.Effort{Rate: float64(c.Upload.ExpectedRate), Nodes: c.conferencingNodes(env)}
	if info, err := os.Stat(c.Package.File); err == nil {
		e.Size = info.Size()
	}
	return e
}

// conferencingNodes are all VMs but the Management Node's.
func (c *Config) conferencingNodes(env policy.Environment) int {
	own := c.Environment(env)
	if own == nil {
		return 0
	}
	return max(len(own.VMs)-1, 0)
}

// readPolicies reads the team's files that the configuration names.
func (c *Config) readPolicies(r *policy.Request) error {
	var calendar policy.Calendar
	problems := readPolicyFile(nil, "policy.waivers", c.Policy.Waivers, policy.ParseWaivers, &r.Waivers)
	problems = readPolicyFile(problems, "policy.risks", c.Policy.Risks, policy.ParseRisks, &r.Risks)
	problems = readPolicyFile(problems, "policy.promises", c.Policy.Promises, policy.ParsePromises, &r.Promises)
	problems = readPolicyFile(problems, "window.calendar", c.Window.Calendar, policy.ParseCalendar, &calendar)
	problems = append(problems, c.Window.overlaps(calendar)...)
	if len(problems) > 0 {
		return newConfigError(c.File, problems)
	}
	r.Budget.Calendar = c.Window.with(calendar)
	return nil
}

func readPolicyFile[T any](problems []Problem, key, path string, parse func([]byte) (T, error), into *T) []Problem {
	if path == "" {
		return problems
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		*into, err = parse(raw)
	} else {
		err = withoutPath(err)
	}
	if err != nil {
		problems = append(problems, Problem{Path: key, Message: fmt.Sprintf("%s: %v", path, err)})
	}
	return problems
}

// overlaps reports the windows of the calendar that lie in the service hours. One with dates is meant so.
func (w WindowConfig) overlaps(calendar policy.Calendar) []Problem {
	var problems []Problem
	for _, allowed := range calendar.Allow {
		at, ok := w.ServiceHours.Overlap(allowed.Hours)
		if ok && allowed.First == "" && allowed.Last == "" {
			problems = append(problems, Problem{Path: "window.calendar", Message: fmt.Sprintf("%s: %s overlaps the service hours, for example at %s; limit it to days with first and last if it is meant so",
				w.Calendar, allowed, at.In(w.ServiceHours.Zone()).Format("Mon 15:04 MST"))})
		}
	}
	return problems
}

// with adds the change window to those of the calendar.
func (w WindowConfig) with(calendar policy.Calendar) *policy.Calendar {
	if w.ChangeWindow != nil {
		calendar.Allow = append([]policy.Window{{Hours: *w.ChangeWindow}}, calendar.Allow...)
	}
	return &calendar
}
