package pexiptest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/pexip"
)

// stamp is a date-time as the node writes it: UTC, without a zone.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000") }

func uri(api, name string, id any) string { return fmt.Sprintf("%s%s/v1/%s/%v/", root, api, name, id) }

// view builds the objects of a resource as they are now.
func (w *world) view(name string, now time.Time, clientID string) []object {
	api, short, _ := strings.Cut(name, "/")
	var rows []object
	switch name {
	case "configuration/global":
		rows = []object{clone(w.global)}
	case "configuration/management_vm":
		rows = w.managementConfig()
	case "configuration/worker_vm":
		rows = w.workerConfig()
	case "status/management_vm", "status/worker_vm":
		rows = w.nodeStatus(name, now)
	case "configuration/system_location":
		rows = w.locationConfig()
	case "configuration/syslog_server":
		rows = w.syslogConfig()
	case "status/alarm":
		rows = w.alarmStatus(now)
	case "status/licensing":
		rows = []object{{"port_count": w.calls(), "port_total": 20, "audio_count": 0, "audio_total": 0, "vmr_count": 2, "vmr_total": 10, "system_count": 1, "system_total": 1}}
	case "configuration/licence":
		rows = []object{{"fulfillment_id": "FID-1", "entitlement_id": "ENT-1", "product_id": "port", "license_type": "CONCURRENT", "features": "port",
			"status": "ACTIVE", "start_date": "2026-01-01", "expiration_date": "2027-01-01", "concurrent": 20,
			"resource_uri": uri(api, short, "FID-1")}}
	case "status/participant":
		rows = append(w.participants(now), w.liveCalls(now)...)
	case "history/participant":
		rows = w.history(now)
	case "status/conference":
		rows = w.conferences(now)
	case "status/backup_request":
		rows = w.backupRequests(now)
	case "status/snapshot_request":
		rows = w.snapshotRequests(now)
	case "configuration/system_backup":
		rows = w.systemBackups(now)
	case "configuration/upgrade_request":
		rows = w.upgradeRequests()
	case "configuration/role", "configuration/permission", "configuration/oauth2_client":
		rows = w.accounts(short, clientID)
	}
	known := schemas[name].Fields
	for i, row := range rows {
		if row["id"] == nil && known["id"] != "" {
			row["id"] = i + 1
		}
		if row["resource_uri"] == nil && known["resource_uri"] != "" {
			row["resource_uri"] = uri(api, short, row["id"])
		}
	}
	return rows
}

func clone(o object) object {
	out := object{}
	for k, v := range o {
		out[k] = v
	}
	return out
}

const syslogURI = root + "configuration/v1/syslog_server/1/"

// syslogRefs are the servers that somebody refers to.
func (w *world) syslogRefs(who string) []string {
	if w.servers && w.syslog[who] {
		return []string{syslogURI}
	}
	return []string{}
}

func (w *world) managementConfig() []object {
	var rows []object
	for i, n := range w.byRole(pexip.Management) {
		rows = append(rows, object{"id": n.id, "name": n.Name, "hostname": n.Name, "domain": "pexiptest.invalid", "primary": i == 0, "address": n.Address,
			"static_nat_address": null(n.StaticNATAddress), "initializing": false, "syslog_servers": w.syslogRefs("management node " + n.Name)})
	}
	return rows
}

