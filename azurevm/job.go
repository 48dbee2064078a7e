package azurevm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Task is a part of a job. Its Status is Completed, InProgress, Failed, Skipped or whatever the
// service says: it is not one of a fixed set.
type Task struct{ Name, Status string }

// lost says whether the task has ended without doing what it should.
func (t Task) lost() bool { return ended(t.Status) }

// Job is what a vault does about one VM.
type Job struct {
	ID string
	// Operation is Backup, Restore, ….
	Operation string
	// Status is InProgress, Completed, CompletedWithWarnings, Failed, Cancelling, Cancelled or Invalid.
	Status string
	// End is zero while the job runs.
	Start, End time.Time
	// Tasks are listed by Job, not by FindBackupJob; of a restore they are for display only.
	Tasks []Task
	// Errors are the service's words, with its recommendations.
	Errors []string
	// VMName is without the resource group.
	VMName string
}

// The parts of a backup: the VM's disks are read during the first only
// ("Manage backup and restore jobs using REST API").
const (
	taskSnapshot = "Take Snapshot"
	taskTransfer = "Transfer data to vault"
)

// SnapshotTaken says whether the VM's disks are captured, so that the VM may be started. A job
// that is completed counts also when it lists no tasks.
func (j Job) SnapshotTaken() bool {
	for _, t := range j.Tasks {
		if strings.EqualFold(t.Name, taskSnapshot) {
			return strings.EqualFold(t.Status, "Completed") || (j.completed() && !t.lost())
		}
	}
	return j.completed()
}

func (j Job) completed() bool {
	return strings.EqualFold(j.Status, "Completed") || strings.EqualFold(j.Status, "CompletedWithWarnings")
}

// Transferred says whether the backup's data is in the vault. A job that is completed counts also
// when it does not list that task; the service may skip the task while another backup runs.
func (j Job) Transferred() bool {
	for _, t := range j.Tasks {
		if strings.EqualFold(t.Name, taskTransfer) {
			return strings.EqualFold(t.Status, "Completed")
		}
	}
	return j.completed()
}

// Failed says whether the job has ended without doing what it should. A snapshot that was taken
// before a backup failed stays usable all the same.
func (j Job) Failed() bool { return ended(j.Status) }

func ended(status string) bool {
	return slices.ContainsFunc([]string{"Failed", "Cancelled", "Canceled", "Invalid"},
		func(s string) bool { return strings.EqualFold(s, status) })
}

// Job reads a job of the vault with its tasks. It has no side effects.
func (c *Client) Job(ctx context.Context, vault Vault, id string) (Job, error) {
	if err := vault.check(); err != nil {
		return Job{}, err
	}
	if id == "" || strings.ContainsAny(id, "/?# ") {
		return Job{}, fmt.Errorf("job %q of vault %s: not a job id", id, vault)
	}
	a := attempting("read job "+id+" of vault", vault)
	var res jobResource
	err := c.get(ctx, a, escapePath(c.vaultID(vault)+"/backupJobs/"+id), backupQuery(""), &res)
	return res.job(), err
}

// FindBackupJob returns the newest backup job of the VM that started at or after since, by the
// service's clock, and whether there is one. It says whether a StartBackup whose answer was lost
// took effect; allow for the difference of the clocks. The job comes without its tasks, and jobs
// that started more than 30 days after since are not looked at. It has no side effects.
func (c *Client) FindBackupJob(ctx context.Context, vault Vault, vm VM, since time.Time) (Job, bool, error) {
	return c.findJob(ctx, vault, vm, "Backup", since)
}

// FindRestoreJob is FindBackupJob for StartRestore.
func (c *Client) FindRestoreJob(ctx context.Context, vault Vault, vm VM, since time.Time) (Job, bool, error) {
	return c.findJob(ctx, vault, vm, "Restore", since)
}

