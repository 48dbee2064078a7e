package devops_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// issuer gives tokens of one hour, and lets the service accept only the newest.
type issuer struct {
	srv   *devopstest.Server
	life  time.Duration
	mu    sync.Mutex
	count int
	down  error
}

func (i *issuer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down != nil {
		return azcore.AccessToken{}, i.down
	}
	i.count++
	token := fmt.Sprint("token-", i.count)
	i.srv.SetCredentials("", token)
	return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(i.life)}, nil
}

func withIssuer(t *testing.T, o devopstest.Options) (*devopstest.Server, *devops.Client, *issuer) {
	o.Organization = freshOrganization("Tokens")
	srv := devopstest.NewServer(o)
	tokens := &issuer{srv: srv, life: time.Hour}
	return srv, client(t, srv, func(cfg *devops.Config) {
		cfg.PAT, cfg.Credential, cfg.PollInterval, cfg.RunLimit = "", tokens, time.Minute, 10*time.Hour
	}), tokens
}

// TestARunOfHoursRenewsItsToken: the vendor's client would use the first one for ever.
func TestARunOfHoursRenewsItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, c, tokens := withIssuer(t, devopstest.Options{Speed: 1, RunDuration: 5 * time.Hour})
		b := srv.Tick(nil)
		if _, err := c.WaitBuild(t.Context(), b.ID, nil); err != nil {
			t.Fatal(err)
		}
		if tokens.count != 6 { // one every 55 minutes
			t.Errorf("%d tokens in five hours", tokens.count)
		}
	})
}

// TestATokenThatIsRevokedIsReplaced: by the next read, at once and only once; a write is not repeated.
func TestATokenThatIsRevokedIsReplaced(t *testing.T) {
	srv, c, tokens := withIssuer(t, devopstest.Options{})
	if _, err := c.Definition(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv.SetCredentials("", "revoked")
	if _, err := c.Definition(t.Context()); err != nil || tokens.count != 2 {
		t.Errorf("%v, %d tokens", err, tokens.count)
	}
	inject(t, srv, devopstest.ExpiredToken("PUT", ""))
	_, err := c.SetQueueStatus(t.Context(), devops.Paused, "run 42")
	wantError(t, err, devops.ErrUnauthorized, "nothing was changed")
	if n := count(srv, "PUT", ""); n != 1 {
		t.Errorf("%d writes", n)
	}
	set(t, c, devops.Paused, "run 42")
	if tokens.count != 3 {
		t.Errorf("%d tokens", tokens.count)
	}
	f := devopstest.ExpiredToken("GET", "")
	f.Times = -1
	inject(t, srv, f)
	srv.ForgetRequests()
	_, err = c.Definition(t.Context())
	wantError(t, err, devops.ErrUnauthorized, "not expired")
	if n := len(srv.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// TestATokenIsUsedToItsEndWhenNoOtherCanBeHad: five minutes of an outage there do not matter.
func TestATokenIsUsedToItsEndWhenNoOtherCanBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, tokens := withIssuer(t, devopstest.Options{})
		if _, err := c.Definition(t.Context()); err != nil {
			t.Fatal(err)
		}
		tokens.down = errors.New("login.example.org does not answer")
		<-time.After(58 * time.Minute)
		if _, err := c.Definition(t.Context()); err != nil {
			t.Error(err)
		}
		<-time.After(2 * time.Minute)
		_, err := c.Definition(t.Context())
		wantError(t, err, devops.ErrUnauthorized, "does not answer")
		ctx, stop := context.WithCancel(t.Context())
		stop()
		_, err = c.Definition(ctx)
		wantError(t, err, nil)
	})
}
