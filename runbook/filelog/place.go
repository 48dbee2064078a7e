package filelog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// DefaultRoot is the folder in which the system's convention wants the state of the program app:
// $XDG_STATE_HOME or ~/.local/state, on macOS ~/Library/Application Support, on Windows
// %LocalAppData%, which is not synchronised with other machines.
func DefaultRoot(app string) (string, error) {
	if base := os.Getenv("XDG_STATE_HOME"); runtime.GOOS != "windows" && filepath.IsAbs(base) {
		return filepath.Join(base, app), nil
	}
	base := os.Getenv("LocalAppData")
	if runtime.GOOS != "windows" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("filelog: default folder: %w", err)
		}
		base = filepath.Join(home, filepath.FromSlash(stateFolder))
	}
	if base == "" {
		return "", errors.New("filelog: default folder: %LocalAppData% is not set")
	}
	return filepath.Join(base, app), nil
}

// syncedFolders are names of folders that programs synchronise with other machines.
var syncedFolders = []string{"onedrive", "dropbox", "google drive", "googledrive", "my drive", "icloud drive", "icloud~", "mobile documents",
	"com~apple~clouddocs", "box sync", "nextcloud", "owncloud", "sharepoint"}

// Hazard says why a folder is no good place for journals, or "": it lies on a network drive, whose
// locks are not kept everywhere, or is synchronised with other machines, which then see copies that
// are old or torn and may put one in the place of the journal. The folder need not exist. What a
// system hides cannot be seen: "" is no proof.
func Hazard(root string) string {
	abs, err := filepath.Abs(root)
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(existing(abs)); err == nil {
		abs = real + strings.TrimPrefix(abs, existing(abs))
	}
	for _, part := range strings.FieldsFunc(strings.ToLower(filepath.ToSlash(abs)), func(r rune) bool { return r == '/' }) {
		for _, name := range syncedFolders {
			if part == name || strings.HasPrefix(part, name+" - ") || strings.HasSuffix(name, "~") && strings.HasPrefix(part, name) {
				return fmt.Sprintf("%s lies in %q, which is synchronised with other machines", root, part)
			}
		}
	}
	if kind := networkDrive(existing(abs)); kind != "" {
		return fmt.Sprintf("%s lies on a network drive (%s)", root, kind)
	}
	return ""
}

// existing is the nearest folder on the way to path that exists.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}
