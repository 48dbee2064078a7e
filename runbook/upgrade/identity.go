package upgrade

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/pexip"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook"
)

const stepIdentity = "prove-identity"

// identity is which VM is which node.
type identity struct {
	VM   string `json:"vm"`
	VMID string `json:"vmId"`
	Node string `json:"node"`
	Role string `json:"role"`
	IP   string `json:"ip"`
}

// proveIdentity matches VMs and nodes by private address, in both directions. Names prove nothing.
func (p *Process) proveIdentity(sc *runbook.StepContext) error {
	nodes, err := p.pexip().Nodes(sc)
	if err != nil {
		return err
	}
	found, err := p.instances(sc)
	if err != nil {
		return err
	}
	var fs policy.Findings
	var proven []identity
	claimed := map[int]bool{}
	for _, in := range found {
		vm := in.VM
		at := slices.IndexFunc(nodes, func(n pexip.Node) bool { return hasAddress(in.Addresses, n) })
		if at < 0 {
			fs = append(fs, identityFinding(false, fmt.Sprintf("VM %s has the address %s, which no node of %s's Management Node has", vm, addresses(in.Addresses), p.env)))
			continue
		}
		claimed[at] = true
		n := nodes[at]
		proven = append(proven, identity{VM: vm.String(), VMID: in.VMID, Node: n.Name, Role: string(n.Role), IP: addresses(in.Addresses)})
		fs = append(fs, identityFinding(true, fmt.Sprintf("VM %s is %s node %s (%s)", vm, n.Role, n.Name, addresses(in.Addresses))))
	}
	for i, n := range nodes {
		if !claimed[i] && !n.CloudBursting {
			fs = append(fs, identityFinding(false, fmt.Sprintf("%s node %s (%s) is none of the configured VMs", n.Role, n.Name, n.Address)))
		}
	}
	if err := p.judge(sc, fs); err != nil {
		return err
	}
	return sc.Output(proven)
}

// meant checks that a name still stands for the very VM that was proven, before it is touched.
func (p *Process) meant(sc *runbook.StepContext, vm azurevm.VM) error {
	var proven []identity
	if err := sc.Load(stepIdentity, &proven); err != nil {
		return fmt.Errorf("%s is not touched: %w", vm, err)
	}
	in, err := p.sys.Azure.Instance(sc, vm)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(proven, func(i identity) bool { return i.VM == vm.String() })
	if at < 0 || proven[at].VMID != in.VMID || proven[at].IP != addresses(in.Addresses) {
		return fmt.Errorf("%s is not touched: it is no longer the VM that was proven to be a node of %s; abort, and begin again", vm, p.env)
	}
	return nil
}

func identityFinding(ok bool, detail string) policy.Finding {
	return finding("SNAP-3", "identity", policy.Must, ok, detail, "correct the environment's list of VMs or its Management Node; the lists in the written process look swapped")
}

func hasAddress(have []netip.Addr, n pexip.Node) bool {
	for _, text := range []string{n.Address, n.SecondaryAddress} {
		if a, err := netip.ParseAddr(text); err == nil && slices.Contains(have, a) {
			return true
		}
	}
	return false
}

func addresses(list []netip.Addr) string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}
