package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// progressName is the file beside a journal that says how far steps are. It is for display only and
// may be removed at any time.
const progressName = "progress.json"

// progressFile is its content.
type progressFile struct {
	Schema int                     `json:"schema"`
	At     time.Time               `json:"at"`
	Steps  map[string]stepProgress `json:"steps"`
}

// stepProgress is how far a step that runs is.
type stepProgress struct {
	At    time.Time `json:"at"`
	Text  string    `json:"text,omitempty"`
	Done  int64     `json:"done,omitempty"`
	Total int64     `json:"total,omitempty"`
	Unit  string    `json:"unit,omitempty"`
}

// progressEvery bounds how often the file is written for a step whose numbers change.
const progressEvery = 500 * time.Millisecond

// ProgressFile is an observer that keeps the latest progress of the steps that run in a small file
// beside the run's journal, below files, the folder of Runner.Files. A Server with the same folder shows
// it, also in another process. The file is replaced at once, so that nobody reads a half; it goes when
// no step runs. What cannot be written is not shown: nothing depends on it.
func ProgressFile(files string) runbook.Observer {
	k := &keeper{files: files}
	return k.observe
}

type keeper struct {
	files string

	mu  sync.Mutex
	run string
	now progressFile
}

func (k *keeper) observe(e runbook.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.Run != k.run {
		k.run, k.now = e.Run, progressFile{Schema: 1, Steps: map[string]stepProgress{}}
	}
	if e.Kind == runbook.EventProgress {
		k.progress(e)
		return
	}
	if _, known := k.now.Steps[e.Step]; known && over(e.Kind) {
		delete(k.now.Steps, e.Step)
		k.write(e.At)
	}
}

// over says whether a step does not go on after an event.
func over(kind runbook.EventKind) bool {
	switch runbook.Kind(kind) {
	case runbook.KindDone, runbook.KindFail, runbook.KindWait:
		return true
	}
	return false
}

func (k *keeper) progress(e runbook.Event) {
	was, known := k.now.Steps[e.Step]
	p := stepProgress{At: e.At, Text: e.Text, Done: e.Done, Total: e.Total, Unit: e.Unit}
	if e.Total == 0 { // words between the numbers
		p.Done, p.Total, p.Unit = was.Done, was.Total, was.Unit
	}
	again := e.Total == 0 && p.Text == was.Text || e.Total > 0 && p.Done < p.Total
	if known && again && e.At.Sub(was.At) < progressEvery {
		return
	}
	k.now.Steps[e.Step] = p
	k.write(e.At)
}

// write replaces the file, or removes it when there is nothing to say.
func (k *keeper) write(at time.Time) {
	path := filepath.Join(k.files, filepath.FromSlash(runbook.RunStream(k.run)), progressName)
	if len(k.now.Steps) == 0 {
		_ = os.Remove(path)
		return
	}
	k.now.At = at
	raw, err := json.Marshal(k.now)
	if err != nil || os.WriteFile(path+".new", raw, 0o600) != nil {
		return
	}
	_ = os.Rename(path+".new", path)
}

// largestProgress bounds what is read of the file.
const largestProgress = 1 << 20

// readProgress reads what the process that drives the run says; nothing is an empty answer.
func readProgress(files, run string) (p progressFile, err error) {
	if files == "" {
		return p, nil
	}
	root, err := os.OpenRoot(files)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	defer root.Close()
	f, err := root.Open(runbook.RunStream(run) + "/" + progressName)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, largestProgress)).Decode(&p); err != nil {
		return progressFile{}, fmt.Errorf("read %s of run %s: %w", progressName, run, err)
	}
	return p, nil
}
