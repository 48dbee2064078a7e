package upgradetest_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

func Example() {
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "rehearsal")
	check(err)
	defer os.RemoveAll(dir)

	world, err := upgradetest.Start(upgradetest.Options{PackageSize: 1 << 20})
	check(err)
	defer world.Close()
	file, err := world.WriteConfig(dir)
	check(err)
	cfg, err := upgrade.LoadConfig(file)
	check(err)
	session, err := upgrade.Open(context.Background(), cfg, upgrade.SessionOptions{Environment: policy.Test, Asker: upgradetest.People{}})
	check(err)
	result, err := session.Run(context.Background())
	check(err)

	fmt.Println(result.State.Run, result.State.End.Outcome)
	fmt.Println("upgrades started:", world.Test.StartCount())
	for _, o := range result.State.Settled {
		fmt.Println("put back:", o.Kind)
	}
	// Output:
	// test-0001 completed
	// upgrades started: 1
	// put back: power
	// put back: power
	// put back: upgrade-request
	// put back: session-timeout
	// put back: pipeline
}
