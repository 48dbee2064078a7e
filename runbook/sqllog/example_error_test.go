package sqllog_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
)

// Every fault of the options is told at once, before anything is connected.
func ExampleNew() {
	_, err := sqllog.New(nil, sqllog.Options{Schema: "pg_runbook", LockTimeout: -1})
	fmt.Println(err)
	// Output:
	// sqllog: no database given
	// sqllog: "pg_runbook" cannot name a schema: lower-case letters, digits and _, at most 63, not beginning with pg_
	// sqllog: the lock timeout is -1ns
}

// An error says whether the record may be there.
func ExampleError() {
	db, err := sql.Open("pgx", "host=/no/such/folder user=operator dbname=runbook")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	journals, err := sqllog.New(db, sqllog.Options{})
	if err != nil {
		log.Fatal(err)
	}
	r := runbook.Record{V: runbook.RecordVersion, Seq: 1, Epoch: 1, Actor: "ann@laptop", Kind: runbook.KindNote, Key: "step"}
	err = journals.Append(context.Background(), runbook.RunStream("test-0001"), &r)
	var failed *sqllog.Error
	if errors.As(err, &failed) {
		fmt.Printf("%s: %q; %s\n", failed.Op, failed.SQLState, failed.Advice)
	}
	// Output: append record 1 to runs/test-0001: ""; whether the record was written is unknown; read the journal before anything is repeated
}
