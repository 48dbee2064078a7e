package azurevm_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// disked is a world with one deallocated VM that has two data disks.
func disked(o azurevmtest.Options) azurevmtest.Options {
	o.VMs = append(o.VMs, azurevmtest.VM{ResourceGroup: "rg-pexip-test", Name: "vm-node-mgmt-core", PrivateIP: "10.107.0.4", DataDisks: 2,
		Power: azurevm.Deallocated, Zone: "2"})
	return o
}

func occasion(srv *azurevmtest.Server) azurevm.SnapshotOptions {
	now := srv.Now()
	return azurevm.SnapshotOptions{Run: "test/0001", Taken: now, Expires: now.AddDate(0, 0, 30), Creator: "operator", Tags: map[string]string{"version": "38.1"}}
}

func snapshots(t *testing.T, srv *azurevmtest.Server, client *azurevm.Client) []azurevm.Snapshot {
	t.Helper()
	out, err := client.SnapshotDisks(t.Context(), manager, occasion(srv), nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Without DenyAll anybody with a link may read a snapshot; a disk's snapshot does not tell which VM it was of.
func TestSnapshotDisks(t *testing.T) {
	o, clock := slow(disked(azurevmtest.Options{}))
	srv, client := start(t, o)
	options := occasion(srv)
	seen := map[string]bool{}
	got, err := client.SnapshotDisks(t.Context(), manager, options, func(s azurevm.Snapshot) {
		seen[s.State] = true
		clock.advance(10 * time.Second)
	})
	if err != nil || len(got) != 3 || !seen["Creating"] {
		t.Fatalf("%+v, %v, seen %v", got, err, seen)
	}
	inst, err := client.Instance(t.Context(), manager)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range got {
		if !s.Ready() || s.DiskID != inst.Disks[i].ID || s.LUN != inst.Disks[i].LUN || s.VMID != inst.VMID || s.Run != "test/0001" ||
			!s.Expires.Equal(options.Expires.Truncate(time.Second)) || s.Tags["version"] != "38.1" || s.Tags[azurevm.TagCreator] != "operator" {
			t.Errorf("%+v", s)
		}
		if len(s.Name) > 80 || !strings.Contains(s.Name, "20260302T183000Z") || strings.ContainsAny(s.Name, "/ ") {
			t.Errorf("name %q", s.Name)
		}
	}
	for _, r := range srv.Requests() {
		if r.Method != "PUT" {
			continue
		}
		for _, want := range []string{`"incremental":true`, `"networkAccessPolicy":"DenyAll"`, `"publicNetworkAccess":"Disabled"`, `"createOption":"Copy"`, `"name":"Standard_LRS"`} {
			if !strings.Contains(string(r.Body), want) {
				t.Errorf("%s is not in %s", want, r.Body)
			}
		}
	}
	for _, s := range srv.State().Snapshots {
		if !s.TakenOff {
			t.Errorf("%+v", s)
		}
	}
}

// A PUT with an existing name does not copy anew; one with another name does.
func TestSnapshotsAreNotTakenTwice(t *testing.T) {
	for _, f := range []azurevmtest.Fault{{Kind: azurevmtest.DropAfter, Times: 3}, {Kind: azurevmtest.AnswerAfter, Status: 502, Body: "<html>", Times: 3}} {
		srv, client := start(t, disked(azurevmtest.Options{}))
		options := occasion(srv)
		f.Method = "PUT"
		inject(t, srv, f)
		first, err := client.SnapshotDisks(t.Context(), manager, options, nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := client.SnapshotDisks(t.Context(), manager, options, nil)
		if d := cmp.Diff(first, again); err != nil || d != "" || count(srv, "PUT", "") != 3 {
			t.Errorf("%v %s after %d PUTs", err, d, count(srv, "PUT", ""))
		}
	}
}

// A disk may be unmanaged or ephemeral, and a stopped VM is not deallocated.
func TestSnapshotRefusals(t *testing.T) {
	for _, test := range []struct {
		name    string
		edit    func(*azurevmtest.VM)
		o       azurevmtest.Options
		arrange func(*azurevm.SnapshotOptions)
		want    error
		words   []string
		wrote   bool
	}{
		{name: "running", edit: func(v *azurevmtest.VM) { v.Power = azurevm.Running }, want: azurevm.ErrConflict, words: []string{"the vm is running", "deallocate it first"}},
		{name: "stopped is not deallocated", edit: func(v *azurevmtest.VM) { v.Power = azurevm.Stopped }, want: azurevm.ErrConflict, words: []string{"stopped"}},
		{name: "unmanaged", edit: func(v *azurevmtest.VM) { v.OSDisk = azurevmtest.Unmanaged }, want: azurevm.ErrUnmanagedDisk, words: []string{"nothing was changed"}},
		{name: "ephemeral", edit: func(v *azurevmtest.VM) { v.OSDisk = azurevmtest.Ephemeral }, want: azurevm.ErrUnmanagedDisk, words: []string{"lun -1"}},
		{name: "may not", o: azurevmtest.Options{Roles: []string{"Virtual Machine Contributor", "Reader"}}, want: azurevm.ErrForbidden,
			words: []string{"Microsoft.Compute/snapshots/write"}, wrote: true},
		{name: "locked", o: azurevmtest.Options{Locks: []azurevmtest.Lock{{Name: "l", Level: "ReadOnly", Scope: "/subscriptions/00000000-0000-4000-8000-000000000107"}}},
			want: azurevm.ErrConflict, words: []string{"ScopeLocked"}, wrote: true},
		{name: "no run", arrange: func(o *azurevm.SnapshotOptions) {
			*o = azurevm.SnapshotOptions{SKU: "Gold", Tags: map[string]string{"Azurevm-vm": ""}}
		},
			words: []string{"run must", "taken must", "expires must", "sku", "tag"}},
		{name: "long creator", arrange: func(o *azurevm.SnapshotOptions) { o.Creator = strings.Repeat("x", 257) }, words: []string{"creator"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := disked(test.o)
			if test.edit != nil {
				test.edit(&o.VMs[0])
			}
			srv, client := start(t, o)
			options := occasion(srv)
			if test.arrange != nil {
				test.arrange(&options)
			}
			_, err := client.SnapshotDisks(t.Context(), manager, options, nil)
			if err == nil || (test.want != nil && !errors.Is(err, test.want)) {
				t.Fatalf("got %v", err)
			}
			for _, w := range test.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v does not tell %q", err, w)
				}
			}
			if n := len(srv.State().Snapshots); n != 0 || (!test.wrote && count(srv, "PUT", "") != 0) {
				t.Errorf("%d snapshots, %d PUTs", n, count(srv, "PUT", ""))
			}
		})
	}
}

// A PUT on another's snapshot of the same source would only change its tags, and look like a success.
func TestSnapshotNameThatIsTaken(t *testing.T) {
	srv, client := start(t, disked(azurevmtest.Options{}))
	first := snapshots(t, srv, client)
	puts := count(srv, "PUT", "")
	for _, tags := range []string{`"azurevm-run":"other","azurevm-vmid":"` + first[2].VMID + `"`, `"azurevm-run":"test/0001","azurevm-vmid":"other"`} {
		inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "GET", Path: "/snapshots/" + first[2].Name, Status: 200,
			Body: `{"tags":{` + tags + `},"properties":{"creationData":{"sourceResourceId":"` + first[2].DiskID + `"}}}`})
		options := occasion(srv)
		options.Taken = first[0].Time // another second or not, the names are compared first
		_, err := client.SnapshotDisks(t.Context(), manager, azurevm.SnapshotOptions{Run: "test/0001", Taken: stampOf(t, first[0].Name), Expires: options.Expires}, nil)
		wantError(t, err, azurevm.ErrConflict, "of something else", "use another run or time")
	}
	if n := count(srv, "PUT", ""); n != puts {
		t.Errorf("%d PUTs", n-puts)
	}
}

