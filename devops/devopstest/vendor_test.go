package devopstest_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"github.com/microsoft/azure-devops-go-api/azuredevops/v7"
	"github.com/microsoft/azure-devops-go-api/azuredevops/v7/build"
	"github.com/microsoft/azure-devops-go-api/azuredevops/v7/pipelines"

	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

const project = "Verify-by-Video Platform"

// TestVendorClient drives the double with the vendor's own typed client, discovery included.
func TestVendorClient(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{PAT: "pat"})
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	connection := azuredevops.NewPatConnection(srv.OrganizationURL(), "pat")
	api := azuredevops.NewClientWithOptions(connection, connection.BaseUrl, azuredevops.WithHTTPClient(srv.Client()))
	areas, err := api.GetResourceAreas(t.Context())
	if err != nil || len(*areas) != 3 {
		t.Fatal(areas, err)
	}
	builds := &build.ClientImpl{Client: *api}
	number, name := 107, project
	def, err := builds.GetDefinition(t.Context(), build.GetDefinitionArgs{Project: &name, DefinitionId: &number})
	if err != nil || *def.Name != "Virtual Machine - Start Stop" {
		t.Fatal(err)
	}
	def.QueueStatus = &build.DefinitionQueueStatusValues.Paused
	after, err := builds.UpdateDefinition(t.Context(), build.UpdateDefinitionArgs{Definition: def, Project: &name, DefinitionId: &number})
	if err != nil || *after.QueueStatus != build.DefinitionQueueStatusValues.Paused || *after.Revision != 4 {
		t.Fatal(after, err)
	}
	run, err := (&pipelines.ClientImpl{Client: *api}).RunPipeline(t.Context(), pipelines.RunPipelineArgs{Project: &name, PipelineId: &number,
		RunParameters: &pipelines.RunPipelineParameters{TemplateParameters: &map[string]string{"action": "start"}}})
	if err != nil || *run.State != pipelines.RunStateValues.InProgress {
		t.Fatal(run, err)
	}
	waiting := build.BuildStatus("notStarted,postponed")
	list, err := builds.GetBuilds(t.Context(), build.GetBuildsArgs{Project: &name, Definitions: &[]int{107}, StatusFilter: &waiting})
	if err != nil || len(list.Value) != 1 || *list.Value[0].Id != *run.Id || (*list.Value[0].TemplateParameters)["action"] != "start" {
		t.Fatal(list, err)
	}
	cancelled, err := builds.UpdateBuild(t.Context(), build.UpdateBuildArgs{Project: &name, BuildId: run.Id,
		Build: &build.Build{Status: &build.BuildStatusValues.Cancelling}})
	if err != nil || *cancelled.Status != build.BuildStatusValues.Cancelling {
		t.Fatal(cancelled, err)
	}
	history, err := builds.GetDefinitionRevisions(t.Context(), build.GetDefinitionRevisionsArgs{Project: &name, DefinitionId: &number})
	if err != nil || len(*history) != 4 {
		t.Fatal(history, err)
	}
}

