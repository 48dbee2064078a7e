package pexip

import (
	"cmp"
	"context"
	"errors"
	"slices"
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
	// MaintenanceMode: a Conferencing Node takes no new calls. (Its media load reads 100 then.)
	MaintenanceMode bool
	// MaintenanceReason is what was said when it was switched on.
	MaintenanceReason string
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
	NodeType         word   `json:"node_type"`
	Primary          bool   `json:"primary"`
	CloudBursting    bool   `json:"cloud_bursting"`
	Address          string `json:"address"`
	SecondaryAddress string `json:"secondary_address"`
	StaticNATAddress string `json:"static_nat_address"`
	MaintenanceMode  bool   `json:"maintenance_mode"`
	Reason           word   `json:"maintenance_mode_reason"`
	SystemLocation   ref    `json:"system_location"`
	SyslogServers    refs   `json:"syslog_servers"`
}

type nodeStatus struct {
	ConfigurationID *int    `json:"configuration_id"`
	Name            string  `json:"name"`
	NodeType        word    `json:"node_type"`
	Primary         bool    `json:"primary"`
	SystemLocation  ref     `json:"system_location"` // a name here, an address in the configuration
	Version         word    `json:"version"`
	UpgradeStatus   word    `json:"upgrade_status"`
	SyncStatus      word    `json:"sync_status"`
	MaintenanceMode *bool   `json:"maintenance_mode"`
	Reason          word    `json:"maintenance_mode_reason"`
	LastUpdated     instant `json:"last_updated"`
	LastReported    instant `json:"last_reported"` // its name in old releases
}

type location struct {
	Name          string `json:"name"`
	ResourceURI   string `json:"resource_uri"`
	SyslogServers refs   `json:"syslog_servers"`
}

// Nodes reads all Management Nodes, then all Conferencing Nodes, in the node's order. A
// configured node that never reported is in the list too, with HasStatus false. It takes four
// requests for up to 1,000 nodes, so it may be called every few seconds.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	i, err := c.inventory(ctx)
	if err != nil {
		return nil, err
	}
	return i.nodes(), nil
}

// ManagementNodes reads the Management Nodes only, in two requests. There can be several; the one
// in charge is Primary.
func (c *Client) ManagementNodes(ctx context.Context) ([]Node, error) {
	var i inventory
	if err := i.readManagers(ctx, c); err != nil {
		return nil, err
	}
	return i.nodes(), nil
}

// inventory is what the API tells about the nodes.
type inventory struct {
	managers, workers           []nodeConfig
	managerReports, workerState []nodeStatus
	places                      []location
}

func (c *Client) inventory(ctx context.Context) (inventory, error) {
	var i inventory
	err := i.readManagers(ctx, c)
	if err == nil {
		err = i.readWorkers(ctx, c)
	}
	if err == nil && i.needsPlaces() {
		err = i.readPlaces(ctx, c)
	}
	return i, err
}

func (i *inventory) readManagers(ctx context.Context, c *Client) (err error) {
	if i.managers, err = list[nodeConfig](ctx, c, "read the management nodes", "configuration/v1/management_vm/"); err != nil {
		return err
	}
	i.managerReports, err = list[nodeStatus](ctx, c, "read the state of the management nodes", "status/v1/management_vm/")
	if errors.Is(err, ErrNotFound) { // old releases lack the resource
		err = nil
	}
	return err
}

func (i *inventory) readWorkers(ctx context.Context, c *Client) (err error) {
	if i.workers, err = list[nodeConfig](ctx, c, "read the conferencing nodes", "configuration/v1/worker_vm/"); err != nil {
		return err
	}
	i.workerState, err = list[nodeStatus](ctx, c, "read the state of the conferencing nodes", "status/v1/worker_vm/")
	return err
}

func (i *inventory) readPlaces(ctx context.Context, c *Client) (err error) {
	i.places, err = list[location](ctx, c, "read the system locations", "configuration/v1/system_location/")
	return err
}

// needsPlaces says whether a location's name is told by the list of locations only.
func (i *inventory) needsPlaces() bool {
	return slices.ContainsFunc(i.workers, func(cfg nodeConfig) bool {
		s := reportOf(cfg, i.workerState)
		return cfg.SystemLocation.uri != "" && cfg.SystemLocation.name == "" && (s == nil || s.SystemLocation.text() == "")
	})
}

func (i *inventory) nodes() []Node {
	nodes := join(Management, i.managers, i.managerReports, nil)
	return append(nodes, join(Conferencing, i.workers, i.workerState, i.places)...)
}

func join(role Role, configs []nodeConfig, statuses []nodeStatus, places []location) []Node {
	nodes := make([]Node, 0, len(configs))
	for _, cfg := range configs {
		n := Node{ID: cfg.ID, Name: cfg.Name, Role: role, NodeType: string(cfg.NodeType), Primary: cfg.Primary, CloudBursting: cfg.CloudBursting,
			Address: cfg.Address, SecondaryAddress: cfg.SecondaryAddress, StaticNATAddress: cfg.StaticNATAddress,
			Location: nameOf(cfg.SystemLocation, places), MaintenanceMode: cfg.MaintenanceMode, MaintenanceReason: string(cfg.Reason)}
		if s := reportOf(cfg, statuses); s != nil {
			n.report(*s)
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func reportOf(cfg nodeConfig, statuses []nodeStatus) *nodeStatus {
	i := slices.IndexFunc(statuses, func(s nodeStatus) bool { return s.describes(cfg) })
	if i < 0 {
		return nil
	}
	return &statuses[i]
}

// describes joins by the configuration's id, or by name where a status row has none. (A status
// row's own id is another number.)
func (s nodeStatus) describes(cfg nodeConfig) bool {
	if s.ConfigurationID != nil {
		return *s.ConfigurationID == cfg.ID
	}
	return s.Name == cfg.Name
}

func (n *Node) report(s nodeStatus) {
	n.HasStatus = true
	n.Version, n.UpgradeStatus, n.SyncStatus = string(s.Version), string(s.UpgradeStatus), string(s.SyncStatus)
	n.LastUpdated = s.LastUpdated.Time
	if n.LastUpdated.IsZero() {
		n.LastUpdated = s.LastReported.Time
	}
	n.Primary = n.Primary || s.Primary
	n.NodeType = cmp.Or(n.NodeType, string(s.NodeType))
	n.Location = cmp.Or(n.Location, s.SystemLocation.text())
	if n.Role == Conferencing && s.MaintenanceMode != nil {
		n.MaintenanceMode, n.MaintenanceReason = *s.MaintenanceMode, cmp.Or(string(s.Reason), n.MaintenanceReason)
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
