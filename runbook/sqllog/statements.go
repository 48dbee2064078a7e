package sqllog

import "strings"

// statements are the SQL of one schema.
type statements struct {
	insert, read, first, next, own, owner, version string
	migrate                                        []string
}

// settings are what makes a commit durable. Both are per session or server and may change at any
// time, so each INSERT looks at them, too.
const settings = `SELECT current_setting('synchronous_commit'), current_setting('fsync')`

// prepare fills in the schema, whose name was checked.
func prepare(schema string) statements {
	in := func(text string) string { return strings.ReplaceAll(text, "SCHEMA_", schema) }
	return statements{
		insert: in(`INSERT INTO SCHEMA_.records (stream, seq, hash, line)
SELECT $1::text, $2::bigint, $3::text, $4::bytea
WHERE current_setting('synchronous_commit') <> 'off' AND current_setting('fsync') <> 'off'
AND ($2::bigint = 1 OR EXISTS (SELECT FROM SCHEMA_.records WHERE stream = $1::text AND seq = $2::bigint - 1 AND hash = $5::text))`),
		// The record that is known already is only looked at by its hash.
		read: in(`SELECT seq, hash, CASE WHEN seq > $2::bigint THEN line END FROM SCHEMA_.records
WHERE stream = $1::text AND seq >= $2::bigint ORDER BY seq`),
		first: in(`SELECT stream FROM SCHEMA_.records WHERE seq = 1 AND stream >= $1::text ORDER BY stream LIMIT 1000`),
		next:  in(`SELECT stream FROM SCHEMA_.records WHERE seq = 1 AND stream > $1::text ORDER BY stream LIMIT 1000`),
		own: in(`INSERT INTO SCHEMA_.owners (stream, owner, pid, since) VALUES ($1::text, $2::text, pg_backend_pid(), now())
ON CONFLICT (stream) DO UPDATE SET owner = excluded.owner, pid = excluded.pid, since = excluded.since`),
		// A name counts only if its session holds the lock now: the row of an earlier owner stays. One of the
		// same session is of the same process.
		owner: in(`SELECT o.owner, o.since FROM SCHEMA_.owners o JOIN pg_locks k ON k.pid = o.pid
WHERE o.stream = $1::text AND k.locktype = 'advisory' AND k.granted AND k.objsubid = 1
AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND (k.classid::bigint << 32 | k.objid::bigint) = $2::bigint`),
		version: in(`SELECT version FROM SCHEMA_.meta`),
		migrate: []string{
			in(`CREATE TABLE SCHEMA_.records (
	stream text COLLATE "C" NOT NULL CHECK (stream <> ''),
	seq bigint NOT NULL CHECK (seq > 0),
	hash text NOT NULL,
	line bytea NOT NULL,
	PRIMARY KEY (stream, seq))`),
			in(`CREATE INDEX streams ON SCHEMA_.records (stream) WHERE seq = 1`),
			in(`CREATE TABLE SCHEMA_.owners (
	stream text COLLATE "C" PRIMARY KEY,
	owner text NOT NULL,
	pid integer NOT NULL,
	since timestamptz NOT NULL)`),
			in(`CREATE TABLE SCHEMA_.meta (version integer NOT NULL)`),
			in(`INSERT INTO SCHEMA_.meta (version) VALUES (1)`),
		},
	}
}
