// Package runbook drives procedures that take hours, change things that must be put back, and
// contain calls that may be made only once. It knows nothing of what the steps are about.
//
// # How it is used
//
// A [Definition] lists steps as data with functions. [Definition.Plan] shows them before anything
// happens; its hash is what approvals are bound to. [Runner.Start] drives a new run,
// [Runner.Resume] goes on with one whose process has ended, [Runner.Settle] puts back everything
// that a run changed and ends it. [Runner.Signal] records an attestation, an approval or a decision
// from another process. [Runner.Evidence] is the run as a file that can be verified offline.
//
// # What it promises
//
// The truth about a run is its journal: an append-only stream of records in a [Log], each durable
// before the program goes on, chained by hashes.
//
//   - One active run per environment; a new one is refused until the one before has ended.
//   - No effect without a record before it: a process that has lost the run to another cannot
//     append, and stops.
//   - A step that was done is not done again. A step that was interrupted is entered again with
//     [StepContext.InDoubt] set. Convergent steps look first; a once step asks its target through
//     Resolve what became of the earlier try, and when the target cannot tell, a person is asked.
//   - What must be put back is written down with the value found, before the change. A run cannot
//     end while anything is owed; abort, rollback and failure all pass through the owed list.
//   - A failure waits for a decision: retry, done by hand, waive where the step allows it, roll
//     back, abort. Waiting needs no process.
//   - Order is the order of records, never of clocks.
//
// # What it does not promise
//
// With package filelog everything holds on one disk: after a crash, at the next start on that
// machine. If the machine is lost, so is the list of what it owes. A process that is stopped exactly
// between [StepContext.Guard] and the guarded request still sends that request when it wakes; that
// is why a once step needs Resolve, and why the target's own state decides. A hash chain shows
// changes to whoever knows the last hash; somebody who can rewrite all copies can rewrite it.
package runbook
