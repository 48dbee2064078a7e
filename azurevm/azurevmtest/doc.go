// Package azurevmtest is a stand-in for the part of Azure that package azurevm uses: virtual
// machines with their power, network interfaces, model and ETag, managed disks and snapshots, a
// Recovery Services vault with its jobs and recovery points, role permissions and locks. It speaks
// Azure Resource Manager's wire format, so that any client of it can be tried; Microsoft's own for Go
// and Node are.
//
//	srv := azurevmtest.NewServer(azurevmtest.Options{})
//	if err := srv.Start(); err != nil { … }  // or use it in process, without a socket
//	defer srv.Close()
//	client, err := azurevm.New(srv.Config())
//
// A Server remembers. A deallocation takes two minutes and can be watched through
// Azure-AsyncOperation and Location links; a backup becomes a job with two tasks, whose recovery
// point is listed as soon as the snapshot is taken and says whether the VM was off meanwhile.
// Options.Speed makes all of that faster than the real world, by default 60,000 times; a test
// may set its own clock with Options.Now instead. State changes by the clock when it is looked
// at; there is nothing running in the background.
//
// # Faults
//
// What goes wrong can be arranged; there is an Example of each:
//
//   - any status, an empty, HTML or garbage body, headers: Inject with Answer
//   - a connection lost before or after the effect: DropBefore, DropAfter, AnswerAfter
//   - half an answer, a slow one, one that trickles: Truncate, Delay, SlowBody
//   - a host that is away: SetDown
//   - an operation that is accepted and fails, with status 200, and works when tried again:
//     FailNextOperation, FailNextStart
//   - a failing job: FailNextJob; a backup without all disks: ExcludeDisks
//   - missing roles and locks: Options.Roles, Options.MissingActions, Options.Locks
//   - somebody else at work: SetPower, Touch, DeleteDisk, Unprotect
//   - disks that cannot be snapshotted, or are deleted when they are swapped out: VM.OSDisk,
//     VM.DeleteOption
//
// What is not served is answered as Azure Resource Manager does it, with 404 or 405 and JSON.
//
// # Differences from the real service
//
// Power operations on one VM preempt each other in the order of arrival; while its model is being
// changed they are refused. A disk with an operating system is exchanged only while the VM is
// deallocated, and disks are made only of snapshots. The names of tasks of a
// restore, the status with which a second backup is refused (409), and that a restore of a VM
// that is not deallocated fails, are guesses; Microsoft does not document them.
package azurevmtest
