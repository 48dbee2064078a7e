package upgrade_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// badConfig is full.yaml with one text replaced by another, and what must be reported then: nothing else
// may be. Each is written as "key: part of the message".
type badConfig struct {
	name, old, new string
	want           []string
}

const (
	testVM       = "      - resource_group: rg-test\n        name: vm-node-conf-core\n"
	testPipeline = "https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build?definitionId=107"
	wholeChange  = "  change_window:\n    from: \"22:00\"\n    to: \"04:00\"\n    days: [Fri, Mon]\n    time_zone: America/Toronto\n"
	wholeOAuth2  = "      oauth2:\n        client_id: 00000000-aaaa-bbbb-cccc-dddddddddddd\n        private_key_file: test.key\n        token_url: https://mgr-test.example.org/oauth/token/\n        audience: https://mgr-test/oauth/token/\n        scope: is_admin\n"
	wholeBasic   = "      basic:\n        username: upgrader\n        password_env: PEXIP_PASSWORD\n"
)

var badConfigs = []badConfig{
	// The file as a whole.
	{"another version", "version: 1\n", "version: 2\n", []string{"version: must be 1"}},
	{"no version", "version: 1\n", "", []string{"version: missing: write version: 1"}},
	{"version as text", "version: 1\n", "version: \"1\"\n", []string{"version: expected a whole number, found text"}},
	{"unknown section", "approval:", "aproval:", []string{"aproval: unknown key; known here: approval, azure"}},
	{"a section twice", "snapshot:\n", "azure: {}\nsnapshot:\n", []string{"azure: given twice, first in line 10"}},
	{"a key twice", "  retention_days: 45\n", "  retention_days: 45\n  retention_days: 46\n", []string{"snapshot.retention_days: given twice"}},
	{"a list for a section", "approval:\n  second_person: true\n", "approval: [true]\n", []string{"approval: expected keys and values, found a list"}},
	{"nothing in a section", "approval:\n  second_person: true\n", "approval:\n", []string{"approval: expected keys and values, found nothing; leave the key out"}},
	{"nothing for a key", "second_person: true", "second_person:", []string{"approval.second_person: expected true or false, found nothing"}},
	{"a list as a key", "second_person: true", "? [a]\n  : b", []string{"approval: a key must be a plain word"}},
	{"a merged section", "second_person: true", "<<: {second_person: true}", []string{"approval: a key must be a plain word"}},
	{"an alias", "  retention_days: 45\n  reuse_younger_than: 2h", "  retention_days: &d 45\n  reuse_younger_than: *d", []string{"snapshot.reuse_younger_than: expected a duration such as 90s, 30m or 1h30m, found an alias"}},
	{"a second document", "version: 1\n", "version: 1\n---\nversion: 1\n", []string{": there is a second document", "package: missing", "azure: missing", "devops: missing", "environments: missing"}},
	{"a home folder", "state: ./runs", "state: ~/runs", []string{"state: ~ is not understood here"}},
	{"a folder that is a number", "state: ./runs", "state: 7", []string{"state: expected text (quote a number to make it text), found a number"}},

	// The package.
	{"no package file", "  file: ./Pexip_Infinity_v39.1_UPGRADE_83067.tar\n", "", []string{"package.file: missing"}},
	{"no checksum", "  sha256: 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n", "", []string{"package.sha256: missing: copy it"}},
	{"a short checksum", "sha256: 01", "sha256: ", []string{"package.sha256: not a SHA-256: expected 64 hexadecimal digits, found 62 characters"}},
	{"a checksum not in hex", "sha256: 01", "sha256: xx", []string{"package.sha256: not a SHA-256: not all of its 64"}},
	{"a checksum list", "sha256: 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "sha256: [a]", []string{"package.sha256: expected a SHA-256, found a list"}},
	{"no target version", "  version: \"39.1\"\n", "", []string{"package.version: missing"}},
	{"a version that is none", `version: "39.1"`, "version: latest", []string{`package.version: "latest" is not a version`}},
	{"a version that is a truth value", `version: "39.1"`, "version: true", []string{`package.version: expected a version such as "39.1", found true or false`}},
	{"no build", "  build: \"83067\"\n", "", []string{"package.build: missing: the build tells"}},
	{"a build that is none", `build: "83067"`, "build: beta", []string{`package.build: "beta" is not a build`}},
	{"a build that is a list", `build: "83067"`, "build: [83067]", []string{`package.build: expected a build such as "83067", found a list`}},
	{"two builds", `version: "39.1"`, `version: "39.1 (83066)"`, []string{"package.version: names build 83066.0.0, but build says 83067.0.0"}},
	{"no source of the checksum", "  checksum_source: https://www.pexip.com/help-center/platform-download\n", "", []string{"package.checksum_source: missing"}},
	{"a source over http", "checksum_source: https:", "checksum_source: http:", []string{"package.checksum_source: must begin with https://"}},

	// Azure and Azure DevOps.
	{"no subscription", "  subscription: 11111111-2222-3333-4444-555555555555\n", "", []string{"azure.subscription: missing"}},
	{"a subscription by name", "subscription: 11111111-2222-3333-4444-555555555555", "subscription: Verify-by-Video", []string{`azure.subscription: "Verify-by-Video" is not a GUID`}},
	{"a tenant by name", "tenant: 66666666-7777-8888-9999-aaaaaaaaaaaa", "tenant: example.org", []string{`azure.tenant: "example.org" is not a GUID`}},
	{"an endpoint without audience", "  audience: https://management.core.windows.net/\n", "", []string{"azure: endpoint and audience belong together"}},
	{"an audience without endpoint", "  endpoint: https://management.azure.com/\n", "", []string{"azure: endpoint and audience belong together"}},
	{"an endpoint over http", "endpoint: https:", "endpoint: http:", []string{"azure.endpoint: must begin with https://"}},
	{"an endpoint with a path", "endpoint: https://management.azure.com/", "endpoint: https://management.azure.com/arm", []string{"azure.endpoint: give only https:// and the host"}},
	{"an unknown credential", "credential: token_file", "credential: browser", []string{`azure.credential: "browser" is none of default, cli, token_file`, "azure.token_file: is used only with credential: token_file, but credential is default"}},
	{"a token file nobody reads", "credential: token_file", "credential: cli", []string{"azure.token_file: is used only with credential: token_file, but credential is cli"}},
	{"no token file", "  token_file: ./azure.token\n", "", []string{"azure.token_file: missing: credential: token_file needs"}},
	{"a token", "  token_file: ./azure.token\n", "  token: hunter2\n", []string{"azure.token: secrets are never written in this file; use token_file", "azure.token_file: missing"}},
	{"a client secret", "  token_file: ./azure.token\n", "  token_file: ./azure.token\n  client_secret: hunter2\n", []string{"azure.client_secret: secrets are never written in this file"}},
	{"no access to DevOps", "  pat_file: devops.pat\n", "", []string{"devops: give one of pat_file, pat_env and entra: true"}},
	{"entra switched off", "  pat_file: devops.pat\n", "  entra: false\n", []string{"devops: give one of pat_file, pat_env and entra: true"}},
	{"a PAT", "  pat_file: devops.pat\n", "  pat: hunter2\n", []string{"devops: give one of", "devops.pat: secrets are never written in this file; use pat_file or pat_env"}},
	{"two PATs", "  pat_file: devops.pat\n", "  pat_file: devops.pat\n  pat_env: PAT\n", []string{"devops: pat_file and pat_env exclude each other"}},
	{"a PAT and Entra", "  pat_file: devops.pat\n", "  pat_file: devops.pat\n  entra: true\n", []string{"devops: entra: true and a personal access token exclude each other"}},
	{"a PAT for a variable's name", "  pat_file: devops.pat\n", "  pat_env: hunter2-\n", []string{"devops.pat_env: not the name of an environment variable"}},
	{"yes for true", "  pat_file: devops.pat\n", "  pat_file: devops.pat\n  entra: yes\n", []string{"devops.entra: expected true or false, found text"}},

	// Upload, snapshot, policy.
	{"an unknown method", "method: resumable", "method: ftp", []string{`upload.method: "ftp" is none of resumable, one-shot, manual`}},
	{"resumable without encoding", "  chunk_encoding: raw-content-range\n", "", []string{"upload.chunk_encoding: missing: method: resumable needs to know"}},
	{"an unknown encoding", "chunk_encoding: raw-content-range", "chunk_encoding: base64", []string{`upload.chunk_encoding: "base64" is none of raw-content-range, multipart-package, multipart-file, multipart-chunk-offset`}},
	{"a chunk without unit", "chunk_size: 8MiB", "chunk_size: 8", []string{"upload.chunk_size: expected a size such as 16MiB, found a number"}},
	{"a chunk in decimal", "chunk_size: 8MiB", "chunk_size: 8MB", []string{`upload.chunk_size: "8MB" is not a size`}},
	{"a chunk too small", "chunk_size: 8MiB", "chunk_size: 1KiB", []string{"upload.chunk_size: 1KiB is not between"}},
	{"a chunk too large", "chunk_size: 8MiB", "chunk_size: 999999999GiB", []string{"upload.chunk_size: 999999999GiB is not between"}},
	{"a duration without unit", "stall_timeout: 3m", "stall_timeout: 180", []string{"upload.stall_timeout: expected a duration such as 90s, 30m or 1h30m, found a number"}},
	{"no stall timeout", "stall_timeout: 3m", "stall_timeout: 0s", []string{"upload.stall_timeout: 0s is less than 1ms"}},
	{"a negative duration", "retry_for: 20m", "retry_for: -20m", []string{"upload.retry_for: -20m0s is negative"}},
	{"a duration in days", "reuse_younger_than: 2h", "reuse_younger_than: 2d", []string{`snapshot.reuse_younger_than: "2d" is not a duration such as 90s, 30m or 1h30m (a week is 168h)`}},
	{"kept for no time", "retention_days: 45", "retention_days: 0", []string{"snapshot.retention_days: 0 is not a whole number from 1 to 9999"}},
	{"kept too long", "retention_days: 45", "retention_days: 10000", []string{"snapshot.retention_days: 10000 is not"}},
	{"kept for a month", "retention_days: 45", "retention_days: month", []string{"snapshot.retention_days: expected a whole number, found text"}},
	{"kept for half a day", "retention_days: 45", "retention_days: 0.5", []string{"snapshot.retention_days: expected a whole number, found a number"}},
	{"second person as text", "second_person: true", "second_person: \"true\"", []string{"approval.second_person: expected true or false, found text"}},
	{"a release that is none", `"38", 38.1`, `"38", next`, []string{`policy.releases[1]: "next" is not a version`}},
	{"releases out of order", `"38", 38.1`, `38.1, "38"`, []string{"policy.releases: 38 after 38.1: list each release once, oldest first"}},
	{"a release twice", `"38", 38.1`, `"38", 38.0`, []string{"policy.releases: 38 after 38"}},
	{"releases as text", `releases: ["38", 38.1, 39, "39.1"]`, "releases: all", []string{"policy.releases: expected a list, found text"}},
	{"a negative soak", "soak: 48h", "soak: -1h", []string{"policy.soak: -1h0m0s is negative"}},
	{"a must acknowledged", "rule: two-minors-ahead", "rule: same-as-test", []string{"policy.acknowledge[0].rule: same-as-test is a must"}},
	{"no reason", "      reason: agreed in the change board\n", "", []string{"policy.acknowledge[0].reason: missing: why that is right"}},
	{"a blank person", "by: A. Operator", "by: ' '", []string{"policy.acknowledge[0].by: is empty"}},
	{"two lines", "reason: agreed in the change board", "reason: |\n        a\n        b", []string{"policy.acknowledge[0].reason: holds a line break"}},

	// Windows and waits.
	{"an unknown zone", "time_zone: America/Vancouver", "time_zone: Vancouver", []string{`window.service_hours.time_zone: "Vancouver" is not a time zone`}},
	{"the machine's zone", "time_zone: America/Vancouver", "time_zone: Local", []string{"window.service_hours.time_zone: the zone Local differs from machine to machine"}},
	{"a zone outside the folder", "time_zone: America/Vancouver", "time_zone: ../../etc/passwd", []string{"window.service_hours.time_zone: "}},
	{"an hour that is none", `from: "08:00"`, `from: "8am"`, []string{`window.service_hours.from: "8am" is not a time such as "07:00"`}},
	{"an hour too late", `to: "17:30"`, `to: "25:30"`, []string{`window.service_hours.to: "25:30" is not a time`}},
	{"an hour that is a list", `to: "17:30"`, `to: [17, 30]`, []string{`window.service_hours.to: expected a time such as "07:00", found a list`}},
	{"an empty zone", "time_zone: America/Vancouver", `time_zone: ""`, []string{"window.service_hours.time_zone: is empty"}},
	{"no end", "    to: \"17:30\"\n", "", []string{"window.service_hours.to: missing"}},
	{"no time between", `to: "17:30"`, `to: "08:00"`, []string{"window.service_hours: begins and ends at 08:00"}},
	{"from the last midnight", `from: "08:00"`, `from: "24:00"`, []string{"window.service_hours.from: write 00:00 for midnight"}},
	{"a day that is none", "days: [Mon, Tue,", "days: [Holiday, Tue,", []string{`window.service_hours.days[0]: "Holiday" is not a day`}},
	{"a day that is a number", "days: [Mon, Tue,", "days: [1, Tue,", []string{"window.service_hours.days[0]: expected text"}},
	{"a day twice", "days: [Mon, Tue,", "days: [Mon, Monday, Tue,", []string{"window.service_hours.days: names Monday twice"}},
	{"no day", "days: [Fri, Mon]", "days: []", []string{"window.change_window.days: names no day"}},
	{"windows that overlap", `from: "22:00"`, `from: "20:00"`, []string{"window.change_window: overlaps the service hours, for example at Mon 17:00 PST"}},
	{"windows that overlap after midnight", `to: "04:00"`, `to: "21:00"`, []string{"window.change_window: overlaps the service hours"}},
	{"a stop during service", `next_stop: "18:00"`, `next_stop: "12:00"`, []string{"window.next_stop: 12:00 lies inside the service hours 08:00–17:30"}},
	{"a stop that is none", `next_stop: "18:00"`, "next_stop: evening", []string{`window.next_stop: "evening" is not a time`}},
	{"no poll interval", "poll_interval: 5s", "poll_interval: 0s", []string{"waits.poll_interval: 0s is less than 1ms"}},
	{"a wait shorter than a poll", "vm_power: 20m", "vm_power: 1s", []string{"waits.vm_power: 1s is shorter than poll_interval (5s)"}},
	{"a call at the very second", "call_tolerance: 15m", "call_tolerance: 1s", []string{"verification.call_tolerance: 1s is less than 1m"}},
	{"a negative wait", "conferencing_nodes: 12h", "conferencing_nodes: -12h", []string{"waits.conferencing_nodes: -12h0m0s is negative"}},

	// The checks.
	{"a collection without file", "    collection: vbv.postman_collection.json\n", "", []string{"checks.newman.collection: missing"}},
	{"newman as text", "  newman:\n    collection: vbv.postman_collection.json\n    environment: vbv.postman_environment.json\n", "  newman: all\n", []string{"checks.newman: expected keys and values, found text"}},
	{"a check over http", "url: https://vbv-test.example.org/status", "url: http://vbv-test.example.org/status", []string{"environments.test.checks.http[0].url: must begin with https://"}},
	{"a check without name", "        - name: alive\n          url:", "        - url:", []string{"environments.test.checks.http[1].name: missing"}},
	{"two checks of a name", "- name: alive", "- name: status", []string{`environments.test.checks.http[1]: two checks are named "status"`}},
	{"a check that changes things", "method: POST", "method: DELETE", []string{`environments.test.checks.http[0].method: "DELETE" is none of GET, HEAD, OPTIONS, POST`}},
	{"a status that is none", "expect_status: 201", "expect_status: 99", []string{"environments.test.checks.http[0].expect_status: 99 is not"}},
	{"equals without path", "          json_path: status\n", "", []string{"environments.test.checks.http[0].equals: needs json_path"}},
	{"equals nothing", "equals: ok", `equals: ""`, []string{"environments.test.checks.http[0].equals: is empty"}},
	{"equals a list", "equals: ok", "equals: [ok]", []string{"environments.test.checks.http[0].equals: expected one value, found a list"}},
	{"the body of HEAD", "method: POST", "method: HEAD", []string{"environments.test.checks.http[0].json_path: an answer to HEAD has no body"}},

	// The environments.
	{"a third environment", "  production:\n", "  staging: {}\n  production:\n", []string{"environments.staging: unknown key; known here: production, test"}},
	{"no url", "      url: https://mgr.example.org\n", "", []string{"environments.production.pexip.url: missing"}},
	{"a node over http", "url: https://mgr.example.org", "url: http://mgr.example.org", []string{"environments.production.pexip.url: must begin with https://"}},
	{"a node without scheme", "url: https://mgr.example.org", "url: mgr.example.org", []string{"environments.production.pexip.url: must begin with https://"}},
	{"a node without host", "url: https://mgr.example.org", "url: https://", []string{"environments.production.pexip.url: the address names no host"}},
	{"a password in an address", "url: https://mgr.example.org", "url: https://admin:hunter2@mgr.example.org", []string{"environments.production.pexip.url: an address may not hold a user name or password"}},
	{"a broken address", "url: https://mgr.example.org", "url: https://hunter2:x@mgr:port/", []string{"environments.production.pexip.url: not an address"}},
	{"an address with a path", "url: https://mgr.example.org", "url: https://mgr.example.org/admin/", []string{"environments.production.pexip.url: give only https:// and the host"}},
	{"an address with a query", "url: https://mgr.example.org", "url: https://mgr.example.org/?a=b", []string{"environments.production.pexip.url: the address may not hold a ? part"}},
	{"an address with an anchor", "url: https://mgr.example.org", "url: https://mgr.example.org/#/login", []string{"environments.production.pexip.url: an address may not hold a # part"}},
	{"one node for both", "url: https://mgr.example.org", "url: https://MGR-test.example.org:443", []string{"environments.production.pexip.url: is also the Management Node of test"}},
	{"both logins", wholeBasic, wholeBasic + "      oauth2: {client_id: c, private_key_env: K}\n", []string{"environments.production.pexip: give exactly one of oauth2 and basic"}},
	{"no login", wholeOAuth2, "", []string{"environments.test.pexip: give exactly one of oauth2 and basic"}},
	{"a client without id", "        client_id: 00000000-aaaa-bbbb-cccc-dddddddddddd\n", "", []string{"environments.test.pexip.oauth2.client_id: missing"}},
	{"a client without key", "        private_key_file: test.key\n", "", []string{"environments.test.pexip.oauth2.private_key_file: missing: give it or private_key_env"}},
	{"a key in the file", "        private_key_file: test.key\n", "        private_key: |\n          hunter2\n", []string{"environments.test.pexip.oauth2.private_key: secrets are never", "environments.test.pexip.oauth2.private_key_file: missing"}},
	{"a token address over http", "token_url: https:", "token_url: http:", []string{"environments.test.pexip.oauth2.token_url: must begin with https://"}},
	{"a password", "password_env: PEXIP_PASSWORD", "password: hunter2", []string{"environments.production.pexip.basic.password: secrets are never written in this file; use password_file or password_env", "environments.production.pexip.basic.password_file: missing"}},
	{"a password that begins with a star", "password_env: PEXIP_PASSWORD", "password: *hunter2", []string{": not valid YAML: a value that begins with * must be quoted"}},
	{"a password for a variable's name", "password_env: PEXIP_PASSWORD", "password_env: hunter2!", []string{"environments.production.pexip.basic.password_env: not the name of an environment variable"}},
	{"a password in the name", "username: upgrader", "username: upgrader:hunter2", []string{"environments.production.pexip.basic.username: may not hold a colon"}},
	{"no passphrase", "      backup_passphrase_env: TEST_PASSPHRASE\n", "", []string{"environments.test.pexip.backup_passphrase_file: missing"}},
	{"a passphrase", "backup_passphrase_env: TEST_PASSPHRASE", "backup_passphrase: hunter2", []string{"environments.test.pexip.backup_passphrase: secrets are never", "environments.test.pexip.backup_passphrase_file: missing"}},
	{"a pin that is none", `"AA:aa:`, `"AA:`, []string{"environments.test.pexip.pinned_certificate_sha256: not a SHA-256"}},
	{"no VM", "    vms:\n      - resource_group: rg-production\n        name: vm-node-mgmt\n", "", []string{"environments.production.vms: missing"}},
	{"an empty list of VMs", "    vms:\n      - resource_group: rg-production\n        name: vm-node-mgmt\n", "    vms: []\n", []string{"environments.production.vms: missing"}},
	{"VMs as text", "    vms:\n      - resource_group: rg-production\n        name: vm-node-mgmt\n", "    vms: vm-node-mgmt\n", []string{"environments.production.vms: expected a list, found text"}},
	{"a VM as text", testVM, "      - vm-node-conf-core\n", []string{"environments.test.vms[1]: expected keys and values, found text"}},
	{"a VM without group", testVM, "      - name: vm-node-conf-core\n", []string{"environments.test.vms[1].resource_group: missing"}},
	{"a VM by id", "name: vm-node-conf-core", "name: /subscriptions/x/vm-node-conf-core", []string{"environments.test.vms[1].name: \"/subscriptions/x/vm-node-conf-core\" is not the name of an Azure resource"}},
	{"a VM twice", "name: vm-node-conf-core", "name: VM-node-mgmt-core", []string{"environments.test.vms[1]: rg-test/VM-node-mgmt-core is listed already as environments.test.vms[0]"}},
	{"a VM in both", "      - resource_group: rg-production\n        name: vm-node-mgmt\n", "      - resource_group: RG-TEST\n        name: vm-node-conf-core\n", []string{"environments.production.vms[0]: RG-TEST/vm-node-conf-core is listed already as environments.test.vms[1]"}},
	{"no vault", "    vault:\n      resource_group: rg-backup\n      name: vault-production\n", "", []string{"environments.production.vault: missing"}},
	{"a vault without name", "      name: vault-production\n", "", []string{"environments.production.vault.name: missing"}},
	{"a storage account by name", "storage_account: /subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-backup/providers/Microsoft.Storage/storageAccounts/stagetest", "storage_account: stagetest", []string{"environments.test.vault.storage_account: not the ARM id of a storage account"}},
	{"a pipeline without definition", testPipeline, "https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build", []string{"environments.test.pipeline.url: pipeline address: "}},
	{"a build instead of a pipeline", testPipeline, "https://dev.azure.com/ExampleOrg/Platform/_build/results?buildId=7", []string{"environments.test.pipeline.url: pipeline address: "}},
	{"the written process's bracket", testPipeline, `"` + testPipeline + `]"`, []string{"environments.test.pipeline.url: pipeline address: "}},
	{"a pipeline over http", testPipeline, "http" + strings.TrimPrefix(testPipeline, "https"), []string{"environments.test.pipeline.url: must begin with https://"}},
	{"a start that says nothing", "        parameters:\n          action: start\n        variables:\n          attempts: 2\n        stages_to_skip: [Notify]\n", "", []string{"environments.test.pipeline.start: says nothing that makes"}},
	{"a secret variable", "attempts: 2", "password: hunter2", []string{"environments.test.pipeline.start.variables.password: secrets are never written in this file; make it a secret variable"}},
	{"a parameter that is a list", "action: start", "action: [start]", []string{"environments.test.pipeline.start.parameters.action: expected one value, found a list"}},
	{"a stage that is a number", "stages_to_skip: [Notify]", "stages_to_skip: [1]", []string{"environments.test.pipeline.start.stages_to_skip[0]: expected text"}},
	{"a branch of two lines", "branch: refs/heads/main", `branch: "a\nb"`, []string{"environments.test.pipeline.start.branch: holds a line break"}},
	{"a call that may be", "bcsc_call: false", "bcsc_call: maybe", []string{"environments.test.bcsc_call: expected true or false, found text"}},
	{"a key without end", "    bcsc_call: false\n", "    bcsc_call: false\n    " + strings.Repeat("x", 100) + ": true\n", []string{"environments.test." + strings.Repeat("x", 60) + "…: unknown key"}},
	{"an address that is a list", "url: https://mgr.example.org", "url: [https://mgr.example.org]", []string{"environments.production.pexip.url: expected text"}},
	{"a group that is a number", "resource_group: rg-production", "resource_group: 7", []string{"environments.production.vms[0].resource_group: expected text"}},
	{"a method that is a truth value", "method: POST", "method: true", []string{"environments.test.checks.http[0].method: expected text (quote a number to make it text), found true or false"}},
	{"a stray key", "    bcsc_call: false\n", "    bcsc_call: false\n    bcsccall: true\n", []string{"environments.test.bcsccall: unknown key; known here: bcsc_call, checks, pexip, pipeline, vault, vms"}},

	// The parser.
	{"broken YAML", "state: ./runs", "state: ./runs: hunter2", []string{": not valid YAML: mapping values are not allowed in this context"}},
	{"a tab", "  second_person: true", "\tsecond_person: true", []string{": not valid YAML: "}},
}

func TestBadConfigs(t *testing.T) {
	full := readConfigFile(t, "full.yaml")
	for _, c := range badConfigs {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(full, c.old) == 0 {
				t.Fatalf("full.yaml has no %q", c.old)
			}
			text := strings.Replace(full, c.old, c.new, 1)
			checkProblems(t, text, c.want)
		})
	}
}

