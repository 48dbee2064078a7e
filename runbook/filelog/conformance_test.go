package filelog_test

import (
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

func TestConformance(t *testing.T) {
	runbooktest.TestLog(t,
		func(t *testing.T) runbook.Log { return open(t, t.TempDir()) },
		func(t *testing.T, l runbook.Log) runbook.Log { return open(t, l.(*filelog.Log).Dir("")) })
}

func BenchmarkLog(b *testing.B) {
	runbooktest.BenchmarkLog(b, func(b *testing.B) runbook.Log {
		l, err := filelog.New(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		return l
	}, nil)
}
