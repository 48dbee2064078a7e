package runbooktest

import (
	"fmt"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// BenchmarkLog measures one record of about 300 bytes: appended one after the other to one stream,
// and a stream of 1,000 records read with its chain verified.
//
// syncs says how often the store has synced so far; with it the result has the metric syncs/record.
// Nil: the store is asked if it is a [Syncer].
func BenchmarkLog(b *testing.B, open func(b *testing.B) runbook.Log, syncs func() uint64) {
	b.Run("Append", func(b *testing.B) {
		l := open(b)
		count := syncs
		if s, ok := l.(Syncer); ok && count == nil {
			count = s.Syncs
		}
		fill(b, l, 1, 1) // the stream's first record also pays for its creation
		before := counted(count)
		next := uint64(2)
		for b.Loop() {
			fill(b, l, next, next)
			next++
		}
		if count != nil {
			b.ReportMetric(float64(counted(count)-before)/float64(next-2), "syncs/record")
		}
	})
	b.Run("Read1000", func(b *testing.B) {
		l := open(b)
		fill(b, l, 1, 1000)
		for b.Loop() {
			if got, err := l.Read(b.Context(), stream, 1); err != nil || len(got) != 1000 {
				b.Fatalf("%d records, %v", len(got), err)
			}
		}
	})
}

func counted(syncs func() uint64) uint64 {
	if syncs == nil {
		return 0
	}
	return syncs()
}

func fill(b *testing.B, l runbook.Log, from, to uint64) {
	for seq := from; seq <= to; seq++ {
		r := record(seq, fmt.Sprintf(`{"detail":"%s","n":%d}`, "a step says in a sentence what it saw", seq))
		if err := l.Append(b.Context(), stream, &r); err != nil {
			b.Fatal(err)
		}
	}
}
