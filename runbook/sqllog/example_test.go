package sqllog_test

import (
	"context"
	"database/sql"
	"log"
	"os/user"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
)

// The password comes from PGPASSWORD, ~/.pgpass or a certificate, not from the source.
func Example() {
	ctx := context.Background()
	db, err := sql.Open("pgx", "host=journals.example user=operator dbname=runbook sslmode=verify-full target_session_attrs=read-write")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	journals, err := sqllog.New(db, sqllog.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := journals.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		log.Fatal(err)
	}
	r := &runbook.Runner{Log: journals, Actor: me.Username}
	runs, err := r.Runs(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range runs {
		log.Print(s.Run, " belongs to ", s.Owner)
	}
}
