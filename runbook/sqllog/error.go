package sqllog

import (
	"context"
	"errors"
	"strings"
)

// ErrNotDurable is matched by the error of an Append to a database that acknowledges records before
// they are on its disk. Nothing was written.
var ErrNotDurable = errors.New("the database does not make records durable")

// Error is a failed call of the database. Parameters and passwords are not part of its text.
type Error struct {
	// Op is what was attempted, Stream the journal concerned (empty: none).
	Op, Stream string
	// SQLState is the server's code; empty when the server did not answer.
	SQLState string
	// Advice says what is known, or can be done now.
	Advice string
	Err    error
}

func (e *Error) Error() string {
	text := "sqllog: " + e.Op + ": " + e.Err.Error()
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// advice by SQLSTATE, see "PostgreSQL Error Codes" in its manual.
var advice = map[string]string{
	"42P01": "the tables are missing; call Migrate once",
	"3F000": "the schema is missing; call Migrate once",
	"42703": "the tables are those of another program or version",
	"42501": "the role lacks a permission; the package comment of sqllog lists what it needs",
	"25006": "this server only reads; connect to the primary",
	"40001": "the server always preferred other transactions; try again",
	"53100": "the database's disk is full",
	"53300": "the database has no connection left",
	"57P01": "the database was shut down or the connection was ended by its administrator",
	"57P02": "the database crashed",
	"57P03": "the database is just starting or stopping; try again",
}

// newError wraps a driver's error with what is known about it.
func newError(op, stream string, err error, known string) *Error {
	e := &Error{Op: op, Stream: stream, SQLState: state(err), Err: err, Advice: known}
	if a := advice[e.SQLState]; a != "" {
		e.Advice = strings.TrimPrefix(known+"; "+a, "; ")
	}
	return e
}

// appendError says whether the record may be there. Once the server has refused a statement it is
// not; without an answer, or when the server went away over it, nobody knows.
func appendError(op, stream string, err error) error {
	known := "nothing was written"
	if s := state(err); s == "" || strings.HasPrefix(s, "08") || strings.HasPrefix(s, "57P") || s == "40003" {
		known = "whether the record was written is unknown; read the journal before anything is repeated"
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		known = "it was interrupted; read the journal before anything is repeated"
	}
	if harmless(err) {
		known = "nothing was written"
	}
	return newError(op, stream, err, known)
}

// taken recognises a number that is there already.
func taken(err error) bool { return state(err) == "23505" }

// gaveUp recognises a transaction that the server rolled back in favour of another one, perhaps of
// another stream: it may be repeated. It happens where the isolation level is serializable.
func gaveUp(err error) bool {
	s := state(err)
	return s == "40001" || s == "40P01"
}

// harmless recognises failures that certainly had no effect: the call may be repeated.
func harmless(err error) bool { return gaveUp(err) || unsent(err) }

// unsent recognises a call that never left, because its session had ended while nobody used it.
// database/sql hears of that from pgx for Exec, but not for a query that is prepared.
func unsent(err error) bool {
	var e interface{ SafeToRetry() bool }
	return errors.As(err, &e) && e.SafeToRetry()
}

// state is the SQLSTATE of a driver's error, or empty.
func state(err error) string {
	var s interface{ SQLState() string }
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return ""
}
