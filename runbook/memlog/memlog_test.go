package memlog_test

import (
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/runbooktest"
)

func TestConformance(t *testing.T) {
	runbooktest.TestLog(t, func(*testing.T) runbook.Log { return &memlog.Log{} }, nil)
}

func BenchmarkLog(b *testing.B) {
	runbooktest.BenchmarkLog(b, func(*testing.B) runbook.Log { return &memlog.Log{} }, nil)
}
