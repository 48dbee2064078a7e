package upgrade

import (
	"slices"

	"github.com/verify-by-video/pexip-upgrade/runbook"
)

// Clause is one sentence of the process document with the id by which steps, rules, scenarios and
// reports cite it.
type Clause struct {
	ID      string `json:"id"`
	Section string `json:"section"`
	// Kind: a must stops a run, a should needs an acknowledgement, a fact is how the world behaves.
	Kind string `json:"kind"`
	// By says who meets it: code, human or both.
	By   string `json:"by"`
	Text string `json:"text"`
}

const (
	prerequisites = "Prerequisites"
	promotion     = "Promotion pathway"
	snapshot      = "Snapshot"
	upgrading     = "Upgrade"
	verification  = "Verification"
	risks         = "Risks"
)

// Clauses are all clauses of the process document, in its order and in our words.
var Clauses = []Clause{
	{"PRE-1", prerequisites, "must", "code", "Whoever upgrades may administer Pexip's Management Node (Entra group MAX - Video Conferencing Users)."},
	{"PRE-2", prerequisites, "must", "code", "Whoever upgrades may administer the subscription: Subscription Contributors, Tenant Root Contributors or Tenant Root Owners."},
	{"PRE-3", prerequisites, "must", "code", "Whoever upgrades may write the virtual machines in the resource groups of the environment."},
	{"PRE-4", prerequisites, "should", "code", "The workstation stays awake and unlocked while the large file uploads."},
	{"POL-0", promotion, "must", "both", "A departure from the pathway is possible, and is written down; the guide is changed where needed."},
	{"POL-1", promotion, "should", "both", "Who upgrades Test means to upgrade Production to the same version within weeks of Test being stable."},
	{"POL-1a", promotion, "must", "code", "Test is at most one major version ahead of Production."},
	{"POL-1b", promotion, "should", "code", "Test is at most two minor versions ahead of Production."},
	{"POL-2", promotion, "must", "human", "The release notes were read before the upgrade."},
	{"POL-2a", promotion, "should", "human", "The vendor's introduction to the version was attended, where there is one."},
	{"POL-3", promotion, "must", "human", "An expected breaking change has its mitigation before Test is upgraded, written down for Production."},
	{"POL-4", promotion, "must", "both", "All major functions of the service are tested with the Postman collection; nothing is impaired."},
	{"POL-4a", promotion, "must", "human", "The service is tried with the Dev or QA build of the BC Services Card app."},
	{"POL-5", promotion, "must", "code", "Production only goes to the version that Test runs."},
	{"POL-5a", promotion, "must", "code", "The file's SHA-256 is the one on Pexip's download page."},
	{"SNAP-1", snapshot, "must", "code", "A virtual machine is off while it is backed up: the pipeline is paused and the machine stopped, or one waits for the schedule."},
	{"SNAP-2", snapshot, "fact", "code", "A paused pipeline goes on collecting scheduled runs and starts them once it is resumed."},
	{"SNAP-3", snapshot, "must", "code", "Every virtual machine of the environment is backed up: the Management Node's and each Conferencing Node's."},
	{"SNAP-4", snapshot, "must", "code", "Backup now, kept until a given date, one month by default."},
	{"UPG-1", upgrading, "must", "both", "The upgrade file comes from Pexip's download page."},
	{"UPG-2", upgrading, "must", "code", "There is a recent recovery point; otherwise one is made, with the machine off, before anything else."},
	{"UPG-3", upgrading, "must", "code", "The start/stop pipeline (definition 107) is paused so that it stops no machine during the upgrade."},
	{"UPG-3a", upgrading, "must", "code", "Outside service hours the environment is started by hand, so that its machines run."},
	{"UPG-4", upgrading, "must", "code", "The session timeout of the management web interface is switched off."},
	{"UPG-5", upgrading, "must", "code", "The upgrade follows Pexip's own procedure."},
	{"VER-1", verification, "must", "both", "An administrator can log in and the system looks sound."},
	{"VER-2", verification, "must", "code", "The service's endpoints answer as the Postman collection expects."},
	{"VER-3", verification, "must", "human", "After a Test upgrade the BC Services Card app still makes a call, taken by somebody on the test queue in Genesys."},
	{"VER-4", verification, "must", "code", "The session timeout is switched on again."},
	{"VER-5", verification, "must", "code", "The start/stop pipeline is resumed."},
	{"RISK-1", risks, "must", "code", "A rollback loses local logs, so a remote syslog server collects them."},
	{"RISK-2", risks, "fact", "code", "A timeout or a network outage can break the upload; a broken upload is continued or repeated without harm."},
}

// ClauseText returns a clause's text, or "".
func ClauseText(id string) string {
	i := slices.IndexFunc(Clauses, func(c Clause) bool { return c.ID == id })
	if i < 0 {
		return ""
	}
	return Clauses[i].Text
}

// Uncovered returns the ids of clauses that none of the plan's steps cites.
func Uncovered(plan runbook.Plan) []string {
	cited := map[string]bool{}
	for _, s := range slices.Concat(plan.Steps, plan.Rollback) {
		for _, id := range s.Clauses {
			cited[id] = true
		}
	}
	var missing []string
	for _, c := range Clauses {
		if !cited[c.ID] {
			missing = append(missing, c.ID)
		}
	}
	return missing
}
