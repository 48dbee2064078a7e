package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// rehearsal is a session against simulated systems; with real ones only the file is another.
func rehearsal(o upgradetest.Options, asker runbook.Asker) (*upgrade.Session, func()) {
	dir, err := os.MkdirTemp("", "rehearsal")
	check(err)
	o.PackageSize = 1 << 20
	world, err := upgradetest.Start(o)
	check(err)
	file, err := world.WriteConfig(dir)
	check(err)
	cfg, err := upgrade.LoadConfig(file)
	check(err)
	session, err := upgrade.Open(context.Background(), cfg, upgrade.SessionOptions{Environment: policy.Test, Actor: "ann@laptop", Asker: asker})
	check(err)
	return session, func() { world.Close(); os.RemoveAll(dir) }
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A plan reads the real systems and changes nothing. Here the lists of VMs are swapped.
func ExampleSession_Plan() {
	session, closeWorld := rehearsal(upgradetest.Options{Swapped: true}, nil)
	defer closeWorld()
	preview, err := session.Plan(context.Background())
	check(err)
	fmt.Println(preview.Plan.Name, "of", preview.Plan.Environment, "refused by", preview.Refused)
	// Output: Pexip Infinity upgrade of test refused by [prove-identity]
}

// A run without anybody to answer stops where a person is needed, with nothing changed yet; it goes on
// once the answers are there, in this process or in another one.
func ExampleSession_Resume() {
	session, closeWorld := rehearsal(upgradetest.Options{}, nil)
	defer closeWorld()
	_, err := session.Run(context.Background())
	var waiting *runbook.WaitingError
	if !errors.As(err, &waiting) {
		log.Fatal(err)
	}
	fmt.Println("waits at", waiting.Question.Step, "with exit code", upgrade.ExitCode(nil, err), "and", len(waiting.Owed), "things owed")

	session.Runner.Asker = upgradetest.People{} // everybody is back at their desks
	result, err := session.Resume(context.Background(), "", "answers are there")
	check(err)
	fmt.Println(result.State.End.Outcome, "with", len(result.State.Owed), "things owed")
	// Output:
	// waits at attest-release-notes with exit code 4 and 0 things owed
	// completed with 0 things owed
}

// Settle puts back what a run changed and ends it, from any program that has its journal.
func ExampleSession_Settle() {
	session, closeWorld := rehearsal(upgradetest.Options{}, nil)
	defer closeWorld()
	if _, err := session.Run(context.Background()); err == nil {
		log.Fatal("nobody was there to approve")
	}
	result, err := session.Settle(context.Background(), "", "the window is over")
	check(err)
	fmt.Println(result.State.End.Outcome+":", result.State.End.Reason)
	// Output: aborted: the window is over
}
