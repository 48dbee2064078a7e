package azurevm_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// swappable is a world with a deallocated VM whose disks have snapshots.
func swappable(t *testing.T, o azurevmtest.Options) (*azurevmtest.Server, *azurevm.Client, azurevm.SwapOptions) {
	t.Helper()
	if len(o.VMs) == 0 {
		o = disked(o)
	}
	srv, client := start(t, o)
	swap := azurevm.SwapOptions{Snapshots: snapshots(t, srv, client), Run: "test/0001", At: srv.Now()}
	srv.ForgetRequests()
	return srv, client, swap
}

// A disk's name and id change together; the list of data disks is complete, for one that is left out is detached; what
// the old disk was does not come with the snapshot.
func TestSwapDisks(t *testing.T) {
	var restored []time.Time
	srv, client, o := swappable(t, azurevmtest.Options{OnRestore: func(_ azurevmtest.VM, at time.Time) { restored = append(restored, at) }})
	before, err := client.Instance(t.Context(), manager)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := client.ValidateSwap(t.Context(), manager, o)
	if err != nil || len(plan.Disks) != 3 || count(srv, "PUT", "") != 0 {
		t.Fatalf("%+v, %v", plan, err)
	}
	var steps []string
	done, err := client.SwapDisks(t.Context(), manager, o, func(step string) { steps = append(steps, step) })
	if d := cmp.Diff(plan, done); err != nil || d != "" {
		t.Fatalf("%v %s", err, d)
	}
	after, err := client.Instance(t.Context(), manager)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range done.Disks {
		if d.Old != before.Disks[i] || d.New != after.Disks[i] || d.Snapshot.DiskID != d.Old.ID || len(d.New.Name) > 80 {
			t.Errorf("%+v", d)
		}
	}
	if after.VMID != before.VMID || after.Power != azurevm.Deallocated || cmp.Diff(before.Addresses, after.Addresses, cmp.Comparer(same[netip.Addr])) != "" {
		t.Errorf("%+v", after)
	}
	if len(restored) != 1 || len(steps) != 5 || srv.SwapCount(managerVM) != 1 {
		t.Errorf("restored %v in steps %q", restored, steps)
	}
	wantOldDisksKept(t, srv, done)
	wantCopied(t, srv)
}

func same[T comparable](a, b T) bool { return a == b }

func wantOldDisksKept(t *testing.T, srv *azurevmtest.Server, done azurevm.Swap) {
	t.Helper()
	attached := map[string]string{}
	for _, d := range srv.State().Disks {
		attached[d.ID] = d.AttachedTo
	}
	for _, d := range done.Disks {
		if at, there := attached[d.Old.ID]; !there || at != "" {
			t.Errorf("%s is kept: %v, attached to %q", d.Old.Name, there, at)
		}
	}
}

// wantCopied: what the old disks were is asked for in the new ones, and the model keeps all the rest.
func wantCopied(t *testing.T, srv *azurevmtest.Server) {
	t.Helper()
	for _, r := range srv.Requests() {
		body := string(r.Body)
		switch {
		case r.Method != "PUT":
			continue
		case strings.Contains(r.URL, "/disks/"):
			for _, want := range []string{`"tier":"P10"`, `"zones":["2"]`, `"name":"Premium_LRS"`, `"networkAccessPolicy":"DenyAll"`, `"publicNetworkAccess":"Disabled"`,
				`"EncryptionAtRestWithPlatformKey"`, `"cost-centre":"video"`, `"azurevm-run":"test/0001"`, `"createOption":"Copy"`} {
				if !strings.Contains(body, want) {
					t.Errorf("%s is not in %s", want, body)
				}
			}
			if os := strings.Contains(r.URL, "-os-"); os != (strings.Contains(body, "TrustedLaunch") && strings.Contains(body, `"V2"`) && strings.Contains(body, `"x64"`)) {
				t.Errorf("%s", body)
			}
		case strings.Contains(r.URL, "/virtualmachines/") || strings.Contains(r.URL, "/virtualMachines/"):
			for _, want := range []string{`"managed-by":"the platform team"`, `"networkInterfaces"`, `"vmSize"`, `"caching":"ReadOnly"`, `"lun":0`, `"lun":1`, `"zones":["2"]`} {
				if !strings.Contains(body, want) {
					t.Errorf("%s is not in %s", want, body)
				}
			}
			for _, not := range []string{`"instanceView"`, `"provisioningState"`, `"vmId"`, `"etag"`} {
				if strings.Contains(body, not) {
					t.Errorf("%s is in %s", not, body)
				}
			}
		}
	}
}

