package fleet

import "time"

// AliveKey is the advisory lock that says that a worker process lives.
func (f *Fleet) AliveKey(worker string) int64 { return f.lockKey("alive", worker) }

// SetHandBack sets how long River may take to hand a job back.
func SetHandBack(d time.Duration) { handBack = d }
