package runbook_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Trap 16: whatever a run began has ended with it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
