package pexip

import (
	"cmp"
	"context"
	"slices"
)

// SyslogServer is a configured remote syslog server.
type SyslogServer struct {
	Address     string `json:"address"`
	Port        int    `json:"port"`
	Transport   string `json:"transport"`
	Description string `json:"description"`
	AuditLog    bool   `json:"audit_log"`
	SupportLog  bool   `json:"support_log"`
	SyslogLog   bool   `json:"syslog_log"`
	WebLog      bool   `json:"web_log"`
}

// SyslogCoverage says whether every node sends its logs elsewhere. A server that is configured
// but that nothing refers to receives nothing.
type SyslogCoverage struct {
	Servers []SyslogServer
	// Unwired names what has no server: "management node mgr", "location Toronto" (with nodes in
	// it), "node conf1 (in no location)". Empty, with at least one server: covered.
	Unwired []string
}

// Covered says that there is a server and that nothing is left unwired.
func (s SyslogCoverage) Covered() bool { return len(s.Servers) > 0 && len(s.Unwired) == 0 }

type syslogConfig struct {
	SyslogServer
	ResourceURI string `json:"resource_uri"`
}

// SyslogCoverage reads the syslog servers and who refers to them: each Management Node for
// itself, each system location for the Conferencing Nodes in it.
func (c *Client) SyslogCoverage(ctx context.Context) (SyslogCoverage, error) {
	var i inventory
	var err error
	if i.managers, err = list[nodeConfig](ctx, c, "read the management nodes", "configuration/v1/management_vm/"); err != nil {
		return SyslogCoverage{}, err
	}
	if i.workers, err = list[nodeConfig](ctx, c, "read the conferencing nodes", "configuration/v1/worker_vm/"); err != nil {
		return SyslogCoverage{}, err
	}
	if err := i.readPlaces(ctx, c); err != nil {
		return SyslogCoverage{}, err
	}
	return c.syslogCoverage(ctx, i)
}

func (c *Client) syslogCoverage(ctx context.Context, i inventory) (SyslogCoverage, error) {
	servers, err := list[syslogConfig](ctx, c, "read the syslog servers", "configuration/v1/syslog_server/")
	if err != nil {
		return SyslogCoverage{}, err
	}
	var out SyslogCoverage
	for _, s := range servers {
		out.Servers = append(out.Servers, s.SyslogServer)
	}
	out.Unwired = unwired(servers, i.managers, i.workers, i.places)
	return out, nil
}

func unwired(servers []syslogConfig, managers, workers []nodeConfig, places []location) []string {
	wired := func(rs refs) bool {
		return slices.ContainsFunc(rs, func(r ref) bool {
			return slices.ContainsFunc(servers, func(s syslogConfig) bool { return r.uri != "" && s.ResourceURI == r.uri })
		})
	}
	var out []string
	for _, m := range managers {
		if !wired(m.SyslogServers) {
			out = append(out, "management node "+m.Name)
		}
	}
	for _, w := range workers {
		i := slices.IndexFunc(places, func(p location) bool { return w.SystemLocation.uri != "" && p.ResourceURI == w.SystemLocation.uri })
		switch {
		case i < 0 && w.SystemLocation == (ref{}):
			out = append(out, "node "+w.Name+" (in no location)")
		case i < 0:
			out = append(out, "location "+cmp.Or(w.SystemLocation.name, w.SystemLocation.uri))
		case !wired(places[i].SyslogServers):
			out = append(out, "location "+places[i].Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
