package policy

import (
	"fmt"
	"slices"
)

// Environment is one of the two installations.
type Environment string

// The environments.
const (
	Test       Environment = "test"
	Production Environment = "production"
)

// The furthest Test may be ahead of Production.
const (
	MaxMajorsAhead = 1
	MaxMinorsAhead = 2
)

const (
	findOut    = "find out both versions and check again"
	sameRemedy = "give Production the very package that Test runs, or upgrade and verify Test first"
)

// Proposal is an upgrade somebody wants to make. A nil version is one that could not be found out; it makes
// the rules that need it unknown.
type Proposal struct {
	Environment Environment
	Test        *Version // what Test runs now
	Production  *Version // what Production runs now
	Target      *Version // release and build of the package

	// Releases are all releases Pexip has published between Production's and the target's, both included,
	// in any order. They are needed only to count minor versions across a major one.
	Releases []Version

	// Hops are the direct upgrade paths, the first for a target counts. Nil: KnownHops.
	Hops []Hop
}

// CheckPromotion judges a proposal by the promotion pathway (POL-1a, POL-1b, POL-5) and by Pexip's own
// limits: no downgrade, no upgrade to what already runs, and only along a direct path.
func CheckPromotion(p Proposal) Findings {
	if p.Environment != Test && p.Environment != Production {
		return Findings{found(RuleEnvironment, Fail, fmt.Sprintf("%q is not an environment", clip(string(p.Environment))), "name test or production")}
	}
	test, production, source := p.after()
	fs := Findings{checkMajor(test, production), checkMinor(test, production, p.Releases)}
	if p.Environment == Production {
		fs = append(fs, checkSameAsTest(p.Test, p.Target))
		fs = append(fs, checkSameBuild(p.Test, p.Target)...)
	}
	fs = append(fs, checkNoDowngrade(source, p.Target), checkNoNoOp(source, p.Target), p.checkHop(source))
	return append(fs, checkOutage(source, p.Target)...)
}

// after returns what both environments would run once the upgrade is done, and what the one upgraded runs now; all
// are unknown when it is not known which one that is.
func (p Proposal) after() (test, production, source *Version) {
	switch p.Environment {
	case Test:
		return p.Target, p.Production, p.Test
	case Production:
		return p.Test, p.Target, p.Production
	}
	return nil, nil, nil
}

func checkMajor(test, production *Version) Finding {
	if test == nil || production == nil {
		return found(RuleMajor, Unknown, pair("Test", test, "Production", production), findOut)
	}
	ahead := test.Major - production.Major
	detail := fmt.Sprintf("afterwards %s: %s", pair("Test", test, "Production", production), majorsAhead(ahead))
	if ahead > MaxMajorsAhead {
		return found(RuleMajor, Fail, detail, "choose an older target, or upgrade Production first; otherwise a documented exception is needed")
	}
	return found(RuleMajor, Pass, detail, "")
}

func majorsAhead(n int) string {
	if n <= 0 {
		return "Test is no major version ahead"
	}
	return fmt.Sprintf("Test is %d major version(s) ahead, %d allowed", n, MaxMajorsAhead)
}

func checkMinor(test, production *Version, releases []Version) Finding {
	if test == nil || production == nil {
		return found(RuleMinor, Unknown, pair("Test", test, "Production", production), findOut)
	}
	who := "afterwards " + pair("Test", test, "Production", production)
	if test.Compare(*production) <= 0 {
		return found(RuleMinor, Pass, who+": Test is not ahead", "")
	}
	if test.Major == production.Major {
		return minorsAhead(who, test.Minor-production.Minor, "")
	}
	return checkMinorAcrossMajor(who, *test, *production, releases)
}

func checkMinorAcrossMajor(who string, test, production Version, releases []Version) Finding {
	if steps, ok := countReleases(production, test, releases); ok {
		return minorsAhead(who, steps, " (releases counted, a new major as one)")
	}
	least := test.Major - production.Major + test.Minor // each major one, then the minors of Test's
	if least > MaxMinorsAhead {
		return minorsAhead(who, least, " at least (each new major as one)")
	}
	detail := fmt.Sprintf("%s: Test is %d minor version(s) ahead at least, %d allowed; across a major version they cannot be counted without a list of releases that contains both", who, least, MaxMinorsAhead)
	return found(RuleMinor, Unknown, detail, "list all releases from Production's to the target's under policy.releases, or acknowledge this rule with a reason")
}

