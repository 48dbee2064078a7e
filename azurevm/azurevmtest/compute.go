package azurevmtest

import (
	"maps"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
)

func (s *Server) vmOf(c *call) (*machine, answer) {
	if m := s.find(c.arg(0), c.arg(1)); m != nil {
		return m, answer{}
	}
	return nil, s.absent(c.arg(0), "Microsoft.Compute/virtualMachines/"+c.arg(1))
}

// absent is the answer for what does not exist in a resource group, or whose group does not.
func (s *Server) absent(group, resource string) answer {
	if !s.hasGroup(group) {
		return refuse(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '%s' could not be found.", group)
	}
	return refuse(http.StatusNotFound, "ResourceNotFound", "The Resource '%s' under resource group '%s' was not found.", resource, group)
}

func (s *Server) hasGroup(group string) bool {
	for _, m := range s.machines {
		if strings.EqualFold(m.ResourceGroup, group) {
			return true
		}
	}
	for _, v := range s.vaults {
		if strings.EqualFold(v.ResourceGroup, group) {
			return true
		}
	}
	return false
}

func (s *Server) listVMs(c *call) answer {
	values := []any{}
	for _, m := range s.machines {
		if len(c.args) == 0 || strings.EqualFold(m.ResourceGroup, c.arg(0)) {
			values = append(values, m.resource(c.parsed.Get("statusOnly") == "true"))
		}
	}
	return s.page(c, values)
}

func (s *Server) getVM(c *call) answer {
	m, a := s.vmOf(c)
	if m == nil {
		return a
	}
	a = ok(m.resource(strings.EqualFold(c.parsed.Get("$expand"), "instanceView")))
	a.header = http.Header{"Etag": {m.etag()}}
	return a
}

func (s *Server) getInstanceView(c *call) answer {
	m, a := s.vmOf(c)
	if m == nil {
		return a
	}
	return ok(m.instanceView())
}

func (m *machine) resource(view bool) object {
	properties := object{"vmId": m.vmID, "provisioningState": m.provisioningState(), "storageProfile": m.storage(),
		"hardwareProfile": object{"vmSize": "Standard_F8s_v2"},
		"networkProfile":  object{"networkInterfaces": []object{{"id": m.interfaceID(), "properties": object{"primary": true}}}}}
	if view {
		properties["instanceView"] = m.instanceView()
	}
	r := object{"id": m.id, "name": m.Name, "type": "Microsoft.Compute/virtualMachines", "location": m.Location, "tags": m.tags,
		"etag": m.etag(), "properties": properties}
	if m.Zone != "" {
		r["zones"] = []string{m.Zone}
	}
	return r
}

func (m *machine) provisioningState() string {
	switch {
	case m.op.running():
		return "Updating"
	case m.op != nil && m.op.verb == verbUpdate && m.op.status == "Failed":
		return "Failed"
	}
	return "Succeeded"
}

func (m *machine) instanceView() object {
	statuses := []object{{"code": "ProvisioningState/" + strings.ToLower(m.provisioningState()), "level": "Info"}}
	if m.power != azurevm.Unknown {
		statuses = append(statuses, object{"code": "PowerState/" + string(m.power), "level": "Info", "displayStatus": "VM " + string(m.power)})
	}
	return object{"statuses": statuses}
}

func (m *machine) storage() object {
	data := []object{}
	for _, a := range m.attached[1:] {
		data = append(data, a.resource())
	}
	os := m.attached[0].resource()
	os["osType"] = "Linux"
	switch m.OSDisk {
	case Unmanaged:
		delete(os, "managedDisk")
		os["vhd"] = object{"uri": "https://stvhds.blob.core.windows.net/vhds/" + m.Name + ".vhd"}
	case Ephemeral:
		os["diffDiskSettings"] = object{"option": "Local", "placement": "CacheDisk"}
	}
	return object{"osDisk": os, "dataDisks": data}
}

func (a attachment) resource() object {
	r := maps.Clone(a.extra)
	maps.Copy(r, object{"name": a.disk.name, "diskSizeGB": a.disk.sizeGB,
		"managedDisk": object{"id": a.disk.id, "storageAccountType": a.disk.sku["name"]}})
	if a.lun >= 0 {
		r["lun"] = a.lun
	}
	return r
}

// sibling is the id of another resource in the VM's group.
func (m *machine) sibling(kind, name string) string {
	group, _, _ := strings.Cut(m.id, "/providers/")
	return group + "/providers/" + kind + "/" + name
}

func (m *machine) interfaceID() string {
	return m.sibling("Microsoft.Network/networkInterfaces", m.Name+"-nic")
}

func (s *Server) getInterface(c *call) answer {
	for _, m := range s.machines {
		if strings.EqualFold(m.interfaceID(), c.id) {
			return ok(m.networkInterface())
		}
	}
	return s.absent(c.arg(0), "Microsoft.Network/networkInterfaces/"+c.arg(1))
}

func (m *machine) networkInterface() object {
	ip := object{"name": "ipconfig1", "properties": object{"privateIPAddress": m.PrivateIP, "privateIPAllocationMethod": "Static",
		"privateIPAddressVersion": "IPv4", "primary": true}}
	return object{"id": m.interfaceID(), "name": path.Base(m.interfaceID()), "location": m.Location, "type": "Microsoft.Network/networkInterfaces",
		"properties": object{"primary": true, "virtualMachine": object{"id": m.id}, "ipConfigurations": []object{ip}}}
}

func (s *Server) switchVM(c *call) answer {
	m, a := s.vmOf(c)
	if m == nil {
		return a
	}
	if m.op.running() && m.op.verb == verbUpdate {
		return refuse(http.StatusConflict, "Conflict", "The request failed due to conflict with a concurrent request: %s is in progress.", m.op.verb)
	}
	op := s.change(m, strings.ToLower(path.Base(c.r.URL.Path)), c.now)
	return answer{status: http.StatusAccepted, header: s.vmPolling(c, m, op)}
}

func (s *Server) vmPolling(c *call, m *machine, op *operation) http.Header {
	link := "/subscriptions/" + s.options.SubscriptionID + "/providers/Microsoft.Compute/locations/" + m.Location + "/operations/" + op.id
	header := s.polling(c, link, link)
	header.Set("Location", header.Get("Location")+"&monitor=true")
	return header
}

// getOperation serves both links: the status, and with monitor=true only whether it is over.
func (s *Server) getOperation(c *call) answer {
	op, found := s.operations[c.arg(1)]
	if !found {
		return refuse(http.StatusNotFound, "ResourceNotFound", "The operation '%s' was not found.", c.arg(1))
	}
	header := http.Header{}
	if op.running() {
		s.retryAfter(header)
	}
	if c.parsed.Get("monitor") == "true" {
		status := http.StatusOK
		if op.running() {
			status = http.StatusAccepted
		}
		return answer{status: status, header: header}
	}
	return answer{status: http.StatusOK, header: header, body: op.resource()}
}

func (o *operation) resource() object {
	r := object{"name": o.id, "status": o.status, "startTime": stamp(o.start)}
	if !o.running() {
		r["endTime"] = stamp(o.end)
	}
	if o.status == "Failed" {
		r["error"] = object{"code": o.code, "message": o.text}
	}
	return r
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }
