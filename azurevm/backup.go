package azurevm

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/recoveryservices/armrecoveryservicesbackup/v4"

	"github.com/verify-by-video/pexip-upgrade/internal/poll"
)

// keptDays is how long a backup is kept when the caller does not say. In days, because a month after
// 31 January is in March.
const keptDays = 30

// StartBackup requests a backup of the VM that is kept until retainUntil, what the portal calls
// "Backup now", and returns the id of the vault's job. The request always tells the expiry: a zero
// retainUntil is 30 days from now, which is also what the service documents ("Backups - Trigger").
//
// The request is sent once and never repeated. ErrOutcomeUnknown: it may or may not have been
// accepted; look with FindBackupJob before requesting another. ErrBackupInProgress: Azure refused
// because another backup of this VM is running. ErrNotProtected: nothing was requested.
// How the service reports a running backup is undocumented: a refusal at once, one by the operation,
// and a job that fails for it (see WaitSnapshot) all match.
func (c *Client) StartBackup(ctx context.Context, vault Vault, vm VM, retainUntil time.Time) (string, error) {
	item, err := c.ProtectedItem(ctx, vault, vm)
	if err != nil {
		return "", err
	}
	if retainUntil.IsZero() {
		retainUntil = time.Now().AddDate(0, 0, keptDays)
	}
	request := &armrecoveryservicesbackup.IaasVMBackupRequest{RecoveryPointExpiryTimeInUTC: new(retainUntil.UTC())}
	a := attempting("request a backup of vm", vm)
	_, err = c.backup.NewBackupsClient().Trigger(a.once(ctx), vault.Name, vault.ResourceGroup, fabric, item.Container, item.Name,
		armrecoveryservicesbackup.BackupRequestResource{Properties: request}, nil)
	return c.triggered(ctx, vault, a, err, "it may have been accepted; look for its job with FindBackupJob before requesting another")
}

// triggered finds the job of a backup or restore that was just requested; doubt is the advice
// for the case that it is unknown whether it was accepted. Both answers have no content: the id
// of the operation is in a header, and the operation knows the job.
func (c *Client) triggered(ctx context.Context, vault Vault, a *attempt, err error, doubt string) (string, error) {
	if err != nil && !a.accepted() {
		if err = a.fail(err); unclear(err) {
			return "", unknown(err, doubt)
		}
		return "", err
	}
	id := operationID(a)
	if id == "" {
		return "", unknown(a.fail(errors.New("the answer names no operation")), doubt)
	}
	job, err := c.jobOf(ctx, vault, a, id)
	if _, ok := errors.AsType[*Error](err); err != nil && !ok {
		err = &Error{Operation: a.operation, Object: a.object, Err: err}
	}
	if err != nil && !errors.Is(err, errNotStarted) {
		return "", unknown(err, doubt)
	}
	return job, err
}

// operationID is the last element of the status link. Other parts of it are not to be relied on:
// its container and item names may differ from those that were sent.
func operationID(a *attempt) string {
	if a.response == nil {
		return ""
	}
	for _, header := range []string{"Azure-AsyncOperation", "Location"} {
		u, err := url.Parse(a.response.Header.Get(header))
		if err != nil {
			continue
		}
		if id := path.Base(u.Path); id != "." && id != "/" {
			return id
		}
	}
	return ""
}

// errNotStarted: the service says that there is no job.
var errNotStarted = errors.New("the service did not start a job")

// jobOf waits until the operation has made a job. Success means that, not that the job is done.
func (c *Client) jobOf(ctx context.Context, vault Vault, a *attempt, operation string) (string, error) {
	var job string
	pause := retryAfter(a.response) // before the first look
	err := c.wait(ctx, fmt.Sprintf("the job of operation %s in vault %s", operation, vault), c.cfg.TriggerLimit,
		func(ctx context.Context) (bool, error) {
			if err := poll.Sleep(ctx, pause); err != nil {
				return false, err
			}
			pause = 0
			status := &attempt{operation: a.operation, object: a.object}
			res, err := c.backup.NewBackupOperationStatusesClient().Get(status.reading(ctx, c), vault.Name, vault.ResourceGroup, operation, nil)
			if err = status.fail(err); errors.Is(err, ErrNotFound) {
				return false, nil // it takes a moment until it can be read
			} else if err != nil {
				return false, err
			}
			if job, err = startedJob(res.OperationStatus); err != nil {
				return false, a.notStarted(err, res.Error)
			}
			if job == "" {
				return false, c.hold(ctx, retryAfter(status.response))
			}
			return true, nil
		})
	return job, err
}

// notStarted tells what the service gave as its reason.
func (a *attempt) notStarted(err error, reason *armrecoveryservicesbackup.OperationStatusError) error {
	e := a.decided(err)
	if reason != nil {
		e.Code, e.Message = value(reason.Code), value(reason.Message)
		e.Advice = e.advice()
	}
	return e
}

// startedJob is the id of the job, or "" while there is none yet.
func startedJob(status armrecoveryservicesbackup.OperationStatus) (string, error) {
	switch state := value(status.Status); state {
	case armrecoveryservicesbackup.OperationStatusValuesInProgress, "":
		return "", nil
	case armrecoveryservicesbackup.OperationStatusValuesSucceeded:
	default:
		return "", fmt.Errorf("%w: the operation is %s", errNotStarted, state)
	}
	info, ok := status.Properties.(*armrecoveryservicesbackup.OperationStatusJobExtendedInfo)
	if !ok || value(info.JobID) == "" {
		return "", errors.New("the operation succeeded without naming a job")
	}
	return *info.JobID, nil
}
