package azurevm

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
)

// apiNetwork is the version of the network service's API.
const apiNetwork = "2024-05-01"

// VM names a virtual machine of the client's subscription. Names are case-insensitive in Azure.
type VM struct{ ResourceGroup, Name string }

// String is "group/name".
func (vm VM) String() string { return vm.ResourceGroup + "/" + vm.Name }

func (vm VM) check() error { return checkName("vm", vm.ResourceGroup, vm.Name) }

// checkName refuses what would address something else than one resource.
func checkName(kind, group, name string) error {
	for _, s := range []string{group, name} {
		if strings.Trim(s, ".") == "" || strings.ContainsAny(s, "/\\?#%;& \t\r\n") {
			return fmt.Errorf("%s %q in resource group %q: not a valid name", kind, name, group)
		}
	}
	return nil
}

// vmID is the VM's resource id.
func (c *Client) vmID(vm VM) string {
	return c.groupID(vm.ResourceGroup) + "/providers/Microsoft.Compute/virtualMachines/" + vm.Name
}

func (c *Client) groupID(group string) string {
	return c.subscriptionID() + "/resourceGroups/" + group
}

func (c *Client) subscriptionID() string { return "/subscriptions/" + c.cfg.SubscriptionID }

// PowerState is what Azure says about a VM's power.
type PowerState string

// The power states ("States and billing status of Azure Virtual Machines").
const (
	Running PowerState = "running"
	// Stopped: shut down, but its host is kept and paid for.
	Stopped PowerState = "stopped"
	// Deallocated: off, its host released; the portal calls it "Stopped (deallocated)".
	Deallocated  PowerState = "deallocated"
	Starting     PowerState = "starting"
	Stopping     PowerState = "stopping"
	Deallocating PowerState = "deallocating"
	// Unknown: Azure gives no state, as happens for moments while it changes.
	Unknown PowerState = "unknown"
)

// Settled says whether the state stays as it is until somebody does something.
func (p PowerState) Settled() bool { return p == Running || p == Stopped || p == Deallocated }

// Disk is a disk that is attached to a VM.
type Disk struct {
	Name string
	// ID is empty for an unmanaged or ephemeral disk.
	ID string
	// LUN is the slot of a data disk, -1 for the disk with the operating system.
	LUN int
}

// Instance is a VM as found.
type Instance struct {
	VM VM
	// ID is the resource id; VMID is the machine's own, which survives a restore of its disks.
	ID, VMID, Location string
	Power              PowerState
	// ProvisioningState is of the last change to the resource, for example Succeeded or Failed.
	ProvisioningState string
	// Addresses are the private addresses of all network interfaces.
	Addresses []netip.Addr
	Disks     []Disk
}

// Instance reads the VM, its power state and the private addresses of its network interfaces.
// An interface that does not name this VM as its owner is an error: addresses are what proves
// which machine this is. It has no side effects.
func (c *Client) Instance(ctx context.Context, vm VM) (Instance, error) {
	model, err := c.model(ctx, vm)
	if err != nil {
		return Instance{}, err
	}
	inst := instance(vm, model)
	for _, nic := range interfaces(model) {
		addresses, err := c.addresses(ctx, vm, nic)
		if err != nil {
			return Instance{}, err
		}
		inst.Addresses = append(inst.Addresses, addresses...)
	}
	return inst, nil
}

// Power reads the VM's power state. It has no side effects.
func (c *Client) Power(ctx context.Context, vm VM) (PowerState, error) {
	if err := vm.check(); err != nil {
		return Unknown, err
	}
	a := attempting("read the power state of vm", vm)
	view, err := c.vms.InstanceView(a.reading(ctx, c), vm.ResourceGroup, vm.Name, nil)
	if err != nil {
		return Unknown, a.fail(err)
	}
	return power(view.Statuses), nil
}

func (c *Client) model(ctx context.Context, vm VM) (armcompute.VirtualMachine, error) {
	if err := vm.check(); err != nil {
		return armcompute.VirtualMachine{}, err
	}
	a := attempting("read vm", vm)
	options := &armcompute.VirtualMachinesClientGetOptions{Expand: new(armcompute.InstanceViewTypesInstanceView)}
	res, err := c.vms.Get(a.reading(ctx, c), vm.ResourceGroup, vm.Name, options)
	if err == nil && res.Properties == nil {
		err = errors.New("the answer has no properties")
	}
	return res.VirtualMachine, a.fail(err)
}