// stampOf reads the time in a name.
func stampOf(t *testing.T, name string) time.Time {
	t.Helper()
	for _, part := range strings.Split(name, "-") {
		if at, err := time.Parse("20060102T150405Z", part); err == nil {
			return at
		}
	}
	t.Fatalf("%q has no time", name)
	return time.Time{}
}

func TestVMStartedDuringTheSnapshots(t *testing.T) {
	srv, client := start(t, disked(azurevmtest.Options{}))
	got, err := client.SnapshotDisks(t.Context(), manager, occasion(srv), func(azurevm.Snapshot) { srv.SetPower(managerVM, azurevm.Running) })
	wantError(t, err, azurevm.ErrPreempted, "may not fit together")
	if len(got) != 3 {
		t.Errorf("%+v", got)
	}
}

func TestSnapshotThatFails(t *testing.T) {
	srv, client := start(t, disked(azurevmtest.Options{}))
	srv.FailNextOperation("snapshot", "QuotaExceeded", "too many snapshots")
	got, err := client.SnapshotDisks(t.Context(), manager, occasion(srv), nil)
	e, ok := errors.AsType[*azurevm.Error](err)
	if !ok || len(got) < 2 || (e.Code != "QuotaExceeded" && !strings.Contains(e.Error(), "Failed")) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Premium SSD v2 and Ultra disks are copied in the background, while their snapshot is there already.
func TestSnapshotIsWaitedForUntilItIsCopied(t *testing.T) {
	o, clock := slow(disked(azurevmtest.Options{}))
	o.VMs[0].DiskSKU = "PremiumV2_LRS"
	srv, client := start(t, o)
	halves := 0
	got, err := client.SnapshotDisks(t.Context(), manager, occasion(srv), func(s azurevm.Snapshot) {
		if s.State == "Succeeded" && !s.Ready() {
			halves++
		}
		clock.advance(5 * time.Second)
	})
	if err != nil || halves == 0 || !got[0].Ready() || !got[2].Ready() {
		t.Errorf("%+v, %v, seen %d times half copied", got, err, halves)
	}
}

func TestSnapshotIsNotReadyBeforeItIsCopied(t *testing.T) {
	srv, client := start(t, disked(azurevmtest.Options{}))
	got := snapshots(t, srv, client)
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: `/snapshots\?`, Status: 200, Body: `{"value":[
		{"name":"half","tags":{"azurevm-vm":"RG-pexip-test/vm-node-mgmt-core"},"properties":{"provisioningState":"Succeeded","completionPercent":50}},
		{"name":"strange","tags":{"azurevm-vm":"rg-pexip-test/vm-node-mgmt-core","azurevm-lun":"x"},"properties":{"provisioningState":"Succeeded"}},
		{"name":"no properties","tags":{"azurevm-vm":"rg-pexip-test/vm-node-mgmt-core"}}]}`})
	list, err := client.Snapshots(t.Context(), manager)
	if err != nil || len(list) != 2 || list[0].Ready() || list[1].LUN != -2 || !got[0].Ready() {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestDeleteExpiredSnapshots(t *testing.T) {
	o, clock := slow(disked(azurevmtest.Options{PageSize: 1, DiskSnapshot: -1, DiskDelete: -1}))
	srv, client := start(t, o)
	old := snapshots(t, srv, client)
	clock.advance(20 * 24 * time.Hour)
	kept := snapshots(t, srv, client)
	if list, err := client.Snapshots(t.Context(), manager); err != nil || len(list) != 6 || !list[0].Time.After(list[5].Time) {
		t.Fatalf("%+v, %v", list, err)
	}
	gone, err := client.DeleteExpiredSnapshots(t.Context(), manager, clock.Now())
	if err != nil || len(gone) != 0 || count(srv, "DELETE", "") != 0 {
		t.Fatalf("%+v, %v", gone, err)
	}
	clock.advance(20 * 24 * time.Hour)
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.DropAfter, Method: "DELETE"})
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "DELETE", Status: 409, Body: `{"error":{"code":"ScopeLocked","message":"kept"}}`})
	gone, err = client.DeleteExpiredSnapshots(t.Context(), manager, clock.Now())
	wantError(t, err, azurevm.ErrConflict, "ScopeLocked", "delete snapshot")
	if len(gone) != 2 {
		t.Errorf("%+v", gone)
	}
	gone, err = client.DeleteExpiredSnapshots(t.Context(), manager, clock.Now())
	if err != nil || len(gone) != 1 {
		t.Errorf("%+v, %v", gone, err)
	}
	list, err := client.Snapshots(t.Context(), manager)
	if err != nil || len(list) != 3 || list[0].Expires != kept[0].Expires || len(old) != 3 {
		t.Errorf("%+v, %v", list, err)
	}
}

