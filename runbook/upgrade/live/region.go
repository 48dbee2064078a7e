package live

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/cupwriter"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// region is the part of the terminal that is drawn again and again.
type region struct {
	progress *mpb.Progress
	head     *mpb.Bar
	bars     map[*row]*mpb.Bar
}

func openRegion(out *os.File, header func(width int) string) *region {
	r := &region{bars: map[*row]*mpb.Bar{}, progress: mpb.New(mpb.WithConsoleWriter(newConsole(out)), mpb.WithRefreshRate(refresh), mpb.WithAutoRefresh())}
	r.head = r.add(header)
	return r
}

// add draws a line below the others. It is nil when the terminal is gone.
func (r *region) add(line func(width int) string) *mpb.Bar {
	bar, err := r.progress.Add(0, mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		_, err := io.WriteString(w, line(s.AvailableWidth))
		return err
	}), mpb.BarFillerTrim())
	if err != nil {
		return nil
	}
	return bar
}

// show draws these rows, and no others.
func (r *region) show(rows []*row) {
	for at, bar := range r.bars {
		if !slices.Contains(rows, at) {
			if bar != nil {
				bar.Abort(true)
			}
			delete(r.bars, at)
		}
	}
	for i, at := range rows {
		if r.bars[at] == nil {
			r.bars[at] = r.add(at.line)
		}
		if bar := r.bars[at]; bar != nil {
			bar.SetPriority(i + 1) // below the header
		}
	}
}

// Write prints above the region.
func (r *region) Write(p []byte) (int, error) { return r.progress.Write(p) }

// close erases the region, and returns when all that was written is printed.
func (r *region) close() {
	r.show(nil)
	if r.head != nil {
		r.head.Abort(true)
	}
	r.progress.Wait()
}

// console draws as its library does, which goes up as many rows as it drew. When the terminal has become
// narrower since, rows that were drawn take more of them.
type console struct {
	*cupwriter.Writer
	out   io.Writer
	drawn []int // columns of each row
}

func newConsole(out *os.File) *console {
	return &console{Writer: cupwriter.New(out, false), out: out}
}

// GetTermSize implements mpb.ConsoleWriter. A terminal that nobody told its size has one of its own. Rows that do not
// fit are left out before they come here.
func (c *console) GetTermSize() (width, height int, err error) {
	width, _, err = c.Writer.GetTermSize()
	if width < 1 {
		width = upgrade.PlainWidth
	}
	return width, math.MaxInt16, err
}

// Flush implements mpb.ConsoleWriter.
func (c *console) Flush(lines int) error {
	back := "\r"                                                      // the terminal itself may have written the ^C that was typed
	if extra := c.wrapped(); extra > 0 && runtime.GOOS != "windows" { // whose consoles keep count themselves
		back += fmt.Sprintf("\x1b[%dA", extra)
	}
	c.drawn = columns(c.String(), lines)
	if _, err := io.WriteString(c.out, back); err != nil {
		return err
	}
	return c.Writer.Flush(lines)
}

// wrapped is how many more rows the last drawing takes now.
func (c *console) wrapped() (rows int) {
	width, _, err := c.GetTermSize()
	if err != nil {
		return 0
	}
	for _, n := range c.drawn {
		rows += max(n-1, 0) / width
	}
	return rows
}

// columns are the widths of the last lines of a text.
func columns(text string, lines int) (out []int) {
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for _, l := range all[len(all)-max(min(lines, len(all)), 0):] {
		out = append(out, runewidth.StringWidth(plain(l)))
	}
	return out
}

// plain is a line without its escape sequences, each of which ends with a letter.
func plain(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		end := strings.IndexFunc(after, func(r rune) bool { return r >= '@' })
		s = after[end+1:]
	}
}
