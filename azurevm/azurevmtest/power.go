package azurevmtest

import (
	"slices"
	"time"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
)

// machine is a VM with what has become of it.
type machine struct {
	VM
	id, vmID string
	power    azurevm.PowerState
	op       *operation // the latest; it may be over
	runs     int        // how often it has begun to run
	switched time.Time  // when it was started or deallocated last
	attached []attachment
	revision int // of the model
	swaps    int // how often its OS disk was swapped
	tags     object

	vault    *vault // nil: not protected
	excluded bool
	points   []*point
	backups  int
	restores int
}

func (s *Server) newMachine(vm VM) *machine {
	if vm.Location == "" {
		vm.Location = location
	}
	if vm.Power == "" {
		vm.Power = azurevm.Running
	}
	m := &machine{VM: vm, power: vm.Power, vmID: s.newID(), tags: object{"managed-by": "the platform team"}}
	m.id = s.groupID(vm.ResourceGroup) + "/providers/Microsoft.Compute/virtualMachines/" + vm.Name
	return m
}

func (s *Server) groupID(group string) string {
	return "/subscriptions/" + s.options.SubscriptionID + "/resourceGroups/" + group
}

// operation is something that takes long.
type operation struct {
	id, verb   string
	start, end time.Time
	status     string // InProgress, Succeeded, Failed
	code, text string // of a failure
	job        string // of a backup or restore
}

func (o *operation) running() bool { return o != nil && o.status == "InProgress" }

func (o *operation) succeed(at time.Time) { o.status, o.end = "Succeeded", at }

func (o *operation) fail(at time.Time, code, text string) {
	o.status, o.end, o.code, o.text = "Failed", at, code, text
}

func (s *Server) newOperation(verb string, now time.Time) *operation {
	o := &operation{id: s.newID(), verb: verb, start: now, status: "InProgress"}
	s.operations[o.id] = o
	return o
}

// switching is what a verb does to a VM.
type switching struct {
	via, to azurevm.PowerState
	takes   time.Duration
}

func (s *Server) switching(verb string) switching {
	switch verb {
	case "start":
		return switching{azurevm.Starting, azurevm.Running, s.options.Start}
	case "poweroff":
		return switching{azurevm.Stopping, azurevm.Stopped, s.options.PowerOff}
	default:
		return switching{azurevm.Deallocating, azurevm.Deallocated, s.options.Deallocate}
	}
}

// change begins to switch the VM. Another operation in progress is preempted; the same is joined.
func (s *Server) change(m *machine, verb string, now time.Time) *operation {
	if m.op.running() && m.op.verb == verb {
		return m.op
	}
	sw, due := s.switching(verb), now
	if m.op.running() || m.power != sw.to {
		due = now.Add(sw.takes)
		s.setPower(m, sw.via, now)
	}
	if m.op.running() {
		preempt(m.op, now)
	}
	op := s.newOperation(verb, now)
	refusal, fails := s.nextOperationFailure(verb)
	m.op = op
	s.schedule(due, func(at time.Time) { s.finish(m, op, sw.to, refusal, fails, at) })
	s.advance(now)
	return op
}

// finish ends an operation that nothing has preempted.
func (s *Server) finish(m *machine, op *operation, to azurevm.PowerState, refusal failure, fails bool, at time.Time) {
	switch {
	case !op.running():
	case fails:
		op.fail(at, refusal.code, refusal.text)
		s.setPower(m, refusal.leaves, at)
	default:
		op.succeed(at)
		s.setPower(m, to, at)
	}
}

func preempt(op *operation, at time.Time) {
	op.fail(at, "OperationPreempted", "The operation was preempted by a more recent operation.")
}

// failure is how an operation to come ends.
type failure struct {
	verb, code, text string
	leaves           azurevm.PowerState // for power operations
}

func (s *Server) nextOperationFailure(verb string) (failure, bool) {
	i := slices.IndexFunc(s.failing, func(f failure) bool { return f.verb == verb })
	if i < 0 {
		return failure{}, false
	}
	f := s.failing[i]
	s.failing = slices.Delete(s.failing, i, i+1)
	return f, true
}

// setPower changes the observed state and queues the hook when the VM begins or ceases to run.
func (s *Server) setPower(m *machine, state azurevm.PowerState, at time.Time) {
	was, is := m.power == azurevm.Running, state == azurevm.Running
	if state != m.power && (is || state == azurevm.Deallocated) {
		m.switched = at
	}
	m.power = state
	if was == is {
		return
	}
	if is {
		m.runs++
	}
	if hook := s.OnPower; hook != nil {
		vm := m.VM
		vm.Power = state
		s.hooks = append(s.hooks, func() { hook(vm, is) })
	}
}

// SetPower switches a VM at once, as somebody else might have done; an operation that was in
// progress is preempted. azurevm.Unknown leaves the state out of answers. It panics when there is
// no such VM.
func (s *Server) SetPower(vm VM, state azurevm.PowerState) {
	m := s.mustFind(vm)
	s.locked(func(now time.Time) {
		if m.op.running() {
			preempt(m.op, now)
		}
		s.setPower(m, state, now)
	})
}

// Power is a VM's state as observed now. It panics when there is no such VM.
func (s *Server) Power(vm VM) azurevm.PowerState {
	m := s.mustFind(vm)
	var state azurevm.PowerState
	s.locked(func(time.Time) { state = m.power })
	return state
}

// FailNextStart lets the next start of a VM end as failed with a code such as AllocationFailed, and
// the VM deallocated. Calls add up.
func (s *Server) FailNextStart(code string) {
	s.FailNextOperation("start", code, "Allocation failed. We do not have sufficient capacity for the requested VM size in this region.")
}

// What operations are called by FailNextOperation, besides start, deallocate and poweroff.
const (
	verbSnapshot = "snapshot"
	verbDisk     = "disk"
	verbUpdate   = "update"
	verbDelete   = "delete"
)

// FailNextOperation lets the next operation of a kind be accepted and end as failed: start,
// deallocate, poweroff (which leave the VM deallocated, running, running), snapshot and disk (the
// making of one), update (of a VM's model or a disk's tags) and delete (of a disk or a snapshot).
// As the real service does it, the failure is told with status 200. Calls add up. It panics when
// there is no such kind.
func (s *Server) FailNextOperation(kind, code, message string) {
	leaves, known := map[string]azurevm.PowerState{"start": azurevm.Deallocated, "deallocate": azurevm.Running, "poweroff": azurevm.Running,
		verbSnapshot: "", verbDisk: "", verbUpdate: "", verbDelete: ""}[kind]
	if !known {
		panic("azurevmtest: there is no operation " + kind)
	}
	s.locked(func(time.Time) { s.failing = append(s.failing, failure{kind, code, message, leaves}) })
}
