package upgrade

import (
	"fmt"
	"os"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// policyFiles are what the team's own files say about the pathway.
type policyFiles struct {
	waivers  []policy.Waiver
	risks    policy.Risks
	promises []policy.Promise // nil: they are not kept in a file
}

// readPolicies reads the files that the configuration names. All faults are reported together, as
// *ConfigError with file and line.
func (c *Config) readPolicies() (f policyFiles, err error) {
	var problems []Problem
	note := func(p *Problem) {
		if p != nil {
			problems = append(problems, *p)
		}
	}
	note(readPolicyFile("policy.waivers", c.Policy.Waivers, policy.ParseWaivers, &f.waivers))
	note(readPolicyFile("policy.risks", c.Policy.Risks, policy.ParseRisks, &f.risks))
	note(readPolicyFile("policy.promises", c.Policy.Promises, policy.ParsePromises, &f.promises))
	if len(problems) > 0 {
		return policyFiles{}, newConfigError(c.File, problems)
	}
	return f, nil
}

func readPolicyFile[T any](key, path string, parse func([]byte) (T, error), into *T) *Problem {
	if path == "" {
		return nil
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		*into, err = parse(raw)
	} else {
		err = withoutPath(err)
	}
	if err != nil {
		return &Problem{Path: key, Message: fmt.Sprintf("%s: %v", path, err)}
	}
	return nil
}
