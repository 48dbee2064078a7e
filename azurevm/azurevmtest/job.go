package azurevmtest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	taskSnapshot = "Take Snapshot"
	taskTransfer = "Transfer data to vault"
	taskRestore  = "Restore"
)

type task struct{ name, status string }

type job struct {
	id, operation, status string
	vm                    *machine
	vault                 *vault
	start, end            time.Time
	tasks                 []task
	message               string
	point                 *point
}

// newJob begins with its first task.
func (s *Server) newJob(m *machine, operation string, now time.Time, tasks ...string) *job {
	j := &job{id: s.newID(), operation: operation, status: "InProgress", vm: m, vault: m.vault, start: now}
	for _, name := range tasks {
		j.tasks = append(j.tasks, task{name, "NotStarted"})
	}
	j.tasks[0].status = "InProgress"
	s.jobs = append(s.jobs, j)
	return j
}

func (j *job) complete(at time.Time) { j.status, j.end = "Completed", at }

func (j *job) fail(at time.Time, task int, message string) {
	j.status, j.end, j.message = "Failed", at, message
	j.tasks[task].status = "Failed"
}

func (s *Server) getJob(c *call) answer {
	v, a := s.vaultOf(c)
	if v == nil {
		return a
	}
	for _, j := range s.jobs {
		if j.vault == v && strings.EqualFold(j.id, c.arg(2)) {
			return ok(j.resource(c.now, true))
		}
	}
	return refuse(http.StatusNotFound, "BMSUserErrorJobNotFound", "The job '%s' was not found.", c.arg(2))
}

// listJobs lists without tasks, as the real service does, the newest first.
func (s *Server) listJobs(c *call) answer {
	v, a := s.vaultOf(c)
	if v == nil {
		return a
	}
	filter, valid := parseFilter(c.parsed.Get("$filter"))
	if !valid {
		return refuse(http.StatusBadRequest, "BMSUserErrorInvalidFilter", "The filter '%s' is not valid.", c.parsed.Get("$filter"))
	}
	values := []any{}
	for _, j := range slices.Backward(s.jobs) {
		if j.vault == v && filter.selects(j) {
			values = append(values, j.resource(c.now, false))
		}
	}
	return s.page(c, values)
}

func (j *job) resource(now time.Time, details bool) object {
	end := now
	if !j.end.IsZero() {
		end = j.end
	}
	p := object{"jobType": "AzureIaaSVMJob", "operation": j.operation, "status": j.status, "startTime": stamp(j.start),
		"entityFriendlyName": strings.ToLower(j.vm.Name), "containerName": j.vm.itemName(), "backupManagementType": "AzureIaasVM",
		"duration": duration(end.Sub(j.start)), "isUserTriggered": true, "activityId": j.id, "virtualMachineVersion": "Compute"}
	if !j.end.IsZero() {
		p["endTime"] = stamp(j.end)
	}
	if j.message != "" {
		p["errorDetails"] = []object{{"errorCode": 400000, "errorTitle": "The job failed.", "errorString": j.message,
			"recommendations": []string{"Try again."}}}
	}
	if details {
		p["extendedInfo"] = object{"tasksList": j.taskList(), "propertyBag": object{"VM Name": j.vm.Name}}
	}
	return object{"id": j.vault.id + "/backupJobs/" + j.id, "name": j.id, "type": "Microsoft.RecoveryServices/vaults/backupJobs", "properties": p}
}

func (j *job) taskList() []object {
	out := []object{}
	for _, t := range j.tasks {
		out = append(out, object{"taskId": t.name, "status": t.status, "duration": "PT0S"})
	}
	return out
}

// jobFilter is what a listing of jobs may be narrowed by.
type jobFilter struct {
	exact    map[string]string
	from, to time.Time
}

var filterTerm = regexp.MustCompile(`^(\w+) eq '([^']*)'$`)

func parseFilter(s string) (jobFilter, bool) {
	f := jobFilter{exact: map[string]string{}}
	if s == "" {
		return f, true
	}
	for _, term := range strings.Split(s, " and ") {
		m := filterTerm.FindStringSubmatch(strings.TrimSpace(term))
		if m == nil || !f.add(m[1], m[2]) {
			return f, false
		}
	}
	return f, true
}

func (f *jobFilter) add(key, value string) bool {
	var err error
	switch key {
	case "startTime":
		f.from, err = time.Parse("2006-01-02 03:04:05 PM", value)
	case "endTime":
		f.to, err = time.Parse("2006-01-02 03:04:05 PM", value)
	case "operation", "status", "backupManagementType", "jobId":
		f.exact[key] = value
	default:
		return false
	}
	return err == nil
}

func (f jobFilter) selects(j *job) bool {
	is := map[string]string{"operation": j.operation, "status": j.status, "backupManagementType": "AzureIaasVM", "jobId": j.id}
	for key, value := range f.exact {
		if !strings.EqualFold(is[key], value) {
			return false
		}
	}
	return (f.from.IsZero() || !j.start.Before(f.from)) && (f.to.IsZero() || !j.start.After(f.to))
}
