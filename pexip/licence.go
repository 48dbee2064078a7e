package pexip

import (
	"context"
)

// Usage is how many licences of a kind are in use and how many there are.
type Usage struct{ Count, Total int }

// Licensing is the platform's use of licences. (The alarm "license limit reached" is known not
// to clear in v39.1, so read the numbers.)
type Licensing struct {
	Port, Audio, VMR, System, OTJ, GHM, Scheduling, Teams, Telehealth Usage
}

// Licensing reads the use of licences.
func (c *Client) Licensing(ctx context.Context) (Licensing, error) {
	const op, path = "read the use of licences", "status/v1/licensing/"
	rows, err := list[map[string]any](ctx, c, op, path)
	if err != nil {
		return Licensing{}, err
	}
	if len(rows) == 0 {
		return Licensing{}, misshapen(op, path, "the list is empty")
	}
	number := func(key string) int {
		f, _ := rows[0][key].(float64)
		return int(f)
	}
	use := func(kind string) Usage { return Usage{number(kind + "_count"), number(kind + "_total")} }
	return Licensing{use("port"), use("audio"), use("vmr"), use("system"), use("otj"), use("ghm"),
		use("scheduling"), use("teams"), use("telehealth")}, nil
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

// Licences reads the installed licences.
func (c *Client) Licences(ctx context.Context) ([]Licence, error) {
	return list[Licence](ctx, c, "read the licences", "configuration/v1/licence/")
}

// LiveParticipants counts who is in a call now.
func (c *Client) LiveParticipants(ctx context.Context) (int, error) {
	return count(ctx, c, "count the live participants", "status/v1/participant/")
}

// LiveConferences counts the conferences that run now.
func (c *Client) LiveConferences(ctx context.Context) (int, error) {
	return count(ctx, c, "count the live conferences", "status/v1/conference/")
}
