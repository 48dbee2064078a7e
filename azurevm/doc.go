// Package azurevm switches the virtual machines of one Azure subscription off and on, backs them up
// and brings them back, in a Recovery Services vault or by snapshots of their disks, and finds out
// beforehand whether all that would be allowed.
//
// A Client speaks to Azure Resource Manager for one subscription:
//
//	client, err := azurevm.New(azurevm.Config{SubscriptionID: "…", Credential: cred})
//
// where cred is any azcore.TokenCredential, usually from azidentity. Tests and rehearsals use
// azurevmtest, a stateful stand-in for Azure.
//
// # Which machine
//
// A VM's name proves nothing. Instance reads the private addresses of all its interfaces, whose owner
// it makes sure of, with its disks, its power and the machine's own id:
//
//	in, err := client.Instance(ctx, azurevm.VM{ResourceGroup: group, Name: name})
//	if err != nil || !slices.Contains(in.Addresses, expected) { … }
//
// # Power
//
// Deallocate and Start name the wanted state and make it so: they look first, send nothing when
// the VM is already as wanted, wait when it is on its way, and are done when Azure's operation is
// over and the VM is observed in the wanted state. Either may be called again after a crash, by
// the same person or another. Stop in the portal is Deallocate; a VM that was shut down from
// inside is Stopped, which is not Deallocated.
//
// A program that must not wait, or that may end, uses BeginDeallocate and BeginStart. They return a
// token that can be stored; ResumeDeallocate and ResumeStart go on from it, in this process or in
// another:
//
//	token, err := client.BeginDeallocate(ctx, vm)
//	…
//	err = client.ResumeDeallocate(ctx, vm, token, nil)
//
// A token of another operation or VM, or with a link to another host, is refused with ErrToken. An
// operation that Azure has forgotten is no obstacle: what counts is the state that is observed.
//
// # Backup
//
// "Backup now" is one request that must not be sent twice, so the pieces are separate: StartBackup
// sends it and gives the job's id, FindBackupJob finds the job when an answer was lost, WaitSnapshot
// waits for the part during which the VM must stay off, and RecoveryPoints proves the result:
//
//	id, err := client.StartBackup(ctx, vault, vm, time.Now().AddDate(0, 0, 30))
//	if errors.Is(err, azurevm.ErrOutcomeUnknown) {
//		job, found, err := client.FindBackupJob(ctx, vault, vm, since)
//		…
//	}
//	job, err := client.WaitSnapshot(ctx, vault, id, nil)
//
// The snapshot takes minutes; the transfer into the vault that follows takes hours and does not
// mind the VM running. Azure Backup itself accepts running VMs; switching them off first is this
// platform's rule. WaitVaultTransfer waits for the rest, and FindVault finds the vault of a VM.
//
// # Restore
//
// ValidateRestore asks Azure whether a restore would be accepted and changes nothing. StartRestore
// replaces the disks of a deallocated VM by those of a recovery point; WaitJob waits for it. The
// replaced disks stay in the resource group, and cost money, until somebody deletes them.
//
// # Snapshots of disks
//
// The second way needs no vault. SnapshotDisks takes a snapshot of every disk of a deallocated VM;
// they are found again by their tags with Snapshots, and last until DeleteExpiredSnapshots is
// called. SwapDisks makes new disks of them, like the ones that they replace, and exchanges them in
// the VM's model; ValidateSwap tells what it would do:
//
//	snapshots, err := client.SnapshotDisks(ctx, vm, azurevm.SnapshotOptions{Run: run, Taken: at, Expires: at.AddDate(0, 0, 30)}, nil)
//	…
//	swap, err := client.SwapDisks(ctx, vm, azurevm.SwapOptions{Snapshots: snapshots, Run: run, At: at}, nil)
//
// The names follow from the VM, the run and the time, so that either call, repeated after a crash,
// finds what it has made; snapshots of a VM that ran in between are refused, because they would not fit
// together. What is left over is kept: snapshots until they expire and somebody asks for their deletion,
// the old disks, and new ones of a swap that failed, until a person deletes them. Both are returned.
// Unmanaged and ephemeral disks are refused.
//
// # Before anything is changed
//
// RequiredPermissions, for snapshots of disks also DiskPermissions, and CheckPermissions compare what
// the caller may do with what the above needs: a PermissionVerdict is granted, missing or unknown, and
// names the role to ask for. Locks lists what would forbid it all the same. Neither has side effects.
//
// # Errors
//
// Every error from the service is an *Error: what was attempted, on which object, what Azure
// said, and what is safe to do next. The sentinels (ErrNotFound, ErrConflict, …) work with
// errors.Is. The bearer token is sent to the configured endpoint only, whatever an answer's
// headers or links say.
//
// # Repetition
//
// Reads are repeated on 408, 429, 5xx and connection errors. A request that starts something is
// sent once; only when it is certain that Azure did not accept it (429, or no connection was
// made) is it sent again, and never that of a backup or restore.
//
// What is awaited is looked at every Config.PollInterval, ten seconds by default, or as seldom as Azure's
// Retry-After asks; every wait has a limit. Up to twenty failed looks in a row are put up with, as the
// network of an operator's machine comes and goes.
//
// # Not verified against Azure
//
// This package was written from Microsoft's documentation and SDK and tried against azurevmtest
// only. Unverified are the filter of job listings by time (its form is azure-cli's), how the
// service reports a second backup, the answer of a successful validation, whether the names in
// permission checks are all that Azure asks for, whether a data disk can be exchanged in its slot
// by one request, what a delete option does to a disk that is swapped out, whether a VM's model
// always has an ETag (without one it is written unconditionally), and whether disks always have the
// LastOwnershipUpdateTime by which snapshots of two states are noticed (without it they are not).
package azurevm
