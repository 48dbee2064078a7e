package pexip

import (
	"context"
	"encoding/json"
	"strings"
)

// Usage is how many licences of a kind are in use and how many there are.
type Usage struct{ Count, Total int }

// Licensing is the platform's use of licences. (The alarm "license limit reached" is known not
// to clear in v39.1, so read the numbers.) A kind that this release does not count is zero.
type Licensing struct {
	Port, Audio, VMR, System, OTJ, GHM, Scheduling, Teams, Telehealth Usage
	// These are features that a licence switches on.
	CustomLayouts, GoogleTrustedJoin, ZoomTrustedJoin bool
}

// Licensing reads the use of licences. A number that is none is an error, not a zero.
func (c *Client) Licensing(ctx context.Context) (Licensing, error) {
	const op, path = "read the use of licences", "status/v1/licensing/"
	rows, err := list[usageRow](ctx, c, op, path)
	if err != nil {
		return Licensing{}, err
	}
	if len(rows) == 0 {
		return Licensing{}, misshapen(op, path, "the list is empty")
	}
	row := rows[0]
	l := Licensing{row.use("port"), row.use("audio"), row.use("vmr"), row.use("system"), row.use("otj"), row.use("ghm"),
		row.use("scheduling"), row.use("teams"), row.use("telehealth"),
		row.on("customlayouts_active"), row.on("googletrustedjoin_active"), row.on("zoomtrustedjoin_active")}
	if odd := row.odd(); len(odd) > 0 {
		return Licensing{}, misshapen(op, path, strings.Join(odd, " and ")+": no whole number")
	}
	return l, nil
}

// usageRow is a row of numbers and switches by name.
type usageRow map[string]json.RawMessage

func (r usageRow) number(key string) tally {
	var t tally
	_ = t.UnmarshalJSON(r[key]) // never fails
	return t
}

func (r usageRow) use(kind string) Usage {
	count, total := r.number(kind+"_count"), r.number(kind+"_total")
	var u Usage
	if count.n != nil && total.n != nil {
		u = Usage{*count.n, *total.n}
	}
	return u
}

func (r usageRow) on(key string) bool { return string(r[key]) == "true" }

// odd names the numbers that are none.
func (r usageRow) odd() []string {
	var out []string
	for _, key := range sortedKeys(r) {
		if (strings.HasSuffix(key, "_count") || strings.HasSuffix(key, "_total")) && r.number(key).n == nil {
			out = append(out, key)
		}
	}
	return out
}

// Licence is one installed licence, with the node's own words for its state and dates.
type Licence struct {
	FulfillmentID  string `json:"fulfillment_id"`
	EntitlementID  string `json:"entitlement_id"`
	ProductID      string `json:"product_id"`
	Type           string `json:"license_type"`
	Features       string `json:"features"`
	Status         string `json:"status"`
	StartDate      string `json:"start_date"`
	ExpirationDate string `json:"expiration_date"`
	Concurrent     int    `json:"concurrent"`
}

// Licences reads the installed licences. Handle the identifiers with care: an entitlement is what
// a licence is activated with. State leaves it out.
func (c *Client) Licences(ctx context.Context) ([]Licence, error) {
	type wire struct {
		FulfillmentID  word  `json:"fulfillment_id"`
		EntitlementID  word  `json:"entitlement_id"`
		ProductID      word  `json:"product_id"`
		Type           word  `json:"license_type"`
		Features       word  `json:"features"`
		Status         word  `json:"status"`
		StartDate      word  `json:"start_date"`
		ExpirationDate word  `json:"expiration_date"`
		Concurrent     tally `json:"concurrent"`
	}
	rows, err := list[wire](ctx, c, "read the licences", "configuration/v1/licence/")
	if err != nil {
		return nil, err
	}
	out := make([]Licence, 0, len(rows))
	for _, w := range rows {
		l := Licence{FulfillmentID: string(w.FulfillmentID), EntitlementID: string(w.EntitlementID), ProductID: string(w.ProductID),
			Type: string(w.Type), Features: string(w.Features), Status: string(w.Status), StartDate: string(w.StartDate),
			ExpirationDate: string(w.ExpirationDate)}
		if w.Concurrent.n != nil {
			l.Concurrent = *w.Concurrent.n
		}
		out = append(out, l)
	}
	return out, nil
}

// LiveParticipants counts who is in a call now.
func (c *Client) LiveParticipants(ctx context.Context) (int, error) {
	return count(ctx, c, "count the live participants", "status/v1/participant/")
}

// LiveConferences counts the conferences that run now.
func (c *Client) LiveConferences(ctx context.Context) (int, error) {
	return count(ctx, c, "count the live conferences", "status/v1/conference/")
}
