package runbook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Kind says what a record states. The set is closed: a reader that meets an unknown kind must not
// take the run over.
type Kind string

const (
	// KindStart opens a stream: the plan of a run, or a run of an environment.
	KindStart Kind = "start"
	// KindTakeover makes its writer the owner, with the next epoch.
	KindTakeover Kind = "takeover"
	// KindIntent is written before a step has any effect.
	KindIntent Kind = "intent"
	// KindGuard is written immediately before a request that may be made only once.
	KindGuard Kind = "guard"
	// KindDone and KindFail are the outcomes of a step's try.
	KindDone Kind = "done"
	KindFail Kind = "fail"
	// KindNote is something a step must remember or wants to prove.
	KindNote Kind = "note"
	// KindWait says that the run waits for a person.
	KindWait Kind = "wait"
	// KindSignal is what a person said from outside the running process.
	KindSignal Kind = "signal"
	// KindAnswer is a person's answer as the run took it, from a signal or from an Asker.
	KindAnswer Kind = "answer"
	// KindOwe opens an obligation, before the change; KindSettled closes it, after observation.
	KindOwe     Kind = "owe"
	KindSettled Kind = "settled"
	// KindEnd closes a stream.
	KindEnd Kind = "end"
)

var knownKinds = map[Kind]bool{KindStart: true, KindTakeover: true, KindIntent: true, KindGuard: true, KindDone: true,
	KindFail: true, KindNote: true, KindWait: true, KindSignal: true, KindAnswer: true, KindOwe: true, KindSettled: true, KindEnd: true}

// RecordVersion is the version of the record format that this package writes.
const RecordVersion = 1

// Record is one line of a journal. Records are ordered by Seq and never by At.
type Record struct {
	V     int             `json:"v"`
	Seq   uint64          `json:"seq"`
	Epoch uint64          `json:"epoch"`
	At    time.Time       `json:"at"`
	Actor string          `json:"actor"`
	Kind  Kind            `json:"kind"`
	Key   string          `json:"key,omitempty"`
	Try   int             `json:"try,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
	Prev  string          `json:"prev"`
	Hash  string          `json:"hash"`
}

// ErrDamaged is matched by errors about a journal whose hash chain does not hold, and about evidence that
// is not as it was written.
var ErrDamaged = errors.New("journal is damaged")

// Origin is the Prev of a stream's first record. It depends on the stream's name, so two journals
// cannot be exchanged for each other.
func Origin(stream string) string { return digest([]byte("stream " + stream)) }

// Seal fills Prev and Hash and returns the record's line, without a newline.
// The time is cut to microseconds in UTC so that it survives being written and read.
func Seal(r *Record, prev string) ([]byte, error) {
	r.At = r.At.UTC().Round(0).Truncate(time.Microsecond)
	r.Prev, r.Hash = prev, ""
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("seal record %d: %w", r.Seq, err)
	}
	r.Hash = digest(body)
	return json.Marshal(r)
}

// Open reads a line as the record that follows prev with the number seq. Any byte that differs from
// what Seal wrote is an error that matches ErrDamaged.
func Open(line []byte, prev string, seq uint64) (Record, error) {
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("%w: record %d does not read: %v", ErrDamaged, seq, err)
	}
	if r.V > RecordVersion || !knownKinds[r.Kind] {
		return r, fmt.Errorf("record %d has kind %q of version %d: written by a newer program; use that one", seq, r.Kind, r.V)
	}
	want := r
	again, err := Seal(&want, prev)
	if err != nil || r.Seq != seq || string(again) != string(line) {
		return r, fmt.Errorf("%w: record %d does not match its hash, its number or the record before it", ErrDamaged, seq)
	}
	return r, nil
}

// VerifyChain checks that records are the beginning of the named stream, unchanged and complete
// up to the last one given.
func VerifyChain(stream string, records []Record) error {
	prev := Origin(stream)
	for i, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("%w: record %d: %v", ErrDamaged, i+1, err)
		}
		if _, err := Open(line, prev, uint64(i+1)); err != nil {
			return err
		}
		prev = r.Hash
	}
	return nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
