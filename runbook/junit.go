package runbook

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Name    string       `xml:"name,attr"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Time    string     `xml:"time,attr"`
	Failure *junitNote `xml:"failure"`
	Skipped *junitNote `xml:"skipped"`
	Out     string     `xml:"system-out,omitempty"`
}

type junitNote struct {
	Message string `xml:"message,attr"`
}

// WriteJUnit writes the run in the form in which build systems read test results: a suite per phase,
// a case per step with its clauses. A step that failed, and something still to be put back, is a
// failure; what was not done or was waived is skipped, with the reason.
func (e *Evidence) WriteJUnit(w io.Writer) error {
	s := e.State
	doc := junitSuites{Name: fmt.Sprintf("%s %s %s", s.Plan.Name, s.Plan.Environment, s.Run)}
	for _, p := range e.planned() {
		if n := len(doc.Suites); n == 0 || doc.Suites[n-1].Name != p.Phase {
			doc.Suites = append(doc.Suites, junitSuite{Name: p.Phase})
		}
		doc.Suites[len(doc.Suites)-1].add(s.Step(p.ID), p)
	}
	doc.Suites = append(doc.Suites, e.closing())
	for i := range doc.Suites {
		doc.Suites[i].count()
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (j *junitSuite) add(st StepState, p PlannedStep) {
	c := junitCase{Name: p.ID, Class: strings.Join(p.Clauses, " "), Time: seconds(st.took()), Out: clean(st.Detail)}
	switch {
	case st.Status == StepFailed:
		c.Failure = &junitNote{clean(st.Error)}
	case st.Status == StepWaived:
		c.Skipped = &junitNote{clean(st.Detail)}
	case !st.Status.Over():
		c.Skipped = &junitNote{"not done: " + string(st.Status)}
	}
	if j.Timestamp == "" && !st.Started.IsZero() {
		j.Timestamp = st.Started.UTC().Format("2006-01-02T15:04:05")
	}
	j.Cases = append(j.Cases, c)
}

// closing is the suite of what was put back, and of the run's end.
func (e *Evidence) closing() junitSuite {
	s := e.State
	j := junitSuite{Name: "Put back", Properties: []junitProperty{{"head", e.Head}, {"plan", s.Plan.Hash}, {"outcome", clean(e.outcome())}}}
	for _, o := range s.Settled {
		j.Cases = append(j.Cases, junitCase{Name: o.ID(), Class: o.Step, Time: seconds(0), Out: clean(o.Note)})
	}
	for _, o := range s.Owed {
		j.Cases = append(j.Cases, junitCase{Name: o.ID(), Class: o.Step, Time: seconds(0), Failure: &junitNote{"still to be put back; found: " + clean(string(o.Found))}})
	}
	end := junitCase{Name: "run", Class: s.Plan.Environment, Time: seconds(0)}
	if s.End == nil || s.End.Outcome != Completed {
		end.Failure = &junitNote{clean(e.outcome())}
	}
	j.Cases = append(j.Cases, end)
	return j
}

func (j *junitSuite) count() {
	j.Tests = len(j.Cases)
	var sum time.Duration
	for _, c := range j.Cases {
		if c.Failure != nil {
			j.Failures++
		}
		if c.Skipped != nil {
			j.Skipped++
		}
		d, _ := time.ParseDuration(c.Time + "s")
		sum += d
	}
	j.Time = seconds(sum)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// clean leaves out what XML cannot hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r >= 0x20 && r != 0xFFFE && r != 0xFFFF {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
