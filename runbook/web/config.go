package web

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Config says what is shown, and to whom. Only Runner is required.
type Config struct {
	// Runner is where the runs are. The attachments and evidence of runs are found through its Files;
	// its Actor is who answers, unless there are People.
	Runner *runbook.Runner
	// Title stands above the list of runs (default "Runs").
	Title string
	// Next says what to type in a terminal to drive a run on, for runs that have not ended (nil: nothing is shown).
	Next func(*runbook.State) string
	// ReadOnly shows everything and takes no answer.
	ReadOnly bool
	// People may come in, each with a token of at least 20 characters. None: only Runner.Actor, with a
	// token that New makes.
	People []Person
	// Host says whether a name is this server's own; a request for another one is refused. nil: localhost,
	// 127.0.0.1 and ::1.
	Host func(name string) bool
	// Poll is how often a journal is looked at for a page that is open (default 1 s).
	Poll time.Duration
	// Session is how long a browser stays signed in (default 12 h). Sessions end with the server.
	Session time.Duration
	// Log is told of sign-ins, answers, refusals and failures, never of tokens (default: nobody).
	Log *slog.Logger
}

// Person is somebody who may come in.
type Person struct {
	// Name is the actor of the person's answers.
	Name  string
	Token string
}

// Format prints no token, whatever the verb.
func (p Person) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.Name) }

// LogValue logs no token.
func (p Person) LogValue() slog.Value { return slog.StringValue(p.Name) }

// shortestToken keeps guessing hopeless.
const shortestToken = 20

func (c Config) check() error {
	var faults []error
	if c.Runner == nil || c.Runner.Log == nil {
		faults = append(faults, errors.New("web: no runner given"))
	}
	if c.Runner != nil && c.Runner.Actor == "" && len(c.People) == 0 {
		faults = append(faults, errors.New("web: nobody is there to answer: neither the runner's Actor nor People"))
	}
	if c.Poll < 0 || c.Session < 0 {
		faults = append(faults, errors.New("web: Poll and Session must not be negative"))
	}
	return errors.Join(append(faults, checkPeople(c.People)...)...)
}

// checkPeople reports what is wrong with each, without its token.
func checkPeople(people []Person) (faults []error) {
	names, tokens := map[string]bool{}, map[string]bool{}
	for i, p := range people {
		switch {
		case strings.TrimSpace(p.Name) == "":
			faults = append(faults, fmt.Errorf("person %d has no name", i+1))
		case len(p.Token) < shortestToken:
			faults = append(faults, fmt.Errorf("the token of %s has %d characters; it needs at least %d", p.Name, len(p.Token), shortestToken))
		case names[p.Name], tokens[p.Token]:
			faults = append(faults, fmt.Errorf("the name or the token of %s is there twice", p.Name))
		}
		names[p.Name], tokens[p.Token] = true, true
	}
	return faults
}

// withDefaults fills in what the documentation of the fields says; People are New's.
func (c Config) withDefaults() Config {
	if c.Title == "" {
		c.Title = "Runs"
	}
	if c.Host == nil {
		c.Host = loopbackName
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
	if c.Session == 0 {
		c.Session = 12 * time.Hour
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func loopbackName(name string) bool {
	return strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "::1"
}
