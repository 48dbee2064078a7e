//go:build !linux && !darwin && !windows

package filelog

const stateFolder = ".local/state"

// networkDrive: unknown on this system.
func networkDrive(string) string { return "" }
