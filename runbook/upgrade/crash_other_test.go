//go:build !unix

package upgrade_test

// child: processes that die are tested where signals are.
func child() (code int, yes bool) { return 0, false }
