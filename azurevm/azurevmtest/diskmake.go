package azurevmtest

import (
	"net/http"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
)

// diskRequest is what a PUT asks for.
type diskRequest struct {
	Location   string   `json:"location"`
	Zones      []string `json:"zones"`
	SKU        object   `json:"sku"`
	Tags       object   `json:"tags"`
	Properties object   `json:"properties"`
}

// creation is the part of the properties that says what the disk is made of.
func (r diskRequest) creation() (option, source string) {
	data, _ := r.Properties["creationData"].(object)
	option, _ = data["createOption"].(string)
	source, _ = data["sourceResourceId"].(string)
	return option, source
}

func (s *Server) putDisk(c *call) answer {
	var r diskRequest
	if a, valid := c.decode(&r); !valid {
		return a
	}
	kind, group, name := kindOf(c), c.arg(0), c.arg(1)
	if !s.hasGroup(group) {
		return s.absent(group, name)
	}
	_, sourceID := r.creation()
	if d := s.findDisk(kind, group, name); d != nil {
		return s.updateDisk(c, d, r, sourceID)
	}
	source, a := s.sourceOf(kind, name, r, c.now)
	if a.status != 0 {
		return a
	}
	return s.makeDisk(c, s.newDisk(kind, group, name, c.now), source, r)
}

// updateDisk: what exists is changed and not copied anew, whatever its source has become.
func (s *Server) updateDisk(c *call, d *disk, r diskRequest, source string) answer {
	if source != "" && !strings.EqualFold(source, d.source) {
		return refuse(http.StatusConflict, "PropertyChangeNotAllowed", "Changing property 'creationData.sourceResourceId' is not allowed.")
	}
	if r.Tags != nil {
		d.tags = r.Tags
	}
	return s.diskAccepted(c, d, s.newOperation(verbUpdate, c.now), 0, func(time.Time) {})
}

var diskName = nameForm(80)

// sourceOf checks the request and finds what the new disk is a copy of.
func (s *Server) sourceOf(kind, name string, r diskRequest, now time.Time) (*disk, answer) {
	option, id := r.creation()
	source := s.diskByID(id)
	switch {
	case !diskName.MatchString(name):
		return nil, refuse(http.StatusBadRequest, "InvalidParameter", "The name '%s' is invalid: up to 80 letters, digits, '_', '-' and '.'.", name)
	case r.Location == "":
		return nil, refuse(http.StatusBadRequest, "LocationRequired", "The location property is required for this definition.")
	case option != "Copy":
		return nil, refuse(http.StatusBadRequest, "InvalidParameter", "The value '%s' of parameter creationData.createOption is not served here.", option)
	case source == nil:
		return nil, refuse(http.StatusNotFound, "ResourceNotFound", "The source '%s' was not found.", id)
	case !strings.EqualFold(source.location, r.Location):
		return nil, refuse(http.StatusBadRequest, "InvalidParameter", "The source '%s' is not in '%s'.", id, r.Location)
	case kind == kindSnapshot && source.kind != kindDisk, kind == kindDisk && source.kind != kindSnapshot:
		return nil, refuse(http.StatusBadRequest, "InvalidParameter", "The source '%s' is not of the kind that is copied here.", id)
	case !source.ready():
		return nil, refuse(http.StatusConflict, "OperationNotAllowed", "The source '%s' is not ready: its state is %s, %.0f %%.", id, source.state(), source.percent(now))
	}
	return source, answer{}
}