func (c *Client) findJob(ctx context.Context, vault Vault, vm VM, operation string, since time.Time) (Job, bool, error) {
	if err := errors.Join(vault.check(), vm.check()); err != nil {
		return Job{}, false, err
	}
	a := attempting("find the "+strings.ToLower(operation)+" job of vm "+vm.String()+" in vault", vault)
	all, err := list[jobResource](ctx, c, a, escapePath(c.vaultID(vault)+"/backupJobs"), backupQuery(jobFilter(operation, since)))
	if err != nil {
		return Job{}, false, err
	}
	var newest Job
	found := false
	for _, r := range all {
		j := r.job()
		if r.of(vm) && strings.EqualFold(j.Operation, operation) && !j.Start.Before(since) && (!found || j.Start.After(newest.Start)) {
			newest, found = j, true
		}
	}
	return newest, found, nil
}

// jobFilter has times in the only form the service takes, and always both. It starts a minute
// early, because it knows no fractions of a second; findJob compares exactly.
func jobFilter(operation string, since time.Time) string {
	filter := "backupManagementType eq 'AzureIaasVM' and operation eq '" + operation + "'"
	if since.IsZero() {
		return filter
	}
	const layout = "2006-01-02 03:04:05 PM"
	from := since.UTC().Add(-time.Minute)
	return filter + fmt.Sprintf(" and startTime eq '%s' and endTime eq '%s'", from.Format(layout), from.AddDate(0, 0, 30).Format(layout))
}

// WaitSnapshot waits until the job has taken the VM's snapshot, at most SnapshotLimit, and returns
// the job as last seen. The transfer into the vault is not waited for: the VM may be started
// before it ("Get improved backup and restore performance with Azure Backup Instant Restore").
// The error matches ErrJobFailed when the job, or that part of it, ended without a snapshot; and
// ErrBackupInProgress too when that was because another backup was running. watch, when not nil, is
// called with every state seen. It has no side effects.
func (c *Client) WaitSnapshot(ctx context.Context, vault Vault, jobID string, watch func(Job)) (Job, error) {
	return c.waitJob(ctx, vault, jobID, "take the snapshot", c.cfg.SnapshotLimit, watch, Job.SnapshotTaken)
}

// WaitJob waits until the whole job is completed, at most RestoreLimit, and returns it as last
// seen. The error matches ErrJobFailed when it failed or was cancelled. watch, when not nil, is
// called with every state seen. It has no side effects.
func (c *Client) WaitJob(ctx context.Context, vault Vault, jobID string, watch func(Job)) (Job, error) {
	return c.waitJob(ctx, vault, jobID, "complete", c.cfg.RestoreLimit, watch, Job.completed)
}

func (c *Client) waitJob(ctx context.Context, vault Vault, id, aim string, limit time.Duration, watch func(Job), done func(Job) bool) (Job, error) {
	var last Job
	err := c.wait(ctx, fmt.Sprintf("job %s of vault %s to %s", id, vault, aim), limit, func(ctx context.Context) (bool, error) {
		j, err := c.Job(ctx, vault, id)
		if err != nil {
			return false, err
		}
		last = j
		if watch != nil {
			watch(j)
		}
		if done(j) {
			return true, nil
		}
		return false, j.failure(vault)
	})
	if _, ok := errors.AsType[*Error](err); err == nil || ok {
		return last, err
	}
	return last, &Error{Operation: "wait for job " + id + " of vault", Object: vault.String(), Err: err, final: true,
		Advice: fmt.Sprintf("the job goes on by itself and was last seen %q; it is safe to wait again", last.Status)}
}

// WaitVaultTransfer waits until the job's recovery point is in the vault too, at most TransferLimit,
// and returns the job as last seen. This takes hours and nothing has to be off meanwhile. The error
// matches ErrJobFailed when the job ended without it; a snapshot that was taken stays usable until
// the policy's instant retention ends, which is days. watch, when not nil, is called with every
// state seen. It has no side effects.
func (c *Client) WaitVaultTransfer(ctx context.Context, vault Vault, jobID string, watch func(Job)) (Job, error) {
	job, err := c.waitJob(ctx, vault, jobID, "transfer its data to the vault", c.cfg.TransferLimit, watch, Job.completed)
	if err != nil || job.Transferred() {
		return job, err
	}
	e := attempting("job "+job.ID+" of vault", vault).decided(fmt.Errorf("%w: it is %s without having transferred the data to the vault", ErrJobFailed, job.Status))
	e.Message = strings.Join(job.Errors, "; ")
	e.Advice = adviceSnapshot
	return job, e
}

