// Package upgrade is the written process for upgrading Pexip Infinity as a runbook: its clauses, its
// configuration file, its steps in order for Test and for Production, what each changes and puts back,
// and the session that plans, runs, resumes and settles it.
//
// # How it is used
//
// [LoadConfig] reads the configuration strictly. [Open] makes a [Session] for one environment and
// sends nothing. [Session.Plan] shows the steps and what every check says now; its transport refuses
// whatever is not a read. [Session.Run] starts a run; questions go to an Asker (a prompt, a file of
// prepared answers from [LoadAnswers]) or wait for an answer from another process. [Session.Resume]
// goes on after a crash, [Session.Settle] puts everything back and ends the run. [ExitCode] turns
// the outcome into the exit codes that programs use.
//
// # The order of the steps
//
// It is the document's, with two exceptions that facts force. The rights in Azure and on the pipeline
// are checked first, and if VMs are off they are started before Pexip is looked at, because only a
// Management Node that answers can be checked. And the pipeline is paused only after that, because a
// paused pipeline starts nothing, not even by hand.
//
// # What is put back
//
// The pipeline's queue status, the power of every VM, the session timeout and an unused upload are
// owed: recorded with the value found before they are changed, and put back by the close-out, by an
// abort, by a rollback or by Settle, in reverse order. Each looks before it acts: what is already as
// found stays, what a colleague changed meanwhile is not overwritten, and the pipeline is not resumed
// while an upgrade runs on the nodes.
//
// # What people state
//
// What no API shows is attested: who read which release notes, who attended the vendor's session, what
// mitigates a breaking change, who took the call of the app. The word counts. Where a machine can, it is
// held against what was seen: the call against those of the upgraded node at that time. A call that was
// not seen, or could not be looked up, is reported as uncorroborated and stops nobody.
//
// # What happens once
//
// Starting the upgrade and restoring a VM. Each is guarded by the journal immediately before the
// request; when an answer is lost, the node's or the vault's own state is watched, and when that does
// not tell either, a person is asked. They are never repeated blindly.
package upgrade
