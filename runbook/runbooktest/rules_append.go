package runbooktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const stream = "runs/test-0001"

func checkAppendSeals(ctx context.Context, s *store) error {
	records, err := appendN(ctx, s, stream, 1, 3)
	if err != nil {
		return err
	}
	prev := runbook.Origin(stream)
	for _, r := range records {
		if r.Prev != prev || r.Hash == "" {
			return fmt.Errorf("after Append record %d has Prev %q and Hash %q; Prev must be %q", r.Seq, r.Prev, r.Hash, prev)
		}
		prev = r.Hash
	}
	return expect(ctx, s, stream, records)
}

func checkCompareAndAppend(ctx context.Context, s *store) error {
	if err := refused(ctx, s, 0, 0, 2, math.MaxInt64, math.MaxUint64); err != nil {
		return err
	}
	if err := listed(ctx, s, "", nil); err != nil {
		return fmt.Errorf("after refused appends %w", err)
	}
	records, err := appendN(ctx, s, stream, 1, 3)
	if err != nil {
		return err
	}
	if err := refused(ctx, s, 3, 0, 1, 2, 3, 5, 6, math.MaxInt64, math.MaxInt64+1, math.MaxUint64); err != nil {
		return err
	}
	if err := expect(ctx, s, stream, records); err != nil {
		return fmt.Errorf("after refused appends %w", err)
	}
	more, err := appendN(ctx, s, stream, 4, 4)
	if err != nil {
		return fmt.Errorf("after refused appends the next number is refused: %w", err)
	}
	return expect(ctx, s, stream, append(records, more...))
}

// refused appends each number, which must be a conflict.
func refused(ctx context.Context, l runbook.Log, have uint64, numbers ...uint64) error {
	for _, seq := range numbers {
		r := record(seq, `{}`)
		if err := l.Append(ctx, stream, &r); !errors.Is(err, runbook.ErrConflict) {
			return fmt.Errorf("append number %d to a stream with %d records: the error is %v and does not match ErrConflict", seq, have, err)
		}
	}
	return nil
}

// awkward are contents that stores have changed on the way.
var awkward = map[string]string{
	"no data":              ``,
	"null":                 `null`,
	"empty object":         `{}`,
	"empty text":           `""`,
	"white space":          "{ \"a\" :\n\t[ 1 , 2 ] }",
	"key order":            `{"b":1,"a":2,"b":3}`,
	"HTML":                 `{"html":"<b>&amp;</b> 'quoted' \"twice\""}`,
	"unicode":              `{"text":"Grüße, 世界, 🚀, e\u0301 (two signs), \u202e"}`,
	"escaped unicode":      `"\u00fc \ud83d\ude80 \/ \u2028"`,
	"line ends":            `"\r\n\n\t\u0000\u001f"`,
	"raw line separator":   "\"\u2028\u2029\"",
	"lone surrogate":       `"\ud800"`,
	"big numbers":          `[12345678901234567890123, 1e400, 0.1000000000000000055, -0, 1.0, 1E+2]`,
	"SQL":                  `"'; DROP TABLE records; -- $1 % _ \\"`,
	"64 KiB":               `"` + strings.Repeat("0123456789abcdef", 4096) + `"`,
	"64 KiB of many bytes": `"` + strings.Repeat("世<", 16384) + `"`,
}

func checkSameAfterReading(ctx context.Context, s *store) error {
	var want []runbook.Record
	for name, data := range awkward {
		r := record(uint64(len(want)+1), data)
		r.Key, r.Actor = name, "Zoë <zoë@büro> \u0000\n"
		if err := s.Append(ctx, stream, &r); err != nil {
			return fmt.Errorf("append data with %s: %w", name, err)
		}
		want = append(want, r)
	}
	bare := runbook.Record{V: runbook.RecordVersion, Seq: uint64(len(want) + 1), Kind: runbook.KindEnd}
	if err := s.Append(ctx, stream, &bare); err != nil {
		return fmt.Errorf("append a record with nothing but its number and kind: %w", err)
	}
	if err := expect(ctx, s, stream, append(want, bare)); err != nil {
		return err
	}
	return expect(ctx, s.another(), stream, append(want, bare))
}

func checkTimes(ctx context.Context, s *store) error {
	far := time.FixedZone("far", -11*3600-1800)
	times := []time.Time{
		time.Now(), // with a monotonic reading, in the local zone
		time.Date(2026, 3, 29, 2, 30, 0, 999_999_999, far),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		{},
	}
	var sealed []runbook.Record
	for i, at := range times {
		r := record(uint64(i+1), `{}`)
		r.At = at
		if err := s.Append(ctx, stream, &r); err != nil {
			return fmt.Errorf("append a record of %s: %w", at, err)
		}
		sealed = append(sealed, r)
	}
	got, err := s.another().Read(ctx, stream, 1)
	if err != nil {
		return err
	}
	for i, r := range got {
		want := times[i].UTC().Round(0).Truncate(time.Microsecond)
		if !r.At.Equal(want) || r.At.Location() != time.UTC {
			return fmt.Errorf("the time %s reads as %s", times[i], r.At)
		}
	}
	return same(got, sealed)
}

func checkCancelled(ctx context.Context, s *store) error {
	records, err := appendN(ctx, s, stream, 1, 1)
	if err != nil {
		return err
	}
	ended, end := context.WithCancel(ctx)
	end()
	for _, name := range []string{stream, "runs/never-0001"} {
		r := record(2, `{}`)
		if name != stream {
			r.Seq = 1
		}
		if err := s.Append(ended, name, &r); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("append to %s with a cancelled context: the error is %v and does not match context.Canceled", name, err)
		}
	}
	if err := expect(ctx, s, "runs/never-0001", nil); err != nil {
		return err
	}
	if err := expect(ctx, s, stream, records); err != nil {
		return err
	}
	more, err := appendN(ctx, s, stream, 2, 2)
	if err != nil {
		return fmt.Errorf("after a cancelled append the handle is of no use: %w", err)
	}
	return expect(ctx, s, stream, append(records, more...))
}

func checkUnsealable(ctx context.Context, s *store) error {
	records, err := appendN(ctx, s, stream, 1, 1)
	if err != nil {
		return err
	}
	bad := record(2, `{"not": json`)
	if err := s.Append(ctx, stream, &bad); err == nil || errors.Is(err, runbook.ErrConflict) || json.Valid(bad.Data) {
		return fmt.Errorf("append data that is no JSON: the error is %v", err)
	}
	more, err := appendN(ctx, s, stream, 2, 2)
	if err != nil {
		return fmt.Errorf("after a refused record: %w", err)
	}
	return expect(ctx, s, stream, append(records, more...))
}
