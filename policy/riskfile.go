package policy

import (
	"errors"
	"fmt"
	"time"
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

func (rs *Risks) read(o *object) {
	o.version1()
	targets, names := map[string]bool{}, map[string]bool{}
	o.objects("paths", func(o *object) {
		h := readHop(o)
		if h.Target != (Version{}) {
			o.unique(targets, "target", h.Target.Release())
		}
		rs.Hops = append(rs.Hops, h)
	})
	o.objects("risks", func(o *object) {
		r := readRisk(o)
		o.unique(names, "name", r.Name)
		rs.Risks = append(rs.Risks, r)
	})
	o.objects("acceptances", func(o *object) {
		a := readAcceptance(o)
		if a.Risk != "" && !names[a.Risk] {
			o.r.fault(o.line, o.child("risk"), "no risk is named %q", clip(a.Risk))
		}
		rs.Acceptances = append(rs.Acceptances, a)
	})
}

func readHop(o *object) Hop {
	h := Hop{Target: need(o, "target", parseNamedVersion), OldestSource: need(o, "oldest_source", parseNamedVersion), Source: need(o, "source", parseText)}
	h.Source += ", read on " + need(o, "date", parseStart).Format(time.DateOnly)
	if h.Target != (Version{}) && h.OldestSource.Compare(h.Target) > 0 {
		o.r.fault(o.line, o.child("oldest_source"), "%s is newer than the target %s", h.OldestSource.Release(), h.Target.Release())
	}
	return h
}

func readRisk(o *object) Risk {
	return Risk{
		Name:   need(o, "name", parseText),
		Text:   need(o, "text", parseText),
		From:   may(o, "from", ParseRange),
		To:     may(o, "to", ParseRange),
		Class:  need(o, "class", parseClass),
		Source: need(o, "source", parseText),
		Date:   need(o, "date", parseStart),
	}
}

func readAcceptance(o *object) Acceptance {
	return Acceptance{
		Risk:       need(o, "risk", parseText),
		Version:    need(o, "version", parseNamedVersion),
		TextSHA256: need(o, "text_sha256", parseSHA256),
		By:         need(o, "by", parseText),
		Reason:     need(o, "reason", parseText),
		On:         need(o, "on", parseStart),
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
