package features_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade/upgradetest"
)

// people answer the questions of a run: with what a scenario says, otherwise as in a rehearsal. Nobody
// decides about a failure unless a scenario says how.
type people struct {
	mu        sync.Mutex
	silent    map[string]bool
	values    map[string]map[string]string
	files     map[string]map[string]string
	decisions map[string][]runbook.Decision
	work      map[string]func() error
	asked     []runbook.Question
}

func newPeople() *people {
	return &people{silent: map[string]bool{}, values: map[string]map[string]string{}, files: map[string]map[string]string{}, decisions: map[string][]runbook.Decision{}, work: map[string]func() error{}}
}

// Ask implements runbook.Asker.
func (p *people) Ask(ctx context.Context, q runbook.Question) (runbook.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, q)
	if q.Ask.Kind == runbook.DecisionWanted {
		return p.decide(q)
	}
	if p.silent[q.Title] {
		return runbook.Answer{}, runbook.ErrNoAnswer
	}
	if do := p.work[q.Title]; do != nil {
		if err := do(); err != nil {
			return runbook.Answer{}, err
		}
	}
	answer, err := upgradetest.People{}.Ask(ctx, q)
	answer.Values, answer.Files = upgradetest.Fill(q.Ask, p.values[q.Title]), p.files[q.Title]
	return answer, err
}

func (p *people) decide(q runbook.Question) (runbook.Answer, error) {
	left := p.decisions[q.Title]
	if len(left) == 0 {
		return runbook.Answer{}, runbook.ErrNoAnswer
	}
	p.decisions[q.Title] = left[1:]
	return runbook.Answer{How: "scenario", Statement: "decided in the scenario", Decision: left[0]}, nil
}

func (p *people) say(title, field, value string) {
	if p.values[title] == nil {
		p.values[title] = map[string]string{}
	}
	p.values[title][field] = value
}

func (p *people) wasAsked(title string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.asked, func(q runbook.Question) bool { return q.Title == title && q.Ask.Kind != runbook.DecisionWanted })
}

func (w *world) peopleSteps() []step {
	return []step{
		{`^a person is asked "([^"]*)"$`, w.personAsked},
		{`^no person is asked "([^"]*)"$`, w.noPersonAsked},
		{`^nobody answers "([^"]*)" yet$`, func(title string) { w.people.silent[title] = true }},
		{`^the answer to "([^"]*)" brings a document that describes it$`, w.bringsDocument},
		{`^the answer to "([^"]*)" has "([^"]*)" as (.+)$`, w.people.say},
		{`^the answer to "([^"]*)" leaves "([^"]*)" empty$`, func(title, field string) { w.people.say(title, field, "") }},
		{`^the operator decides to (abort|retry|roll back|state as done) after "([^"]*)"$`, w.decides},
		{`^the token for Azure DevOps slips into the answer to "([^"]*)"$`, w.slips},
		{`^the operator uploads the package and starts the upgrade in the web interface$`, w.byHand},
	}
}

func (w *world) personAsked(title string) error {
	if w.people.wasAsked(title) {
		return nil
	}
	var asked []string
	for _, q := range w.people.asked {
		asked = append(asked, q.Title)
	}
	return fmt.Errorf("nobody was asked %q, only: %s", title, strings.Join(asked, "; "))
}

func (w *world) noPersonAsked(title string) error {
	if w.people.wasAsked(title) {
		return fmt.Errorf("a person was asked %q", title)
	}
	return nil
}

func (w *world) slips(title string) {
	w.later(func() error {
		secrets, err := w.cfg.ReadSecrets()
		w.people.say(title, "link", "https://notes.invalid/?found-with="+secrets.DevOpsPAT)
		return err
	})
}

func (w *world) bringsDocument(title string) {
	w.later(func() error {
		path := filepath.Join(w.dir, "mitigation.txt")
		w.people.files[title] = map[string]string{"document": path}
		return os.WriteFile(path, []byte("port 5061 was opened for the gateways\n"), 0o600)
	})
}

func (w *world) decides(what, title string) {
	words := map[string]runbook.Decision{"abort": runbook.DecideAbort, "retry": runbook.DecideRetry, "roll back": runbook.DecideRollback, "state as done": runbook.DecideDone}
	w.people.decisions[title] = append(w.people.decisions[title], words[what])
}
