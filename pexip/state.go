package pexip

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// State is the platform at one moment, for the comparison before and after an upgrade. It can be
// written as JSON and read back, and holds no secrets.
type State struct {
	TakenAt time.Time `json:"takenAt"`
	// Settings are all global settings as the node gives them, by the vendor's names, except what
	// Omitted names.
	Settings map[string]json.RawMessage `json:"settings"`
	// Omitted names the settings that look like passwords, keys or tokens. They are not here, and
	// so not compared.
	Omitted []string `json:"omitted,omitempty"`
	Nodes   []Node   `json:"nodes"`
	Alarms  []Alarm  `json:"alarms"`
	// Licences are without their EntitlementID, which activates them.
	Licences  []Licence      `json:"licences"`
	Licensing Licensing      `json:"licensing"`
	Syslog    SyslogCoverage `json:"syslog"`
}

// State reads the platform's state in about ten requests, one after the other: what changes
// meanwhile may be seen in one place and not yet in another. It changes nothing. The error is that
// of the first request that fails; there is no partial state.
func (c *Client) State(ctx context.Context) (State, error) {
	s := State{TakenAt: time.Now().UTC()}
	var raw map[string]json.RawMessage
	if err := c.read(ctx, "read the global settings", globalPath, &raw); err != nil {
		return State{}, err
	}
	s.Settings, s.Omitted = withoutSecrets(raw)
	i, err := c.inventory(ctx)
	if err == nil && i.places == nil {
		err = i.readPlaces(ctx, c) // the syslog servers hang there
	}
	if err != nil {
		return State{}, err
	}
	s.Nodes = i.nodes()
	if s.Syslog, err = c.syslogCoverage(ctx, i); err != nil {
		return State{}, err
	}
	if s.Alarms, err = c.Alarms(ctx); err != nil {
		return State{}, err
	}
	if s.Licensing, err = c.Licensing(ctx); err != nil {
		return State{}, err
	}
	if s.Licences, err = c.Licences(ctx); err != nil {
		return State{}, err
	}
	for i := range s.Licences {
		s.Licences[i].EntitlementID = ""
	}
	return s, nil
}

// secretName matches the names of settings that hold secrets, and errs on the safe side.
var secretName = regexp.MustCompile(`(?i)pass|pwd|secret|token|key|credential|private|psk|community|assertion|cookie`)

// withoutSecrets drops what looks like a secret by its name, at any depth, or by its content.
func withoutSecrets(raw map[string]json.RawMessage) (kept map[string]json.RawMessage, omitted []string) {
	kept = map[string]json.RawMessage{}
	for name, value := range raw {
		if clean, ok := withoutSecret(name, value); ok {
			kept[name] = clean
		} else {
			omitted = append(omitted, name)
		}
	}
	slices.Sort(omitted)
	return kept, omitted
}

func withoutSecret(name string, value json.RawMessage) (json.RawMessage, bool) {
	if secretName.MatchString(name) || strings.Contains(string(value), "-----BEGIN") {
		return nil, false
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil, false
	}
	clean, err := json.Marshal(prune(v)) // sorted and compact, so that it can be compared
	return clean, err == nil
}

// prune removes secrets from inside a value.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if secretName.MatchString(k) {
				delete(v, k)
			} else {
				v[k] = prune(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}
