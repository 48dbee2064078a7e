package upgrade_test

import (
	"fmt"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// Everything that is wrong is reported at once.
func ExampleParseConfig() {
	_, err := upgrade.ParseConfig([]byte(strings.Join([]string{
		"version: 1",
		"package:",
		"  file: upgrade.tar",
		"  sha256: 1234",
		"  version: 39.1",
		"  checksum_source: https://www.pexip.com/help-center/platform-download",
		"azure: {subscription: 11111111-2222-3333-4444-555555555555}",
		"devops: {pat: abcdef}",
		"environments: {}",
	}, "\n")), ".")
	fmt.Println(err)
	// Output:
	// configuration: 6 problem(s); nothing was contacted or changed
	//   configuration:2: package.build: missing: the build tells what software it is; write it as "83067"
	//   configuration:4: package.sha256: not a SHA-256: expected 64 hexadecimal digits, found 4 characters
	//   configuration:8: devops: give one of pat_file, pat_env and entra: true
	//   configuration:8: devops.pat: secrets are never written in this file; use pat_file or pat_env
	//   configuration:9: environments.production: missing: both environments are needed, also to upgrade one: the promotion rules compare them
	//   configuration:9: environments.test: missing: both environments are needed, also to upgrade one: the promotion rules compare them
}
