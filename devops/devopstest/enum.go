package devopstest

import (
	"fmt"
	"slices"
	"strings"
)

// enumeration is one of the vendor's: clients send numbers or names in any case, and flags as a sum or
// with commas; answers have names.
type enumeration struct {
	flags bool
	names map[int]string
}

var (
	queueStatuses = enumeration{names: map[int]string{0: "enabled", 1: "paused", 2: "disabled"}}
	scopes        = enumeration{names: map[int]string{1: "projectCollection", 2: "project"}}
	qualities     = enumeration{names: map[int]string{1: "definition", 2: "draft"}}
	triggerTypes  = enumeration{flags: true, names: map[int]string{1: "none", 2: "continuousIntegration", 4: "batchedContinuousIntegration", 8: "schedule",
		16: "gatedCheckIn", 32: "batchedGatedCheckIn", 64: "pullRequest", 128: "buildCompletion", 255: "all"}}
	scheduleDays = enumeration{flags: true, names: map[int]string{0: "none", 1: "monday", 2: "tuesday", 4: "wednesday", 8: "thursday", 16: "friday",
		32: "saturday", 64: "sunday", 127: "all"}}
	buildStatuses = enumeration{flags: true, names: map[int]string{0: "none", 1: "inProgress", 2: "completed", 4: "cancelling", 8: "postponed",
		32: "notStarted", 47: "all"}}
	buildReasons = enumeration{flags: true, names: map[int]string{0: "none", 1: "manual", 2: "individualCI", 4: "batchedCI", 8: "schedule",
		16: "scheduleForced", 32: "userCreated", 256: "pullRequest", 512: "buildCompletion", 1024: "resourceTrigger", 2031: "all"}}
	buildResults = enumeration{flags: true, names: map[int]string{0: "none", 2: "succeeded", 4: "partiallySucceeded", 8: "failed", 32: "canceled"}}
	queryOrders  = enumeration{names: map[int]string{2: "finishTimeAscending", 3: "finishTimeDescending", 4: "queueTimeDescending",
		5: "queueTimeAscending", 6: "startTimeDescending", 7: "startTimeAscending"}}
)

// parse gives the names; it is false for what the enumeration does not have.
func (e enumeration) parse(value any) (names []string, known bool) {
	known = true
	for part := range strings.SplitSeq(fmt.Sprint(value), ",") {
		found := e.part(strings.TrimSpace(part))
		names, known = append(names, found...), known && found != nil
	}
	return names, known && (e.flags || len(names) == 1)
}

func (e enumeration) part(text string) []string {
	if number, isNumber := atoi(text); isNumber {
		return e.number(number)
	}
	for _, name := range e.names {
		if strings.EqualFold(name, text) {
			return []string{name}
		}
	}
	return nil
}

func (e enumeration) number(n int) (names []string) {
	if name, exact := e.names[n]; exact {
		return []string{name}
	}
	for bit := 1; e.flags && bit <= n; bit <<= 1 {
		if name, found := e.names[bit]; found && n&bit != 0 {
			names, n = append(names, name), n&^bit
		}
	}
	if n != 0 {
		return nil
	}
	return names
}

// fix puts names in the place of numbers, as the service does in its answers. An absent or null value
// stays.
func (e enumeration) fix(doc map[string]any, key string) error {
	if doc[key] == nil {
		return nil
	}
	names, known := e.parse(doc[key])
	if !known {
		return fmt.Errorf("%v is not a valid %s", doc[key], key)
	}
	doc[key] = strings.Join(names, ", ")
	return nil
}

// admits says whether a filter, empty for none, lets name pass.
func (e enumeration) admits(filter, name string) bool {
	names, _ := e.parse(filter)
	return filter == "" || slices.Contains(names, "all") || slices.Contains(names, name)
}
