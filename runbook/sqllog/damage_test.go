package sqllog_test

import (
	"errors"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// damages are changes of the stored rows of a stream with four records, and whether a fresh handle
// can see them.
var damages = map[string]struct {
	statement string
	fresh     bool
}{
	"a byte of a record":           {`UPDATE %s.records SET line = set_byte(line, 40, get_byte(line, 40) # 1) WHERE seq = 2`, true},
	"a byte of the last record":    {`UPDATE %s.records SET line = set_byte(line, 40, get_byte(line, 40) # 1) WHERE seq = 4`, true},
	"white space":                  {`UPDATE %s.records SET line = convert_to(replace(convert_from(line, 'UTF8'), ',', ', '), 'UTF8') WHERE seq = 3`, true},
	"empty line":                   {`UPDATE %s.records SET line = '' WHERE seq = 3`, true},
	"first record gone":            {`DELETE FROM %s.records WHERE seq = 1`, true},
	"middle record gone":           {`DELETE FROM %s.records WHERE seq = 3`, true},
	"closed gap":                   {`WITH d AS (DELETE FROM %s.records WHERE seq = 3) UPDATE %s.records SET seq = 30 WHERE seq = 4`, true},
	"exchanged lines":              {`UPDATE %s.records r SET line = o.line, hash = o.hash FROM %s.records o WHERE (r.seq, o.seq) IN ((2, 3), (3, 2))`, true},
	"hash of a row":                {`UPDATE %s.records SET hash = 'x' WHERE seq = 4`, true},
	"another stream's record":      {`UPDATE %s.records SET stream = 'runs/b'`, true},
	"a number in between":          {`UPDATE %s.records SET seq = 9 WHERE seq = 4`, true},
	"additional record":            {`INSERT INTO %s.records SELECT stream, 5, hash, line FROM %s.records WHERE seq = 4`, true},
	"last record gone":             {`DELETE FROM %s.records WHERE seq = 4`, false},
	"all records gone":             {`DELETE FROM %s.records`, false},
	"last two records gone":        {`DELETE FROM %s.records WHERE seq > 2`, false},
	"tables emptied and recreated": {`TRUNCATE %s.records`, false},
}

func testDamage(t *testing.T) {
	two := connections(t)
	for name, d := range damages {
		t.Run(name, func(t *testing.T) {
			s := two.open(t)
			s.fill(t, "runs/a", 1, 4)
			s.exec(t, d.statement)
			stream := "runs/a"
			if name == "another stream's record" {
				stream = "runs/b"
			}
			// The handle that wrote the records notices everything when it reads them all.
			if _, err := s.Read(t.Context(), "runs/a", 1); !errors.Is(err, runbook.ErrDamaged) {
				t.Errorf("the handle that wrote: %v", err)
			}
			fresh := s.another(t)
			if _, err := fresh.Read(t.Context(), stream, 1); errors.Is(err, runbook.ErrDamaged) != d.fresh {
				t.Errorf("a fresh handle: %v", err)
			}
			if !d.fresh {
				return
			}
			for seq := uint64(2); seq <= 6; seq++ {
				if err := s.another(t).Append(t.Context(), stream, record(seq)); !errors.Is(err, runbook.ErrDamaged) {
					t.Errorf("a fresh handle appends number %d: %v", seq, err)
				}
			}
		})
	}
	t.Run("head gone under the writer", testHeadGone)
	t.Run("head replaced under a reader", testHeadReplaced)
}

// The INSERT itself looks whether the record before is there.
func testHeadGone(t *testing.T) {
	s := open(t)
	s.fill(t, "runs/a", 1, 4)
	s.exec(t, `DELETE FROM %s.records WHERE seq = 4`)
	if err := s.Append(t.Context(), "runs/a", record(5)); !errors.Is(err, runbook.ErrDamaged) {
		t.Errorf("append behind a record that is gone: %v", err)
	}
	if got, err := s.another(t).Read(t.Context(), "runs/a", 1); err != nil || len(got) != 3 {
		t.Errorf("%d records, %v", len(got), err)
	}
}

func testHeadReplaced(t *testing.T) {
	s := open(t)
	s.fill(t, "runs/a", 1, 3)
	reader := s.another(t)
	if got, err := reader.Read(t.Context(), "runs/a", 1); err != nil || len(got) != 3 {
		t.Fatal(len(got), err)
	}
	s.exec(t, `DELETE FROM %s.records WHERE seq > 1`)
	rewritten := s.another(t)
	for seq := uint64(2); seq <= 4; seq++ {
		r := record(seq)
		r.Actor = "mallory"
		if err := rewritten.Append(t.Context(), "runs/a", r); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []uint64{1, 3, 4} {
		if _, err := reader.Read(t.Context(), "runs/a", from); !errors.Is(err, runbook.ErrDamaged) {
			t.Errorf("read from %d after the journal was rewritten: %v", from, err)
		}
	}
}