func TestSwapIsFinishedAfterACrash(t *testing.T) {
	for _, f := range []azurevmtest.Fault{
		{Name: "a disk's answer is lost", Method: "PUT", Path: "/disks/", Kind: azurevmtest.DropAfter},
		{Name: "the model's answer is lost", Method: "PUT", Path: "/virtualmachines/", Kind: azurevmtest.DropAfter},
		{Name: "502 after", Method: "PUT", Path: "/virtualmachines/", Kind: azurevmtest.AnswerAfter, Status: 502, Body: "<html>"},
		{Name: "forgotten", Path: "/(disk)?operations/", Kind: azurevmtest.Answer, Status: 404, Times: -1},
		{Name: "may not follow", Path: "/(disk)?operations/", Kind: azurevmtest.Answer, Status: 403, Times: -1},
	} {
		t.Run(f.Name, func(t *testing.T) {
			srv, client, o := swappable(t, azurevmtest.Options{})
			inject(t, srv, f)
			first, err := client.SwapDisks(t.Context(), manager, o, nil)
			if err != nil {
				t.Fatal(err)
			}
			srv.ClearFaults()
			srv.SetPower(managerVM, azurevm.Running)
			again, err := client.SwapDisks(t.Context(), manager, o, nil)
			if d := cmp.Diff(first, again); err != nil || d != "" || count(srv, "PUT", "") != 4 || srv.SwapCount(managerVM) != 1 {
				t.Errorf("%v %s after %d PUTs", err, d, count(srv, "PUT", ""))
			}
			wantOldDisksKept(t, srv, again)
		})
	}
}

