// Package fleet drives the runs of many environments on several machines that share one PostgreSQL.
//
//	f, err := fleet.New(fleet.Config{DB: pool, Log: journals, Actor: "worker@host", Definition: define,
//		Total: 20, Groups: map[string]int{"production": 2}})
//	…
//	err = f.Migrate(ctx)                                                    // once; harmless when repeated
//	n, err := f.Enqueue(ctx, []fleet.Item{{Environment: "site-01", Group: "production"}})
//	err = f.Work(ctx)                                                       // on each machine, until ctx ends
//	r, err := f.Status(ctx)                                                 // from anywhere
//	err = f.Signal(ctx, "site-01-0001", "approve-plan", answer)             // from anywhere
//
// # Who does what
//
// The journals, in package sqllog, are the truth about every run. River (riverqueue.com) hands out
// environments as jobs, spreads them over the workers, and has a web interface. A job gives its
// environment a turn: the run is started, or goes on, until it ends, waits for a person, or its time
// is up. River may hand a job out twice. That does no harm: a job belongs to one run, a run has one
// owner, and the journal's fence keeps a step that may happen once from happening twice.
//
// What has begun is finished before something new begins, unless Config.Slice lets all have their turn
// one after the other.
//
// # Bounds
//
// Config.Workers bounds what a process drives at once, Config.Total what all of them do, Config.Groups
// what they do of a group. Slots are locks of a session that belongs to the worker, so they are free
// when it is gone. A group that has no slot left is in no other group's way. All processes must be
// configured alike; where they are not, the largest bound counts. When a worker loses its session
// while others want its slots, a bound may be exceeded until its environments have had their turn.
//
// # People
//
// A run that waits for an answer or a decision has no slot. Signal and Abort let it go on at once; an
// answer from another program is found at the next look, which comes after a second at first and
// later every Config.Look. While nothing has happened a look costs two reads, and leaves no record.
//
// # Failures
//
// A step that fails is the run's affair: it is recorded, and a person decides. An environment that
// cannot be driven (no definition, a panic in it, a changed plan, a database that is away) is tried
// again, ever more rarely, and given up after Config.Attempts; Enqueue takes it again, and its run goes
// on where it was. Meanwhile it takes no slot, so that no environment is in another's way. One that
// ends its whole process interrupts the steps of all that the process drives, as any crash does: start
// workers by a service manager that starts them again.
//
// # Dead workers
//
// A worker says that it is alive by a lock of its session. When it is killed the lock is free at once,
// and others, or the next worker that starts, go on with its environments after Config.Lease and at
// most a third of it. When its machine or network is gone without a word, the server has to notice
// first: fleet's own session is given up after half a minute, and those of the journals' locks when
// the server's TCP keepalive says so, which by default takes two hours. Shorten that where the
// journals' pool connects: tcp_keepalives_idle=15 tcp_keepalives_interval=5 tcp_keepalives_count=3.
// Until then Status says that the run is driven elsewhere. A worker that is stopped, but alive, keeps
// its environments; end it, or take the run over with runbook.Runner.TakeOver.
//
// A once step whose worker died in it is resolved by its target only after the runner's Grace (a
// minute); see runbook.
//
// A long step needs no renewal by anybody but the process itself. A database that restarts interrupts
// turns, which are tried again.
//
// # Stopping
//
// When Work's context ends the worker takes nothing new, lets the running steps finish, gives its
// environments back, to be driven on by others at once, and returns. Config.Drain bounds that.
//
// # Sweeps
//
// With Config.Sweep the workers also look for runs that the fleet does not have and that nobody drives
// any more, such as those of a lost laptop, and put back what they owe. A run that was given up, or
// cancelled in River's interface, is such a run too.
//
// # Limits
//
// Definition must make the same plan for an environment on every machine. Attachments lie where the
// worker is that made them (Runner.Files): use a shared folder if they must be found elsewhere.
// Observers see what their own process does. Groups are known when a worker starts. One statement,
// which lets begun environments go first, writes to River's table directly; it is made for the version
// of River in go.mod.
package fleet
