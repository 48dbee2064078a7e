// Package runbook drives procedures that take hours, change things that must be put back, and
// contain calls that may be made only once. It knows nothing of what the steps are about.
//
// # How it is used
//
// A [Definition] lists steps as data with functions. [Definition.Plan] shows them before anything
// happens; its hash is what approvals are bound to. [Runner.Start] drives a new run,
// [Runner.Resume] goes on with one whose process has ended, [Runner.TakeOver] with one whose driver
// seems alive but is not, [Runner.Settle] puts back everything that a run changed and ends it.
// [Runner.Signal] records an attestation, an approval or a decision from another process.
// [Runner.Sweep], on a timer, settles what lost machines left behind. [Runner.Evidence] is the run as
// files that can be verified offline with [ReadBundle].
//
// # What it promises
//
// The truth about a run is its journal: an append-only stream of records in a [Log], each durable
// before the program goes on, chained by hashes.
//
//   - One active run per environment; a new one is refused until the one before has ended.
//   - No effect without a record before it: a process that has lost the run to another cannot
//     append, and stops. Its requests are refused too, where the transport asks [CheckOwner].
//   - A step that was done is not done again. A step that was interrupted is entered again with
//     [StepContext.InDoubt] set. Convergent steps look first; a once step asks its target through
//     Resolve what became of the earlier try, and when the target cannot tell, a person is asked.
//   - What must be put back is written down with the value found, before the change. A run cannot
//     end while anything is owed; abort, rollback and failure all pass through the owed list.
//   - A failure waits for a decision: retry, done by hand, waive where the step allows it, roll
//     back, abort. Waiting needs no process; the time to answer, if limited, is in the journal.
//   - Order is the order of records, never of clocks. What is timed is timed by the wall clock, and
//     a machine that slept looks again before it sends anything.
//
// # What people say
//
// An [Ask] comes with a form of [Field] entries; [Question.Check] names every entry that does not fit, and a wrong
// answer is never recorded. The first answer that fits counts. Files that an answer brings ([Answer.Files]) are
// copied into the run's folder before it is recorded, and their size and SHA-256 are part of it: [ReadBundle]
// notices when one was changed. The folder is [Runner.Files], on the machine of whoever answers.
//
// # Where the journal is, and what that means
//
//   - Package filelog, the default: everything holds on one disk. After a crash, at the next start on
//     that machine. If the machine is lost, so is the list of what it owes, unless the run's folder
//     was copied: any copy can be settled.
//   - Package sqllog: in a PostgreSQL that several machines share. Any of them can go on with a run or
//     settle it, and a sweep on a second machine needs nobody. Package fleet drives many environments.
//   - Package memlog: in memory, for tests and previews.
//
// Other stores are possible; package runbooktest has the suite that they must pass, and what it takes
// to crash your own runbooks at every point.
//
// # What it does not promise
//
// A process that is suspended exactly between its last look at the journal and the first byte of a
// request still sends that request when it wakes, however late. That is why a once step needs
// Resolve, why whoever takes over in the middle of one waits for [Runner.Grace] first, and why in the
// end the target's own state decides.
//
// A hash chain shows changes to whoever knows the last hash, and a signature to whoever has the
// public key; somebody who can rewrite all copies and sign can rewrite it.
//
// A step's own waits end with its process; the next one begins them anew.
package runbook
