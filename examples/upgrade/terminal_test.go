package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// terminal is what a person sees of a program, and the keyboard.
type terminal struct {
	*os.File
	done chan struct{} // the program has closed its side

	mu    sync.Mutex
	text  string
	until int // what the dialogue has come to
}

// onTerminal N DIALOGUE COMMAND … runs a command at a terminal, where it must end with exit code N and leave no
// unfinished line or sequence, and prints what it has shown. In DIALOGUE a line "< TEXT" waits until TEXT is shown
// and "> TEXT" types a line; "> ^C" is that key. (What ttyin types, it types at once: questions and answers would
// not stand in their order, and Ctrl-C would come before anybody listens.)
func onTerminal(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[2], args[3:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), append(os.Environ(), "TERM="+cmp.Or(ts.Getenv("TERM"), "xterm"), "CI=", "NO_COLOR="+ts.Getenv("NO_COLOR"), "PATH="+ts.Getenv("PATH"))
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 30, Cols: 100})
	ts.Check(err)
	defer file.Close()
	t := &terminal{File: file, done: make(chan struct{})}
	go t.watch()
	talked := t.talk(ts.ReadFile(args[1]))
	_ = cmd.Wait() // its exit code tells more
	<-t.done
	fmt.Fprint(ts.Stdout(), t.text)
	ts.Check(talked)
	if got := fmt.Sprint(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("%s ended with %s, not %s", args[2], got, args[0])
	}
	ts.Check(t.clean())
}

func (t *terminal) watch() {
	defer close(t.done)
	buf := make([]byte, 4096)
	for {
		n, err := t.Read(buf)
		t.mu.Lock()
		t.text += string(buf[:n])
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (t *terminal) talk(dialogue string) error {
	for line := range strings.Lines(dialogue) {
		text := strings.TrimSuffix(line[2:], "\n")
		switch {
		case line[0] == '<':
			if err := until(func() (bool, error) { return t.shows(text) }); err != nil {
				return fmt.Errorf("%q is not shown: %w", text, err)
			}
		case text == "^C":
			_, _ = t.WriteString("\x03")
		default:
			_, _ = t.WriteString(text + "\n")
		}
	}
	return nil
}

// shows says whether a text has come, after that which was waited for before.
func (t *terminal) shows(text string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := strings.Index(t.text[t.until:], text)
	if at >= 0 {
		t.until += at + len(text)
	}
	return at >= 0, nil
}

var sequence = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// clean says what would spoil the line on which the shell asks for its next command.
func (t *terminal) clean() error {
	rest := sequence.ReplaceAllString(t.text, "")
	if strings.Contains(rest, "\x1b") || !strings.HasSuffix(rest, "\n") {
		return fmt.Errorf("an unfinished sequence or line: %q", t.text[max(len(t.text)-200, 0):])
	}
	return nil
}