// The service cannot filter by tag.
func TestSnapshotsOfOthersAreLeftAlone(t *testing.T) {
	srv, client := start(t, disked(azurevmtest.Options{}))
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: `/snapshots\?`, Status: 200, Body: `{"value":[
		{"name":"a","tags":{"azurevm-vm":"rg/other","azurevm-expires":"2001-01-01T00:00:00Z"},"properties":{}},
		{"name":"b","tags":null,"properties":{}},
		{"name":"c","tags":{"azurevm-vm":"rg-pexip-test/vm-node-mgmt-core","azurevm-expires":"soon"},"properties":{}}]}`})
	gone, err := client.DeleteExpiredSnapshots(t.Context(), manager, time.Now())
	if err != nil || len(gone) != 0 || count(srv, "DELETE", "") != 0 {
		t.Errorf("%+v, %v", gone, err)
	}
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: `/snapshots\?`, Times: -1, Status: 403, Header: http.Header{"Content-Type": {"text/html"}}})
	_, err = client.DeleteExpiredSnapshots(t.Context(), manager, time.Now())
	wantError(t, err, azurevm.ErrForbidden, "list the snapshots of vm")
	if _, err := client.Snapshots(t.Context(), azurevm.VM{}); err == nil {
		t.Error("no name is taken for one")
	}
}

