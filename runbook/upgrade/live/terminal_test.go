//go:build unix

package live_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is a pseudo terminal and what stands on it: whole lines, which it wraps at its width, as terminals do that
// wrap anew when they are resized.
type terminal struct {
	t    *testing.T
	host *os.File // what the terminal sees
	tty  *os.File // what the program writes to

	mu    sync.Mutex // guards what follows
	width int
	lines [][]rune
	row   int // the cursor: a line, and a place in it
	col   int
}

func newTerminal(t *testing.T, width int) *terminal {
	t.Helper()
	host, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, host: host, tty: tty, lines: [][]rune{nil}}
	term.resize(width)
	done := make(chan struct{})
	go func() {
		defer close(done)
		term.read()
	}()
	t.Cleanup(func() {
		_ = tty.Close()
		_ = host.Close()
		<-done
	})
	return term
}

func (s *terminal) resize(width int) { s.tell(width, pty.Winsize{Rows: 40, Cols: uint16(width)}) }

// tell tells programs a size, which need not be the one that it has.
func (s *terminal) tell(width int, size pty.Winsize) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.width = width
	if err := pty.Setsize(s.host, &size); err != nil {
		s.t.Fatal(err)
	}
}

func (s *terminal) read() {
	buf := make([]byte, 4096)
	var rest string
	for {
		n, err := s.host.Read(buf)
		if err != nil {
			return
		}
		rest = s.draw(rest + string(buf[:n]))
	}
}

var escape = regexp.MustCompile(`^\x1b\[([0-9;]*)([A-Za-z])`)

// draw takes in what was written, and returns what may be the beginning of a sequence.
func (s *terminal) draw(text string) (rest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	whole := strings.LastIndexByte(text, '\n') + 1 // no sequence and no character has a line's end in it
	rest, text = text[whole:], text[:whole]
	for len(text) > 0 {
		if m := escape.FindStringSubmatch(text); m != nil {
			s.control(m[1], m[2])
			text = text[len(m[0]):]
			continue
		}
		r := []rune(text)[0]
		s.put(r)
		text = text[len(string(r)):]
	}
	return rest
}

func (s *terminal) control(number, what string) {
	switch what {
	case "A":
		n, _ := strconv.Atoi(number)
		s.up(n)
	case "J":
		s.lines = s.lines[:s.row+1]
		s.lines[s.row] = s.lines[s.row][:min(s.col, len(s.lines[s.row]))]
	}
}

// up goes up rows as they are seen.
func (s *terminal) up(n int) {
	for ; n > 0; n-- {
		if s.col >= s.width {
			s.col -= s.width
		} else if s.row > 0 {
			s.row--
			s.col += max(len(s.lines[s.row])-1, 0) / s.width * s.width
		}
	}
}

func (s *terminal) put(r rune) {
	switch r {
	case '\r':
		s.col -= s.col % s.width
	case '\n':
		s.row++
		s.col = 0
		if s.row == len(s.lines) {
			s.lines = append(s.lines, nil)
		}
	default:
		for len(s.lines[s.row]) <= s.col {
			s.lines[s.row] = append(s.lines[s.row], ' ')
		}
		s.lines[s.row][s.col] = r
		s.col++
	}
}

var clock = regexp.MustCompile(`\d+(:\d\d)+`)

// text is what stands there, with T for each time.
func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, l := range s.lines {
		out = append(out, strings.TrimRight(string(l), " "))
	}
	return clock.ReplaceAllString(strings.Join(out, "\n"), "T")
}

// await waits until a text stands on the terminal.
func (s *terminal) await(want string) {
	s.t.Helper()
	limit, tick := time.After(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(s.text(), want) {
		select {
		case <-tick.C:
		case <-limit:
			s.t.Fatalf("%q never came:\n%s", want, s.text())
		}
	}
}

// settled is what stands there when all that was written has arrived.
func (s *terminal) settled() string {
	s.t.Helper()
	if _, err := s.tty.WriteString("END\n"); err != nil {
		s.t.Fatal(err)
	}
	s.await("END")
	return s.text()
}
