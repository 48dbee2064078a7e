package notify_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/atc0005/go-teams-notify/v2/adaptivecard"

	"github.com/verify-by-video/pexip-upgrade/runbook"
	"github.com/verify-by-video/pexip-upgrade/runbook/notify"
)

// The card is one that a client of Teams which nobody here wrote takes for valid, and words from
// elsewhere stand only in text runs, which know no markup.
func TestTeamsTakesAnAdaptiveCard(t *testing.T) {
	const hostile = "[click me](https://evil.example) **bold** \"quoted\"\n# heading"
	r := newReceiver(t, nil)
	n := r.start(t, func(c *notify.Config) {
		c.Kind = notify.Teams
		c.Next = func(e runbook.Event) string { return "upgrade decide -step " + e.Step }
		c.Link = func(run string) string { return "https://desk.example/runs/" + run }
	})
	e := failed("launch")
	e.Text = hostile + strings.Repeat("x", 100_000)
	n.Observe(e)
	n.Observe(end("test-0001"))
	for _, p := range r.got(t, n) {
		var m adaptivecard.Message
		if err := json.Unmarshal(p.body, &m); err != nil {
			t.Fatal(err)
		}
		if err := m.Validate(); err != nil {
			t.Errorf("%v: %s", err, p.body)
		}
		if len(p.body) > 28<<10 {
			t.Errorf("a message of %d bytes; Teams takes 28 KB", len(p.body))
		}
	}
	n = r.start(t, func(c *notify.Config) { c.Kind = notify.Teams })
	e.Text = hostile
	n.Observe(e)
	got := r.got(t, n)
	if len(got) != 1 {
		t.Fatalf("%d cards", len(got))
	}
	var where []string
	if said := texts(t, got[0].body, &where); !slices.Contains(said, hostile) {
		t.Errorf("the text was changed: %q", said)
	}
	if want := "TextRun TextRun TextRun"; strings.Join(where, " ") != want {
		t.Errorf("texts stand in %v", where)
	}
}

// Teams takes 28 KB a message, whatever JSON makes of the letters and wherever they stand.
func TestCardsFitIntoTeams(t *testing.T) {
	for name, letter := range map[string]string{"plain": "x", "markup": "<", "control": "\x01", "no text": "\xff", "emoji": "\U0001f600"} {
		long := strings.Repeat(letter, 100_000)
		r := newReceiver(t, nil)
		n := r.start(t, func(c *notify.Config) {
			c.Kind, c.Next = notify.Teams, func(runbook.Event) string { return long }
			c.Link = func(run string) string { return "https://desk.example/runs/" + run }
		})
		f, w, e := failed("launch"), waiting("launch", at), end("test-0001")
		f.Title, f.Text, f.Clauses = long, long, slices.Repeat([]string{"B-1"}, 10_000)
		w.Title, w.Text, w.Waiting.Question.Failure = long, long, long
		e.Text = long
		for _, event := range []runbook.Event{f, w, e} {
			n.Observe(event)
		}
		got := r.got(t, n)
		if len(got) != 3 {
			t.Fatalf("%s: %d cards", name, len(got))
		}
		for _, p := range got {
			if len(p.body) > 28<<10 || len(p.body) < 3000 {
				t.Errorf("%s: a message of %d bytes", name, len(p.body))
			}
		}
	}
}

// texts are all texts of a card; where takes the type of the element of each.
func texts(t *testing.T, raw []byte, where *[]string) (out []string) {
	t.Helper()
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if s, ok := v["text"].(string); ok {
				out, *where = append(out, s), append(*where, v["type"].(string))
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	var card any
	if err := json.Unmarshal(raw, &card); err != nil {
		t.Fatal(err)
	}
	walk(card)
	return out
}
