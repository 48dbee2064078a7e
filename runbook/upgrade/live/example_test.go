package live_test

import (
	"context"
	"log"
	"os"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/live"
)

// A session that is drawn on a terminal, and asks there.
func ExampleNew() {
	cfg, err := upgrade.LoadConfig("upgrade.yaml")
	check(err)
	session, err := upgrade.Open(context.Background(), cfg, upgrade.SessionOptions{Environment: "test"})
	check(err)
	plan, err := session.Definition.Plan()
	check(err)
	view := live.New(live.Config{Out: os.Stdout, Plan: plan})
	defer view.Close()
	session.Runner.Observer, session.Runner.Asker = view.Observe, view.Asker(session.Runner.Asker)
	_, err = session.Run(context.Background())
	check(err)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