func minorsAhead(who string, n int, how string) Finding {
	detail := fmt.Sprintf("%s: Test is %d minor version(s) ahead%s, %d allowed", who, n, how, MaxMinorsAhead)
	if n > MaxMinorsAhead {
		return found(RuleMinor, Fail, detail, "choose an older target, upgrade Production first, or acknowledge this rule with a reason")
	}
	return found(RuleMinor, Pass, detail, "")
}

// countReleases counts the distinct major.minor releases after from up to and including to. It is not ok
// when the list lacks one of the two ends, and so may lack others.
func countReleases(from, to Version, releases []Version) (steps int, ok bool) {
	minor := func(v Version) Version { return Version{Major: v.Major, Minor: v.Minor} }
	from, to = minor(from), minor(to)
	list := make([]Version, len(releases))
	for i, v := range releases {
		list[i] = minor(v)
	}
	slices.SortFunc(list, Version.Compare)
	list = slices.Compact(list)
	first, okFirst := slices.BinarySearchFunc(list, from, Version.Compare)
	last, okLast := slices.BinarySearchFunc(list, to, Version.Compare)
	return last - first, okFirst && okLast
}

func checkSameAsTest(test, target *Version) Finding {
	detail := pair("Test", test, "target", target)
	switch {
	case test == nil || target == nil:
		return found(RuleSameAsTest, Unknown, detail, findOut)
	case !test.SameRelease(*target):
		return found(RuleSameAsTest, Fail, detail+": different releases", sameRemedy)
	}
	return found(RuleSameAsTest, Pass, detail, "")
}

// checkSameBuild proves that one release means one software. Different releases are for checkSameAsTest to
// judge, which may be waived; this may not.
func checkSameBuild(test, target *Version) Findings {
	detail := pair("Test", test, "target", target)
	switch {
	case test == nil || target == nil:
		return Findings{found(RuleSameBuild, Unknown, detail, findOut)}
	case !test.SameRelease(*target):
		return nil
	case !test.BuildsKnown(*target):
		return Findings{found(RuleSameBuild, Unknown, detail+": a build is not known", "find out both builds: the release alone does not prove the same software")}
	case !test.SameSoftware(*target):
		return Findings{found(RuleSameBuild, Fail, detail+": same release, different builds", sameRemedy)}
	}
	return Findings{found(RuleSameBuild, Pass, detail, "")}
}

func checkNoDowngrade(source, target *Version) Finding {
	detail := pair("installed", source, "target", target)
	if source == nil || target == nil {
		return found(RuleNoDowngrade, Unknown, detail, findOut)
	}
	order := target.Compare(*source)
	if order == 0 && source.BuildsKnown(*target) {
		order = target.compareBuild(*source)
	}
	if order < 0 {
		return found(RuleNoDowngrade, Fail, detail+": the target is older", "choose a newer package: Pexip Infinity offers no downgrade")
	}
	return found(RuleNoDowngrade, Pass, detail, "")
}

func checkNoNoOp(source, target *Version) Finding {
	detail := pair("installed", source, "target", target)
	switch {
	case source == nil || target == nil:
		return found(RuleNoNoOp, Unknown, detail, findOut)
	case source.SameRelease(*target) && source.SameSoftware(*target):
		return found(RuleNoNoOp, Fail, detail+": already installed", "nothing to do; after a partial upgrade continue that run instead")
	case source.SameRelease(*target) && !source.BuildsKnown(*target):
		return found(RuleNoNoOp, Unknown, detail+": same release and a build is not known", "find out both builds and check again")
	case source.SameSoftware(*target):
		return found(RuleNoNoOp, Unknown, detail+": one build under two release numbers", "correct the version or the build of the package")
	}
	return found(RuleNoNoOp, Pass, detail, "")
}

// checkOutage warns where Pexip says that no Conferencing Node works until all are done.
func checkOutage(source, target *Version) Findings {
	if source == nil || target == nil || source.Major >= 39 || target.Major < 39 {
		return nil
	}
	return Findings{found(RuleOutage, Fail, fmt.Sprintf("from %s no Conferencing Node is available until all have been upgraded", source.Release()),
		"plan the window as a full outage")}
}

func pair(nameA string, a *Version, nameB string, b *Version) string {
	return fmt.Sprintf("%s %s, %s %s", nameA, shown(a), nameB, shown(b))
}

func shown(v *Version) string {
	if v == nil {
		return "unknown"
	}
	return v.String()
}
