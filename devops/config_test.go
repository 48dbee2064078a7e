package devops_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// TestParsePipelineURL: the project is escaped as in a path, where a plus is a plus, and the page has
// several names.
func TestParsePipelineURL(t *testing.T) {
	plain := devops.Pipeline{OrganizationURL: "https://dev.azure.com/ExampleOrg", Project: "Verify-by-Video Platform", DefinitionID: 107}
	for address, want := range map[string]devops.Pipeline{
		"https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build?definitionId=107":             plain,
		"https://dev.azure.com/ExampleOrg/Verify-by-Video Platform/_build?definitionId=107":               plain,
		" https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build?definitionId=107&_a=summary": plain,
		"https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build/definition?definitionId=107":  plain,
		"https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build/index?definitionId=107":       plain,
		"https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build/designer?id=107":              plain,
		"https://dev.azure.com/O/5f0c1a9e-7b1d-4c55-9d6a-2f1f3b8f6a10/_build?definitionId=1":              {OrganizationURL: "https://dev.azure.com/O", Project: "5f0c1a9e-7b1d-4c55-9d6a-2f1f3b8f6a10", DefinitionID: 1},
		"https://dev.azure.com/O/a+b/_build?definitionId=1":                                               {OrganizationURL: "https://dev.azure.com/O", Project: "a+b", DefinitionID: 1},
		"https://org.visualstudio.com/P/_build?definitionId=1":                                            {OrganizationURL: "https://org.visualstudio.com", Project: "P", DefinitionID: 1},
		"https://org.visualstudio.com/DefaultCollection/P/_build?definitionId=1":                          {OrganizationURL: "https://org.visualstudio.com/DefaultCollection", Project: "P", DefinitionID: 1},
		"https://127.0.0.1:8443/O/P/_build?definitionId=1":                                                {OrganizationURL: "https://127.0.0.1:8443/O", Project: "P", DefinitionID: 1},
	} {
		got, err := devops.ParsePipelineURL(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", address, diff)
		}
	}
}

// TestParsePipelineURLRefuses: what is no pipeline, what would send a credential in the clear, and what a
// document's broken link leaves behind the number.
func TestParsePipelineURLRefuses(t *testing.T) {
	for address, why := range map[string]string{
		"": "https://",
		"http://dev.azure.com/O/P/_build?definitionId=1":                 "https://",
		"https://user:hunter2@dev.azure.com/O/P/_build?definitionId=1":   "password",
		"https:///O/P/_build?definitionId=1":                             "host",
		"https://dev.azure.com/O/P/_build/results?buildId=5":             "not the page",
		"https://dev.azure.com/O/P/_build?definitionId=107]":             `"107]"`,
		"https://dev.azure.com/O/P/_build?definitionId=-1":               "not a number",
		"https://dev.azure.com/O/P/_build":                               "no definitionId",
		"https://dev.azure.com/O/P/_git/x":                               "must look like",
		"https://dev.azure.com/P/_build?definitionId=1":                  "one organization",
		"https://dev.azure.com/_build?definitionId=1":                    "must look like",
		"https://o.visualstudio.com/a/b/P/_build?definitionId=1":         "at most a collection",
		"https://dev.azure.com/O/%zz/_build?definitionId=1":              "not a URL",
		"https://dev.azure.com/O/P/_build?definitionId=0107":             `"0107"`,
		"https://dev.azure.com/O/P/_build?definitionId=1&definitionId=2": "more than one",
		"https://dev.azure.com/O/P/_build?definitionId=%zz":              "query",
		"https://dev.azure.com/O/P/_build/index/x?definitionId=1":        "must look like",
		"https://dev.azure.com/O/a%2Fb/_build?definitionId=1":            "no name",
		"https://dev.azure.com/O/../_build?definitionId=1":               "no name",
		"(here)[https://dev.azure.com/O/P/_build?definitionId=107]":      "not a URL",
	} {
		_, err := devops.ParsePipelineURL(address)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: error %v, want %q", address, err, why)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats a password: %v", err)
		}
	}
}

