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
// # What went wrong
//
// Inject arms faults (see Fault and the ready-made ones such as SignInPage and Throttled), SetDown
// makes the host unreachable, Options.StaleRevision and Options.Rejection choose between answers the
// service is known or believed to give. Requests is the log of what arrived.
//
// # Where it differs
//
// One project, one definition, one agent. The comment of the last write is not part of the document
// unless Options.EchoComment is set. The answers to queueing on a disabled definition and to cancelling
// a completed build (400), the state of held builds (Options.HeldStatus) and the permissions endpoint
// are unverified against the real service.
package devopstest
