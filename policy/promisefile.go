package policy

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
	err := readFile(data, func(o *object) {
		o.version1()
		o.objects("promises", func(o *object) {
			p := readPromise(o)
			if p.Target != (Version{}) {
				o.unique(targets, "target", p.Target.String())
			}
			all = append(all, p)
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func readPromise(o *object) Promise {
	p := Promise{
		Target:   need(o, "target", parseNamedVersion),
		Opened:   need(o, "opened", parseStart),
		Earliest: need(o, "earliest", parseStart),
		Latest:   need(o, "latest", parseEnd),
	}
	if !p.Latest.IsZero() && p.Latest.Before(p.Earliest) {
		o.r.fault(o.line, o.child("latest"), "it ends before it begins")
	}
	if !p.Earliest.IsZero() && p.Earliest.Before(p.Opened) {
		o.r.fault(o.line, o.child("earliest"), "it begins before Test was upgraded")
	}
	o.objects("mitigations", func(o *object) {
		p.Mitigations = append(p.Mitigations, readMitigation(o))
	})
	return p
}

func readMitigation(o *object) Mitigation {
	m := Mitigation{Text: need(o, "text", parseText), AppliedBy: may(o, "applied_by", parseText), AppliedOn: may(o, "applied_on", parseStart)}
	if (o.values["applied_by"] == nil) != (o.values["applied_on"] == nil) {
		o.r.fault(o.line, o.path, "applied_by and applied_on belong together")
	}
	return m
}