// failure is nil while the job may still do what it should. One whose snapshot or transfer is lost
// is not waited for: the VM is off meanwhile.
func (j Job) failure(vault Vault) error {
	what := fmt.Sprintf("%s of vm %s is %s", strings.ToLower(j.Operation), j.VMName, j.Status)
	if !j.Failed() {
		i := slices.IndexFunc(j.Tasks, func(t Task) bool {
			return t.lost() && (strings.EqualFold(t.Name, taskSnapshot) || strings.EqualFold(t.Name, taskTransfer))
		})
		if i < 0 {
			return nil
		}
		what += fmt.Sprintf(", its %q is %s", j.Tasks[i].Name, j.Tasks[i].Status)
	}
	e := attempting("job "+j.ID+" of vault", vault).decided(fmt.Errorf("%w: %s", ErrJobFailed, what))
	e.Message, e.Advice = strings.Join(j.Errors, "; "), j.advice()
	if strings.Contains(strings.ToLower(e.Message), "backupoperationinprogress") {
		e.Err, e.Advice = fmt.Errorf("%w: %w", ErrBackupInProgress, e.Err), (&Error{Code: "UserErrorBackupOperationInProgress"}).advice()
	}
	return e
}

const adviceSnapshot = "the snapshot stays usable for the days of the policy's instant retention"

func (j Job) advice() string {
	switch {
	case !strings.EqualFold(j.Operation, "Backup"):
		return "look at the VM's disks before anything else is requested; it should stay off until then"
	case j.SnapshotTaken():
		return adviceSnapshot
	}
	return "there is no recovery point of it; it is safe to request another backup"
}

// jobResource is read leniently: a job that shows one unexpected value must still be followed.
type jobResource struct {
	Name       text `json:"name"`
	Properties struct {
		Operation          text      `json:"operation"`
		Status             text      `json:"status"`
		StartTime          timestamp `json:"startTime"`
		EndTime            timestamp `json:"endTime"`
		EntityFriendlyName text      `json:"entityFriendlyName"`
		ContainerName      text      `json:"containerName"`
		ErrorDetails       []struct {
			ErrorCode       text   `json:"errorCode"`
			ErrorTitle      text   `json:"errorTitle"`
			ErrorString     text   `json:"errorString"`
			Recommendations []text `json:"recommendations"`
		} `json:"errorDetails"`
		ExtendedInfo struct {
			DynamicErrorMessage text `json:"dynamicErrorMessage"`
			TasksList           []struct {
				TaskID text `json:"taskId"`
				Status text `json:"status"`
			} `json:"tasksList"`
		} `json:"extendedInfo"`
	} `json:"properties"`
}

func (r jobResource) job() Job {
	p := r.Properties
	j := Job{ID: string(r.Name), Operation: string(p.Operation), Status: string(p.Status), Start: p.StartTime.Time,
		End: p.EndTime.Time, VMName: string(p.EntityFriendlyName)}
	for _, t := range p.ExtendedInfo.TasksList {
		j.Tasks = append(j.Tasks, Task{string(t.TaskID), string(t.Status)})
	}
	for _, e := range p.ErrorDetails {
		line := joinNonEmpty(": ", string(e.ErrorCode), string(e.ErrorTitle), string(e.ErrorString))
		for _, r := range e.Recommendations {
			line = joinNonEmpty(" ", line, string(r))
		}
		j.Errors = append(j.Errors, line)
	}
	if m := p.ExtendedInfo.DynamicErrorMessage; m != "" {
		j.Errors = append(j.Errors, string(m))
	}
	return j
}

// of says whether the job is about the VM. Its name may exist in several groups; the container,
// where the job tells it, ends in ";group;name".
func (r jobResource) of(vm VM) bool {
	if !strings.EqualFold(string(r.Properties.EntityFriendlyName), vm.Name) {
		return false
	}
	parts := strings.Split(string(r.Properties.ContainerName), ";")
	n := len(parts)
	return n < 2 || (strings.EqualFold(parts[n-2], vm.ResourceGroup) && strings.EqualFold(parts[n-1], vm.Name))
}