func checkProblems(t *testing.T, text string, want []string) {
	t.Helper()
	c, err := upgrade.ParseConfig([]byte(text), "/cfg")
	e, ok := errors.AsType[*upgrade.ConfigError](err)
	if !ok || c != nil {
		t.Fatalf("accepted, or another error: %v", err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the secret shows: %v", err)
	}
	left := e.Problems
	for _, w := range want {
		at := -1
		for i, p := range left {
			if strings.HasPrefix(p.Path+": "+p.Message, w) {
				at = i
			}
		}
		if at < 0 {
			t.Errorf("not reported: %s\ngot %v", w, err)
			continue
		}
		checkLine(t, text, left[at])
		left = append(left[:at:at], left[at+1:]...)
	}
	if len(left) > 0 {
		t.Errorf("reported beside it: %v", left)
	}
}

var lastKey = regexp.MustCompile(`([a-z_0-9]+)(\[\d+\])?$`)

// checkLine makes sure that a problem points at the line with its key, wherever the key is there.
func checkLine(t *testing.T, text string, p upgrade.Problem) {
	t.Helper()
	lines := strings.Split(text, "\n")
	if p.Line < 1 || p.Line > len(lines) {
		t.Errorf("no such line: %+v", p)
		return
	}
	m := lastKey.FindStringSubmatch(p.Path)
	switch {
	case m == nil, strings.HasPrefix(p.Message, "missing"), m[2] != "":
		return
	case !regexp.MustCompile(`\n\s*(- )?`+m[1]+`: *\n`).MatchString(text) && !strings.Contains(lines[p.Line-1], m[1]):
		t.Errorf("line %d is %q: %+v", p.Line, lines[p.Line-1], p)
	}
}

func TestBadFilesAsAWhole(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{": the file is empty"}},
		{"a comment", "# nothing\n", []string{": the file is empty"}},
		{"a list", "- a\n", []string{": expected keys and values, found a list"}},
		{"text", "hello\n", []string{": expected keys and values, found text"}},
		{"null", "null\n", []string{": expected keys and values, found nothing"}},
		{"binary", "\x00\x01\x02", []string{": not valid YAML: "}},
		{"HTML", "<html><body>Sign in</body></html>", []string{": expected keys and values, found text"}},
		{"too large", strings.Repeat("#", 1<<20+1), []string{": the file is larger than 1 MiB"}},
		{"broken after a document", "a: b\n---\n- [", []string{": not valid YAML: ", "a: unknown key", "version: missing", "package: missing", "azure: missing", "devops: missing", "environments: missing"}},
	} {
		t.Run(c.name, func(t *testing.T) { checkProblems(t, c.text, c.want) })
	}
}

func TestOneEnvironmentIsNotEnough(t *testing.T) {
	full := readConfigFile(t, "full.yaml")
	cut := strings.Index(full, "  production:\n")
	checkProblems(t, full[:cut], []string{"environments.production: missing: both environments are needed"})
	checkProblems(t, strings.Replace(full, "  production:\n", "  prod:\n", 1), []string{"environments.production: missing", "environments.prod: unknown key"})
	checkProblems(t, full[:strings.Index(full, "environments:")]+"environments: {}\n", []string{"environments.test: missing", "environments.production: missing"})
}

func TestAllFaultsAreReportedTogether(t *testing.T) {
	text := readConfigFile(t, "full.yaml")
	var want []string
	for _, c := range badConfigs {
		switch c.name {
		case "a short checksum", "a build that is none", "a subscription by name", "an unknown method", "kept for no time", "a release that is none", "no poll interval",
			"a status that is none", "a password", "no passphrase", "a VM twice", "a vault without name", "a stray key", "an unknown zone", "one node for both":
			text = strings.Replace(text, c.old, c.new, 1)
			want = append(want, c.want...)
		}
	}
	if len(want) != 16 {
		t.Fatalf("%d faults put in", len(want))
	}
	checkProblems(t, text, want)
}
