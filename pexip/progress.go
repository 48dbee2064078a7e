package pexip

import "time"

// Phase is what a long operation is doing.
type Phase string

const (
	// Hashing: reading the file to compute its SHA-256.
	Hashing Phase = "hashing"
	// Sending: bytes go to the node.
	Sending Phase = "sending"
	// Digesting: everything is sent, the node has not answered yet.
	Digesting Phase = "server is digesting"
	// Waiting: something failed, the node is asked how far it got.
	Waiting Phase = "waiting for the node"
)

// Progress is reported about every half mebibyte and at each change of phase, one report at a
// time but from changing goroutines. The callback holds up the transfer, so it must be quick.
type Progress struct {
	Phase Phase
	// Done and Total are bytes of the package.
	Done, Total int64
	// Rate is the mean of this phase so far in bytes per second, 0 when not known yet.
	Rate float64
	// ETA is the time left at that rate, 0 when not known.
	ETA time.Duration
}

// meter computes rates for one phase after another.
type meter struct {
	report func(Progress)
	total  int64
	phase  Phase
	since  time.Time
	from   int64
}

func newMeter(total int64, report func(Progress)) *meter {
	if report == nil {
		report = func(Progress) {}
	}
	return &meter{report: report, total: total}
}

func (m *meter) show(phase Phase, done int64) {
	if phase != m.phase || done < m.from {
		m.phase, m.since, m.from = phase, time.Now(), done
	}
	p := Progress{Phase: phase, Done: done, Total: m.total}
	if s := time.Since(m.since).Seconds(); s > 0 && done > m.from {
		p.Rate = float64(done-m.from) / s
		p.ETA = time.Duration(float64(m.total-done) / p.Rate * float64(time.Second))
	}
	m.report(p)
}
