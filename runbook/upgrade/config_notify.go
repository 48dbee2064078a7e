package upgrade

import (
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
	"github.com/verify-by-video/pexip-upgrade/runbook/notify"
)

// NotifyConfig is somebody outside the terminal who is told what a run needs; see package notify.
type NotifyConfig struct {
	Kind      notify.Kind
	URL       SecretSource   // of the webhook; the address is a secret
	Secret    SecretSource   // signs the requests; none: not signed
	CAFile    string         // more roots, PEM; "": the system's only
	Events    []notify.Event // default all
	OwedAfter time.Duration  // default 8 h
	GiveUp    time.Duration  // default 5 min: a notice that cannot be sent is given up
	Drain     time.Duration  // default 10 s: how long the end of a command waits for notices under way
	Page      string         // of the command serve, for links; "": none
}

func readNotify(m *strictyaml.Map) (all []NotifyConfig) {
	for _, one := range m.Maps("notify") {
		all = append(all, readNotifyTarget(one))
	}
	return all
}

func readNotifyTarget(m *strictyaml.Map) NotifyConfig {
	defer m.Close()
	return NotifyConfig{
		Kind:      strictyaml.Need(m, "kind", "what understands the notices", yamlOneOf(notify.Webhook, notify.Teams)),
		URL:       needSecret(m, "url", "the address of a webhook is a secret"),
		Secret:    readSecret(m, "secret"),
		CAFile:    strictyaml.May(m, "ca_file", "", yamlPath(m)),
		Events:    strictyaml.List(m, "events", yamlOneOf(notify.Events()...)),
		OwedAfter: strictyaml.May(m, "owed_after", 8*time.Hour, yamlDuration(time.Second)),
		GiveUp:    strictyaml.May(m, "give_up", 5*time.Minute, yamlDuration(time.Second)),
		Drain:     strictyaml.May(m, "drain", 10*time.Second, yamlDuration(time.Millisecond)),
		Page:      strictyaml.May(m, "page", "", yamlHost),
	}
}

// targets reads the addresses and secrets of those who are told. All faults are reported together, as
// *ConfigError.
func (c *Config) targets() ([]notify.Config, error) {
	var r secretReader
	var all []notify.Config
	for i, n := range c.Notify {
		t := notify.Config{Kind: n.Kind, URL: r.line(n.URL), Secret: r.line(n.Secret), Name: fmt.Sprintf("notify[%d] (%s)", i, n.Kind),
			Events: n.Events, OwedAfter: n.OwedAfter, GiveUp: n.GiveUp}
		if err := t.Check(); t.URL != "" && err != nil {
			r.fault(n.URL, "%s: %v", n.URL, err)
		}
		all = append(all, t)
	}
	if len(r.problems) > 0 {
		return nil, newConfigError(c.File, r.problems)
	}
	return all, nil
}
