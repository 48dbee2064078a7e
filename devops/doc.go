// Package devops reads, pauses, resumes and runs one Azure DevOps pipeline definition, and clears
// what its schedule queued meanwhile.
//
//	client, err := devops.New(devops.Config{
//		PipelineURL: "https://dev.azure.com/ExampleOrg/Verify-by-Video%20Platform/_build?definitionId=107",
//		PAT:         pat,
//	})
//	found, err := client.Definition(ctx)
//	change, err := client.SetQueueStatus(ctx, devops.Paused, "run 42: upgrade, back by 22:00")
//	// … write down found.QueueStatus and change.RevisionAfter; do the work …
//	backlog, err := client.Backlog(ctx)
//	_, err = client.Cancel(ctx, ids(backlog)...)
//	_, err = client.RestoreQueueStatus(ctx, devops.Restore{
//		Found: found.QueueStatus, Revision: change.RevisionAfter, Marker: "run 42", Comment: "run 42: done"})
//
// # What paused means
//
// A paused definition still takes builds from people and from its schedule, and starts none of them,
// not even one queued by hand. Builds that run already go on. When it is enabled again everything
// that queued up starts, oldest first: for a pipeline that starts and stops machines that is a stale
// "stop" right after the work. So wait for WaitIdle after pausing, and cancel the Backlog before
// resuming, and look once more after it: the schedule may fire between the last look and the resume. A
// disabled definition takes no builds at all. (Vendor pages "Definitions - Update", "Pipeline settings".)
//
// Pausing and resuming are edits of the definition. For a schedule that runs only when something has
// changed, such an edit can by itself be the change that makes it run (vendor page "Configure schedules
// for pipelines").
//
// # How a change is made
//
// The service has no call that sets the queue status alone: the whole definition is read and written
// back, and whatever is left out of it is deleted or falls back to a default. SetQueueStatus therefore
// works on the raw document. It changes the queue status and the comment and keeps every other field
// as it came, also those that no released SDK knows. A write names the revision it was made from, so a
// colleague's edit in between is never overwritten: the document is read again and the one field
// applied to the newer one. When an answer is lost, the history tells whether the write had arrived,
// also when somebody undid it since: their decision stands.
//
// # Credentials
//
// A personal access token or any azcore.TokenCredential. Both are sent over https to the configured
// host only and never appear in errors. A token is replaced five minutes before its end, by the wall
// clock, so that waits of hours and a laptop's sleep do no harm; one that is rejected before is replaced
// by the next read. While no newer one can be had it is used to its end. Scopes: Build (read and
// execute). Contributors can pause but not cancel what the schedule queued, which needs "Stop builds";
// CheckPermissions tells beforehand.
//
// # Errors and repetition
//
// Every failed call returns an *Error; see there. It names the request's activity id, by which the
// vendor's support finds it. Reads are repeated on 429, 502, 503, 504 and connection errors, honouring
// Retry-After. Nothing that starts something is ever sent twice: Run looks for the build instead and
// returns ErrOutcomeUnknown when it cannot tell. The service's sign-in page, which it may send with a
// status of success, is ErrUnauthorized.
//
// A pause, two looks at an empty backlog and a resume take 9 requests, and each build to cancel 3 more
// when it ends between two looks. Looks while waiting are Config.PollInterval apart, or as far as the
// service asks.
//
// # Not verified against a real organization
//
// The answer to a write from an old revision (404, 409 and 400 are all resolved by reading), whether a
// held build is notStarted or postponed (both are asked for), the permissions endpoint (anything
// unexpected is "unknown"), and Config.CancelPausedBuilds.
//
// Package devopstest is a double of the service for tests and rehearsals.
package devops
