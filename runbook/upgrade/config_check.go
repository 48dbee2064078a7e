package upgrade

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/devops"
	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/filelog"
)

// contradictions reports what shows only when both environments are compared.
func contradictions(r *strictyaml.Reader, c *Config) {
	if a, b := hostOf(c.Test.Pexip.URL), hostOf(c.Production.Pexip.URL); a != "" && a == b {
		r.FaultAt("environments.production.pexip.url", "is also the Management Node of test; an environment has its own")
	}
	seen := map[string]string{}
	for _, e := range c.environments() {
		for i, vm := range e.VMs {
			path := fmt.Sprintf("environments.%s.vms[%d]", e.Name, i)
			key := strings.ToLower(vm.ResourceGroup + "/" + vm.Name)
			if vm.ResourceGroup == "" || vm.Name == "" {
				continue
			}
			if first, ok := seen[key]; ok {
				r.FaultAt(path, "%s/%s is listed already as %s", vm.ResourceGroup, vm.Name, first)
			}
			seen[key] = path
		}
	}
}

func (c *Config) environments() []*EnvironmentConfig {
	return []*EnvironmentConfig{&c.Test, &c.Production}
}

// hostOf returns host and port of an address in one spelling; "" when it has none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), ":443"), ".")
}

// warnings collects what is allowed but probably not meant.
func warnings(r *strictyaml.Reader, c *Config) {
	warn := func(path, format string, args ...any) {
		text := path + ": " + fmt.Sprintf(format, args...)
		if line := r.LineOf(path); line > 1 {
			text = fmt.Sprintf("line %d: %s", line, text)
		}
		c.Warnings = append(c.Warnings, text)
	}
	if hazard := filelog.Hazard(c.State); hazard != "" {
		warn("state", "%s; journals belong on a local disk", hazard)
	}
	warnUpload(r, c, warn)
	if !r.Given("window.service_hours") {
		warn("window.service_hours", "not given; assumed are %s", c.Window.ServiceHours)
	}
	for _, e := range c.environments() {
		path := "environments." + string(e.Name)
		if e.Checks.None() {
			warn(path+".checks", "no newman collection and no HTTP check: the endpoints (VER-2) will have to be tested by hand")
		}
		warnNames(e, path, warn)
	}
	warnSharedPipeline(c, warn)
}

type warner func(path, format string, args ...any)

func warnUpload(r *strictyaml.Reader, c *Config, warn warner) {
	if c.Upload.Method == UploadOneShot {
		warn("upload.method", "one-shot: the end of the upload presumably starts the upgrade, nothing can be checked in between (unverified)")
	}
	if r.Given("upload.chunk_encoding") && c.Upload.Method != UploadResumable {
		warn("upload.chunk_encoding", "has no effect with method: %s", c.Upload.Method)
	}
}

// warnNames points at names that speak of the other environment. They prove nothing, as in the written
// process, whose lists contradict their headings; the addresses decide before anything is touched.
func warnNames(e *EnvironmentConfig, path string, warn warner) {
	foreign := []string{"test"}
	if e.Name == policy.Test {
		foreign = []string{"prod"}
	}
	for i, vm := range e.VMs {
		for _, word := range foreign {
			if strings.Contains(strings.ToLower(vm.Name), word) {
				warn(fmt.Sprintf("%s.vms[%d]", path, i), "%s stands under %s, but its name says %q; its address must match one of this Management Node's", vm.Name, e.Name, word)
			}
		}
	}
}

func warnSharedPipeline(c *Config, warn warner) {
	test, errTest := devops.ParsePipelineURL(c.Test.Pipeline.URL)
	production, errProduction := devops.ParsePipelineURL(c.Production.Pipeline.URL)
	if errTest == nil && errProduction == nil && samePipeline(test, production) {
		warn("environments.production.pipeline.url", "both environments use pipeline %d: while it is paused for one, the other's VMs are neither started nor stopped", test.DefinitionID)
	}
}

func samePipeline(a, b devops.Pipeline) bool {
	return a.DefinitionID == b.DefinitionID && strings.EqualFold(a.Project, b.Project) && strings.EqualFold(a.OrganizationURL, b.OrganizationURL)
}

// CheckFiles reports, together and as *ConfigError, every file the configuration names that is not there or not a
// file: the package, certificates and collections, but not the secrets, which ReadSecrets reports. A missing
// collection would else be noticed only after the upgrade. It only looks and may be repeated at will.
func (c *Config) CheckFiles() error {
	var problems []Problem
	look := func(key, path string) {
		if path == "" {
			return
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			problems = append(problems, Problem{Path: key, Message: fmt.Sprintf("%s: %v", path, withoutPath(err))})
		case !info.Mode().IsRegular():
			problems = append(problems, Problem{Path: key, Message: path + " is not a file"})
		}
	}
	look("package.file", c.Package.File)
	look("evidence.public_key_file", c.Evidence.PublicKeyFile)
	look("azure.ca_file", c.Azure.CAFile)
	look("devops.ca_file", c.DevOps.CAFile)
	for _, e := range c.environments() {
		path := "environments." + string(e.Name)
		look(path+".pexip.ca_file", e.Pexip.CAFile)
		e.Checks.look(path+".checks", look)
	}
	if len(problems) > 0 {
		return newConfigError(c.File, problems)
	}
	return nil
}

func (c ChecksConfig) look(path string, look func(key, path string)) {
	if c.Newman != nil {
		look(path+".newman.collection", c.Newman.Collection)
		look(path+".newman.environment", c.Newman.Environment)
	}
	for i, h := range c.HTTP {
		look(fmt.Sprintf("%s.http[%d].ca_file", path, i), h.CAFile)
	}
}
