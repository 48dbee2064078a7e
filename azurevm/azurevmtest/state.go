package azurevmtest

import (
	"fmt"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
)

// WorldState is the world at a moment, for people: it can be written as JSON.
type WorldState struct {
	Now    time.Time    `json:"now"`
	VMs    []VMState    `json:"vms"`
	Vaults []VaultState `json:"vaults"`
	Jobs   []JobState   `json:"jobs"`
	// Disks and Snapshots are all of the subscription, in the order of their making.
	Disks     []DiskState `json:"managedDisks"`
	Snapshots []DiskState `json:"snapshots"`
	Locks     []Lock      `json:"locks,omitempty"`
}

// VMState is one VM.
type VMState struct {
	ResourceGroup string             `json:"resourceGroup"`
	Name          string             `json:"name"`
	Address       string             `json:"address"`
	Power         azurevm.PowerState `json:"power"`
	// Operation is what is being done to its power.
	Operation string `json:"operation,omitempty"`
	Disks     int    `json:"disks"`
	Protected bool   `json:"protected"`
	// Backups were accepted, Restores completed.
	Backups        int          `json:"backups"`
	Restores       int          `json:"restores"`
	RecoveryPoints []PointState `json:"recoveryPoints,omitempty"`
}

// DiskState is one managed disk, or one snapshot.
type DiskState struct {
	ID    string `json:"id"`
	State string `json:"state"`
	// AttachedTo is a VM; empty: none, and yet the disk is paid for.
	AttachedTo string `json:"attachedTo,omitempty"`
	// Source is what it was copied from.
	Source string            `json:"source,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
	SizeGB int               `json:"sizeGB"`
	// TakenOff: the VM was deallocated while the snapshot was taken.
	TakenOff bool `json:"takenOff,omitempty"`
}

// VaultState is one vault.
type VaultState struct {
	ResourceGroup    string `json:"resourceGroup"`
	Name             string `json:"name"`
	StorageAccountID string `json:"storageAccountId"`
}

// PointState is one recovery point.
type PointState struct {
	Name   string         `json:"name"`
	Time   time.Time      `json:"time"`
	Expiry time.Time      `json:"expiry"`
	Type   string         `json:"type"`
	Tiers  []azurevm.Tier `json:"tiers"`
	Disks  int            `json:"disks"`
}

// JobState is one job.
type JobState struct {
	ID        string         `json:"id"`
	VM        string         `json:"vm"`
	Operation string         `json:"operation"`
	Status    string         `json:"status"`
	Start     time.Time      `json:"start"`
	End       *time.Time     `json:"end,omitempty"`
	Tasks     []azurevm.Task `json:"tasks"`
	Message   string         `json:"message,omitempty"`
}

// State is the world as of now.
func (s *Server) State() WorldState {
	var w WorldState
	s.locked(func(now time.Time) {
		w = WorldState{Now: now, VMs: []VMState{}, Vaults: []VaultState{}, Jobs: []JobState{}, Locks: s.options.Locks}
		for _, m := range s.machines {
			w.VMs = append(w.VMs, m.state())
		}
		for _, v := range s.vaults {
			w.Vaults = append(w.Vaults, VaultState{v.ResourceGroup, v.Name, v.StorageAccountID})
		}
		w.Disks, w.Snapshots = s.diskStates(kindDisk), s.diskStates(kindSnapshot)
		for _, j := range s.jobs {
			w.Jobs = append(w.Jobs, j.state())
		}
	})
	return w
}

func (m *machine) state() VMState {
	v := VMState{ResourceGroup: m.ResourceGroup, Name: m.Name, Address: m.PrivateIP, Power: m.power, Disks: len(m.attached),
		Protected: m.vault != nil, Backups: m.backups, Restores: m.restores}
	if m.op.running() {
		v.Operation = m.op.verb
	}
	for _, p := range m.points {
		v.RecoveryPoints = append(v.RecoveryPoints, PointState{p.name, p.at, p.expiry, p.consistency, append([]azurevm.Tier(nil), p.tiers...), p.disks})
	}
	return v
}

func (j *job) state() JobState {
	out := JobState{ID: j.id, VM: j.vm.Ref().String(), Operation: j.operation, Status: j.status, Start: j.start, Message: j.message, Tasks: []azurevm.Task{}}
	if !j.end.IsZero() {
		end := j.end
		out.End = &end
	}
	for _, t := range j.tasks {
		out.Tasks = append(out.Tasks, azurevm.Task{Name: t.name, Status: t.status})
	}
	return out
}

func (s *Server) diskStates(kind string) []DiskState {
	out := []DiskState{}
	for _, d := range s.disks {
		if d.kind != kind {
			continue
		}
		v := DiskState{ID: d.id, State: d.state(), Source: d.source, SizeGB: d.sizeGB, TakenOff: d.off, Tags: map[string]string{}}
		if d.owner != nil {
			v.AttachedTo = d.owner.Ref().String()
		}
		for k, t := range d.tags {
			v.Tags[k] = fmt.Sprint(t)
		}
		out = append(out, v)
	}
	return out
}
