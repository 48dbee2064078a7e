// Package runbooktest tests stores of journals, and programs that are built on package runbook.
//
// # A new store
//
// [TestLog] is the conformance suite for a [runbook.Log]. Everything that the engine promises (a
// step that may happen once happens once, nothing owed is forgotten, a former owner starts nothing)
// rests on the rules that it checks, so a store that passes may be used in place of any other:
//
//	func TestConformance(t *testing.T) {
//		runbooktest.TestLog(t,
//			func(t *testing.T) runbook.Log { return mystore.New(t.TempDir()) },
//			func(t *testing.T, l runbook.Log) runbook.Log { return mystore.New(l.(*mystore.Log).Dir()) })
//	}
//
// A failure says which rule was violated and what the engine needs it for. What the suite cannot
// check is left to the store's own tests: that a record survives the loss of power, that a changed
// byte in the store is noticed, and what happens when the disk or the server fails.
//
// [BenchmarkLog] measures the price of a record, in time and in syncs.
//
// # A new runbook
//
// [CrashEverywhere] lets the process of a run die before and after each of its records and requests,
// lets another process go on, and checks that the run ends, owes nothing and has evidence that
// verifies. [Crash] is such a process, [People] answers a run's questions from a script, [Clock] is a
// clock that tests move, also as a machine that sleeps. [Counting] counts what a run costs its store.
package runbooktest
