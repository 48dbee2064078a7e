// Package features is the process document as an executable specification: its sections as
// feature files in the document's order and words, for the people who carry the upgrades out.
//
// Each scenario carries the ids of the clauses it shows (@UPG-3) and the environment that is upgraded
// (@Test or @Production). The steps drive the real process of package upgrade: every client, every
// request. Only the network is replaced: gock stands in front of the vendors' real addresses and
// hands each request to the simulated world of package upgradetest, in process. Journals are in memory.
//
// README.md tells how to run all of it, one clause, or one environment.
package features
