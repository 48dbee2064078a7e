package runbook_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/memlog"
)

// completed is the evidence of a maintenance at noon that bob attested.
func completed() *runbook.Evidence {
	people := &runbook.Prepared{How: "answers", Answers: []runbook.PreparedAnswer{{Step: "attest", Statement: "it works"}}}
	ann := &runbook.Runner{Log: &memlog.Log{}, Actor: "ann@laptop", Clock: noon(), Asker: people}
	state, err := ann.Start(context.Background(), maintenance(&switchboard{alarm: true}))
	if err != nil {
		log.Fatal(err)
	}
	evidence, err := ann.Evidence(context.Background(), state.Run)
	if err != nil {
		log.Fatal(err)
	}
	return evidence
}

// The report in Markdown begins with how the run ended and what a reader must know.
func ExampleEvidence_WriteMarkdown() {
	var report strings.Builder
	if err := completed().WriteMarkdown(&report); err != nil {
		log.Fatal(err)
	}
	head, _, _ := strings.Cut(report.String(), "\n## Still")
	fmt.Println(head)
	// Output:
	// # maintenance: test, run test-0001
	//
	// | | |
	// |---|---|
	// | outcome | **completed** |
	// | run | test-0001 |
	// | environment | test |
	// | started | 2026-03-01 12:00:00Z by ann@laptop |
	// | ended | 2026-03-01 12:00:00Z, after 0s |
	//
	// ## Deviations
	//
	// None.
}

// A pipeline shows the steps as tests, one suite a phase.
func ExampleEvidence_WriteJUnit() {
	var report strings.Builder
	if err := completed().WriteJUnit(&report); err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(report.String()) {
		if strings.Contains(line, "<testcase") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// <testcase name="silence-alarm" classname="" time="0.000"></testcase>
	// <testcase name="release" classname="" time="0.000"></testcase>
	// <testcase name="attest" classname="" time="0.000">
	// <testcase name="alarm/door" classname="silence-alarm" time="0.000">
	// <testcase name="run" classname="test" time="0.000"></testcase>
}

// The page needs neither a script nor the network.
func ExampleEvidence_WriteHTML() {
	var page bytes.Buffer
	if err := completed().WriteHTML(&page); err != nil {
		log.Fatal(err)
	}
	title, _, _ := strings.Cut(page.String(), "</title>")
	_, title, _ = strings.Cut(title, "<title>")
	fmt.Println(title)
	fmt.Println("scripts:", strings.Count(page.String(), "<script"))
	// Output:
	// test-0001: Completed, maintenance
	// scripts: 0
}

// Whoever has the public key finds out whether the files are those that were signed.
func ExampleReadBundle() {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "evidence")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if _, err := completed().Save(dir, private); err != nil {
		log.Fatal(err)
	}
	evidence, err := runbook.ReadBundle(dir, public)
	fmt.Println(evidence.State.End.Outcome, err)
	if err := os.WriteFile(filepath.Join(dir, runbook.ReportFile), []byte("all went well"), 0o600); err != nil {
		log.Fatal(err)
	}
	_, err = runbook.ReadBundle(dir, public)
	fmt.Println(errors.Is(err, runbook.ErrDamaged), err)
	// Output:
	// completed <nil>
	// true report.md: damaged: its SHA-256 is not the one that SHA256SUMS says
}

// Evidence that is in memory, for example from another program, is held against its own records.
func ExampleEvidence_Verify() {
	evidence := completed()
	fmt.Println(evidence.Verify())
	evidence.State.End.Outcome = runbook.Aborted
	fmt.Println(evidence.Verify())
	// Output:
	// <nil>
	// evidence of run test-0001: damaged: its summary differs from its records
}

// The one file evidence.json proves the journal also where the files beside it are not at hand.
func ExampleReadEvidence() {
	dir, err := os.MkdirTemp("", "evidence")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	saved, err := completed().Save(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	evidence, err := runbook.ReadEvidence(saved.Evidence)
	fmt.Println(evidence.Run, len(evidence.Records), err)
	// Output: test-0001 15 <nil>
}
