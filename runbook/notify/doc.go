// Package notify tells people outside the terminal what a run needs: through a webhook, or in Microsoft
// Teams. It is an observer of package runbook, and like every observer it has no say: whatever becomes
// of a notice, the run goes on as if there were none.
//
//	n, err := notify.New(notify.Config{Kind: notify.Teams, URL: url})
//	…
//	runner.Observer = runbook.Observers(runner.Observer, n.Observe)
//	…
//	err = n.Close(ctx) // what still waits is sent, as long as ctx lasts
//
// # What is told
//
// That a run waits for a person, that a step failed for the first time, that something has been owed for
// too long, and how a run ended. The same thing is told once by a process; a process that resumes a run
// may tell it again, with the same id, by which a receiver knows it. What is owed is watched while a
// process has a notifier; for runs that wait without a process, whoever looks at their journals from
// time to time passes their obligations to Observe.
//
// # Secrets
//
// The address of a webhook is itself a secret: whoever knows it may post. It is in no error and no log.
// The texts are those of events, from which the runner has removed every secret that it knows.
//
// # Signatures
//
// With a secret each request is signed as Standard Webhooks 1.0 says (HMAC-SHA256 over id, time and
// body; https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md), so
// that a receiver can check it with one of the libraries that exist for that, and refuse old ones.
package notify
