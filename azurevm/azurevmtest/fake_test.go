package azurevmtest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8/fake"

	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// officialFake is a VM as the SDK's own fakes have it: functions without a state.
func officialFake() policy.Transporter {
	vms := fake.VirtualMachinesServer{
		InstanceView: func(context.Context, string, string, *armcompute.VirtualMachinesClientInstanceViewOptions) (res azfake.Responder[armcompute.VirtualMachinesClientInstanceViewResponse], errs azfake.ErrorResponder) {
			res.SetResponse(http.StatusOK, armcompute.VirtualMachinesClientInstanceViewResponse{VirtualMachineInstanceView: armcompute.VirtualMachineInstanceView{
				Statuses: []*armcompute.InstanceViewStatus{{Code: new("ProvisioningState/succeeded")}, {Code: new("PowerState/deallocated")}}}}, nil)
			return
		},
		BeginDeallocate: func(context.Context, string, string, *armcompute.VirtualMachinesClientBeginDeallocateOptions) (res azfake.PollerResponder[armcompute.VirtualMachinesClientDeallocateResponse], errs azfake.ErrorResponder) {
			res.AddNonTerminalResponse(http.StatusAccepted, nil)
			res.SetTerminalResponse(http.StatusOK, armcompute.VirtualMachinesClientDeallocateResponse{}, nil)
			return
		},
		Get: func(context.Context, string, string, *armcompute.VirtualMachinesClientGetOptions) (res azfake.Responder[armcompute.VirtualMachinesClientGetResponse], errs azfake.ErrorResponder) {
			errs.SetResponseError(http.StatusNotFound, "ResourceNotFound")
			return
		},
		NewListPager: func(string, *armcompute.VirtualMachinesClientListOptions) (res azfake.PagerResponder[armcompute.VirtualMachinesClientListResponse]) {
			for _, name := range []string{vm, "vm-node-conf-core"} {
				res.AddPage(http.StatusOK, armcompute.VirtualMachinesClientListResponse{VirtualMachineListResult: armcompute.VirtualMachineListResult{
					Value: []*armcompute.VirtualMachine{{Name: &name}}}}, nil)
			}
			return
		},
	}
	return fake.NewServerFactoryTransport(&fake.ServerFactory{VirtualMachinesServer: vms})
}

// What is written for the SDK's fakes, a Transport and their credential on the public cloud's address,
// runs unchanged on the double and gets the same answers. The fakes have an LRO protocol of their own and
// no state between calls.
func TestCallShapesOfTheOfficialFakes(t *testing.T) {
	srv := azurevmtest.NewServer(azurevmtest.Options{PageSize: 1})
	for name, transport := range map[string]policy.Transporter{"fake": officialFake(), "double": srv.Client()} {
		t.Run(name, func(t *testing.T) {
			client, err := armcompute.NewVirtualMachinesClient(srv.Config().SubscriptionID, &azfake.TokenCredential{},
				&arm.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: transport, Retry: policy.RetryOptions{MaxRetries: -1}}})
			must(t, err)
			p, err := client.BeginDeallocate(t.Context(), rg, vm, nil)
			must(t, err)
			_, err = p.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Millisecond})
			must(t, err)
			view, err := client.InstanceView(t.Context(), rg, vm, nil)
			must(t, err)
			if len(view.Statuses) != 2 || *view.Statuses[1].Code != "PowerState/deallocated" {
				t.Errorf("%+v", view.Statuses)
			}
			_, err = client.Get(t.Context(), rg, "vm-x", nil)
			wantCode(t, err, http.StatusNotFound, "ResourceNotFound")
			var names []string
			for pager := client.NewListPager(rg, nil); pager.More(); {
				page, err := pager.NextPage(t.Context())
				must(t, err)
				names = append(names, *page.Value[0].Name)
			}
			if len(names) != 2 || names[0] != vm {
				t.Errorf("%q", names)
			}
		})
	}
}
