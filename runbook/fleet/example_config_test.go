package fleet_test

import (
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/runbook/fleet"
)

// Every fault of the configuration is told at once, before anything is connected.
func ExampleNew() {
	_, err := fleet.New(fleet.Config{Actor: "worker@host", Workers: -1})
	fmt.Println(err)
	// Output:
	// fleet: no database given
	// fleet: the store of journals does not know who is alive: it needs the method Lock
	// fleet: workers, total and attempts must be positive, attempts at most 30000
}
