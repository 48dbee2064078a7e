package azurevmtest

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
)

// Lock is a lock on a scope, which is a resource id.
type Lock = azurevm.Lock

// VM describes a virtual machine. As an argument only ResourceGroup and Name count; an empty
// ResourceGroup stands for any.
type VM struct {
	ResourceGroup, Name string
	// PrivateIP is the address of its one network interface.
	PrivateIP string
	// Location is a region; empty: canadacentral.
	Location string
	// DataDisks are in addition to the disk with the operating system.
	DataDisks int
	// Power is where it begins; empty: azurevm.Running.
	Power azurevm.PowerState
	// Zone is the availability zone of the VM and its disks; empty: none.
	Zone string
	// DiskSKU is the kind of its disks; empty: Premium_LRS. Snapshots of PremiumV2_LRS and
	// UltraSSD_LRS are there at once and are copied behind.
	DiskSKU string
	// DeleteOption of its disks is Detach or Delete; with Delete a disk that is swapped out is
	// deleted. Empty: not said, which means Detach.
	DeleteOption string
	// OSDisk is how its disk with the operating system is kept: Managed, Unmanaged or Ephemeral.
	OSDisk OSDiskKind
}

// OSDiskKind is how a disk with an operating system is kept.
type OSDiskKind string

// The kinds; the last two can be neither snapshotted nor swapped.
const (
	Managed   OSDiskKind = ""
	Unmanaged OSDiskKind = "unmanaged"
	Ephemeral OSDiskKind = "ephemeral"
)

// Of names the VM that the client calls vm.
func Of(vm azurevm.VM) VM { return VM{ResourceGroup: vm.ResourceGroup, Name: vm.Name} }

// Ref is what the client calls the VM.
func (vm VM) Ref() azurevm.VM { return azurevm.VM{ResourceGroup: vm.ResourceGroup, Name: vm.Name} }

// Vault describes a Recovery Services vault.
type Vault struct {
	ResourceGroup, Name string
	// StorageAccountID is what restores go through; empty: an account in the vault's group.
	StorageAccountID string
	// Protected are the VMs that it backs up; nil: all of the subscription that no vault before
	// it has.
	Protected []VM
}

// Ref is what the client calls the vault.
func (v Vault) Ref() azurevm.Vault {
	return azurevm.Vault{ResourceGroup: v.ResourceGroup, Name: v.Name}
}

// Options describe the world. The zero value is a good one: two running VMs, vm-node-mgmt-core and
// vm-node-conf-core, and a vault in another resource group that backs them up.
type Options struct {
	SubscriptionID string
	VMs            []VM
	Vaults         []Vault
	// Token is the bearer token that is accepted; empty: any.
	Token string
	// Roles of the caller, at the subscription: Owner, Contributor, Reader, Virtual Machine
	// Contributor, Backup Operator. Nil: Contributor.
	Roles []string
	// MissingActions are taken away from all roles; * stands for anything.
	MissingActions []string
	Locks          []Lock

	// Deallocate, PowerOff and Start are how long those take; zero: 2 min, 1 min, 3 min. Any of
	// these durations may be negative, which means no time at all.
	Deallocate, PowerOff, Start time.Duration
	// Trigger is until a requested backup or restore has its job; zero: 5 s.
	Trigger time.Duration
	// Snapshot and Transfer are the parts of a backup; zero: 8 min, 3 h. Restore: 30 min.
	Snapshot, Transfer, Restore time.Duration
	// DiskSnapshot and DiskCreate are how long a snapshot of a disk and a disk of a snapshot take;
	// zero: 30 s, 45 s. Update is of a VM's model, DiskDelete of a disk or a snapshot: 60 s, 10 s.
	DiskSnapshot, DiskCreate, Update, DiskDelete time.Duration

	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Speed is how many times faster than the real world all durations pass; zero: 60,000.
	Speed float64
	// RetryAfter is sent with operations that are not over, in whole seconds; the real service
	// sends 10 to 60. It is not divided by Speed. Zero is sent as 0, which asks for nothing.
	RetryAfter time.Duration
	// PageSize splits listings; zero: all on one page.
	PageSize int

	// OnPower is the initial value of Server.OnPower.
	OnPower func(vm VM, running bool)
	// OnRestore is the initial value of Server.OnRestore.
	OnRestore func(vm VM, state time.Time)
}

const location = "canadacentral"

func (o *Options) setDefaults() {
	if o.SubscriptionID == "" {
		o.SubscriptionID = "00000000-0000-4000-8000-000000000107"
	}
	if o.VMs == nil {
		o.VMs = []VM{{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core", PrivateIP: "10.107.0.4"},
			{ResourceGroup: "rg-pexip-test", Name: "vm-node-conf-core", PrivateIP: "10.107.0.5"}}
	}
	if o.Vaults == nil {
		o.Vaults = []Vault{{ResourceGroup: "rg-backup", Name: "rsv-pexip"}}
	}
	if o.Roles == nil {
		o.Roles = []string{"Contributor"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Speed == 0 {
		o.Speed = 60_000
	}
	o.setDurations()
}

func (o *Options) setDurations() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&o.Deallocate, 2 * time.Minute}, {&o.PowerOff, time.Minute}, {&o.Start, 3 * time.Minute}, {&o.Trigger, 5 * time.Second},
		{&o.Snapshot, 8 * time.Minute}, {&o.Transfer, 3 * time.Hour}, {&o.Restore, 30 * time.Minute},
		{&o.DiskSnapshot, 30 * time.Second}, {&o.DiskCreate, 45 * time.Second}, {&o.Update, time.Minute}, {&o.DiskDelete, 10 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
		*d.field = time.Duration(float64(*d.field) / o.Speed)
	}
}

// check finds what would make a world that cannot be.
func (o *Options) check() error {
	if o.Speed < 0 {
		return fmt.Errorf("speed %v: must be positive", o.Speed)
	}
	seen := map[string]bool{}
	for _, vm := range o.VMs {
		key := strings.ToLower(vm.Ref().String())
		if vm.ResourceGroup == "" || vm.Name == "" || seen[key] {
			return fmt.Errorf("vm %q: needs a resource group and a name of its own", key)
		}
		seen[key] = true
		if _, err := netip.ParseAddr(vm.PrivateIP); err != nil {
			return fmt.Errorf("vm %q: %w", key, err)
		}
	}
	for _, name := range o.Roles {
		if _, ok := builtIn[name]; !ok {
			return fmt.Errorf("role %q is not known", name)
		}
	}
	return nil
}
