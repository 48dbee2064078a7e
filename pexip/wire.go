package pexip

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// pageSize is asked for in lists (the node's own default is 20, its maximum unknown);
// maxPages stops a list whose "next" never ends.
const (
	pageSize = 200
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

// list reads all objects below path, following "next".
func list[T any](ctx context.Context, c *Client, op, path string) ([]T, error) {
	var all []T
	next := apiPath(path) + "?limit=" + strconv.Itoa(pageSize)
	for range maxPages {
		var p page[T]
		if err := c.read(ctx, op, next, &p); err != nil {
			return nil, err
		}
		if p.Meta == nil || p.Objects == nil {
			return nil, misshapen(op, next, "no list: meta or objects is missing")
		}
		all = append(all, *p.Objects...)
		if p.Meta.Next == nil || *p.Meta.Next == "" {
			return all, nil
		}
		if *p.Meta.Next == next {
			return nil, misshapen(op, next, "the list's next page is itself")
		}
		if !strings.HasPrefix(*p.Meta.Next, "/") {
			return nil, misshapen(op, next, fmt.Sprintf("next page %q is not a path below %s", oneLine(*p.Meta.Next), apiRoot))
		}
		next = *p.Meta.Next
	}
	return nil, misshapen(op, next, fmt.Sprintf("the list has more than %d pages", maxPages))
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

// ref is a related object: its address, or the object itself.
type ref struct{ uri, name string }

func (r *ref) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &r.uri) == nil {
		return nil
	}
	var o struct {
		ResourceURI string `json:"resource_uri"`
		Name        string `json:"name"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return err
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
		*r = many
		return nil
	}
	var one ref
	if err := json.Unmarshal(b, &one); err != nil {
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
