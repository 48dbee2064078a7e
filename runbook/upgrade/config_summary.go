package upgrade

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
)

// hiddenValue stands for what is not shown.
const hiddenValue = "[not shown]"

// Redacted returns a copy fit for reports. A configuration holds no secret as such; what somebody may still have
// put in is hidden: the values of pipeline variables and parameters, and the queries of check addresses.
func (c *Config) Redacted() *Config {
	out := *c
	out.Warnings = slices.Clone(c.Warnings)
	out.Checks = c.Checks.redacted()
	for _, e := range out.environments() {
		e.Checks = e.Checks.redacted()
		e.Pipeline.Start.Parameters = hidden(e.Pipeline.Start.Parameters)
		e.Pipeline.Start.Variables = hidden(e.Pipeline.Start.Variables)
	}
	return &out
}

func (c ChecksConfig) redacted() ChecksConfig {
	c.HTTP = slices.Clone(c.HTTP)
	for i := range c.HTTP {
		u, err := url.Parse(c.HTTP[i].URL)
		switch {
		case err != nil:
			c.HTTP[i].URL = hiddenValue
		case u.RawQuery != "":
			u.RawQuery = ""
			c.HTTP[i].URL = u.Redacted() + "?" + hiddenValue
		}
	}
	return c
}

func hidden(values map[string]string) map[string]string {
	if values == nil {
		return nil
	}
	out := make(map[string]string, len(values))
	for name := range values {
		out[name] = hiddenValue
	}
	return out
}

// Summary is the configuration for people, with every default filled in and no secret. Its wording may change.
func (c *Config) Summary() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	c.summarizeShared(row)
	for _, e := range c.environments() {
		e.summarize(row)
	}
	for _, warning := range c.Warnings {
		row("warning", "%s", warning)
	}
	w.Flush() // a strings.Builder takes every write
	return b.String()
}

type summaryRow func(name, format string, args ...any)

func (c *Config) summarizeShared(row summaryRow) {
	row("package", "%s, version %s, build %s", c.Package.File, c.Package.Version, c.Package.Build)
	row("sha256", "%s from %s", c.Package.SHA256, c.Package.ChecksumSource)
	row("state", "%s", c.State)
	row("evidence", "signed with the key in %s", c.Evidence.SigningKey)
	row("azure", "subscription %s at %s, credential %s", c.Azure.Subscription, c.Azure.Endpoint, c.Azure.Credential)
	row("devops", "%s", c.DevOps.login())
	row("upload", "%s", c.Upload.text())
	row("snapshot", "kept %d days, reused when younger than %s", c.Snapshot.RetentionDays, c.Snapshot.ReuseYoungerThan)
	row("approval", "second person: %t", c.Approval.SecondPerson)
	row("policy", "soak %s, promise %s, %d release(s) listed", c.Policy.Soak, c.Policy.Promise, len(c.Policy.Releases))
	for _, a := range c.Policy.Acknowledge {
		row("acknowledged", "%s by %s: %s", a.Rule, a.By, a.Reason)
	}
	row("service hours", "%s, pipeline stops at %s", c.Window.ServiceHours, c.Window.NextStop)
	if c.Window.ChangeWindow != nil {
		row("change window", "%s", c.Window.ChangeWindow)
	}
	for _, file := range []struct{ name, path string }{{"calendar", c.Window.Calendar}, {"waivers", c.Policy.Waivers}, {"risks", c.Policy.Risks}, {"promises", c.Policy.Promises}} {
		if file.path != "" {
			row(file.name, "%s", file.path)
		}
	}
	row("call", "seen within %s of the stated time", c.Verification.CallTolerance)
	for _, n := range c.Notify {
		row("told", "%s at the address in %s, of %v", n.Kind, n.URL, n.Events)
	}
	row("waits", "poll %s, power %s, snapshot %s, online %s, manager %s, nodes %s, cancel %s", c.Waits.PollInterval, c.Waits.VMPower, c.Waits.Snapshot,
		c.Waits.PlatformOnline, c.Waits.ManagementNode, c.Waits.ConferencingNodes, c.Waits.CancelBuilds)
}

func (d DevOpsConfig) login() string {
	if d.Entra {
		return "Entra"
	}
	return "personal access token in " + d.PAT.String()
}

func (u UploadConfig) text() string {
	if u.Method != UploadResumable {
		return string(u.Method)
	}
	return fmt.Sprintf("%s, %s, %d KiB a chunk", u.Method, u.ChunkEncoding, u.ChunkSize>>10)
}

func (e *EnvironmentConfig) summarize(row summaryRow) {
	name := string(e.Name)
	row(name, "%s as %s", e.Pexip.URL, e.Pexip.login())
	for _, vm := range e.VMs {
		row("  vm", "%s/%s", vm.ResourceGroup, vm.Name)
	}
	row("  vault", "%s/%s", e.Vault.ResourceGroup, e.Vault.Name)
	row("  pipeline", "%s%s", e.Pipeline.URL, e.Pipeline.Start.text())
	row("  BCSC call", "%t", e.BCSCCall)
	if e.TestEvidence != "" {
		row("  relies on", "%s", e.TestEvidence)
	}
	row("  checks", "%s", e.Checks.text())
}

func (p PexipConfig) login() string {
	switch {
	case p.OAuth2 != nil:
		return fmt.Sprintf("API client %s, key in %s", p.OAuth2.ClientID, p.OAuth2.PrivateKey)
	case p.Basic != nil:
		return fmt.Sprintf("%s, password in %s", p.Basic.Username, p.Basic.Password)
	}
	return "nobody"
}

func (s PipelineStart) text() string {
	if !s.Set() {
		return "; VMs are started one by one"
	}
	names := slices.Concat(slices.Sorted(maps.Keys(s.Parameters)), slices.Sorted(maps.Keys(s.Variables)))
	return fmt.Sprintf("; started with [%s], skipping [%s]", strings.Join(names, " "), strings.Join(s.StagesToSkip, " "))
}

func (c ChecksConfig) text() string {
	var parts []string
	if c.Newman != nil {
		parts = append(parts, "newman "+c.Newman.Collection)
	}
	for _, h := range c.redacted().HTTP {
		parts = append(parts, fmt.Sprintf("%s (%s %s)", h.Name, h.Method, h.URL))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
