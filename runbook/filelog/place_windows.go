package filelog

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

const stateFolder = ""

// networkDrive names the network share that path lies on, or "".
func networkDrive(path string) string {
	volume := filepath.VolumeName(path)
	if strings.HasPrefix(volume, `\\`) {
		return volume
	}
	root, err := windows.UTF16PtrFromString(volume + `\`)
	if err == nil && windows.GetDriveType(root) == windows.DRIVE_REMOTE {
		return volume
	}
	return ""
}
