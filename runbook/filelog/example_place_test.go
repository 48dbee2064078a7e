package filelog_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
)

// Where the system wants the state of a program. Nothing is made there before New.
func ExampleDefaultRoot() {
	root, err := filelog.DefaultRoot("runbooks")
	fmt.Println(filepath.Base(root), err)
	// Output: runbooks <nil>
}

// A folder that somebody chose is looked at before journals are put there.
func ExampleHazard() {
	if why := filelog.Hazard("OneDrive"); why != "" {
		fmt.Println("warning:", why)
	}
	// Output: warning: OneDrive lies in "onedrive", which is synchronised with other machines
}

// The folder of a run holds its journal, and is the place for what belongs to it.
func ExampleLog_Dir() {
	root, err := os.MkdirTemp("", "journals")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	journals, err := filelog.New(root)
	if err != nil {
		log.Fatal(err)
	}
	stream := runbook.RunStream("test-0001")
	r := runbook.Record{V: runbook.RecordVersion, Seq: 1, Epoch: 1, Actor: "ann@laptop", Kind: runbook.KindNote, Key: "step"}
	if err := journals.Append(context.Background(), stream, &r); err != nil {
		log.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(journals.Dir(stream), "journal.jsonl"))
	fmt.Println("on the disk:", err == nil && journals.Syncs() > 0)
	// Output: on the disk: true
}
