package azurevmtest

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
)

func nameForm(longest int) *regexp.Regexp {
	return regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,%d}$`, longest-1))
}

// diskReference is a disk in a VM's model; unknown fields are kept.
type diskReference struct {
	lun      int
	name, id string
	extra    object
}

func reference(raw object, lun int) diskReference {
	r := diskReference{lun: lun, extra: object{}}
	managed, _ := raw["managedDisk"].(object)
	r.id, _ = managed["id"].(string)
	r.name, _ = raw["name"].(string)
	if n, given := raw["lun"].(float64); given && lun != -1 {
		r.lun = int(n)
	}
	for k, v := range raw {
		if k != "name" && k != "managedDisk" && k != "lun" {
			r.extra[k] = v
		}
	}
	return r
}

// references reads a storage profile; whole says whether the data disks were listed at all.
func references(profile object) (os *diskReference, data []diskReference, whole bool) {
	if raw, given := profile["osDisk"].(object); given {
		os = new(reference(raw, -1))
	}
	list, whole := profile["dataDisks"].([]any)
	for _, raw := range list {
		if d, given := raw.(object); given {
			data = append(data, reference(d, 0))
		}
	}
	return os, data, whole
}

func (m *machine) etag() string { return fmt.Sprintf(`"%d"`, m.revision) }

// changeVM serves PUT, whose body is the whole model, and PATCH, whose body is a part of it.
func (s *Server) changeVM(c *call) answer {
	m, a := s.vmOf(c)
	if m == nil {
		return a
	}
	var body object
	if a, valid := c.decode(&body); !valid {
		return a
	}
	put := c.r.Method == http.MethodPut
	if match := c.r.Header.Get("If-Match"); match != "" && match != "*" && match != m.etag() {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed", "The condition '%s' in the If-Match header was not satisfied: the resource's ETag is %s.", match, m.etag())
	}
	if m.op.running() {
		return refuse(http.StatusConflict, "Conflict", "The request failed due to conflict with a concurrent request: %s is in progress.", m.op.verb)
	}
	properties, _ := body["properties"].(object)
	if put && !m.keepsInterface(properties) {
		return refuse(http.StatusBadRequest, "InvalidParameter", "Required parameter 'networkProfile' is missing or names other interfaces.")
	}
	profile, _ := properties["storageProfile"].(object)
	attached, a := s.attach(m, profile, put)
	if a.status != 0 {
		return a
	}
	if tags, given := body["tags"].(object); given {
		m.tags = tags
	} else if put {
		m.tags = object{}
	}
	return s.vmAccepted(c, m, attached)
}

// keepsInterface says whether a whole model still has the VM's network interface.
func (m *machine) keepsInterface(properties object) bool {
	profile, _ := properties["networkProfile"].(object)
	list, _ := profile["networkInterfaces"].([]any)
	for _, raw := range list {
		nic, _ := raw.(object)
		if id, _ := nic["id"].(string); strings.EqualFold(id, m.interfaceID()) {
			return true
		}
	}
	return false
}

// attach works out what the VM's disks become. A listing of data disks is complete: what it does not
// name is detached.
func (s *Server) attach(m *machine, profile object, put bool) ([]attachment, answer) {
	os, data, whole := references(profile)
	if put && os == nil {
		return nil, refuse(http.StatusBadRequest, "InvalidParameter", "Required parameter 'osDisk' is missing (null).")
	}
	next := []attachment{m.attached[0]}
	if os != nil {
		a, refusal := s.slot(m, *os)
		if refusal.status != 0 {
			return nil, refusal
		}
		next[0] = a
	}
	if !whole && !put {
		return append(next, m.attached[1:]...), answer{}
	}
	for _, r := range data {
		a, refusal := s.slot(m, r)
		if refusal.status != 0 {
			return nil, refusal
		}
		if r.lun < 0 || slices.ContainsFunc(next, func(x attachment) bool { return x.lun == a.lun || x.disk == a.disk }) {
			return nil, refuse(http.StatusBadRequest, "InvalidParameter", "The data disk in lun %d needs a lun of its own, and a disk that is attached once.", r.lun)
		}
		next = append(next, a)
	}
	return next, answer{}
}

// slot checks what one slot of the VM is to hold.
func (s *Server) slot(m *machine, r diskReference) (attachment, answer) {
	var now *disk
	for _, a := range m.attached {
		if a.lun == r.lun {
			now = a.disk
			maps.Copy(r.extra, leftOut(a.extra, r.extra))
		}
	}
	d := s.diskByID(r.id)
	switch {
	case r.id == "" && now != nil:
		d = now
	case d == nil || d.kind != kindDisk:
		return attachment{}, refuse(http.StatusNotFound, "ResourceNotFound", "The disk '%s' was not found.", r.id)
	}
	switch {
	case r.name != "" && !strings.EqualFold(r.name, d.name):
		return attachment{}, refuse(http.StatusConflict, "PropertyChangeNotAllowed", "Changing property 'managedDisk.id' to a disk of another name than '%s' is not allowed.", r.name)
	case d.owner != nil && d.owner != m:
		return attachment{}, refuse(http.StatusConflict, "ConflictingUserInput", "Disk '%s' cannot be attached as the disk is already owned by VM '%s'.", d.id, d.owner.id)
	case !d.ready():
		return attachment{}, refuse(http.StatusConflict, "OperationNotAllowed", "Disk '%s' is not ready: its state is %s.", d.id, d.state())
	case d != now && r.lun < 0 && m.power != azurevm.Deallocated:
		return attachment{}, refuse(http.StatusConflict, "OperationNotAllowed", "The VM must be deallocated while its OS disk is swapped; it is %s.", m.power)
	case d != now && now != nil && r.lun < 0 && d.sizeGB != now.sizeGB:
		return attachment{}, refuse(http.StatusBadRequest, "InvalidParameter", "The OS disk's size %d GB is not the %d GB of the one that it replaces.", d.sizeGB, now.sizeGB)
	}
	return attachment{r.lun, d, r.extra}, answer{}
}

func leftOut(from, have object) object {
	out := object{}
	for k, v := range from {
		if _, given := have[k]; !given {
			out[k] = v
		}
	}
	return out
}

// vmAccepted begins the change of the model.
func (s *Server) vmAccepted(c *call, m *machine, attached []attachment) answer {
	op := s.newOperation(verbUpdate, c.now)
	f, fails := s.nextOperationFailure(verbUpdate)
	m.op = op
	s.schedule(c.now.Add(s.options.Update), func(at time.Time) {
		switch {
		case !op.running():
		case fails:
			op.fail(at, f.code, f.text)
		default:
			op.succeed(at)
			s.attached(m, attached, at)
		}
	})
	s.advance(c.now)
	header := s.vmPolling(c, m, op)
	return answer{status: http.StatusOK, header: header, body: m.resource(false)}
}

// attached puts the disks in; those that were taken out stay, or go when the model says so.
func (s *Server) attached(m *machine, next []attachment, at time.Time) {
	before := m.attached
	m.attached = next
	m.revision++
	owned := map[*disk]time.Time{}
	for _, a := range before {
		owned[a.disk] = a.disk.owned
		a.disk.owner, a.disk.owned = nil, at
	}
	for _, a := range next {
		a.disk.owner, a.disk.owned = m, at
		if since, stays := owned[a.disk]; stays {
			a.disk.owned = since
		}
	}
	for _, a := range before {
		if a.disk.owner == nil && a.extra["deleteOption"] == "Delete" {
			s.remove(a.disk)
		}
	}
	was, is := before[0].disk, next[0].disk
	if was == is || is.content.IsZero() {
		return
	}
	m.swaps++
	s.queueRestored(m, is.content)
}

func (s *Server) remove(d *disk) {
	s.disks = slices.DeleteFunc(s.disks, func(x *disk) bool { return x == d })
}

// SwapCount is how often the VM's disk with the operating system was replaced by one made from a
// snapshot. It panics when there is no such VM.
func (s *Server) SwapCount(vm VM) int {
	m := s.mustFind(vm)
	n := 0
	s.locked(func(time.Time) { n = m.swaps })
	return n
}

// Touch changes the VM's model as somebody else might have done, so that its ETag is another. It
// panics when there is no such VM.
func (s *Server) Touch(vm VM) {
	m := s.mustFind(vm)
	s.locked(func(time.Time) { m.revision++ })
}
