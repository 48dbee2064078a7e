// Package devopstest is a double of Azure DevOps for one project with one pipeline definition: its
// document, history, queue of builds, and permissions. It speaks the service's wire format, so any
// client can be pointed at it, the vendor's Go and Node clients included.
//
//	srv := devopstest.NewServer(devopstest.Options{PAT: "secret"})
//	if err := srv.Start(); err != nil { … } // or use srv.Client() without starting: in process
//	defer srv.Close()
//	client, err := devops.New(devops.Config{PipelineURL: srv.PipelineURL(), PAT: "secret", HTTPClient: srv.Client()})
//
// # World
//
// By default the organization ExampleOrg, the project "Verify-by-Video Platform" and definition 107,
// "Virtual Machine - Start Stop", enabled, with no builds. Tick lets the schedule fire once, QueueManual
// queues as a person would, SetQueueStatus and Edit are what colleagues do. A build runs for
// Options.RunDuration; one build runs at a time; while the definition is not enabled none starts, and
// when it is enabled the oldest starts first. OnRun is called when a build starts, which is where a
// world stops and starts its machines.
//
// # Time
//
// Nothing runs in the background: state advances by the clock whenever it is looked at, by a request,
// by State, or by Settle. Durations are divided by Options.Speed; the times that are served are real.
//
// # What it serves
//
// The description of the API (OPTIONS), resource areas, connection data, projects; the definition with
// its list and history; builds with their list, filters, order, pages and timeline, queued and cancelled
// one by one or in bulk; the same again as pipelines and runs; the permissions of whoever asks. Paths
// are case-insensitive, projects go by name or GUID, enumerations by name or number, versions by query
// or Accept header. Everything else is answered 404 or 405 with the service's own error body, and
// deleting or creating 403. Every answer has an activity id. A client in any language needs the address
// and CertificatePEM:
//
//	curl --cacert ca.pem -u :secret "$URL/ExampleOrg/Verify-by-Video%20Platform/_apis/build/definitions/107"
//
// # What goes wrong
//
// Inject arms a Fault: it meets the requests that match its Method and Path, after Skip of them, Times
// times (0: once, negative: always). The first armed fault that matches acts. It either is put together
// or comes ready made:
//
//	any status, empty body, HTML, garbage      Kind Answer with Status, Header and Body
//	the same, with the work done               Kind AnswerAfter
//	connection dropped before, after           Kind DropBefore, DropAfter
//	request, answer or JSON cut short          Kind CutBody, CutAnswer, Truncate
//	slow answer, slow body                     Kind Delay, SlowBody
//	sign-in page, expired token                SignInPage, ExpiredToken
//	throttling, also with success              Throttled, Delayed
//	permission missing                         Forbidden
//	outage                                     Unavailable
//	write from an old revision: 404, 409, 400  StaleRevision
//
// What lasts is a state of the world instead: SetCredentials (with Options.Rejection: 401, 203 or 302),
// SetMissingPermissions, SetDown, and Edit between a client's read and its write (with
// Options.StaleRevision).
//
// Requests is the log of what arrived, with the fault that met it.
//
// # Where it differs
//
// One project, one definition, one agent. The comment of the last write is not part of the document
// unless Options.EchoComment is set. Stages cannot be cancelled one by one. The answers to queueing on a
// disabled definition and to cancelling a completed build (400), to deleting and creating (403), the
// state of held builds (Options.HeldStatus) and the permissions endpoint are unverified against the real
// service.
package devopstest
