package runbook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// MaxAttachment is the size in bytes of the largest file that an answer may bring: 20 MiB.
const MaxAttachment = 20 << 20

// checkFile says why the file at path cannot be attached as an entry.
func checkFile(entry, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", entry, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: %s is not a file", entry, path)
	case info.Size() > MaxAttachment:
		return fmt.Errorf("%s: %s has %d bytes, more than the %d that may be attached; give a link instead", entry, path, info.Size(), MaxAttachment)
	}
	return nil
}

// complete makes an answer that was checked ready to be recorded: its files are copied into the run's folder and
// the word Now becomes a time. The answer given is not changed. It may be repeated: the name of a copy follows
// from its content.
func (r *Runner) complete(run, step string, ask Ask, a Answer) (Answer, error) {
	values := maps.Clone(a.Values)
	if values == nil && len(a.Files) > 0 {
		values = map[string]string{}
	}
	for _, f := range ask.Fields {
		if f.Time && strings.TrimSpace(values[f.Name]) == Now {
			values[f.Name] = r.now().Format(time.RFC3339)
		}
	}
	for _, entry := range slices.Sorted(maps.Keys(a.Files)) {
		copied, err := r.copyIn(run, step+"-"+entry, entry, a.Files[entry])
		if err != nil {
			return a, err
		}
		a.Attached, values[entry] = append(a.Attached, copied), copied.Name
	}
	a.Values, a.Files = values, nil
	return a, nil
}

// copyIn copies a file into the run's folder, under a name made of prefix and the file's own checksum.
func (r *Runner) copyIn(run, prefix, entry, path string) (Attachment, error) {
	if r.Files == "" {
		return Attachment{}, fmt.Errorf("%s: %w", entry, errNoFiles)
	}
	content, err := readFile(entry, path)
	if err != nil {
		return Attachment{}, err
	}
	for _, secret := range r.Secrets {
		if secret != "" && bytes.Contains(content, []byte(secret)) {
			return Attachment{}, fmt.Errorf("%s: %s holds a credential of this run; take it out first", entry, path)
		}
	}
	sum := sha256.Sum256(content)
	name := safeName(prefix, hex.EncodeToString(sum[:]), filepath.Ext(path))
	a, err := writeAttachment(filepath.Join(r.Files, RunStream(run)), name, writes(content))
	if err != nil {
		return a, fmt.Errorf("%s: attach %s: %w", entry, path, err)
	}
	a.Was = filepath.Base(path)
	return a, nil
}

// readFile reads a file that may have grown since it was looked at.
func readFile(entry, path string) ([]byte, error) {
	if err := checkFile(entry, path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", entry, err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, MaxAttachment+1))
	if err == nil && len(content) > MaxAttachment {
		err = fmt.Errorf("it grew beyond %d bytes", MaxAttachment)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: read %s: %w", entry, path, err)
	}
	return content, nil
}

var (
	notInNames   = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
	plainEndings = regexp.MustCompile(`^\.[A-Za-z0-9]{1,8}$`)
)

// safeName leads nowhere else, collides with nothing else and is short enough for every system.
func safeName(prefix, sum, ending string) string {
	prefix = strings.TrimLeft(notInNames.ReplaceAllString(prefix, "-"), "-_")
	if !plainEndings.MatchString(ending) {
		ending = ".bin"
	}
	return prefix[:min(len(prefix), 80)] + "-" + sum[:16] + strings.ToLower(ending)
}
