package devops

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// tokenScope asks Entra ID for a token of Azure DevOps, whose application id this is (vendor page
// "Issue Microsoft Entra tokens").
const tokenScope = "499b84ac-1321-427f-aa17-267ca6975798/.default"

// tokenMargin is how long before its end a token is replaced.
const tokenMargin = 5 * time.Minute

const removed = "[removed]"

// pat is a personal access token: Basic with an empty user name.
type pat struct{ secret string }

func (p pat) encoded() string { return base64.StdEncoding.EncodeToString([]byte(":" + p.secret)) }

func (p pat) header(context.Context) (string, error) { return "Basic " + p.encoded(), nil }

func (pat) renew() bool { return false }

func (p pat) scrub(text string) string {
	return strings.NewReplacer(p.secret, removed, p.encoded(), removed).Replace(text)
}

// bearer keeps a token until shortly before it expires: the vendor's client would copy the first one
// and use it for ever. A token that still lasts is used on when no newer one can be had.
type bearer struct {
	credential azcore.TokenCredential

	mu    sync.Mutex
	token azcore.AccessToken
}

func (b *bearer) header(ctx context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := time.Until(b.token.ExpiresOn); left < tokenMargin {
		token, err := b.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{tokenScope}})
		if err != nil && (left <= 0 || ctx.Err() != nil) {
			return "", err
		}
		if err == nil {
			token.ExpiresOn = token.ExpiresOn.Round(0) // wall clock only: the other one stands still while a laptop sleeps
			b.token = token
		}
	}
	return "Bearer " + b.token.Token, nil
}

// renew lets the next request ask for another token. The text stays known, to be removed from errors.
func (b *bearer) renew() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.token.ExpiresOn = time.Time{}
	return true
}

func (b *bearer) scrub(text string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.token.Token == "" {
		return text
	}
	return strings.ReplaceAll(text, b.token.Token, removed)
}
