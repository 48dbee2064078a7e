package runbook

import (
	"encoding/json"
	"fmt"
	"time"
)

// StepStatus is how far a step has come.
type StepStatus string

const (
	StepPending StepStatus = "pending"
	// StepRunning: begun without an outcome; in a run without a live owner it is in doubt.
	StepRunning StepStatus = "running"
	StepWaiting StepStatus = "waiting"
	StepFailed  StepStatus = "failed"
	StepDone    StepStatus = "done"
	// StepAlready: the step found its work done.
	StepAlready StepStatus = "already"
	StepWaived  StepStatus = "waived"
)

// Over says whether the run may go past the step.
func (s StepStatus) Over() bool { return s == StepDone || s == StepAlready || s == StepWaived }

// inDoubt says whether an earlier try may have taken effect.
func (st *StepState) inDoubt(s *Step) bool {
	if s.Effect == Once {
		return st.guarded
	}
	return st.attempted
}

// StepState is what the journal says about one step.
type StepState struct {
	Status  StepStatus                 `json:"status"`
	Tries   int                        `json:"tries,omitempty"`
	Started time.Time                  `json:"started,omitzero"`
	Ended   time.Time                  `json:"ended,omitzero"`
	Actor   string                     `json:"actor,omitempty"`
	Detail  string                     `json:"detail,omitempty"`
	Error   string                     `json:"error,omitempty"`
	Output  json.RawMessage            `json:"output,omitempty"`
	Notes   map[string]json.RawMessage `json:"notes,omitempty"`
	Answers []Answer                   `json:"answers,omitempty"`
	// Observed is what the tries saw and sent, failed ones included.
	Observed

	attempted  bool      // a try began
	guarded    bool      // a try passed its guard, so a once step may have taken effect
	fencedAt   time.Time // of the first takeover after that guard
	unresolved bool      // the last failure left open whether a once step took effect
	taken      []taken
	failedSeq  uint64 // of the last failure
	takenSeq   uint64 // last signal that was used
}

// Owed is something to put back.
type Owed struct {
	Kind string `json:"kind"`
	Key  string `json:"key"`
	// Found is the value to restore, as it was observed before the change.
	Found json.RawMessage `json:"found"`
	// Step that owes it, and Since when.
	Step  string    `json:"step"`
	Since time.Time `json:"since"`
	// Notes are what the step remembered about its change, for example a revision.
	Notes map[string]json.RawMessage `json:"notes,omitempty"`
}

// ID names the obligation within its run.
func (o Owed) ID() string { return o.Kind + "/" + o.Key }

// Settled is an obligation that was met.
type Settled struct {
	Owed
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Note string    `json:"note"`
}

// Ending is how a run ended.
type Ending string

const (
	Completed  Ending = "completed"
	Aborted    Ending = "aborted"
	RolledBack Ending = "rolled back"
)

// End closes a run.
type End struct {
	Outcome Ending    `json:"outcome"`
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at"`
}

// Wait is what a run waits for.
type Wait struct {
	Question Question  `json:"question"`
	Since    time.Time `json:"since"`

	seq uint64 // of the record that says so
}

// Until is when the time to answer ends; zero if it does not end.
func (w *Wait) Until() time.Time {
	if w.Question.Ask.Within == 0 {
		return time.Time{}
	}
	return w.Since.Add(w.Question.Ask.Within)
}

// late says whether the time to answer is over.
func (w *Wait) late(now time.Time) bool {
	return w.Question.Ask.Within > 0 && now.After(w.Until())
}