func TestSwapFromTheSameSnapshotsAgain(t *testing.T) {
	srv, client, o := swappable(t, azurevmtest.Options{})
	first, err := client.SwapDisks(t.Context(), manager, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Run = "test/0002"
	second, err := client.SwapDisks(t.Context(), manager, o, nil)
	if err != nil || second.Disks[0].Old != first.Disks[0].New || second.Disks[0].New == first.Disks[0].New {
		t.Errorf("%+v, %v", second, err)
	}
	wantOldDisksKept(t, srv, second)
}

func TestSwapRefusals(t *testing.T) {
	for _, test := range []struct {
		name    string
		arrange func(*testing.T, *azurevmtest.Server, *azurevm.SwapOptions)
		want    error
		words   []string
	}{
		{"running", func(_ *testing.T, s *azurevmtest.Server, _ *azurevm.SwapOptions) {
			s.SetPower(managerVM, azurevm.Running)
		}, azurevm.ErrConflict,
			[]string{"the vm is running", "deallocate it first"}},
		{"a disk without snapshot", func(_ *testing.T, _ *azurevmtest.Server, o *azurevm.SwapOptions) { o.Snapshots = o.Snapshots[:2] }, azurevm.ErrConflict,
			[]string{"2 snapshots are given for 3 disks"}},
		{"twice the same", func(_ *testing.T, _ *azurevmtest.Server, o *azurevm.SwapOptions) { o.Snapshots[2] = o.Snapshots[1] }, azurevm.ErrConflict,
			[]string{"no snapshot is given for lun 1"}},
		{"wrong slot", func(_ *testing.T, _ *azurevmtest.Server, o *azurevm.SwapOptions) {
			o.Snapshots[1].LUN, o.Snapshots[2].LUN = o.Snapshots[2].LUN, o.Snapshots[1].LUN
		}, azurevm.ErrConflict, []string{"is of lun"}},
		{"two runs", func(_ *testing.T, _ *azurevmtest.Server, o *azurevm.SwapOptions) { o.Snapshots[1].Run = "other" }, nil, []string{"do not fit together"}},
		{"a run that is not so", func(_ *testing.T, _ *azurevmtest.Server, o *azurevm.SwapOptions) {
			for i := range o.Snapshots {
				o.Snapshots[i].Run = "other"
			}
		}, azurevm.ErrConflict, []string{`of run "test/0001", not "other"`}},
		{"deleted", func(_ *testing.T, s *azurevmtest.Server, o *azurevm.SwapOptions) { s.DeleteDisk(o.Snapshots[2].ID) }, azurevm.ErrNotFound, []string{"read snapshot"}},
		{"not an id", func(_ *testing.T, _ *azurevmtest.Server, o *azurevm.SwapOptions) { o.Snapshots[0].ID = "snap" }, nil, []string{"not the resource id"}},
		{"nothing said", func(_ *testing.T, _ *azurevmtest.Server, o *azurevm.SwapOptions) { *o = azurevm.SwapOptions{} }, nil, []string{"run must", "at must"}},
		{"disk gone", func(t *testing.T, s *azurevmtest.Server, _ *azurevm.SwapOptions) {
			inject(t, s, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/disks/", Times: -1, Status: 404})
		}, azurevm.ErrNotFound, []string{"read disk"}},
		{"half an answer", func(t *testing.T, s *azurevmtest.Server, _ *azurevm.SwapOptions) {
			inject(t, s, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/disks/", Times: -1, Status: 200, Body: "{}"})
		}, nil, []string{"no properties"}},
		{"resized", func(t *testing.T, s *azurevmtest.Server, _ *azurevm.SwapOptions) {
			inject(t, s, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/disks/", Times: -1, Status: 200, Body: `{"properties":{"diskSizeGB":256}}`})
		}, azurevm.ErrConflict, []string{"256 GB", "128", "resized"}},
		{"half a snapshot", func(t *testing.T, s *azurevmtest.Server, _ *azurevm.SwapOptions) {
			inject(t, s, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/snapshots/", Times: -1, Status: 200, Body: `{}`})
		}, nil, []string{"no properties"}},
		{"snapshot of a vm made anew", func(t *testing.T, s *azurevmtest.Server, _ *azurevm.SwapOptions) {
			inject(t, s, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/snapshots/", Times: -1, Status: 200,
				Body: `{"tags":{"azurevm-vm":"rg/x","azurevm-vmid":"other"},"properties":{}}`})
		}, azurevm.ErrConflict, []string{`not of this vm but of "rg/x"`}},
		{"not ready", func(t *testing.T, s *azurevmtest.Server, _ *azurevm.SwapOptions) {
			inject(t, s, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/snapshots/", Times: -1, Status: 200,
				Body: `{"tags":{"azurevm-vmid":"00000000-0000-4000-a000-000000000001","azurevm-lun":"-1","azurevm-run":"test/0001"},"properties":{"provisioningState":"Succeeded","completionPercent":12}}`})
		}, azurevm.ErrConflict, []string{"not ready: Succeeded, 12 %"}},
		{"no os disk", func(t *testing.T, s *azurevmtest.Server, _ *azurevm.SwapOptions) {
			inject(t, s, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/virtualmachines/", Times: -1, Status: 200, Body: `{"properties":{}}`})
		}, nil, []string{"no operating system disk"}},
		{"strange disk", func(t *testing.T, s *azurevmtest.Server, _ *azurevm.SwapOptions) {
			inject(t, s, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/virtualmachines/", Times: -1, Status: 200,
				Body: `{"properties":{"storageProfile":{"osDisk":{"managedDisk":{"id":"/x"}},"dataDisks":[{"lun":0}]}}}`})
		}, azurevm.ErrUnmanagedDisk, []string{"not the resource id"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv, client, o := swappable(t, azurevmtest.Options{})
			test.arrange(t, srv, &o)
			_, err := client.SwapDisks(t.Context(), manager, o, nil)
			if err == nil || (test.want != nil && !errors.Is(err, test.want)) {
				t.Fatalf("got %v", err)
			}
			for _, w := range test.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v does not tell %q", err, w)
				}
			}
			if n := count(srv, "PUT", ""); n != 0 {
				t.Errorf("%d PUTs", n)
			}
		})
	}
}

// A model that is changed by somebody else meanwhile is not overwritten.
func TestSwapDoesNotOverwriteAnotherChange(t *testing.T) {
	srv, client, o := swappable(t, azurevmtest.Options{})
	_, err := client.SwapDisks(t.Context(), manager, o, func(step string) {
		if step == "change the vm's disks" {
			srv.Touch(managerVM)
		}
	})
	e := wantError(t, err, azurevm.ErrConflict, "PreconditionFailed", "somebody else changed it")
	if e.Status != 412 || srv.SwapCount(managerVM) != 0 {
		t.Errorf("%+v", e)
	}
	if _, err := client.SwapDisks(t.Context(), manager, o, nil); err != nil || srv.SwapCount(managerVM) != 1 {
		t.Errorf("again: %v", err)
	}
}

func TestVMStartedDuringTheSwap(t *testing.T) {
	srv, client, o := swappable(t, azurevmtest.Options{})
	_, err := client.SwapDisks(t.Context(), manager, o, func(step string) {
		if step == "change the vm's disks" {
			srv.SetPower(managerVM, azurevm.Running)
		}
	})
	wantError(t, err, azurevm.ErrConflict, "the vm is running")
	if count(srv, "PUT", "/vm-node-mgmt-core") != 0 {
		t.Error("the model was changed")
	}
}

// A delete option may delete the disk that is to be the way back.
func TestOldDiskThatWouldBeDeleted(t *testing.T) {
	vm := azurevmtest.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core", PrivateIP: "10.0.0.4", DataDisks: 1, Power: azurevm.Deallocated, DeleteOption: "Delete"}
	srv, client, o := swappable(t, azurevmtest.Options{VMs: []azurevmtest.VM{vm}})
	_, err := client.SwapDisks(t.Context(), manager, o, nil)
	wantError(t, err, azurevm.ErrConflict, "delete option of vm-node-mgmt-core-os, vm-node-mgmt-core-data0 is Delete", "the vm was not changed")
	if count(srv, "PUT", "") != 0 {
		t.Error("something was changed")
	}
	o.AcceptDeleteOption = true
	done, err := client.SwapDisks(t.Context(), manager, o, nil)
	if len(done.Disks) != 2 || err == nil || !strings.Contains(err.Error(), "old disk") {
		t.Errorf("that they are gone is told: %+v, %v", done, err)
	}
}

func TestSwapThatFails(t *testing.T) {
	for kind, words := range map[string][]string{"disk": {"make disk", "QuotaExceeded"}, "update": {"swap the disks of vm", "QuotaExceeded"}} {
		srv, client, o := swappable(t, azurevmtest.Options{})
		srv.FailNextOperation(kind, "QuotaExceeded", "too many")
		done, err := client.SwapDisks(t.Context(), manager, o, nil)
		e := wantError(t, err, err, words...)
		if e.Status != 200 || e.CorrelationID == "" || len(done.Disks) != 3 || srv.SwapCount(managerVM) != 0 {
			t.Errorf("%+v", e)
		}
		_, err = client.SwapDisks(t.Context(), manager, o, nil)
		if kind == "update" && err != nil {
			t.Errorf("again: %v", err)
		}
		if kind == "disk" && (err == nil || !strings.Contains(err.Error(), "provisioning state is Failed")) {
			t.Errorf("again: %v", err)
		}
	}
}

func TestDiskNameThatIsTaken(t *testing.T) {
	srv, client, o := swappable(t, azurevmtest.Options{})
	plan, err := client.ValidateSwap(t.Context(), manager, o)
	if err != nil {
		t.Fatal(err)
	}
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/disks/" + plan.Disks[0].New.Name, Status: 200,
		Body: `{"properties":{"provisioningState":"Succeeded","creationData":{"sourceResourceId":"/other"}}}`})
	_, err = client.SwapDisks(t.Context(), manager, o, nil)
	wantError(t, err, azurevm.ErrConflict, "is of something else")
}

