//go:build !linux && !darwin && !windows

package awake

import (
	"errors"
	"runtime"
)

func keep(string) (func(), string, error) {
	return nil, "", errors.New("not supported on " + runtime.GOOS)
}
