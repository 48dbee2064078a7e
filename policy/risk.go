package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Risk is something known to go wrong on certain upgrades. It is accepted by its name; see [Acceptance].
type Risk struct {
	Name   string    `json:"name"`
	Text   string    `json:"text"`
	From   Range     `json:"from"`  // releases that run now
	To     Range     `json:"to"`    // releases of the package
	Class  Class     `json:"class"` // must and should block until accepted
	Source string    `json:"source"`
	Date   time.Time `json:"date"` // on which the source was read
}

// Digest is the SHA-256 of the text, which an acceptance is bound to. How the text is broken into lines does not
// change it.
func (r Risk) Digest() string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(r.Text), " ")))
	return hex.EncodeToString(sum[:])
}

// Acceptance is a person's acceptance of a named risk for one release, bound to the text that was read: once the
// text changes it is void.
type Acceptance struct {
	Risk       string    `json:"risk"`    // its name
	Version    Version   `json:"version"` // target; without a build: any build of it
	TextSHA256 string    `json:"textSHA256"`
	By         string    `json:"by"`
	Reason     string    `json:"reason"`
	On         time.Time `json:"on"`
}

// Risks are the contents of the team's file of risks: Pexip's direct upgrade paths, risks, and which were accepted.
type Risks struct {
	Hops        []Hop
	Risks       []Risk
	Acceptances []Acceptance
}

// CheckRisks judges an upgrade from source to target by the named risks, one finding for each that concerns it,
// in the order of the file. A version that is nil is unknown, and a risk that may concern it is unknown too.
func CheckRisks(rs Risks, source, target *Version, now time.Time) Findings {
	var fs Findings
	for _, r := range rs.Risks {
		from, fromKnown := r.From.contains3(source)
		to, toKnown := r.To.contains3(target)
		switch {
		case fromKnown && !from, toKnown && !to:
		case !fromKnown || !toKnown:
			fs = append(fs, r.found(Unknown, pair("installed", source, "target", target), findOut))
		default:
			fs = append(fs, r.judge(rs.Acceptances, target, now))
		}
	}
	return fs
}

func (r Risk) found(status Status, detail, remedy string) Finding {
	f := found(RuleRisk, status, r.Name+": "+detail, remedy)
	f.Class = r.Class
	f.Source = fmt.Sprintf("%s, read on %s", r.Source, r.Date.Format(time.DateOnly))
	return f
}

// judge looks for an acceptance that holds and says of each that does not why. None holds for an unknown target.
func (r Risk) judge(all []Acceptance, target *Version, now time.Time) Finding {
	detail := r.Text
	for _, a := range all {
		if a.Risk != r.Name || target == nil || !a.Version.SameRelease(*target) {
			continue
		}
		fault := a.fault(r, *target, now)
		if fault == "" {
			return r.found(Acknowledged, fmt.Sprintf("%s; accepted by %s on %s: %s", r.Text, clip(a.By), a.On.Format(time.DateOnly), a.Reason), "")
		}
		detail += "; " + fault
	}
	return r.found(Fail, detail, fmt.Sprintf("avoid it, or accept it by name: risk %s, version %q, text_sha256 %s", r.Name, shown(target), r.Digest()))
}

// fault says why an acceptance of the risk for the target's release is void; "" when it holds.
func (a Acceptance) fault(r Risk, target Version, now time.Time) string {
	who := fmt.Sprintf("the acceptance by %s of %s", cmp.Or(clip(a.By), "nobody"), a.On.Format(time.DateOnly))
	switch {
	case blank(a.By) || blank(a.Reason):
		return who + " lacks a person or a reason"
	case !strings.EqualFold(a.TextSHA256, r.Digest()):
		return fmt.Sprintf("%s is void: the text has changed since, it was accepted as %.12s… and is %.12s… now", who, a.TextSHA256, r.Digest())
	case a.Version.Build != "" && !a.Version.SameSoftware(target):
		return fmt.Sprintf("%s is for %s", who, a.Version)
	case a.On.After(now):
		return who + " is still to come"
	}
	return ""
}