// Names have at most 80 of few characters.
func TestLongAndStrangeNames(t *testing.T) {
	vm := azurevmtest.VM{ResourceGroup: "rg", Name: strings.Repeat("a", 64), PrivateIP: "10.0.0.4", Power: azurevm.Deallocated}
	srv, client := start(t, azurevmtest.Options{VMs: []azurevmtest.VM{vm}})
	options := occasion(srv)
	names := map[string]bool{}
	for _, run := range []string{strings.Repeat("é/", 40), strings.Repeat("é/", 41), "..", "a b"} {
		options.Run = run
		got, err := client.SnapshotDisks(t.Context(), vm.Ref(), options, nil)
		if err != nil || len(got[0].Name) > 80 || names[got[0].Name] {
			t.Errorf("%q: %+v, %v", run, got, err)
		}
		names[got[0].Name] = true
	}
}

// Snapshots of several disks fit together only when the VM stayed off from the first to the last. A call
// that is repeated after a crash may meet one of before, and a VM that ran in between and is off again.
func TestSnapshotsOfTwoStates(t *testing.T) {
	srv, client := start(t, disked(azurevmtest.Options{}))
	options := occasion(srv)
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Method: "PUT", Path: "-lun", Times: 2, Status: 403, Body: azureError("AuthorizationFailed")})
	got, err := client.SnapshotDisks(t.Context(), manager, options, nil)
	if !errors.Is(err, azurevm.ErrForbidden) || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := client.Start(t.Context(), manager, nil); err != nil {
		t.Fatal(err)
	}
	if err := client.Deallocate(t.Context(), manager, nil); err != nil {
		t.Fatal(err)
	}
	puts := count(srv, "PUT", "")
	_, err = client.SnapshotDisks(t.Context(), manager, options, nil)
	wantError(t, err, azurevm.ErrPreempted, "was taken at", "take new ones with another run")
	if n := count(srv, "PUT", ""); n != puts {
		t.Errorf("%d PUTs", n-puts)
	}
	options.Run = "test/0002"
	if got, err := client.SnapshotDisks(t.Context(), manager, options, nil); err != nil || len(got) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

// Off before and off after does not mean off meanwhile.
func TestVMRunningForAMomentDuringTheSnapshots(t *testing.T) {
	srv, client := start(t, disked(azurevmtest.Options{}))
	ran := false
	_, err := client.SnapshotDisks(t.Context(), manager, occasion(srv), func(s azurevm.Snapshot) {
		if !ran && s.State == "Succeeded" {
			ran = true
			srv.SetPower(managerVM, azurevm.Running)
			srv.SetPower(managerVM, azurevm.Deallocated)
		}
	})
	wantError(t, err, azurevm.ErrPreempted, "was taken at", "may not fit together")
	inject(t, srv, azurevmtest.Fault{Kind: azurevmtest.Answer, Path: "/disks/", Times: -1, Status: 403, Body: azureError("AuthorizationFailed")})
	options := occasion(srv)
	options.Run = "another"
	_, err = client.SnapshotDisks(t.Context(), manager, options, nil)
	wantError(t, err, azurevm.ErrForbidden, "read disk")
}