// makeDisk fills in what follows from the source.
func (s *Server) makeDisk(c *call, d, source *disk, r diskRequest) answer {
	d.location, d.zones, d.properties, d.source, d.sourceUnique = r.Location, r.Zones, r.Properties, source.id, source.uniqueID
	d.sizeGB, d.content = source.sizeGB, source.content
	if r.SKU != nil {
		d.sku = r.SKU
	}
	if r.Tags != nil {
		d.tags = r.Tags
	}
	if size, given := r.Properties["diskSizeGB"].(float64); given {
		d.sizeGB = int(size)
	}
	d.properties["creationData"] = object{"createOption": "Copy", "sourceResourceId": source.id, "sourceUniqueId": source.uniqueID}
	for _, name := range []string{"networkAccessPolicy", "publicNetworkAccess"} {
		if d.properties[name] == nil {
			d.properties[name] = object{"networkAccessPolicy": "AllowAll", "publicNetworkAccess": "Enabled"}[name]
		}
	}
	verb, takes := verbDisk, s.options.DiskCreate
	if d.kind == kindSnapshot {
		verb, takes = verbSnapshot, s.options.DiskSnapshot
		if d.content.IsZero() {
			d.content = c.now
		}
		d.off = source.owner == nil || source.owner.power == azurevm.Deallocated
	}
	d.op = s.newOperation(verb, c.now)
	if sku := source.sku["name"]; d.kind == kindSnapshot && (sku == "PremiumV2_LRS" || sku == "UltraSSD_LRS") {
		return s.copyBehind(c, d, takes)
	}
	return s.diskAccepted(c, d, d.op, takes, func(time.Time) {})
}

// copyBehind makes the snapshot at once; it cannot be used before it is copied.
func (s *Server) copyBehind(c *call, d *disk, takes time.Duration) answer {
	d.copying = c.now
	a := s.diskAccepted(c, d, d.op, 0, func(time.Time) {})
	d.takes = takes
	s.schedule(c.now.Add(takes), func(time.Time) { d.copying = time.Time{} })
	return a
}

// diskAccepted answers a request that takes long, and schedules its end.
func (s *Server) diskAccepted(c *call, d *disk, op *operation, takes time.Duration, done func(at time.Time)) answer {
	f, fails := s.nextOperationFailure(op.verb)
	d.takes = takes
	s.schedule(c.now.Add(takes), func(at time.Time) {
		switch {
		case !op.running():
		case fails:
			op.fail(at, f.code, f.text)
		default:
			op.succeed(at)
			done(at)
		}
	})
	a := answer{status: http.StatusAccepted, header: s.diskPolling(c, d.location, op), body: d.resource(c.now)}
	s.advance(c.now)
	return a
}

func (s *Server) diskPolling(c *call, location string, op *operation) http.Header {
	link := "/subscriptions/" + s.options.SubscriptionID + "/providers/Microsoft.Compute/locations/" + location + "/diskOperations/" + op.id
	header := s.polling(c, link, link)
	header.Set("Location", header.Get("Location")+"&monitor=true")
	return header
}

// patchDisk changes tags only.
func (s *Server) patchDisk(c *call) answer {
	d := s.findDisk(kindOf(c), c.arg(0), c.arg(1))
	if d == nil {
		return s.absent(c.arg(0), "Microsoft.Compute/"+kindOf(c)+"/"+c.arg(1))
	}
	var r diskRequest
	if a, valid := c.decode(&r); !valid {
		return a
	}
	return s.updateDisk(c, d, diskRequest{Tags: r.Tags}, "")
}

func (s *Server) deleteDisk(c *call) answer {
	d := s.findDisk(kindOf(c), c.arg(0), c.arg(1))
	switch {
	case d == nil && !s.hasGroup(c.arg(0)):
		return s.absent(c.arg(0), c.arg(1))
	case d == nil:
		return answer{status: http.StatusNoContent}
	case d.owner != nil:
		return refuse(http.StatusConflict, "OperationNotAllowed", "Disk %s is attached to VM %s.", d.name, d.owner.id)
	}
	d.op = s.newOperation(verbDelete, c.now)
	a := s.diskAccepted(c, d, d.op, s.options.DiskDelete, func(time.Time) { s.remove(d) })
	a.body = nil
	return a
}

// DeleteDisk removes a disk or a snapshot by its resource id at once, as somebody else might have
// done, even if it is attached. It panics when there is none.
func (s *Server) DeleteDisk(id string) {
	var d *disk
	s.locked(func(time.Time) {
		if d = s.diskByID(id); d != nil {
			s.remove(d)
		}
	})
	if d == nil {
		panic("azurevmtest: there is no disk " + id)
	}
}
