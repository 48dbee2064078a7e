package runbook_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// What a store does with a record: Append seals it onto the one before, Read opens the line again.
func ExampleSeal() {
	stream := runbook.RunStream("test-0001")
	r := runbook.Record{V: runbook.RecordVersion, Seq: 1, Epoch: 1, At: time.Date(2026, 3, 1, 22, 5, 0, 0, time.UTC),
		Actor: "ann@laptop", Kind: runbook.KindNote, Key: "step"}
	line, err := runbook.Seal(&r, runbook.Origin(stream))
	if err != nil {
		log.Fatal(err)
	}
	again, err := runbook.Open(line, runbook.Origin(stream), 1)
	fmt.Println(again.Actor, again.Hash == r.Hash, err)
	line[10] ^= 1
	_, err = runbook.Open(line, runbook.Origin(stream), 1)
	fmt.Println(errors.Is(err, runbook.ErrDamaged))
	// Output:
	// ann@laptop true <nil>
	// true
}

// A journal that came from elsewhere, for example as JSON, is verified before anything of it is believed.
func ExampleVerifyChain() {
	ann := waits(&switchboard{alarm: true})
	stream := runbook.RunStream("test-0001")
	records, err := ann.Log.Read(context.Background(), stream, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(records), "records:", runbook.VerifyChain(stream, records))
	records[3].Actor = "bob@desk"
	fmt.Println(runbook.VerifyChain(stream, records))
	// Output:
	// 9 records: <nil>
	// journal is damaged: record 4 does not match its hash, its number or the record before it
}

// Fold is what a display of its own makes of the records that it has read.
func ExampleFold() {
	ann := waits(&switchboard{alarm: true})
	records, err := ann.Log.Read(context.Background(), runbook.RunStream("test-0001"), 1)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range []int{1, 5, len(records)} {
		state, err := runbook.Fold("test-0001", records[:n])
		fmt.Println(n, state.Step("attest").Status, "- owed:", len(state.Owed), "- waits:", state.Waiting != nil, err)
	}
	// Output:
	// 1 pending - owed: 0 - waits: false <nil>
	// 5 pending - owed: 1 - waits: false <nil>
	// 9 waiting - owed: 1 - waits: true <nil>
}

// The journal of an environment is the order of its runs.
func ExampleEnvironmentStream() {
	ann := waits(&switchboard{alarm: true})
	records, err := ann.Log.Read(context.Background(), runbook.EnvironmentStream("test"), 1)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range records {
		fmt.Println(r.Seq, r.Kind, r.Actor, string(r.Data))
	}
	// Output:
	// 1 start ann@laptop {"run":"test-0001"}
}
