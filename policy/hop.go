package policy

import (
	"cmp"
	"fmt"
	"slices"
)

// Hop says which installed versions an upgrade package accepts directly.
type Hop struct {
	Target       Version // release of the package
	OldestSource Version // oldest release it upgrades in one step
	Source       string  // where that is written, and when it was read; "": Pexip's notes
}

// KnownHops are the direct paths verified in Pexip's release notes: v39.1 accepts v35.0 or later. Each call
// makes a list of its own, to append to.
func KnownHops() []Hop {
	return []Hop{{Target: Version{Major: 39, Minor: 1}, OldestSource: Version{Major: 35}, Source: fromNotes}}
}

func (p Proposal) checkHop(source *Version) Finding {
	if source == nil || p.Target == nil {
		return found(RuleHop, Unknown, pair("installed", source, "target", p.Target), findOut)
	}
	hops := p.hops()
	i := slices.IndexFunc(hops, func(h Hop) bool { return h.Target.SameRelease(*p.Target) })
	if i < 0 {
		f := found(RuleHop, Unknown, "no direct path to "+p.Target.Release()+" is on record", "read in its release notes from which version it can be installed")
		f.Class = Advice
		return f
	}
	return hops[i].check(*source)
}

func (p Proposal) hops() []Hop {
	if p.Hops == nil {
		return KnownHops()
	}
	return p.Hops
}

func (h Hop) check(source Version) Finding {
	status := Pass
	if source.Compare(h.OldestSource) < 0 {
		status = Fail
	}
	f := found(RuleHop, status, fmt.Sprintf("%s accepts %s or later; installed is %s", h.Target.Release(), h.OldestSource.Release(), source),
		"upgrade to an intermediate version first")
	f.Source = cmp.Or(h.Source, f.Source)
	return f
}
