package policy

import "github.com/verify-by-video/pexip-upgrade/internal/strictyaml"

// ParsePromises reads the team's file of promises, as strictly as [ParseWaivers]. Two promises for one target and a
// promise that ends before it begins are refused.
//
//	version: 1
//	promises:
//	  - target: 39.1 (83067)
//	    opened: 2026-11-02T21:40:00Z
//	    earliest: 2026-11-09
//	    latest: 2026-11-30
//	    mitigations:
//	      - text: open port 5061 for the gateways
//	        applied_by: Ana
//	        applied_on: 2026-11-20
func ParsePromises(data []byte) ([]Promise, error) {
	all := []Promise{} // an empty file is kept, unlike none
	targets := map[string]bool{}
	err := readFile(data, func(m *strictyaml.Map) {
		each(m, "promises", func(m *strictyaml.Map) {
			p := readPromise(m)
			if p.Target != (Version{}) {
				unique(m, targets, "target", p.Target.String())
			}
			all = append(all, p)
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func readPromise(m *strictyaml.Map) Promise {
	p := Promise{
		Target:   need(m, "target", parseNamedVersion),
		Opened:   need(m, "opened", parseStart),
		Earliest: need(m, "earliest", parseStart),
		Latest:   need(m, "latest", parseEnd),
	}
	if !p.Latest.IsZero() && p.Latest.Before(p.Earliest) {
		m.FaultAt("latest", "it ends before it begins")
	}
	if !p.Earliest.IsZero() && p.Earliest.Before(p.Opened) {
		m.FaultAt("earliest", "it begins before Test was upgraded")
	}
	each(m, "mitigations", func(m *strictyaml.Map) {
		p.Mitigations = append(p.Mitigations, readMitigation(m))
	})
	return p
}

func readMitigation(m *strictyaml.Map) Mitigation {
	done := Mitigation{Text: need(m, "text", parseText), AppliedBy: may(m, "applied_by", parseText), AppliedOn: may(m, "applied_on", parseStart)}
	if m.Has("applied_by") != m.Has("applied_on") {
		m.Fault("applied_by and applied_on belong together")
	}
	return done
}
