package runbooktest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// TestLog checks that a store keeps the rules of [runbook.Log], and those of [runbook.Locker] if it
// implements that. It runs each rule as a subtest, one after the other.
//
// open returns a handle on a new, empty store; it is called once per rule. reopen returns another
// handle on the store behind l, sharing with it nothing but what is stored, as another process would
// have; both handles are then used at the same time. A nil reopen is for stores that live in one
// handle only: the rules then use that handle itself. Whatever has to be cleaned up is for
// t.Cleanup.
//
// The suite writes about 2,000 records, uses names like runs/test-0001 and environments/test, and
// takes a second or two on a local store.
func TestLog(t *testing.T, open func(t *testing.T) runbook.Log, reopen func(t *testing.T, l runbook.Log) runbook.Log) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			l := open(t)
			s := &store{Log: l, another: func() runbook.Log { return l }}
			if reopen != nil {
				s.another = func() runbook.Log { return reopen(t, l) }
			}
			if err := r.check(t.Context(), s); err != nil {
				t.Errorf("%v\nthe rule: %s", err, r.text)
			}
		})
	}
}

// rule is one thing that a store owes the engine.
type rule struct {
	name  string
	text  string // the rule, and what the engine needs it for
	check func(context.Context, *store) error
}

// store is an empty store under test.
type store struct {
	runbook.Log
	// another returns one more handle on the same store.
	another func() runbook.Log
}

var rules = []rule{
	{"UnknownStream", "a stream that does not exist has no records and is no error; that is how a run finds that it is the first", checkUnknownStream},
	{"AppendSeals", "Append links a record to the one before it and fills Prev and Hash; the chain is the evidence", checkAppendSeals},
	{"CompareAndAppend", "only the next number may be appended, any other is ErrConflict and changes nothing; fencing, locking and resuming rest on it", checkCompareAndAppend},
	{"SameAfterReading", "a record reads exactly as it was sealed, whatever it contains; otherwise its hash does not hold and the journal counts as damaged", checkSameAfterReading},
	{"Times", "the time of a record is the same instant, in UTC and to the microsecond, before and after reading", checkTimes},
	{"From", "Read returns the records from the given number on; a number behind the end gives none", checkFrom},
	{"Reopened", "what Append acknowledged is there for everybody who opens the store anew, and numbers go on from it", checkReopened},
	{"StreamsAreSeparate", "streams share nothing, also when the name of one begins with that of another", checkSeparate},
	{"StreamsByPrefix", "Streams yields the names that begin with the prefix, once each, in the order of their bytes", checkStreamsByPrefix},
	{"StreamsWhileUsed", "the store can be used while Streams is iterated, and the loop may be left early", checkStreamsWhileUsed},
	{"ManyStreams", "a thousand streams are kept and listed", checkManyStreams},
	{"OneWinner", "of writers that append the same number at the same moment one succeeds and all others get ErrConflict; otherwise two owners drive one run", checkOneWinner},
	{"RacingWriters", "writers with handles of their own leave one chain without a gap that holds every acknowledged record once", checkRacingWriters},
	{"ReadDuringAppend", "a reader sees a complete and intact beginning of the stream at any moment, never less than before", checkReadDuringAppend},
	{"CancelledBeforeAppend", "a context that has ended before Append is its error, and nothing is written", checkCancelled},
	{"UnsealableRecord", "a record that cannot be written as JSON is an error, leaves no trace and does not spoil the handle", checkUnsealable},
	{"Lock", "a stream that somebody keeps is a *LockedError with the keeper's name, from every handle, until it is released; two operators must not drive one run", checkLock},
	{"LockIsNoRecord", "keeping a stream neither creates it nor stops others from appending signals to it", checkLockIsNoRecord},
}

// record makes a record with the number seq.
func record(seq uint64, data string) runbook.Record {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789_000, time.UTC).Add(time.Duration(seq%1000) * time.Second)
	return runbook.Record{V: runbook.RecordVersion, Seq: seq, Epoch: 1, At: at, Actor: "ann@laptop", Kind: runbook.KindNote, Key: "step", Try: 1, Data: json.RawMessage(data)}
}

// appendN appends the records with the numbers from to to, and returns them as they were sealed.
func appendN(ctx context.Context, l runbook.Log, stream string, from, to uint64) ([]runbook.Record, error) {
	var out []runbook.Record
	for seq := from; seq <= to; seq++ {
		r := record(seq, fmt.Sprintf(`{"n":%d}`, seq))
		if err := l.Append(ctx, stream, &r); err != nil {
			return out, fmt.Errorf("append record %d to %s: %w", seq, stream, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// expect reads a stream and compares it, as JSON, with what it must hold.
func expect(ctx context.Context, l runbook.Log, stream string, want []runbook.Record) error {
	got, err := l.Read(ctx, stream, 1)
	if err != nil {
		return fmt.Errorf("read %s: %w", stream, err)
	}
	if err := same(got, want); err != nil {
		return fmt.Errorf("%s: %w", stream, err)
	}
	if err := runbook.VerifyChain(stream, got); err != nil {
		return fmt.Errorf("%s: what was read is no chain: %w", stream, err)
	}
	return nil
}

func same(got, want []runbook.Record) error {
	if len(got) != len(want) {
		return fmt.Errorf("it has %d records, not the %d that were acknowledged", len(got), len(want))
	}
	for i := range want {
		g, err1 := json.Marshal(got[i])
		w, err2 := json.Marshal(want[i])
		if err1 != nil || err2 != nil || string(g) != string(w) {
			return fmt.Errorf("record %d reads as\n%.300s\nbut was sealed as\n%.300s", want[i].Seq, g, w)
		}
	}
	return nil
}
