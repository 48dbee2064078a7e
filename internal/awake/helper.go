package awake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// helper is a program of the system that keeps it awake as long as another program runs, and one that
// lists who does so.
type helper struct {
	how  string
	name string
	args func(reason string) []string
	list []string
	// shows says whether a line of the list is the request of the helper with that process id.
	shows func(line string, pid int) bool
}

// helpers by runtime.GOOS.
var helpers = map[string]helper{
	// logind's block inhibitor locks (systemd-inhibit(1)). A line has WHO UID USER PID COMM WHAT WHY MODE.
	"linux": {how: "kept awake by a logind inhibitor", name: "systemd-inhibit",
		args: func(reason string) []string {
			return []string{"--what=idle:sleep:handle-lid-switch", "--mode=block", "--who=pexip-upgrade", "--why=" + reason}
		},
		list: []string{"systemd-inhibit", "--list", "--no-pager"},
		shows: func(line string, pid int) bool {
			words := strings.Fields(line)
			return slices.Contains(words, strconv.Itoa(pid)) && slices.Contains(words, "block") &&
				slices.ContainsFunc(words, func(w string) bool { return slices.Contains(strings.Split(w, ":"), "sleep") })
		}},
	// A power assertion (caffeinate(8), pmset(1)). A line reads "pid 71(caffeinate): [0x…] 00:00:01
	// PreventUserIdleSystemSleep named: …".
	"darwin": {how: "kept awake by a caffeinate assertion", name: "caffeinate",
		args: func(string) []string { return []string{"-i", "-s"} },
		list: []string{"pmset", "-g", "assertions"},
		shows: func(line string, pid int) bool {
			return strings.Contains(line, fmt.Sprintf("pid %d(caffeinate)", pid)) && strings.Contains(line, "PreventUserIdleSystemSleep")
		}},
}

// keep starts the helper around a shell that ends with its input, which ends with this process: nothing
// stays behind after a crash.
func (h helper) keep(reason string) (*held, string, error) {
	pid, release, err := hold(h.name, append(h.args(reason), "sh", "-c", "echo held; exec cat >/dev/null")...)
	return &held{release: release, active: func(ctx context.Context) (bool, error) { return h.lists(ctx, pid) }}, h.how, err
}

func (h helper) lists(ctx context.Context, pid int) (bool, error) {
	out, err := exec.CommandContext(ctx, h.list[0], h.list[1:]...).Output()
	if err != nil {
		return false, fmt.Errorf("%s: %w", strings.Join(h.list, " "), err)
	}
	for line := range strings.Lines(string(out)) {
		if h.shows(line, pid) {
			return true, nil
		}
	}
	return false, nil
}

// answerLimit is how long a helper program may take to say that it holds.
const answerLimit = 3 * time.Second

// hold starts a helper that prints a line once it keeps the machine awake, and keeps it so until its
// input ends.
func hold(name string, args ...string) (pid int, release func(), err error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return 0, nil, fmt.Errorf("%s is not installed", name)
	}
	cmd := exec.Command(path, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	release = func() {
		_ = in.Close()
		_ = cmd.Wait()
	}
	if err := firstLine(out); err != nil {
		_ = cmd.Process.Kill()
		release()
		return 0, nil, fmt.Errorf("%s: %w", name, err)
	}
	return cmd.Process.Pid, release, nil
}

func firstLine(r io.Reader) error {
	got := make(chan error, 1)
	go func() {
		_, err := bufio.NewReader(r).ReadString('\n')
		got <- err
	}()
	limit := time.NewTimer(answerLimit)
	defer limit.Stop()
	select {
	case err := <-got:
		if err != nil {
			return errors.New("it ended at once")
		}
		return nil
	case <-limit.C:
		return errors.New("it does not say that it holds")
	}
}
