// Package awake keeps the workstation from sleeping while something long is being sent (PRE-4).
package awake

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Keep asks the operating system not to sleep until release is called, or until this process ends in
// any way. It never fails: how says for the record by what the workstation is kept awake, or, with kept
// false, why it is not and that a person must see to it.
func Keep(reason string) (release func(), how string, kept bool) {
	release, how, err := keep(reason)
	if err != nil {
		return func() {}, "not kept awake (" + err.Error() + "); see to it by hand", false
	}
	return release, how, true
}

// answerLimit is how long a helper program may take to say that it holds.
const answerLimit = 3 * time.Second

// hold starts a helper that prints a line once it keeps the machine awake, and keeps it so until its
// input ends. The input ends with this process, so nothing stays behind after a crash.
func hold(name string, args ...string) (func(), error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%s is not installed", name)
	}
	cmd := exec.Command(path, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	release := func() {
		_ = in.Close()
		_ = cmd.Wait()
	}
	if err := firstLine(out); err != nil {
		_ = cmd.Process.Kill()
		release()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return release, nil
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
