package web

import (
	"mime"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// bundle are the files of every run's evidence. The first is one that a browser may show; all others
// are only handed out.
var bundle = []string{runbook.HTMLFile, runbook.ReportFile, runbook.EvidenceFile, runbook.JUnitFile, runbook.SumsFile, runbook.SignatureFile}

// reportPolicy lets the report have its own styles, and nothing else.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// fileView is a file of a run.
type fileView struct {
	Name, SHA256 string
	Size         int64
}

// files are those of a run's evidence that are there, and its attachments.
func (s *Server) files(state *runbook.State) (out []fileView) {
	root, err := s.folder(state.Run)
	if err != nil {
		return nil
	}
	defer root.Close()
	for _, name := range bundle {
		if info, err := root.Stat(name); err == nil && info.Mode().IsRegular() {
			out = append(out, fileView{Name: name, Size: info.Size()})
		}
	}
	for _, a := range state.Attachments() {
		if info, err := root.Stat(a.Name); err == nil && info.Mode().IsRegular() {
			out = append(out, fileView{Name: a.Name, SHA256: a.SHA256, Size: info.Size()})
		}
	}
	return out
}

// folder is the run's own, out of which no name and no link leads.
func (s *Server) folder(run string) (*os.Root, error) {
	files, err := os.OpenRoot(s.cfg.Runner.Files)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	return files.OpenRoot(runbook.RunStream(run))
}

// fileTime is how long a file may take to be sent.
const fileTime = 30 * time.Minute

// file hands out one file of a run: only those that the page of the run lists.
func (s *Server) file(w http.ResponseWriter, r *http.Request, _ visit) {
	state, err := s.state(r)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	name := r.PathValue("name")
	if !slices.ContainsFunc(s.files(state), func(f fileView) bool { return f.Name == name }) {
		s.refuse(w, r, http.StatusNotFound, "The run has no such file.")
		return
	}
	if err := s.handOut(w, r, state.Run, name); err != nil {
		s.failed(w, r, err)
	}
}

// handOut sends a file. An error comes before its first byte.
func (s *Server) handOut(w http.ResponseWriter, r *http.Request, run, name string) error {
	root, err := s.folder(run)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	how := "attachment"
	w.Header().Set("Content-Type", "application/octet-stream")
	if name == runbook.HTMLFile {
		how = "inline"
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	w.Header().Set("Content-Security-Policy", reportPolicy)
	w.Header().Set("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": name}))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(fileTime)) // a recorder in a test has none
	http.ServeContent(w, r, "", info.ModTime(), f)
	return nil
}
