package policy_test

import (
	"encoding/json"
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/policy"
)

// Nodes, files and people write versions differently; read, they compare.
func ExampleParseVersion() {
	for _, text := range []string{"38 (81931.0.0)", "v39.1", "39.1.0 (83067)", "39.x"} {
		v, err := policy.ParseVersion(text)
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Printf("%s, release %s, build %q\n", v, v.Release(), v.Build)
	}
	// Output:
	// 38 (81931.0.0), release 38, build "81931.0.0"
	// 39.1, release 39.1, build ""
	// 39.1 (83067.0.0), release 39.1, build "83067.0.0"
	// error: "39.x" is not a version: expected a form like 39.1 or 39.1 (83067.0.0)
}

// The build in the name of a file, Pexip_Infinity_v39.1_UPGRADE_83067.tar, is the one that a node prints with more parts.
func ExampleParseBuild() {
	inName, err := policy.ParseBuild("83067")
	fmt.Println(inName, err)
	onNode, err := policy.ParseBuild("83067.0.0")
	fmt.Println(onNode == inName, err)
	// Output:
	// 83067.0.0 <nil>
	// true <nil>
}

// Only known builds prove that two nodes run the same software.
func ExampleVersion_SameSoftware() {
	node, _ := policy.ParseVersion("39.1 (83067.0.0)")
	wanted, _ := policy.ParseVersion("39.1")
	fmt.Println(node.SameRelease(wanted), node.BuildsKnown(wanted), node.SameSoftware(wanted))
	wanted, err := wanted.WithBuild("83067")
	fmt.Println(node.SameRelease(wanted), node.BuildsKnown(wanted), node.SameSoftware(wanted), err)
	// Output:
	// true false false
	// true true true <nil>
}

func ExampleVersion_Compare() {
	installed, _ := policy.ParseVersion("39 (82000)")
	target, _ := policy.ParseVersion("39.1 (83067)")
	fmt.Println("the target is newer:", target.Compare(installed) > 0)
	// Output: the target is newer: true
}

// In JSON a version is the text that nodes print.
func ExampleVersion_MarshalText() {
	raw, err := json.Marshal(map[string]policy.Version{"target": {Major: 39, Minor: 1, Build: "83067.0.0"}})
	fmt.Println(string(raw), err)
	var read map[string]policy.Version
	err = json.Unmarshal(raw, &read)
	fmt.Println(read["target"].Release(), err)
	// Output:
	// {"target":"39.1 (83067.0.0)"} <nil>
	// 39.1 <nil>
}

// A range that was left out holds every release.
func ExampleRange() {
	var every policy.Range
	next, err := policy.ParseRange("=  39.1")
	fmt.Println(every, every.All(), "-", next, next.All(), err)
	// Output: any true - = 39.1 false <nil>
}

// Paths that the team has read in release notes stand beside the known one.
func ExampleKnownHops() {
	hops := append(policy.KnownHops(), policy.Hop{Target: *must("40"), OldestSource: *must("38"), Source: "v40 release notes, read on 2027-01-11"})
	findings := policy.CheckPromotion(policy.Proposal{Environment: policy.Test, Hops: hops,
		Test: must("37 (80000)"), Production: must("37 (80000)"), Target: must("40 (90000)")})
	for _, f := range findings {
		if f.Rule == policy.RuleHop {
			fmt.Println(f.Status, f.Detail, "-", f.Source)
		}
	}
	// Output: fail 40 accepts 38 or later; installed is 37 (80000.0.0) - v40 release notes, read on 2027-01-11
}

// Every node must report the release and the build that were meant.
func ExampleCheckReported() {
	findings := policy.CheckReported(*must("39.1 (83067)"), []policy.NodeVersion{
		{Node: "mgr", Version: "39.1 (83067.0.0)"},
		{Node: "conf1", Version: "39.1 (83011.0.0)"},
	})
	for _, f := range findings.Blocking() {
		fmt.Println(f.Detail)
		fmt.Println(f.Remedy)
	}
	// Output:
	// "conf1" reports 39.1 (83011.0.0), expected 39.1 (83067.0.0)
	// wait until its upgrade is over; if it stays so for an hour, contact Pexip support and do not reboot it
}
