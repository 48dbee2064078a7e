package awake

import (
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
func keep(string) (func(), string, error) {
	set := windows.NewLazySystemDLL("kernel32.dll").NewProc("SetThreadExecutionState")
	held, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if was, _, _ := set.Call(continuous | systemRequired | displayRequired); was == 0 {
			held <- errors.New("SetThreadExecutionState refused")
			return
		}
		held <- nil
		<-done
		_, _, _ = set.Call(continuous)
	}()
	if err := <-held; err != nil {
		return nil, "", err
	}
	return func() { close(done) }, "kept awake by SetThreadExecutionState", nil
}
