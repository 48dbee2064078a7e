//go:build !windows

package awake

import (
	"errors"
	"runtime"
)

func keep(reason string) (*held, string, error) {
	h, ok := helpers[runtime.GOOS]
	if !ok {
		return nil, "", errors.New("not supported on " + runtime.GOOS)
	}
	return h.keep(reason)
}
