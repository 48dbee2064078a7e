package filelog

import (
	"strings"

	"golang.org/x/sys/unix"
)

const stateFolder = "Library/Application Support"

// networkDrive names the kind of network file system that path lies on, or "".
func networkDrive(path string) string {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil || s.Flags&unix.MNT_LOCAL != 0 {
		return ""
	}
	return strings.TrimRight(string(s.Fstypename[:]), "\x00")
}
