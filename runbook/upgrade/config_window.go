package upgrade

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
	"github.com/verify-by-video/pexip-upgrade/policy"
)

// WindowConfig says when the service is needed and when changes are allowed.
type WindowConfig struct {
	// ServiceHours are when the service must be up and the pipeline keeps the VMs running. Default 07:00 to 18:00,
	// Monday to Friday, America/Vancouver, with a warning.
	ServiceHours policy.Hours
	// ChangeWindow is when upgrades may run; nil: at any time. It may not overlap the service hours.
	ChangeWindow *policy.Hours
	// Calendar is the team's file of further times in which changes are allowed, and of those in which they are
	// denied; "": none. See policy.ParseCalendar.
	Calendar string
	// NextStop is when the pipeline stops the VMs: the first such time at or after the end of each service
	// day. Default: the end itself.
	NextStop policy.Clock
}

// StopAfter returns the pipeline's first scheduled stop after t.
func (w WindowConfig) StopAfter(t time.Time) time.Time {
	var first time.Time
	zone := w.ServiceHours.Zone()
	for _, s := range w.ServiceHours.Spans(t, 10) {
		stop := w.NextStop.On(s.End, zone)
		if stop.Before(s.End) {
			stop = w.NextStop.On(s.End.AddDate(0, 0, 1), zone)
		}
		if stop.After(t) && (first.IsZero() || stop.Before(first)) {
			first = stop
		}
	}
	return first
}

var (
	workdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	everyDay = append(slices.Clone(workdays), time.Saturday, time.Sunday)
)

const defaultZone = "America/Vancouver"

func readWindow(m *strictyaml.Map) WindowConfig {
	defer m.Close()
	w := WindowConfig{ServiceHours: policy.Hours{From: 7 * 60, To: 18 * 60, Days: slices.Clone(workdays), TimeZone: defaultZone}}
	w.ServiceHours = readHours(m.Section("service_hours"), w.ServiceHours)
	w.NextStop = strictyaml.May(m, "next_stop", w.ServiceHours.To, yamlClock)
	if change := m.Section("change_window"); !change.Absent() {
		h := readHours(change, policy.Hours{Days: slices.Clone(everyDay), TimeZone: w.ServiceHours.TimeZone})
		w.ChangeWindow = &h
	}
	w.Calendar = strictyaml.May(m, "calendar", "", yamlPath(m))
	if m.Has("next_stop") && w.ServiceHours.Location != nil && w.stopsInService() {
		m.FaultAt("next_stop", "%s lies inside the service hours %s", w.NextStop, w.ServiceHours)
	}
	w.checkOverlap(m)
	return w
}

func (w WindowConfig) stopsInService() bool {
	from, to, stop := w.ServiceHours.From, w.ServiceHours.To, w.NextStop
	if from < to {
		return from <= stop && stop < to
	}
	return stop >= from || stop < to
}

func (w WindowConfig) checkOverlap(m *strictyaml.Map) {
	if w.ChangeWindow == nil || w.ChangeWindow.Location == nil || w.ServiceHours.Location == nil {
		return
	}
	if at, ok := w.ServiceHours.Overlap(*w.ChangeWindow); ok {
		m.FaultAt("change_window", "overlaps the service hours, for example at %s", at.In(w.ServiceHours.Location).Format("Mon 15:04 MST"))
	}
}

// readHours reads a span; what is missing comes from fallback, except that from and to are needed. A faulty
// one has no Location.
func readHours(m *strictyaml.Map, fallback policy.Hours) policy.Hours {
	defer m.Close()
	if m.Absent() {
		fallback.Location, _ = time.LoadLocation(fallback.TimeZone)
		return fallback
	}
	before := m.Faults()
	h := policy.Hours{
		From:     strictyaml.Need(m, "from", `a time such as "07:00"`, yamlClock),
		To:       strictyaml.Need(m, "to", `a time such as "18:00"`, yamlClock),
		Days:     strictyaml.List(m, "days", yamlWeekday),
		TimeZone: strictyaml.May(m, "time_zone", fallback.TimeZone, yamlZone),
	}
	if !m.Has("days") {
		h.Days = fallback.Days
	}
	checkHours(m, h)
	if m.Faults() == before {
		h.Location, _ = time.LoadLocation(h.TimeZone) // yamlZone has tried it
	}
	slices.SortFunc(h.Days, func(a, b time.Weekday) int { return int(a+6)%7 - int(b+6)%7 })
	return h
}

func checkHours(m *strictyaml.Map, h policy.Hours) {
	if m.Has("from") && m.Has("to") && h.From == h.To {
		m.Fault("begins and ends at %s; for whole days write 00:00 to 24:00", h.From)
	}
	if h.From == 24*60 {
		m.FaultAt("from", "write 00:00 for midnight at the start")
	}
	if m.Has("days") && len(h.Days) == 0 {
		m.FaultAt("days", "names no day")
	}
	for i, d := range h.Days {
		if slices.Contains(h.Days[:i], d) {
			m.FaultAt("days", "names %s twice", d)
		}
	}
}

func yamlClock(n *yaml.Node) (policy.Clock, error) {
	s, err := strictyaml.Scalar(n, `a time such as "07:00"`, "!!str", "!!int")
	if err != nil {
		return 0, err
	}
	return policy.ParseClock(s)
}

func yamlWeekday(n *yaml.Node) (time.Weekday, error) {
	s, err := yamlText(n)
	if err != nil {
		return 0, err
	}
	return policy.ParseWeekday(s)
}

func yamlZone(n *yaml.Node) (string, error) {
	s, err := yamlText(n)
	if err != nil {
		return "", err
	}
	_, err = policy.ParseZone(s)
	return s, err
}
