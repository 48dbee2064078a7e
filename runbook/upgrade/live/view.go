// Package live shows a run on a terminal: what is over scrolls by as lines, and below them stand the run and
// each step that is going on, several at once, with what it takes and what it was expected to take.
//
// It only shows. Where no terminal is, use upgrade.Lines.
package live

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// View is an observer for a terminal, and the writer for all that is printed while it is there. Its region is
// drawn below what was written. Close it before the program ends.
type View struct {
	out   *os.File
	lines runbook.Observer
	board *board

	mu        sync.Mutex // guards what follows
	region    *region
	suspended int
	closed    bool
	held      bytes.Buffer // written while a question is open
}

// Config is what New needs. Out is required and must be a terminal.
type Config struct {
	Out *os.File
	// Plan tells what the steps are expected to take.
	Plan runbook.Plan
}

// New makes a view. It draws nothing before the first event.
func New(c Config) *View {
	v := &View{out: c.Out, board: newBoard(c.Plan)}
	v.lines = upgrade.TerminalLines(v, 0, v.width)
	return v
}

func (v *View) width() int {
	width, _ := v.size()
	return width
}

// size is the terminal's, or what is usual where nobody told it.
func (v *View) size() (width, height int) {
	width, height, err := term.GetSize(int(v.out.Fd()))
	if err != nil || width < 1 || height < 1 {
		return upgrade.PlainWidth, 24
	}
	return width, height
}

// Observe is a runbook.Observer.
func (v *View) Observe(e runbook.Event) {
	changed := v.board.event(e)
	if e.Kind != runbook.EventProgress {
		v.lines(e)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if changed && !v.closed && v.suspended == 0 {
		v.draw()
	}
}

// draw shows the rows of the steps that are going on. v.mu is held.
func (v *View) draw() {
	if v.region == nil {
		v.region = openRegion(v.out, v.board.header)
	}
	_, height := v.size()
	v.region.show(v.board.running(max(height-2, 1)))
}

// Write prints above the region. While a question is open it is kept, and printed when that is over.
func (v *View) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.suspended > 0 && !v.closed {
		return v.held.Write(p)
	}
	return v.print(p)
}

func (v *View) print(p []byte) (int, error) {
	if v.region != nil {
		if n, err := v.region.Write(p); err == nil {
			return n, nil
		}
	}
	return v.out.Write(p)
}

// Notice prints a line at once, also while a question is open.
func (v *View) Notice(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, _ = v.print([]byte(text + "\n"))
}

// Asker wraps an Asker that uses the same terminal: while it asks, nothing else is printed.
func (v *View) Asker(a runbook.Asker) runbook.Asker { return asker{v, a} }

func (v *View) suspend() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.suspended++
	v.clear()
}

func (v *View) resume() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.suspended--
	if v.suspended == 0 {
		v.flush()
	}
}

// flush prints what was kept. v.mu is held.
func (v *View) flush() {
	_, _ = v.held.WriteTo(v.out)
}

// clear takes the region from the terminal, with everything above it printed. v.mu is held.
func (v *View) clear() {
	if v.region != nil {
		v.region.close()
		v.region = nil
	}
}

// Close takes the region away and prints what was kept. Writing goes on to work; it may be repeated.
func (v *View) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	v.clear()
	v.flush()
}

var _ io.Writer = (*View)(nil)

// refresh is how often the region is drawn.
const refresh = 200 * time.Millisecond
