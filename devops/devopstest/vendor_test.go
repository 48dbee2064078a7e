package devopstest_test

import (
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
	if err != nil || len(*areas) != 2 {
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