// State is a run as its journal tells it.
type State struct {
	Run     string                `json:"run"`
	Plan    Plan                  `json:"plan"`
	Started time.Time             `json:"started"`
	Starter string                `json:"starter"`
	Owner   string                `json:"owner"`
	Epoch   uint64                `json:"epoch"`
	Steps   map[string]*StepState `json:"steps"`
	Owed    []Owed                `json:"owed"`
	Settled []Settled             `json:"settled"`
	Waiting *Wait                 `json:"waiting,omitempty"`
	// Leaving is the decision to end early (abort or rollback), once taken.
	Leaving Decision `json:"leaving,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	End     *End     `json:"end,omitempty"`
	// Head is the hash of the last of Records records.
	Head    string `json:"head"`
	Records uint64 `json:"records"`

	signals []signal
	last    time.Time // of the last record
}

type signal struct {
	seq    uint64
	step   string
	answer Answer
}

// Fold reads a run's records into its state. A record whose data does not read, or that settles what is not owed, is an
// error. It believes the records; VerifyChain says whether they are intact.
func Fold(run string, records []Record) (*State, error) {
	s := &State{Run: run, Steps: map[string]*StepState{}}
	for _, r := range records {
		if err := s.apply(r); err != nil {
			return nil, fmt.Errorf("run %s, record %d (%s): %w", run, r.Seq, r.Kind, err)
		}
	}
	return s, nil
}

// Step returns the state of a step, pending if nothing is known of it.
func (s *State) Step(id string) StepState {
	if st := s.Steps[id]; st != nil {
		return *st
	}
	return StepState{Status: StepPending}
}

// enter returns the state of a step to be changed.
func (s *State) enter(id string) *StepState {
	if s.Steps[id] == nil {
		s.Steps[id] = &StepState{Status: StepPending}
	}
	return s.Steps[id]
}

// taken is an answer that a step was given, and when.
type taken struct {
	seq uint64
	answerData
}

type (
	startData    struct{ Plan Plan }
	takeoverData struct {
		Reason string `json:"reason"`
		// Plan is set when a changed plan was accepted.
		Plan *Plan `json:"plan,omitempty"`
	}
	outcomeData struct {
		Status StepStatus      `json:"status"`
		Detail string          `json:"detail,omitempty"`
		Output json.RawMessage `json:"output,omitempty"`
		Observed
	}
	failData struct {
		Error string `json:"error"`
		// Unresolved: whether a once step took effect is unknown.
		Unresolved bool `json:"unresolved,omitempty"`
		Observed
	}
	noteData struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	}
	answerData struct {
		Answer
		Ask    Ask    `json:"ask"`
		Signal uint64 `json:"signal,omitempty"`
	}
	settledData struct {
		Note string `json:"note"`
	}
)

func (s *State) apply(r Record) error {
	s.Head, s.Records, s.last = r.Hash, r.Seq, r.At
	switch r.Kind {
	case KindStart:
		return s.applyStart(r)
	case KindTakeover:
		return s.applyTakeover(r)
	case KindIntent:
		st := s.enter(r.Key)
		st.Status, st.Tries, st.Actor, st.attempted = StepRunning, r.Try, r.Actor, true
		if st.Started.IsZero() {
			st.Started = r.At
		}
	case KindGuard:
		st := s.enter(r.Key)
		st.guarded, st.fencedAt = true, time.Time{}
	case KindDone:
		return s.applyDone(r)
	case KindFail:
		return s.applyFail(r)
	case KindNote:
		return s.applyNote(r)
	case KindWait:
		var q Question
		err := json.Unmarshal(r.Data, &q)
		if q.Ask.Kind != DecisionWanted {
			s.enter(r.Key).Status = StepWaiting
		}
		s.Waiting = &Wait{Question: q, Since: r.At, seq: r.Seq}
		return err
	case KindSignal:
		var a Answer
		err := json.Unmarshal(r.Data, &a)
		s.signals = append(s.signals, signal{seq: r.Seq, step: r.Key, answer: a})
		return err
	case KindAnswer:
		return s.applyAnswer(r)
	case KindOwe:
		var o Owed
		err := json.Unmarshal(r.Data, &o)
		o.Since = r.At
		s.Owed = append(s.Owed, o)
		return err
	case KindSettled:
		return s.applySettled(r)
	case KindEnd:
		s.End = &End{}
		err := json.Unmarshal(r.Data, s.End)
		s.End.At, s.Waiting = r.At, nil
		return err
	}
	return nil
}

func (s *State) applyStart(r Record) error {
	var d startData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	s.Plan, s.Started, s.Starter, s.Owner, s.Epoch = d.Plan, r.At, r.Actor, r.Actor, r.Epoch
	return nil
}

func (s *State) applyTakeover(r Record) error {
	var d takeoverData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	s.Owner, s.Epoch = r.Actor, r.Epoch
	for _, st := range s.Steps {
		if st.guarded && st.fencedAt.IsZero() {
			st.fencedAt = r.At
		}
	}
	if d.Plan != nil {
		s.Plan = *d.Plan
	}
	return nil
}

func (s *State) applyDone(r Record) error {
	var d outcomeData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	st := s.enter(r.Key)
	st.Status, st.Detail, st.Output, st.Ended, st.Error = d.Status, d.Detail, d.Output, r.At, ""
	st.add(d.Observed)
	s.stopWaiting(r.Key)
	return nil
}

func (s *State) applyFail(r Record) error {
	var d failData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	st := s.enter(r.Key)
	st.Status, st.Error, st.Ended, st.failedSeq = StepFailed, d.Error, r.At, r.Seq
	st.unresolved = d.Unresolved
	st.add(d.Observed)
	s.stopWaiting(r.Key)
	return nil
}

func (s *State) applyNote(r Record) error {
	var d noteData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	st := s.enter(r.Key)
	if st.Notes == nil {
		st.Notes = map[string]json.RawMessage{}
	}
	st.Notes[d.Name] = d.Value
	return nil
}

func (s *State) applyAnswer(r Record) error {
	var d answerData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	st := s.enter(r.Key)
	st.Answers, st.taken = append(st.Answers, d.Answer), append(st.taken, taken{r.Seq, d})
	st.takenSeq = max(st.takenSeq, d.Signal)
	s.stopWaiting(r.Key)
	switch d.Decision {
	case DecideAbort, DecideRollback:
		s.Leaving, s.Reason = d.Decision, d.Statement
	case DecideRetry:
		st.Status = StepPending
		if st.unresolved {
			st.guarded, st.unresolved = false, false
		}
	}
	return nil
}

func (s *State) applySettled(r Record) error {
	var d settledData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return err
	}
	for i, o := range s.Owed {
		if o.ID() == r.Key {
			s.Owed = append(s.Owed[:i:i], s.Owed[i+1:]...)
			s.Settled = append(s.Settled, Settled{Owed: o, At: r.At, By: r.Actor, Note: d.Note})
			return nil
		}
	}
	return fmt.Errorf("settles %s, which is not owed", r.Key)
}

func (s *State) stopWaiting(step string) {
	if s.Waiting != nil && s.Waiting.Question.Step == step {
		s.Waiting = nil
	}
}

// owed returns an open obligation.
func (s *State) owed(kind, key string) (Owed, bool) {
	for _, o := range s.Owed {
		if o.Kind == kind && o.Key == key {
			if st := s.Steps[o.Step]; st != nil {
				o.Notes = st.Notes
			}
			return o, true
		}
	}
	return Owed{}, false
}

// pending returns the first unused signal for a step after a sequence number.
func (s *State) pending(step string, after uint64, want func(Answer) bool) (signal, bool) {
	for _, sig := range s.signals {
		if sig.step == step && sig.seq > after && want(sig.answer) {
			return sig, true
		}
	}
	return signal{}, false
}
