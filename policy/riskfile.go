package policy

import (
	"errors"
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
)

// ParseRisks reads the team's file of direct paths and named risks, as strictly as [ParseWaivers]. Two paths for one
// target and two risks of one name are refused, and so is the acceptance of a risk that the file does not name.
//
//	version: 1
//	paths:
//	  - target: 40
//	    oldest_source: 36
//	    source: Pexip Infinity v40 release notes
//	    date: 2026-11-02
//	risks:
//	  - name: teams-connector
//	    text: The Teams Connector must be upgraded to the very same version.
//	    from: any
//	    to: ">= 39"
//	    class: should
//	    source: Pexip Infinity v39.1 release notes
//	    date: 2026-11-02
//	acceptances:
//	  - risk: teams-connector
//	    version: 40
//	    text_sha256: 3a05e06a93599c448071b6c4349b905adbf32a1aeabc973f473d8d426463fbe6
//	    by: Ana
//	    reason: its upgrade is planned for the same evening
//	    on: 2026-11-20
func ParseRisks(data []byte) (Risks, error) {
	var rs Risks
	if err := readFile(data, rs.read); err != nil {
		return Risks{}, err
	}
	return rs, nil
}

func (rs *Risks) read(m *strictyaml.Map) {
	targets, names := map[string]bool{}, map[string]bool{}
	each(m, "paths", func(m *strictyaml.Map) {
		h := readHop(m)
		if h.Target != (Version{}) {
			unique(m, targets, "target", h.Target.Release())
		}
		rs.Hops = append(rs.Hops, h)
	})
	each(m, "risks", func(m *strictyaml.Map) {
		r := readRisk(m)
		unique(m, names, "name", r.Name)
		rs.Risks = append(rs.Risks, r)
	})
	each(m, "acceptances", func(m *strictyaml.Map) {
		a := readAcceptance(m)
		if a.Risk != "" && !names[a.Risk] {
			m.FaultAt("risk", "no risk is named %q", clip(a.Risk))
		}
		rs.Acceptances = append(rs.Acceptances, a)
	})
}

func readHop(m *strictyaml.Map) Hop {
	h := Hop{Target: need(m, "target", parseNamedVersion), OldestSource: need(m, "oldest_source", parseNamedVersion), Source: need(m, "source", parseText)}
	h.Source += ", read on " + need(m, "date", parseStart).Format(time.DateOnly)
	if h.Target != (Version{}) && h.OldestSource.Compare(h.Target) > 0 {
		m.FaultAt("oldest_source", "%s is newer than the target %s", h.OldestSource.Release(), h.Target.Release())
	}
	return h
}

func readRisk(m *strictyaml.Map) Risk {
	return Risk{
		Name:   need(m, "name", parseText),
		Text:   need(m, "text", parseText),
		From:   may(m, "from", ParseRange),
		To:     may(m, "to", ParseRange),
		Class:  need(m, "class", parseClass),
		Source: need(m, "source", parseText),
		Date:   need(m, "date", parseStart),
	}
}

func readAcceptance(m *strictyaml.Map) Acceptance {
	return Acceptance{
		Risk:       need(m, "risk", parseText),
		Version:    need(m, "version", parseNamedVersion),
		TextSHA256: need(m, "text_sha256", parseSHA256),
		By:         need(m, "by", parseText),
		Reason:     need(m, "reason", parseText),
		On:         need(m, "on", parseStart),
	}
}

func parseClass(s string) (Class, error) {
	switch c := Class(s); c {
	case Must, Should, Advice:
		return c, nil
	}
	return "", fmt.Errorf("%q is none of must, should, advice", clip(s))
}

func parseSHA256(s string) (string, error) {
	if !isSHA256(s) {
		return "", errors.New("is not a SHA-256: 64 hexadecimal digits")
	}
	return s, nil
}
