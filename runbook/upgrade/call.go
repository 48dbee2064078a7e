package upgrade

import (
	"fmt"
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// callSlack is how much earlier a stated time may seem to be: people round to minutes, and clocks differ.
const callSlack = 2 * time.Minute

// seenCall is a call that the platform saw at about the stated time. Nobody's name, alias or address is in it.
type seenCall struct {
	pexip.Call
	NodeName string `json:"nodeName,omitempty"`
	Runs     string `json:"runs"`   // what the node runs now, or why that is not known
	Counts   bool   `json:"counts"` // as a call to the upgraded platform
}

// callProof is the result of the step: who said what, and what the platform saw.
type callProof struct {
	runbook.Answer
	Corroborated bool       `json:"corroborated"`
	Calls        []seenCall `json:"calls,omitempty"`
}

// checkCall asks a person for the call (VER-3, POL-4a). A time before the run is refused. Otherwise the word counts,
// and beside it stands whether the platform saw a call at about that time, since its nodes run the target.
func (p *Process) checkCall(sc *runbook.StepContext, form runbook.Ask) error {
	a, err := sc.Ask(form)
	if err != nil {
		return err
	}
	at, err := runbook.ParseTime(a.Values[entryTime])
	if err != nil {
		return err
	}
	if began := sc.Started(); at.Before(began.Add(-callSlack)) {
		return fmt.Errorf("the call is stated for %s, before this upgrade was begun at %s, so it tried the version before; make a call now, then retry and state its time",
			at.Format(runbook.TimeForm), began.Local().Format(runbook.TimeForm))
	}
	proof := callProof{Answer: a}
	said, err := p.corroborate(sc, at, &proof)
	if err != nil {
		return err
	}
	sc.Say("%s by %s (%s); %s", form.Kind, a.Actor, a.How, said)
	return sc.Output(proof)
}

// corroborate looks for the call, and says in a few words what came of it. A call that is not seen, or cannot be
// looked up, is a deviation and no error.
func (p *Process) corroborate(sc *runbook.StepContext, at time.Time, proof *callProof) (string, error) {
	from, to := at.Add(-p.cfg.Verification.CallTolerance), at.Add(p.cfg.Verification.CallTolerance)
	if upgraded := sc.Ended(stepWaitNodes).Add(-callSlack); from.Before(upgraded) {
		from = upgraded
	}
	seen, err := p.seenCalls(sc, from, to)
	if sc.Err() != nil {
		return "", sc.Err()
	}
	if err != nil {
		sc.Deviate(fmt.Sprintf("uncorroborated: whether the platform saw the call could not be looked up: %v", err))
		return "uncorroborated: could not be looked up", nil
	}
	proof.Calls = seen[:min(len(seen), mostCalls)]
	proof.Corroborated = slices.ContainsFunc(seen, func(c seenCall) bool { return c.Counts })
	if !proof.Corroborated {
		sc.Deviate(fmt.Sprintf("uncorroborated: the Management Node saw no call on an upgraded node from %s until %s, and %d on others; the call is what a person says",
			from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), len(seen)))
		return "uncorroborated: the platform saw no such call", nil
	}
	sc.Table(callTable(proof.Calls))
	return "corroborated: the platform saw a call at that time", nil
}

// seenCalls asks the upgraded environment's Management Node for the calls of a time; first those that count.
func (p *Process) seenCalls(sc *runbook.StepContext, from, to time.Time) ([]seenCall, error) {
	calls, err := p.pexip().Calls(sc, from, to)
	if err != nil {
		return nil, err
	}
	nodes, err := p.pexip().Nodes(sc)
	if err != nil {
		return nil, err
	}
	var seen []seenCall
	for _, c := range calls {
		seen = append(seen, p.judgeCall(c, nodes))
	}
	slices.SortStableFunc(seen, func(a, b seenCall) int {
		switch {
		case a.Counts == b.Counts:
			return 0
		case a.Counts:
			return -1
		}
		return 1
	})
	return seen, nil
}

// judgeCall: a call counts unless the platform says that its node runs something else.
func (p *Process) judgeCall(c pexip.Call, nodes []pexip.Node) seenCall {
	i := slices.IndexFunc(nodes, func(n pexip.Node) bool {
		return c.Node != "" && slices.Contains([]string{n.Address, n.SecondaryAddress, n.StaticNATAddress, n.Name}, c.Node)
	})
	if i < 0 {
		return seenCall{Call: c, Runs: "not known: the call names no node of this environment", Counts: true}
	}
	return seenCall{Call: c, NodeName: nodes[i].Name, Runs: nodes[i].Version, Counts: p.reportsTarget(nodes[i])}
}

// mostCalls bounds what is kept; a busy platform has many.
const mostCalls = 20

func callTable(calls []seenCall) runbook.Table {
	t := runbook.Table{Title: "Calls at the stated time", Header: []string{"dialled", "node", "runs", "start", "took", "call"}}
	for _, c := range calls {
		t.Rows = append(t.Rows, []string{c.Alias, c.NodeName, c.Runs, c.Start.Format(time.RFC3339), took(c.Call), c.ID})
	}
	return t
}

func took(c pexip.Call) string {
	if c.End.IsZero() {
		return "in progress"
	}
	return c.End.Sub(c.Start).Round(time.Millisecond).String()
}
