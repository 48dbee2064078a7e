package pexip

import (
	"context"
	"errors"
)

// Features is what the node offers, by its own listing: the resources come and go between
// releases, so a version number says nothing about them.
type Features struct {
	// ResumableUpload: upgrade requests exist, so a package can be sent in chunks, validated, and
	// started later.
	ResumableUpload bool
	// OneShotUpload: a package can be sent in one request (which most likely starts the upgrade).
	OneShotUpload bool
	// Backup: a backup can be created and fetched.
	Backup bool
	// ManagementStatus: the Management Node reports its own version and upgrade state.
	ManagementStatus bool
	// UpgradeStates are the states of an upgrade request that the node's schema names, if any.
	UpgradeStates []string
}

type schema struct {
	Fields map[string]struct {
		ValidChoices []any `json:"valid_choices"`
	} `json:"fields"`
}

// Features reads the node's API listings and two schemas. A listing that the node does not have
// means that the feature is absent; any other failure is an error, never a quiet "no".
func (c *Client) Features(ctx context.Context) (Features, error) {
	configuration, err := c.listing(ctx, "configuration/v1/")
	if err != nil {
		return Features{}, err
	}
	status, err := c.listing(ctx, "status/v1/")
	if err != nil {
		return Features{}, err
	}
	platform, err := c.listing(ctx, "command/v1/platform/")
	if err != nil {
		return Features{}, err
	}
	upgrade, err := c.schemaOf(ctx, platform["upgrade"], "command/v1/platform/upgrade/")
	if err != nil {
		return Features{}, err
	}
	request, err := c.schemaOf(ctx, configuration["upgrade_request"], "configuration/v1/upgrade_request/")
	if err != nil {
		return Features{}, err
	}
	return Features{
		ResumableUpload:  configuration["upgrade_request"] && upgrade.has("request") && upgrade.has("total_size"),
		OneShotUpload:    platform["upgrade"] && upgrade.has("package"),
		Backup:           platform["backup_create"] && configuration["system_backup"],
		ManagementStatus: status["management_vm"],
		UpgradeStates:    request.choices("state"),
	}, nil
}

func (c *Client) listing(ctx context.Context, path string) (map[string]bool, error) {
	var entries map[string]any
	err := c.read(ctx, "read which resources the node offers", path, &entries)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(entries))
	for name := range entries {
		names[name] = true
	}
	return names, nil
}

func (c *Client) schemaOf(ctx context.Context, offered bool, path string) (schema, error) {
	var s schema
	if !offered {
		return s, nil
	}
	err := c.read(ctx, "read a schema", path+"schema/?format=json", &s)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return s, err
}

func (s schema) has(field string) bool {
	_, ok := s.Fields[field]
	return ok
}

func (s schema) choices(field string) []string {
	var out []string
	for _, choice := range s.Fields[field].ValidChoices {
		if text, ok := choice.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
