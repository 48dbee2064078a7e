package runbook

import (
	"context"
	"errors"
)

// Preview is a plan with what its leading gates say now.
type Preview struct {
	Plan  Plan                  `json:"plan"`
	Gates map[string]*StepState `json:"gates"`
	// Refused lists the gates that fail.
	Refused []string `json:"refused,omitempty"`
}

// Preview runs the definition's gates without a journal and without a person: it changes nothing,
// provided that gates only read. A gate that fails does not stop those after it, unless they need
// its result.
func (r *Runner) Preview(ctx context.Context, def *Definition, log Log) (Preview, error) {
	plan, err := def.Plan()
	if err != nil {
		return Preview{}, err
	}
	quiet := *r
	quiet.Log, quiet.Asker, quiet.Files = log, nil, ""
	d := quiet.driver(def, &State{Run: "preview", Steps: map[string]*StepState{}})
	d.epoch, d.preview = 1, true
	p := Preview{Plan: plan, Gates: map[string]*StepState{}}
	if err := d.append(ctx, KindStart, "", 0, startData{Plan: plan}); err != nil {
		return p, err
	}
	for i := range def.Steps {
		s := &def.Steps[i]
		if !s.Gate {
			continue
		}
		err := d.try(ctx, s, true)
		var failure *stepFailure
		if err != nil && !errors.As(err, &failure) {
			var waiting *WaitingError
			if !errors.As(err, &waiting) {
				return p, err
			}
		}
		gate := d.state.Step(s.ID)
		p.Gates[s.ID] = &gate
		if gate.Status == StepFailed {
			p.Refused = append(p.Refused, s.ID)
		}
	}
	return p, nil
}
