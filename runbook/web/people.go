package web

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// largestPeople bounds what is read of a token file.
const largestPeople = 1 << 20

// ReadPeople reads a file with a line NAME:TOKEN for each person; empty lines and those that begin
// with # do not count. A name may hold colons, a token may not. Others must not be able to read the
// file. Every fault is reported at once, with its line and never with a token.
func ReadPeople(path string) ([]Person, error) {
	raw, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	var people []Person
	var faults []error
	for i, line := range strings.Split(string(raw), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, ":")
		if at < 0 {
			faults = append(faults, fmt.Errorf("line %d is not of the form NAME:TOKEN", i+1))
			continue
		}
		people = append(people, Person{Name: strings.TrimSpace(line[:at]), Token: strings.TrimSpace(line[at+1:])})
	}
	faults = append(faults, checkPeople(people)...)
	if len(people) == 0 && len(faults) == 0 {
		faults = append(faults, errors.New("it names nobody"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("tokens %s: %w", path, err)
	}
	return people, nil
}

// readPrivate reads a file that only its owner may read. Windows has no such bits.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("others can read %s (its mode is %o): chmod 600 it, and make new tokens", path, mode)
	}
	return io.ReadAll(io.LimitReader(f, largestPeople))
}
