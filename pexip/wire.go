package pexip

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pageSize is asked for in lists (the node's own default is 20, its maximum unknown, so "next" is
// followed whatever comes back); maxPages stops a list whose "next" never ends.
const (
	pageSize = 1000
	maxPages = 1000
)

type listMeta struct {
	Next       *string `json:"next"`
	TotalCount *int    `json:"total_count"`
}

// page is a Tastypie list. Absent fields stay nil: an empty object is no empty list.
type page[T any] struct {
	Meta    *listMeta `json:"meta"`
	Objects *[]T      `json:"objects"`
}

// pages reads a list page by page, following "next". An error ends it. path may have a query of filters.
func pages[T any](ctx context.Context, c *Client, op, path string) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		next := apiPath(path) + "?"
		if strings.Contains(path, "?") {
			next = apiPath(path) + "&"
		}
		next += "limit=" + strconv.Itoa(pageSize)
		for range maxPages {
			var p page[T]
			err := c.read(ctx, op, next, &p)
			if err == nil {
				err = p.check(op, next)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(*p.Objects, nil) || p.last() {
				return
			}
			next = *p.Meta.Next
		}
		yield(nil, misshapen(op, next, fmt.Sprintf("the list has more than %d pages", maxPages)))
	}
}

func (p page[T]) last() bool { return p.Meta.Next == nil || *p.Meta.Next == "" }

// check refuses what is no list, and a next page that is no other page of this node.
func (p page[T]) check(op, path string) error {
	switch {
	case p.Meta == nil || p.Objects == nil:
		return misshapen(op, path, "no list: meta or objects is missing")
	case p.last():
		return nil
	case *p.Meta.Next == path:
		return misshapen(op, path, "the list's next page is itself")
	case !strings.HasPrefix(*p.Meta.Next, "/"):
		return misshapen(op, path, fmt.Sprintf("next page %q is not a path below %s", oneLine(*p.Meta.Next), apiRoot))
	}
	return nil
}

// list reads all objects below path.
func list[T any](ctx context.Context, c *Client, op, path string) ([]T, error) {
	var all []T
	for rows, err := range pages[T](ctx, c, op, path) {
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// count reads how many objects are below path without reading them.
func count(ctx context.Context, c *Client, op, path string) (int, error) {
	var p page[json.RawMessage]
	path += "?limit=1"
	if err := c.read(ctx, op, path, &p); err != nil {
		return 0, err
	}
	if p.Meta == nil || p.Meta.TotalCount == nil {
		return 0, misshapen(op, path, "meta.total_count is missing")
	}
	return *p.Meta.TotalCount, nil
}

func misshapen(op, path, what string) *Error {
	return &Error{Op: op, Method: "GET", Path: apiPath(path), Status: 200, sent: true, Err: errors.New("the answer is not as documented: " + what)}
}

// instant is a date-time of the node: UTC without a zone, with or without microseconds. What
// cannot be read becomes the zero time, which callers take as "not known".
type instant struct{ time.Time }

func (t *instant) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) != nil {
		return nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", time.RFC3339Nano, "2006-01-02 15:04:05.999999999"} {
		if at, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			t.Time = at.UTC()
			return nil
		}
	}
	return nil
}

// word is a text whose values nobody has verified: whatever comes is taken as it is, so that one
// odd value does not make a whole list unreadable. Only null is no text at all.
type word string

func (w *word) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case bytes.Equal(b, []byte("null")):
	case json.Unmarshal(b, &s) == nil:
	default:
		s = string(b)
	}
	*w = word(s)
	return nil
}

// tally is a number that counts; what is no number is nil, which callers must not take for 0.
type tally struct{ n *int }

func (t *tally) UnmarshalJSON(b []byte) error {
	t.n = nil
	if f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		t.n = new(int(f))
	}
	return nil
}

// ref is a related object: its address, or the object itself.
type ref struct{ uri, name string }

// text is the name where one is given in the place of an address.
func (r ref) text() string { return cmp.Or(r.name, r.uri) }

func (r *ref) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &r.uri) == nil {
		return nil
	}
	var o struct {
		ResourceURI string `json:"resource_uri"`
		Name        string `json:"name"`
	}
	if json.Unmarshal(b, &o) != nil {
		return nil // no known form: refers to nothing
	}
	r.uri, r.name = o.ResourceURI, o.Name
	return nil
}

// refs is a list of related objects; null and a single one are accepted.
type refs []ref

func (r *refs) UnmarshalJSON(b []byte) error {
	*r = nil
	var many []ref
	if json.Unmarshal(b, &many) == nil {
		*r = slices.DeleteFunc(many, func(one ref) bool { return one == (ref{}) })
		return nil
	}
	var one ref
	if err := one.UnmarshalJSON(b); err != nil || one == (ref{}) {
		return err
	}
	*r = refs{one}
	return nil
}

// lastSegment is the id at the end of a resource's address.
func lastSegment(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || strings.Trim(u.Path, "/") == "" {
		return ""
	}
	return path.Base(u.Path)
}
