package fleet_test

import (
	"context"
	"database/sql"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/fleet"
	"github.com/verify-by-video/pexip-upgrade/runbook/sqllog"
)

// A worker. It enqueues its environments too, which may be done anywhere and any number of times.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	const dsn = "host=db.example user=runbook dbname=runbook sslmode=verify-full target_session_attrs=read-write tcp_keepalives_idle=15"
	pool, err := pgxpool.New(ctx, dsn)
	check(err)
	defer pool.Close()
	db, err := sql.Open("pgx", dsn)
	check(err)
	defer db.Close()
	journals, err := sqllog.New(db, sqllog.Options{})
	check(err)
	check(journals.Migrate(ctx))

	f, err := fleet.New(fleet.Config{DB: pool, Log: journals, Actor: "worker@host", Definition: sayHello,
		Groups: map[string]int{"production": 2}, Sweep: fleet.Sweep{Every: 5 * time.Minute}})
	check(err)
	check(f.Migrate(ctx))
	_, err = f.Enqueue(ctx, []fleet.Item{{Environment: "site-01"}, {Environment: "site-02", Group: "production"}})
	check(err)
	check(f.Work(ctx)) // until Ctrl-C
	report, err := f.Status(context.Background())
	check(err)
	check(report.Write(os.Stdout))
}

func sayHello(_ context.Context, _ *runbook.Runner, environment string) (*runbook.Definition, error) {
	return &runbook.Definition{Name: "hello", Environment: environment, Steps: []runbook.Step{
		{ID: "hello", Title: "Say hello", Apply: func(sc *runbook.StepContext) error {
			sc.Say("hello from %s", sc.Actor())
			return nil
		}}}}, nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleReport_Write() {
	r := fleet.Report{Environments: []fleet.Environment{
		{Environment: "site-01", Group: "default", State: fleet.Completed, Run: "site-01-0001"},
		{Environment: "site-02", Group: "production", State: fleet.Running, Run: "site-02-0001", Step: "upload-package", Worker: "host:4711:k3x9qd", Text: "Upload the package"},
		{Environment: "site-03", Group: "production", State: fleet.Waiting, Run: "site-03-0001", Text: "Do you approve this plan?",
			Question: &runbook.Question{Step: "approve-plan"}},
	}, Totals: map[fleet.State]int{fleet.Completed: 1, fleet.Running: 1, fleet.Waiting: 1}}
	check(r.Write(os.Stdout))
	os.Stdout.WriteString(r.Line() + "\n")
	// Output:
	// ENVIRONMENT  GROUP       STATE      RUN           WHERE                               WHAT
	// site-01      default     completed  site-01-0001  -                                   -
	// site-02      production  running    site-02-0001  upload-package on host:4711:k3x9qd  Upload the package
	// site-03      production  waiting    site-03-0001  -                                   approve-plan: Do you approve this plan?
	// 3 environments, 1 running, 1 waiting, 1 completed
}
