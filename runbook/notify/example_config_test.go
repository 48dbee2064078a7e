package notify_test

import (
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/runbook/notify"
)

// What may be told, as a configuration names it.
func ExampleEvents() {
	for _, e := range notify.Events() {
		fmt.Println(e)
	}
	// Output:
	// waiting
	// failed
	// owed
	// ended
}

// Everything that is wrong is told at once, and never the address: whoever knows it may post.
func ExampleConfig_Check() {
	fmt.Println(notify.Config{Kind: "email", URL: "http://hooks.example/secret-path", Events: []notify.Event{"finished"}}.Check())
	// Output:
	// kind is "email"; it is webhook or teams
	// the address must be an absolute https URL (http only to this machine); it is not shown, because it is a secret
	// no event is called "finished"
}
