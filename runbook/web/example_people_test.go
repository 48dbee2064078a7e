package web_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
	"github.com/verify-by-video/pexip-upgrade/runbook/web"
)

// Who may come in stands in a file that nobody else can read. Printed, people show no token.
func ExampleReadPeople() {
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "tokens")
	lines := "# one a person\nkim@desk:kims-token-of-26-characters\nlee@desk:short\n"
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		log.Fatal(err)
	}
	_, err = web.ReadPeople(file)
	fmt.Println(strings.TrimPrefix(err.Error(), "tokens "+file+": "))
	if err := os.WriteFile(file, []byte(strings.Replace(lines, "short", "lees-token-of-26-characters", 1)), 0o600); err != nil {
		log.Fatal(err)
	}
	people, err := web.ReadPeople(file)
	fmt.Println(people, err)
	// Output:
	// the token of lee@desk has 5 characters; it needs at least 20
	// [kim@desk lee@desk] <nil>
}

// The process that drives a run leaves how far it is beside the journal; the pages of another process show it.
func ExampleProgressFile() {
	dir, err := os.MkdirTemp("", "journals")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	journals, err := filelog.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	const token = "kims-token-of-26-characters"
	pages, err := web.New(web.Config{Runner: &runbook.Runner{Log: journals, Files: dir}, People: []web.Person{{Name: "kim@desk", Token: token}}})
	if err != nil {
		log.Fatal(err)
	}
	ann := &runbook.Runner{Log: journals, Files: dir, Actor: "ann@laptop", Observer: web.ProgressFile(dir)}
	_, err = ann.Start(context.Background(), &runbook.Definition{Name: "copy", Environment: "test", Steps: []runbook.Step{
		{ID: "copy", Title: "Copy", Apply: func(sc *runbook.StepContext) error {
			sc.Progress(3, 5, "files", "copying")
			req := httptest.NewRequest(http.MethodGet, "http://localhost/runs/"+sc.Run(), nil)
			req.Header.Set("Authorization", "Bearer "+token)
			page := httptest.NewRecorder()
			pages.ServeHTTP(page, req)
			fmt.Println("shown:", strings.Contains(page.Body.String(), "60 %"))
			return nil
		}}}})
	fmt.Println(err)
	// Output:
	// shown: true
	// <nil>
}

// Serve runs until its context ends. The link signs in whoever opens it.
func ExampleServer_Serve() {
	pages, err := web.New(web.Config{Runner: &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop"}, Title: "Upgrades"})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- pages.Serve(ctx, listener) }()

	jar, _ := cookiejar.New(nil) // as a browser has
	browser := &http.Client{Jar: jar}
	page, err := browser.Get(pages.Link("http://" + listener.Addr().String()))
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(page.Body)
	page.Body.Close()
	fmt.Println(page.StatusCode, strings.Contains(string(text), "<h1>Upgrades</h1>"), err)
	stop()
	fmt.Println(<-served)
	// Output:
	// 200 true <nil>
	// <nil>
}
