package awake

import (
	"context"
	"errors"
	"runtime"

	"golang.org/x/sys/windows"
)

// Execution states, from Microsoft's page on SetThreadExecutionState.
const (
	continuous      = 0x80000000
	systemRequired  = 0x00000001
	displayRequired = 0x00000002
)

// keep asks for the execution state on a thread of its own: it belongs to the thread and ends with it.
// Setting a state returns the one before, so setting it twice tells what the system keeps.
func keep(string) (*held, string, error) {
	set := windows.NewLazySystemDLL("kernel32.dll").NewProc("SetThreadExecutionState")
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for f := range work {
			f()
		}
	}()
	// was sets a state and returns the one before.
	was := func(state uintptr) uintptr {
		before := make(chan uintptr)
		work <- func() {
			r, _, _ := set.Call(state)
			before <- r
		}
		return <-before
	}
	const wanted = continuous | systemRequired | displayRequired
	if was(wanted) == 0 {
		close(work)
		return nil, "", errors.New("SetThreadExecutionState refused")
	}
	released, left := false, uintptr(0)
	h := &held{
		release: func() {
			was(continuous)
			released, left = true, was(continuous)
			close(work)
		},
		active: func(context.Context) (bool, error) {
			if released {
				return left&systemRequired != 0, nil
			}
			return was(wanted)&systemRequired != 0, nil
		},
	}
	return h, "kept awake by SetThreadExecutionState", nil
}