func instance(vm VM, m armcompute.VirtualMachine) Instance {
	p := m.Properties
	inst := Instance{VM: vm, ID: value(m.ID), Location: value(m.Location), VMID: value(p.VMID),
		ProvisioningState: value(p.ProvisioningState), Power: Unknown, Disks: disks(p.StorageProfile)}
	if p.InstanceView != nil {
		inst.Power = power(p.InstanceView.Statuses)
	}
	return inst
}

// power finds the power state among the statuses, which also tell the provisioning state.
func power(statuses []*armcompute.InstanceViewStatus) PowerState {
	const prefix = "powerstate/"
	for _, s := range statuses {
		if s == nil {
			continue
		}
		state, ok := strings.CutPrefix(strings.ToLower(value(s.Code)), prefix)
		if !ok {
			continue
		}
		switch p := PowerState(state); p {
		case Running, Stopped, Deallocated, Starting, Stopping, Deallocating:
			return p
		}
	}
	return Unknown
}

func disks(s *armcompute.StorageProfile) []Disk {
	if s == nil {
		return nil
	}
	var out []Disk
	if s.OSDisk != nil {
		out = append(out, disk(s.OSDisk.Name, s.OSDisk.ManagedDisk, -1))
	}
	for _, d := range s.DataDisks {
		if d != nil {
			out = append(out, disk(d.Name, d.ManagedDisk, int(value(d.Lun))))
		}
	}
	return out
}

func disk(name *string, managed *armcompute.ManagedDiskParameters, lun int) Disk {
	d := Disk{Name: value(name), LUN: lun}
	if managed != nil {
		d.ID = value(managed.ID)
	}
	return d
}

func interfaces(m armcompute.VirtualMachine) []string {
	if m.Properties.NetworkProfile == nil {
		return nil
	}
	var ids []string
	for _, nic := range m.Properties.NetworkProfile.NetworkInterfaces {
		if nic != nil && nic.ID != nil {
			ids = append(ids, *nic.ID)
		}
	}
	return ids
}

// networkInterface is the little that is needed of Microsoft.Network/networkInterfaces; the
// module for it takes longer to compile than all the rest.
type networkInterface struct {
	Properties struct {
		VirtualMachine struct {
			ID string `json:"id"`
		} `json:"virtualMachine"`
		IPConfigurations []struct {
			Properties struct {
				PrivateIPAddress string `json:"privateIPAddress"`
			} `json:"properties"`
		} `json:"ipConfigurations"`
	} `json:"properties"`
}

func (c *Client) addresses(ctx context.Context, vm VM, id string) ([]netip.Addr, error) {
	a := attempting("read a network interface of vm", vm)
	parsed, err := arm.ParseResourceID(id)
	if err != nil {
		return nil, a.fail(fmt.Errorf("network interface %q: %w", id, err))
	}
	var nic networkInterface
	if err := c.get(ctx, a, escapePath(parsed.String()), url.Values{"api-version": {apiNetwork}}, &nic); err != nil {
		return nil, err
	}
	if owner := nic.Properties.VirtualMachine.ID; !strings.EqualFold(owner, c.vmID(vm)) {
		return nil, a.fail(fmt.Errorf("network interface %s belongs to %q", parsed.Name, owner))
	}
	var out []netip.Addr
	for _, ip := range nic.Properties.IPConfigurations {
		addr, err := parseAddress(ip.Properties.PrivateIPAddress)
		if err != nil {
			return nil, a.fail(fmt.Errorf("network interface %s: %w", parsed.Name, err))
		}
		if addr.IsValid() {
			out = append(out, addr)
		}
	}
	return out, nil
}

// parseAddress takes an address or a block; a configuration without a private address is skipped.
func parseAddress(s string) (netip.Addr, error) {
	if s == "" {
		return netip.Addr{}, nil
	}
	if strings.Contains(s, "/") {
		prefix, err := netip.ParsePrefix(s)
		return prefix.Addr(), err
	}
	return netip.ParseAddr(s)
}

// parseID reads the id of a resource of one type that lies in a resource group itself, not below
// another resource; its names are valid.
func parseID(id, kind string) (*arm.ResourceID, error) {
	parsed, err := arm.ParseResourceID(id)
	if err != nil || !strings.EqualFold(id, "/subscriptions/"+parsed.SubscriptionID+"/resourceGroups/"+parsed.ResourceGroupName+
		"/providers/"+kind+"/"+parsed.Name) {
		return nil, fmt.Errorf("%.300q: not the resource id of a %s", id, kind)
	}
	return parsed, checkName(kind, parsed.ResourceGroupName, parsed.Name)
}

// escapePath escapes each element of a path.
func escapePath(path string) string {
	elements := strings.Split(path, "/")
	for i, e := range elements {
		elements[i] = url.PathEscape(e)
	}
	return strings.Join(elements, "/")
}

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}