func (w *world) workerConfig() []object {
	var rows []object
	places := w.locations()
	for _, n := range w.byRole(pexip.Conferencing) {
		rows = append(rows, object{"id": n.id, "name": n.Name, "hostname": n.Name, "domain": "pexiptest.invalid", "node_type": "CONFERENCING",
			"address": n.Address, "secondary_address": null(n.SecondaryAddress), "static_nat_address": null(n.StaticNATAddress),
			"cloud_bursting": n.CloudBursting, "maintenance_mode": n.parked, "maintenance_mode_reason": n.reason,
			"system_location": uri("configuration", "system_location", slices.Index(places, n.Location)+1)})
	}
	return rows
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// nodeStatus rows have ids of their own, not those of the configuration.
func (w *world) nodeStatus(name string, now time.Time) []object {
	role := pexip.Management
	if name == "status/worker_vm" {
		role = pexip.Conferencing
	}
	var rows []object
	for i, n := range w.byRole(role) {
		at := w.lastUpdated(n, now)
		row := object{"id": 100 + n.id, "configuration_id": n.id, "name": n.Name, "version": n.version, "upgrade_status": n.status,
			"sync_status": w.syncStatus(n), "last_updated": stamp(at), "last_attempted_contact": stamp(now)}
		if role == pexip.Management {
			row["primary"] = i == 0
		} else {
			row["node_type"], row["system_location"], row["maintenance_mode"] = "CONFERENCING", n.Location, n.parked
			row["maintenance_mode_reason"] = n.reason
			row["signaling_count"], row["media_load"], row["deploy_status"] = n.calls, load(n), "deploy_succeeded"
		}
		rows = append(rows, row)
	}
	return rows
}

// load is 100 in maintenance mode, as on the real platform.
func load(n *node) int {
	if n.parked {
		return 100
	}
	return min(100, n.calls)
}

func (w *world) locationConfig() []object {
	var rows []object
	for _, name := range w.locations() {
		rows = append(rows, object{"name": name, "description": "", "syslog_servers": w.syslogRefs("location " + name)})
	}
	return rows
}

func (w *world) syslogConfig() []object {
	if !w.servers {
		return nil
	}
	return []object{{"address": "10.0.0.100", "port": 514, "transport": "udp", "proto_format": "pexip", "description": "remote log",
		"audit_log": true, "support_log": true, "syslog_log": true, "web_log": true}}
}

func (w *world) alarmStatus(now time.Time) []object {
	var rows []object
	for _, a := range w.raised(now) {
		rows = append(rows, object{"identifier": a.Identifier, "name": a.Name, "level": a.Level, "node": a.Node, "instance": a.Instance,
			"details": a.Details, "time_raised": stamp(a.TimeRaised), "acknowledged": a.Acknowledged})
	}
	return rows
}

func (w *world) calls() int {
	total := 0
	for _, n := range w.nodes {
		total += n.calls
	}
	return total
}

func (w *world) participants(now time.Time) []object {
	var rows []object
	for _, n := range w.nodes {
		for i := range n.calls {
			id := fmt.Sprintf("%s-%d", n.Name, i+1)
			rows = append(rows, object{"id": id, "display_name": "Participant " + id, "conference": "Meeting on " + n.Name, "media_node": n.Address,
				"signalling_node": n.Address, "system_location": n.Location, "connect_time": stamp(now)})
		}
	}
	return rows
}

// conferences: one on each node with calls.
func (w *world) conferences(now time.Time) []object {
	var rows []object
	for _, n := range w.nodes {
		if n.calls > 0 {
			rows = append(rows, object{"id": "conference-" + n.Name, "name": "Meeting on " + n.Name, "is_started": true, "service_type": "conference", "start_time": stamp(now)})
		}
	}
	return rows
}

// permissions of the double; the real codenames are not documented.
var permissions = []string{"is_admin", "use_api", "may_view_configuration", "may_change_configuration", "may_view_status", "may_upgrade"}

func allPermissions() []int {
	var out []int
	for i := range permissions {
		out = append(out, i+1)
	}
	return out
}

func (w *world) accounts(short, clientID string) []object {
	var rows []object
	switch short {
	case "permission":
		for _, name := range permissions {
			rows = append(rows, object{"codename": name, "name": name})
		}
	case "role":
		granted := []string{}
		for _, id := range w.role.permissions {
			granted = append(granted, uri("configuration", "permission", id))
		}
		rows = []object{{"name": w.role.name, "permissions": granted}}
	default:
		rows = []object{{"client_id": clientID, "client_name": "runbook", "role": uri("configuration", "role", 1),
			"resource_uri": uri("configuration", "oauth2_client", clientID)}}
	}
	return rows
}