// TestNewReportsAllFaultsTogether: an operator learns of all of them before the first step.
func TestNewReportsAllFaultsTogether(t *testing.T) {
	_, err := devops.New(devops.Config{OrganizationURL: "http://dev.azure.com/O", PollInterval: -1, ConflictRetries: -1, CancelLimit: -1})
	for _, text := range []string{"https://", "a Project is required", "DefinitionID", "PAT and Credential", "PollInterval", "ConflictRetries", "CancelLimit"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v does not mention %s", err, text)
		}
	}
	_, err = devops.New(devops.Config{PipelineURL: "https://dev.azure.com/O/P/_build?definitionId=1", Project: "P", PAT: "a b\n", Credential: nil})
	for _, text := range []string{"either PipelineURL or", "white space"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v does not mention %s", err, text)
		}
	}
	if strings.Contains(err.Error(), "a b") {
		t.Errorf("the error repeats the PAT: %v", err)
	}
	for _, cfg := range []devops.Config{
		{},
		{OrganizationURL: "://", Project: "P", DefinitionID: 1, PAT: "x"},
		{OrganizationURL: "https://dev.azure.com/O?x=1", Project: "P", DefinitionID: 1, PAT: "x"},
		{OrganizationURL: "https://dev.azure.com/O", Project: "P", DefinitionID: 1, PAT: "x", Credential: &credential{}},
	} {
		if _, err := devops.New(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

// TestThreeFieldsInsteadOfTheAddress: a project goes by GUID as well as by name.
func TestThreeFieldsInsteadOfTheAddress(t *testing.T) {
	srv := inProcess(devopstest.Options{Organization: "ExampleOrg"})
	c := client(t, srv, func(cfg *devops.Config) {
		cfg.PipelineURL = ""
		cfg.OrganizationURL, cfg.Project, cfg.DefinitionID = "https://dev.azure.com/ExampleOrg/", "5F0C1A9E-7b1d-4c55-9d6a-2f1f3b8f6a10", 107
	})
	def, err := c.Definition(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := devops.Definition{ID: 107, Revision: 3, Name: "Virtual Machine - Start Stop", Project: "Verify-by-Video Platform",
		QueueStatus: devops.Enabled, ProjectID: "5f0c1a9e-7b1d-4c55-9d6a-2f1f3b8f6a10", Path: `\`}
	if diff := cmp.Diff(want, def); diff != "" {
		t.Error(diff)
	}
	if c.Pipeline().OrganizationURL != "https://dev.azure.com/ExampleOrg" {
		t.Errorf("pipeline %+v", c.Pipeline())
	}
}

// TestTheGivenHTTPClientIsNotChanged: it may be shared with others, who must not send our credential.
func TestTheGivenHTTPClientIsNotChanged(t *testing.T) {
	given := &http.Client{}
	if _, err := devops.New(devops.Config{PipelineURL: "https://dev.azure.com/O/P/_build?definitionId=1", PAT: "x", HTTPClient: given}); err != nil {
		t.Fatal(err)
	}
	if given.Transport != nil {
		t.Error("the given client got another transport")
	}
}

// credential hands out tokens that end after life.
type credential struct {
	life   time.Duration
	tokens []string
	scopes []string
	err    error
	asked  int
}

func (c *credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.asked++
	c.scopes = o.Scopes
	if c.err != nil {
		return azcore.AccessToken{}, c.err
	}
	return azcore.AccessToken{Token: c.tokens[min(c.asked, len(c.tokens))-1], ExpiresOn: time.Now().Add(c.life)}, nil
}

// TestTokenIsKeptWhileItLastsAndRenewedBefore: the credential is not asked with every request, and the
// scope is the application id of Azure DevOps, not an address.
func TestTokenIsKeptWhileItLastsAndRenewedBefore(t *testing.T) {
	for name, test := range map[string]struct {
		life  time.Duration
		asked int
	}{"long": {time.Hour, 1}, "within the margin": {4 * time.Minute, 2}} {
		t.Run(name, func(t *testing.T) {
			srv := inProcess(devopstest.Options{})
			srv.SetCredentials("", "first")
			cred := &credential{life: test.life, tokens: []string{"first", "second"}}
			c := client(t, srv, func(cfg *devops.Config) { cfg.PAT, cfg.Credential = "", cred })
			if _, err := c.Definition(t.Context()); err != nil && test.asked == 1 {
				t.Fatal(err)
			}
			if test.asked > 1 {
				srv.SetCredentials("", "second")
			}
			if _, err := c.Definition(t.Context()); err != nil {
				t.Fatal(err)
			}
			if test.asked == 1 && cred.asked != 1 || cred.asked < test.asked {
				t.Errorf("asked %d times for a token, want %d", cred.asked, test.asked)
			}
			if cred.scopes[0] != "499b84ac-1321-427f-aa17-267ca6975798/.default" {
				t.Errorf("scope %v", cred.scopes)
			}
		})
	}
}

// TestTokenDoesNotLeak: the service may quote what it was sent.
func TestTokenDoesNotLeak(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	srv.SetCredentials("", "bearer-token")
	c := client(t, srv, func(cfg *devops.Config) {
		cfg.PAT, cfg.Credential = "", &credential{life: time.Hour, tokens: []string{"bearer-token"}}
	})
	inject(t, srv, devopstest.Fault{Kind: devopstest.Answer, Method: "GET", Status: 400, Body: `{"message":"bad bearer-token"}`})
	_, err := c.Definition(t.Context())
	if e := wantError(t, err, nil, "bad [removed]"); strings.Contains(e.Body, "bearer-token") {
		t.Error("the body holds the token")
	}
}

// TestTokenThatCannotBeHad: nothing is sent without a token.
func TestTokenThatCannotBeHad(t *testing.T) {
	srv := inProcess(devopstest.Options{})
	c := client(t, srv, func(cfg *devops.Config) {
		cfg.PAT, cfg.Credential = "", &credential{err: errors.New("az login needed")}
	})
	_, err := c.Definition(t.Context())
	wantError(t, err, devops.ErrUnauthorized, "az login needed")
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests without a token", n)
	}
}
