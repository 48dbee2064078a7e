package azurevmtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
)

const (
	kindDisk     = "disks"
	kindSnapshot = "snapshots"
)

// disk is a managed disk or a snapshot of one.
type disk struct {
	kind, group, name, id, uniqueID string
	location                        string
	zones                           []string
	sku, tags                       object
	properties                      object // as asked for, with what was filled in
	sizeGB                          int
	source, sourceUnique            string
	created                         time.Time
	takes                           time.Duration
	op                              *operation // the one that makes or deletes it
	copying                         time.Time  // since when it is copied in the background
	owner                           *machine
	owned                           time.Time // since when, or not; zero: since long ago
	// content is the time whose state it holds; zero: the present of the VM.
	content time.Time
	// off: the VM was deallocated while the snapshot was taken.
	off bool
}

// attachment is a disk in a slot of a VM; lun is -1 for the one with the operating system.
type attachment struct {
	lun   int
	disk  *disk
	extra object // caching, createOption and the like
}

func (s *Server) diskID(group, kind, name string) string {
	return s.groupID(group) + "/providers/Microsoft.Compute/" + kind + "/" + name
}

func (s *Server) newDisk(kind, group, name string, now time.Time) *disk {
	s.diskIDs++
	d := &disk{kind: kind, group: group, name: name, id: s.diskID(group, kind, name), created: now, location: location, tags: object{},
		uniqueID: fmt.Sprintf("00000000-0000-4000-d000-%012d", s.diskIDs), sku: object{"name": "Premium_LRS"}}
	s.disks = append(s.disks, d)
	return d
}

// equip gives a new VM its disks.
func (s *Server) equip(m *machine, now time.Time) {
	for lun := -1; lun < m.DataDisks; lun++ {
		role, size := "os", 128
		if lun >= 0 {
			role, size = fmt.Sprintf("data%d", lun), 64
		}
		d := s.newDisk(kindDisk, m.ResourceGroup, m.Name+"-"+role, now)
		d.location, d.owner, d.sizeGB, d.tags = m.Location, m, size, object{"cost-centre": "video"}
		if m.Zone != "" {
			d.zones = []string{m.Zone}
		}
		if m.DiskSKU != "" {
			d.sku = object{"name": m.DiskSKU}
		}
		d.properties = object{"creationData": object{"createOption": "FromImage"}, "networkAccessPolicy": "DenyAll", "publicNetworkAccess": "Disabled",
			"encryption": object{"type": "EncryptionAtRestWithPlatformKey"}, "tier": "P10"}
		if lun < 0 {
			maps.Copy(d.properties, object{"osType": "Linux", "hyperVGeneration": "V2", "supportedCapabilities": object{"architecture": "x64"},
				"securityProfile": object{"securityType": "TrustedLaunch"}})
		}
		extra := object{"createOption": "Attach", "caching": "ReadOnly"}
		if m.DeleteOption != "" {
			extra["deleteOption"] = m.DeleteOption
		}
		m.attached = append(m.attached, attachment{lun, d, extra})
	}
}

// replace gives the VM new disks that hold the state of a time, as a vault's restore does; the old
// ones stay, unattached.
func (s *Server) replace(m *machine, content, now time.Time) {
	for i, a := range m.attached {
		old := a.disk
		d := s.newDisk(kindDisk, old.group, fmt.Sprintf("%s-restored-%d", s.original(old), m.restores), now)
		d.location, d.zones, d.sku, d.sizeGB, d.properties, d.content = old.location, old.zones, old.sku, old.sizeGB, maps.Clone(old.properties), content
		d.owner, old.owner, d.owned, old.owned = m, nil, now, now
		m.attached[i].disk = d
	}
	m.revision++
}

func (s *Server) original(d *disk) string {
	name, _, _ := strings.Cut(d.name, "-restored-")
	return name
}

func (s *Server) findDisk(kind, group, name string) *disk {
	for _, d := range s.disks {
		if d.kind == kind && strings.EqualFold(d.name, name) && strings.EqualFold(d.group, group) {
			return d
		}
	}
	return nil
}

// diskByID finds a disk or a snapshot by its resource id.
func (s *Server) diskByID(id string) *disk {
	i := slices.IndexFunc(s.disks, func(d *disk) bool { return strings.EqualFold(d.id, id) })
	if i < 0 {
		return nil
	}
	return s.disks[i]
}

// kindOf is what a path is about: the element behind the provider.
func kindOf(c *call) string {
	_, rest, _ := strings.Cut(strings.ToLower(c.id), "/providers/microsoft.compute/")
	kind, _, _ := strings.Cut(rest, "/")
	return kind
}

func (s *Server) listDisks(c *call) answer {
	values := []any{}
	for _, d := range s.disks {
		if d.kind == kindOf(c) && (len(c.args) == 0 || strings.EqualFold(d.group, c.arg(0))) {
			values = append(values, d.resource(c.now))
		}
	}
	return s.page(c, values)
}

func (s *Server) getDisk(c *call) answer {
	d := s.findDisk(kindOf(c), c.arg(0), c.arg(1))
	if d == nil {
		return s.absent(c.arg(0), "Microsoft.Compute/"+kindOf(c)+"/"+c.arg(1))
	}
	return ok(d.resource(c.now))
}

// ready says whether the disk is made and can be used.
// A deletion that failed left it as it was.
func (d *disk) ready() bool { return d.made() && d.copying.IsZero() }

func (d *disk) made() bool {
	return d.op == nil || d.op.status == "Succeeded" || (d.op.verb == verbDelete && !d.op.running())
}

func (d *disk) state() string {
	switch {
	case d.made():
		return "Succeeded"
	case d.op.verb == verbDelete && d.op.running():
		return "Deleting"
	case d.op.running():
		return "Creating"
	}
	return "Failed"
}

// percent is how much of it has been copied.
func (d *disk) percent(now time.Time) float64 {
	if d.ready() || d.takes <= 0 {
		return 100
	}
	return min(99, float64(100*now.Sub(d.created)/d.takes))
}

func (d *disk) resource(now time.Time) object {
	p := maps.Clone(d.properties)
	maps.Copy(p, object{"provisioningState": d.state(), "timeCreated": stamp(d.created), "uniqueId": d.uniqueID, "diskSizeGB": d.sizeGB,
		"diskState": "Unattached"})
	r := object{"id": d.id, "name": d.name, "type": "Microsoft.Compute/" + d.kind, "location": d.location, "sku": d.sku, "tags": d.tags, "properties": p}
	if d.kind == kindSnapshot {
		p["completionPercent"] = d.percent(now)
	}
	if d.owner != nil {
		p["diskState"], r["managedBy"] = "Reserved", d.owner.id
		if d.owner.power == azurevm.Running {
			p["diskState"] = "Attached"
		}
	}
	if at := d.ownership(); !at.IsZero() {
		p["LastOwnershipUpdateTime"] = stamp(at) // the API writes it so
	}
	if len(d.zones) > 0 {
		r["zones"] = d.zones
	}
	return r
}

// ownership is when the disk was attached or detached, or its VM started or deallocated, last.
func (d *disk) ownership() time.Time {
	if d.owner != nil && d.owner.switched.After(d.owned) {
		return d.owner.switched
	}
	return d.owned
}
