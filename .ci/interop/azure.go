package main

import (
	"errors"
	"fmt"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// azureWorld has two running VMs, listed on a page each.
func azureWorld() (world, error) {
	srv := azurevmtest.NewServer(azurevmtest.Options{Token: "interop", PageSize: 1})
	if err := srv.Start(); err != nil {
		return world{}, err
	}
	return world{url: srv.URL, ca: string(srv.CertificatePEM()), close: srv.Close, check: func() error { return checkAzure(srv) }}, nil
}

// checkAzure wants the VM to run on a new disk, and the old one kept.
func checkAzure(srv *azurevmtest.Server) error {
	vm := azurevmtest.VM{Name: "vm-node-mgmt-core"}
	var errs []error
	if p := srv.Power(vm); p != azurevm.Running {
		errs = append(errs, fmt.Errorf("the vm is %s", p))
	}
	if n := srv.SwapCount(vm); n != 1 {
		errs = append(errs, fmt.Errorf("its disk was swapped %d times", n))
	}
	posts := 0
	for _, r := range srv.Requests() {
		if r.Method == "POST" {
			posts++
		}
	}
	if s := srv.State(); posts != 3 || len(s.Disks) != 3 || len(s.Snapshots) != 0 {
		errs = append(errs, fmt.Errorf("%d POSTs, %d disks, %d snapshots", posts, len(s.Disks), len(s.Snapshots)))
	}
	return errors.Join(errs...)
}
