package upgrade

import (
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

func (p *Process) disableTimeout(sc *runbook.StepContext) error {
	s, err := p.pexip().GlobalSettings(sc)
	if err != nil {
		return err
	}
	if !s.SessionTimeoutEnabled {
		sc.Say("is off")
		return nil
	}
	if err := sc.Owe(owesTimeout, timeoutKey, s.SessionTimeoutEnabled); err != nil {
		return err
	}
	if err := p.switchTimeout(sc, false); err != nil {
		return err
	}
	sc.Say("was on, now off")
	return nil
}

func (p *Process) restoreTimeout(sc *runbook.StepContext, o runbook.Owed) (string, error) {
	found, err := decode[bool](o.Found)
	if err != nil {
		return "", err
	}
	s, err := p.pexip().GlobalSettings(sc)
	if err != nil {
		return "", err
	}
	if s.SessionTimeoutEnabled == found {
		return fmt.Sprintf("session timeout is %s, as found", onOff(found)), nil
	}
	if err := p.switchTimeout(sc, found); err != nil {
		return "", err
	}
	return fmt.Sprintf("session timeout is %s again", onOff(found)), nil
}

// switchTimeout switches the session timeout and reads it back. What is read counts, so an answer to the
// change that was lost is no failure.
func (p *Process) switchTimeout(sc *runbook.StepContext, on bool) error {
	lost := p.pexip().SetSessionTimeoutEnabled(sc, on)
	s, err := p.pexip().GlobalSettings(sc)
	switch {
	case err == nil && s.SessionTimeoutEnabled == on:
		return nil
	case lost != nil:
		return lost
	case err != nil:
		return err
	}
	return fmt.Errorf("the session timeout is still %s after it was switched %s", onOff(!on), onOff(on))
}
