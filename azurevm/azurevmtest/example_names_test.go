package azurevmtest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/verify-by-video/pexip-upgrade/azurevm"
	"github.com/verify-by-video/pexip-upgrade/azurevm/azurevmtest"
)

// Of gets from the client's name of a VM to the double's, Ref back.
func ExampleOf() {
	srv, client := world(azurevmtest.Options{})
	srv.SetPower(azurevmtest.Of(one), azurevm.Deallocated)
	state, err := client.Power(context.Background(), one)
	fmt.Println(state, err)
	_, err = client.StartBackup(context.Background(), srv.Vault().Ref(), one, time.Now().AddDate(0, 0, 30))
	fmt.Println(srv.BackupCount(azurevmtest.Of(one)), err)
	// Output:
	// deallocated <nil>
	// 1 <nil>
}

// A client of another kind logs in with the token that the server accepts.
func ExampleServer_Credential() {
	srv := azurevmtest.NewServer(azurevmtest.Options{Token: "made-up-token"})
	token, err := srv.Credential().GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://management.core.windows.net/.default"}})
	fmt.Println(token.Token, err)
	// Output: made-up-token <nil>
}
