package pexiptest

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// paging are the parameters of a list that are no filters.
var paging = []string{"limit", "offset", "format", "order_by"}

// operators are what may follow a field's name and two underscores in a filter. They compare the value
// as text, is, with what is asked for.
var operators = map[string]func(is, asked string) bool{
	"exact":       func(is, asked string) bool { return is == asked },
	"iexact":      strings.EqualFold,
	"contains":    strings.Contains,
	"icontains":   folded(strings.Contains),
	"startswith":  strings.HasPrefix,
	"istartswith": folded(strings.HasPrefix),
	"endswith":    strings.HasSuffix,
	"iendswith":   folded(strings.HasSuffix),
	"in":          func(is, asked string) bool { return slices.Contains(strings.Split(asked, ","), is) },
	"gt":          func(is, asked string) bool { return order(is, asked) > 0 },
	"gte":         func(is, asked string) bool { return order(is, asked) >= 0 },
	"lt":          func(is, asked string) bool { return order(is, asked) < 0 },
	"lte":         func(is, asked string) bool { return order(is, asked) <= 0 },
	"regex":       matches(""),
	"iregex":      matches("(?i)"),
}

func folded(f func(a, b string) bool) func(a, b string) bool {
	return func(a, b string) bool { return f(strings.ToLower(a), strings.ToLower(b)) }
}

func matches(flags string) func(is, asked string) bool {
	return func(is, asked string) bool {
		ok, err := regexp.MatchString(flags+asked, is)
		return ok && err == nil
	}
}

// order compares numbers as numbers and all else as text.
func order(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	switch {
	case errX != nil || errY != nil:
		return strings.Compare(a, b)
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// textOf is a value as a filter sees it; null is nothing.
func textOf(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// filtered keeps the objects that all filters of a query accept. As stock Tastypie does, it ignores
// a filter on a field that the resource does not have, and refuses an unknown operator.
func filtered(objects []object, q url.Values, known map[string]string) ([]object, error) {
	for key := range q {
		field, operator, given := strings.Cut(key, "__")
		if slices.Contains(paging, key) || known[field] == "" {
			continue
		}
		if !given {
			operator = "exact"
		}
		accepts := operators[operator]
		if accepts == nil {
			return nil, fmt.Errorf("the %q field has no filter %q", field, operator)
		}
		objects = slices.DeleteFunc(objects, func(o object) bool { return !accepts(textOf(o[field]), q.Get(key)) })
	}
	return objects, nil
}

// ordered sorts by one field, downwards with a minus before its name.
func ordered(objects []object, by string, known map[string]string) error {
	field, down := strings.CutPrefix(by, "-")
	if known[field] == "" {
		return fmt.Errorf("no matching %q field for ordering on", field)
	}
	slices.SortStableFunc(objects, func(a, b object) int {
		if down {
			a, b = b, a
		}
		return order(textOf(a[field]), textOf(b[field]))
	})
	return nil
}