func TestSwapPreempted(t *testing.T) {
	srv, client, o := swappable(t, azurevmtest.Options{})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "PUT", Path: "/virtualmachines/", Times: -1, Status: 409,
		Body: `{"error":{"code":"AttachDiskWhileBeingDetached","message":"try later"}}`})
	_, err := client.SwapDisks(t.Context(), manager, o, nil)
	wantError(t, err, azurevm.ErrPreempted, "still has its old disks", "AttachDiskWhileBeingDetached")
	if n := count(srv, "PUT", "/vm-node-mgmt-core"); n != 1 {
		t.Errorf("%d PUTs", n)
	}
}

// Ultra and Premium SSD v2 disks have performance settings that others only show.
func TestPerformanceOfTheNewDisk(t *testing.T) {
	for sku, want := range map[string]bool{"UltraSSD_LRS": true, "PremiumV2_LRS": true, "Premium_LRS": false, "StandardSSD_LRS": false} {
		vm := azurevmtest.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core", PrivateIP: "10.0.0.4", Power: azurevm.Deallocated}
		srv, client, o := swappable(t, azurevmtest.Options{VMs: []azurevmtest.VM{vm}})
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/disks/", Status: 200, Body: `{"location":"canadacentral","sku":{"name":"` + sku + `"},"tags":{"azurevm-lun":"old"},
			"properties":{"diskSizeGB":128,"diskIOPSReadWrite":5000,"diskMBpsReadWrite":200,"tier":"P30","creationData":{"createOption":"Empty","logicalSectorSize":4096}}}`})
		if _, err := client.SwapDisks(t.Context(), manager, o, nil); err != nil {
			t.Fatal(err)
		}
		for _, r := range srv.Requests() {
			if r.Method != "PUT" || !strings.Contains(r.URL, "/disks/") {
				continue
			}
			body := string(r.Body)
			if got := strings.Contains(body, `"diskIOPSReadWrite":5000`) && strings.Contains(body, `"logicalSectorSize":4096`); got != want {
				t.Errorf("%s: %s", sku, body)
			}
			if strings.Contains(body, "P30") != (sku == "Premium_LRS") || strings.Contains(body, `"old"`) {
				t.Errorf("%s: %s", sku, body)
			}
		}
	}
}

// What only the service sets of an identity is not sent back.
func TestSwapKeepsIdentities(t *testing.T) {
	srv, client, o := swappable(t, azurevmtest.Options{VMs: []azurevmtest.VM{{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core", PrivateIP: "10.0.0.4", Power: azurevm.Deallocated}}})
	inst, err := client.Instance(t.Context(), manager)
	if err != nil {
		t.Fatal(err)
	}
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "GET", Path: "/virtualmachines/", Status: 200, Body: `{"id":"x","location":"canadacentral",
		"identity":{"type":"SystemAssigned, UserAssigned","principalId":"p","tenantId":"t","userAssignedIdentities":{"/u":{"principalId":"pp","clientId":"c"}}},
		"properties":{"vmId":"` + inst.VMID + `","instanceView":{"statuses":[{"code":"PowerState/deallocated"}]},
		"networkProfile":{"networkInterfaces":[{"id":"/subscriptions/x"}]},
		"storageProfile":{"osDisk":{"name":"` + inst.Disks[0].Name + `","createOption":"FromImage","managedDisk":{"id":"` + inst.Disks[0].ID + `"}},"dataDisks":[null]}}}`})
	_, err = client.SwapDisks(t.Context(), manager, o, nil)
	if err == nil {
		t.Fatal("the double takes a model without its interface")
	}
	for _, r := range srv.Requests() {
		if r.Method != "PUT" || strings.Contains(r.URL, "/disks/") {
			continue
		}
		var sent struct{ Identity map[string]any }
		if err := json.Unmarshal(r.Body, &sent); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": map[string]any{"/u": map[string]any{}}}
		if d := cmp.Diff(want, sent.Identity); d != "" {
			t.Error(d)
		}
	}
}
