// Package sqllog keeps journals in PostgreSQL, so that several machines share them: a run that one
// machine began can be seen, answered and taken over from any other.
//
//	import _ "github.com/jackc/pgx/v5/stdlib"
//
//	db, err := sql.Open("pgx", "host=journals.example user=runbook dbname=runbook")
//	…
//	log, err := sqllog.New(db, sqllog.Options{})
//	…
//	err = log.Migrate(ctx) // once; harmless when repeated
//
// It goes through database/sql and needs a driver whose errors have a method SQLState() string, as
// those of pgx do, and gains by one whose errors have SafeToRetry() bool. It is tested with pgx v5.
//
// # What it promises
//
// A record is one row, and appending it is one INSERT: the primary key (stream, seq) lets one of any
// number of writers win, and the statement itself checks that the record before it is there with the
// hash that the new one is chained to. So a chain has no gap and no fork, whatever the isolation
// level and however many programs write.
//
// Append has made the record durable when it returns nil, as PostgreSQL understands it: each INSERT
// checks synchronous_commit and fsync and is refused while either is off. The value local means the
// primary's own disk; for records that survive the loss of the primary configure a synchronous
// standby and leave synchronous_commit at on.
//
// Rows hold the record's line byte for byte (bytea; in psql: convert_from(line, 'UTF8')). Read
// verifies all that it reads, so a changed, missing or additional row is noticed, and so is a row
// that this handle has seen and that is gone, for example after a failover to a standby that lagged
// behind. What a fresh handle cannot see is that the last rows of a journal were deleted; the head
// hash in the evidence shows it. Nothing here updates or deletes a record: give the role that runs
// runbooks only what it needs.
//
//	GRANT USAGE ON SCHEMA runbook TO operators;
//	GRANT SELECT, INSERT ON runbook.records TO operators;
//	GRANT SELECT ON runbook.meta TO operators;
//	GRANT SELECT, INSERT, UPDATE ON runbook.owners TO operators;
//
// # Owners
//
// [Log.Lock] is an advisory lock of a database session with a connection of its own. It ends with
// the process, or with the connection, and is seen from every machine. It tells people that somebody
// is at work; that two owners cannot both write is the journal's doing and does not depend on it. A
// lock lost with its connection is not taken again: the owner goes on until somebody takes the run
// over.
//
// # Operation
//
// Connect to the primary, not to a standby that lags (with pgx: target_session_attrs=read-write),
// and not through a pooler in transaction mode, which knows no session locks. A pool needs a
// connection for each run that is driven, and at least one more; with SetMaxIdleConns it keeps them
// between runs. Interrupted by a restart of the database, a call returns an error and the next one
// connects again; only what certainly had no effect is repeated: calls that were not sent, and
// transactions that the server gave up for another one.
package sqllog