// TestVendorClientMore: the typed calls that this module does not use itself.
func TestVendorClientMore(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{PAT: "pat"})
	srv.SetQueueStatus("paused", "Pat")
	connection := azuredevops.NewPatConnection(srv.OrganizationURL(), "pat")
	api := azuredevops.NewClientWithOptions(connection, connection.BaseUrl, azuredevops.WithHTTPClient(srv.Client()))
	builds, runs := &build.ClientImpl{Client: *api}, &pipelines.ClientImpl{Client: *api}
	number, name := 107, project
	definitions, err := builds.GetDefinitions(t.Context(), build.GetDefinitionsArgs{Project: &name})
	if err != nil || len(definitions.Value) != 1 || *definitions.Value[0].QueueStatus != build.DefinitionQueueStatusValues.Paused {
		t.Fatal(definitions, err)
	}
	variables := `{"reason":"upgrade"}`
	first, err := builds.QueueBuild(t.Context(), build.QueueBuildArgs{Project: &name, Build: &build.Build{Definition: &build.DefinitionReference{Id: &number}, Parameters: &variables}})
	if err != nil || *first.Parameters != variables || *first.Reason != build.BuildReasonValues.Manual {
		t.Fatal(first, err)
	}
	second, err := builds.QueueBuild(t.Context(), build.QueueBuildArgs{Project: &name, Build: &build.Build{Definition: &build.DefinitionReference{Id: &number}}})
	if err != nil {
		t.Fatal(err)
	}
	stop := &build.BuildStatusValues.Cancelling
	both, err := builds.UpdateBuilds(t.Context(), build.UpdateBuildsArgs{Project: &name, Builds: &[]build.Build{{Id: first.Id, Status: stop}, {Id: second.Id, Status: stop}}})
	if err != nil || len(*both) != 2 {
		t.Fatal(both, err)
	}
	since := azuredevops.Time{Time: first.QueueTime.Time}
	page, err := builds.GetBuilds(t.Context(), build.GetBuildsArgs{Project: &name, MinTime: &since, QueryOrder: &build.BuildQueryOrderValues.QueueTimeAscending, Top: new(1)})
	if err != nil || len(page.Value) != 1 || *page.Value[0].Id != *first.Id || page.ContinuationToken == "" {
		t.Fatal(page, err)
	}
	pipeline, err := runs.GetPipeline(t.Context(), pipelines.GetPipelineArgs{Project: &name, PipelineId: &number})
	if err != nil || *pipeline.Revision != 4 {
		t.Fatal(pipeline, err)
	}
	if list, err := runs.ListRuns(t.Context(), pipelines.ListRunsArgs{Project: &name, PipelineId: &number}); err != nil || len(*list) != 2 {
		t.Fatal(list, err)
	}
	if run, err := runs.GetRun(t.Context(), pipelines.GetRunArgs{Project: &name, PipelineId: &number, RunId: first.Id}); err != nil || *run.Id != *first.Id {
		t.Fatal(run, err)
	}
	missing := 9
	_, err = builds.GetBuild(t.Context(), build.GetBuildArgs{Project: &name, BuildId: &missing})
	if refused, ok := errors.AsType[azuredevops.WrappedError](err); !ok || *refused.TypeKey != "BuildNotFoundException" || *refused.StatusCode != 404 {
		t.Errorf("%T %v", err, err)
	}
}

// TestVendorClientOnItsOwn: as its documentation makes it, it brings its own connections, asks for the
// resource areas, and for a rejected credential without a body returns a pointer instead of a value.
func TestVendorClientOnItsOwn(t *testing.T) {
	srv := devopstest.NewServer(devopstest.Options{PAT: "pat"})
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(srv.CertificatePEM())
	connect := func(pat string) (build.Client, error) {
		connection := azuredevops.NewPatConnection(srv.OrganizationURL(), pat)
		connection.TlsConfig = &tls.Config{RootCAs: roots}
		return build.NewClient(t.Context(), connection)
	}
	_, err := connect("wrong")
	if refused, ok := errors.AsType[*azuredevops.WrappedError](err); !ok || *refused.StatusCode != 401 {
		t.Errorf("%T %v", err, err)
	}
	builds, err := connect("pat")
	if err != nil {
		t.Fatal(err)
	}
	def, err := builds.GetDefinition(t.Context(), build.GetDefinitionArgs{Project: new(project), DefinitionId: new(107)})
	if err != nil || *def.Id != 107 {
		t.Fatal(def, err)
	}
	areas := 0
	for _, r := range srv.Requests() {
		if r.Status == 200 && strings.HasSuffix(r.URL, "/ResourceAreas") {
			areas++
		}
	}
	if areas != 1 {
		t.Errorf("asked %d times for the resource areas", areas)
	}
}
