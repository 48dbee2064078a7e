package pexip

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"
)

// Role is what a node is for.
type Role string

const (
	Management   Role = "management"
	Conferencing Role = "conferencing"
)

// Node is a Management Node or Conferencing Node: what is configured, joined with what it reports.
type Node struct {
	// ID is the configuration's id.
	ID   int
	Name string
	Role Role
	// NodeType is "CONFERENCING" or "PROXYING" for a Conferencing Node, else empty.
	NodeType string
	// Primary marks the Management Node in charge.
	Primary bool
	// CloudBursting marks a Conferencing Node that runs only on demand.
	CloudBursting bool
	// Address is the node's own (in Azure: private) IPv4 address.
	Address, SecondaryAddress string
	// StaticNATAddress is the address seen from outside, if any.
	StaticNATAddress string
	// Location is the name of the Conferencing Node's system location.
	Location string
	// Version is as reported, for example "39.1 (83067.0.0)".
	Version string
	// UpgradeStatus and SyncStatus are as reported; not all their values are documented.
	UpgradeStatus, SyncStatus string
	MaintenanceMode           bool
	// LastUpdated is when the node last reported; zero: never, or not said.
	LastUpdated time.Time
	// HasStatus says whether the node has reported at all; without it Version, UpgradeStatus,
	// SyncStatus and LastUpdated are empty.
	HasStatus bool
}

// UpgradeIdle says that the node reports no upgrade in progress. Anything but "IDLE" counts as
// busy or unknown (only that value was ever seen on a real node).
func (n Node) UpgradeIdle() bool { return n.HasStatus && strings.EqualFold(n.UpgradeStatus, "IDLE") }

// Synced says that the node has the current configuration.
func (n Node) Synced() bool { return n.HasStatus && strings.EqualFold(n.SyncStatus, "SYNCED") }

type nodeConfig struct {
	ID               int    `json:"id"`
	Name             string `json:"name"`
	NodeType         string `json:"node_type"`
	Primary          bool   `json:"primary"`
	CloudBursting    bool   `json:"cloud_bursting"`
	Address          string `json:"address"`
	SecondaryAddress string `json:"secondary_address"`
	StaticNATAddress string `json:"static_nat_address"`
	MaintenanceMode  bool   `json:"maintenance_mode"`
	SystemLocation   ref    `json:"system_location"`
	SyslogServers    refs   `json:"syslog_servers"`
}

type nodeStatus struct {
	ConfigurationID *int    `json:"configuration_id"`
	Name            string  `json:"name"`
	NodeType        string  `json:"node_type"`
	Primary         bool    `json:"primary"`
	SystemLocation  string  `json:"system_location"`
	Version         string  `json:"version"`
	UpgradeStatus   string  `json:"upgrade_status"`
	SyncStatus      string  `json:"sync_status"`
	MaintenanceMode bool    `json:"maintenance_mode"`
	LastUpdated     instant `json:"last_updated"`
}

type location struct {
	Name          string `json:"name"`
	ResourceURI   string `json:"resource_uri"`
	SyslogServers refs   `json:"syslog_servers"`
}

// Nodes reads all Management Nodes, then all Conferencing Nodes, in the node's order. A
// configured node that never reported is in the list too, with HasStatus false.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	managers, err := c.managementNodes(ctx)
	if err != nil {
		return nil, err
	}
	workers, err := c.conferencingNodes(ctx)
	if err != nil {
		return nil, err
	}
	return append(managers, workers...), nil
}

func (c *Client) managementNodes(ctx context.Context) ([]Node, error) {
	configs, err := list[nodeConfig](ctx, c, "read the management nodes", "configuration/v1/management_vm/")
	if err != nil {
		return nil, err
	}
	statuses, err := list[nodeStatus](ctx, c, "read the state of the management nodes", "status/v1/management_vm/")
	if err != nil && !errors.Is(err, ErrNotFound) { // old releases lack the resource
		return nil, err
	}
	return join(Management, configs, statuses, nil), nil
}

func (c *Client) conferencingNodes(ctx context.Context) ([]Node, error) {
	configs, err := list[nodeConfig](ctx, c, "read the conferencing nodes", "configuration/v1/worker_vm/")
	if err != nil {
		return nil, err
	}
	statuses, err := list[nodeStatus](ctx, c, "read the state of the conferencing nodes", "status/v1/worker_vm/")
	if err != nil {
		return nil, err
	}
	places, err := list[location](ctx, c, "read the system locations", "configuration/v1/system_location/")
	if err != nil {
		return nil, err
	}
	return join(Conferencing, configs, statuses, places), nil
}

func join(role Role, configs []nodeConfig, statuses []nodeStatus, places []location) []Node {
	nodes := make([]Node, 0, len(configs))
	for _, cfg := range configs {
		n := Node{ID: cfg.ID, Name: cfg.Name, Role: role, NodeType: cfg.NodeType, Primary: cfg.Primary, CloudBursting: cfg.CloudBursting,
			Address: cfg.Address, SecondaryAddress: cfg.SecondaryAddress, StaticNATAddress: cfg.StaticNATAddress,
			Location: nameOf(cfg.SystemLocation, places), MaintenanceMode: cfg.MaintenanceMode}
		for _, s := range statuses {
			if s.describes(cfg) {
				n.report(s)
				break
			}
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// describes joins by the configuration's id, or by name where a status row has none.
func (s nodeStatus) describes(cfg nodeConfig) bool {
	if s.ConfigurationID != nil {
		return *s.ConfigurationID == cfg.ID
	}
	return s.Name == cfg.Name
}

func (n *Node) report(s nodeStatus) {
	n.HasStatus = true
	n.Version, n.UpgradeStatus, n.SyncStatus = s.Version, s.UpgradeStatus, s.SyncStatus
	n.LastUpdated = s.LastUpdated.Time
	n.Primary = n.Primary || s.Primary
	n.NodeType = cmp.Or(n.NodeType, s.NodeType)
	n.Location = cmp.Or(n.Location, s.SystemLocation)
	if n.Role == Conferencing {
		n.MaintenanceMode = s.MaintenanceMode
	}
}

func nameOf(r ref, places []location) string {
	for _, p := range places {
		if r.uri != "" && p.ResourceURI == r.uri {
			return p.Name
		}
	}
	return r.name
}
