// Package pexip is a client of the Management API of one Pexip Infinity Management Node, as far as
// an upgrade needs it: look at nodes, alarms, licences, calls and remote logging; switch the web
// interface's session timeout and maintenance modes; make and fetch a backup or a diagnostic
// snapshot; upload an upgrade package, have the node validate it, start the upgrade, and watch it.
//
// Start with New; ExampleClient_Upload shows an upgrade from end to end.
//
// # Log in
//
// Give Config either a Basic account or an OAuth2 client. A login through Entra or another OpenID
// Connect provider works in the web interface only. Tokens are fetched and renewed as needed;
// passwords, keys, tokens and passphrases are kept out of errors and of anything printed.
// CheckAccess finds out what the account may do without changing anything.
//
// # Upload
//
// There are two ways into the node, and a third that needs a person:
//
//   - CreateUpgradeRequest, Upload, ValidateUpgrade, StartUpgrade. The package goes in chunks, can
//     be resumed after any failure and from any machine, and is validated by the node before
//     anything is installed. Features says whether the node offers it. How a chunk is put on the
//     wire is not documented by Pexip: set Config.ChunkEncoding to what the deployment was found
//     to accept; on a Test node ProbeChunkEncoding finds out.
//   - UploadAndStart: one request with the whole package, which most likely starts the upgrade by
//     itself. The point of no return.
//   - By hand in the web interface; then watch Nodes until the versions change.
//
// Whatever is sent is hashed on the way, and the last bytes leave only if the sum is the one that
// Pexip published: a wrong file never becomes complete on the node.
//
// # Before and after
//
// State captures the platform and Diff compares two captures, with the changes that were meant
// declared by ExpectVersion, ExpectSetting or an Expectation of one's own: what is left over is to
// be looked at. CreateBackup and CreateSnapshot keep what an upgrade could lose.
//
// # Errors and repeats
//
// Requests that fail are *Error, with method, path, status and the node's words; use errors.Is with
// the sentinels. Reads are repeated a few times after 429, 502, 503, 504 and lost connections;
// nothing that changes the node is ever repeated by itself, except the chunks of an upload, whose
// place is asked for first. StartUpgrade and UploadAndStart send one request; when it is not clear
// whether it took effect the error matches ErrOutcomeUnknown, and repeating it would be wrong:
// UpgradeBegan looks for signs of it.
//
// While the Management Node restarts, calls fail in ways for which Unavailable is true.
//
// No call has a total time limit: contexts end calls, and Config.StallTimeout ends one during which
// no byte moves.
//
// # Not verified
//
// No real node was at hand. These rest on the node's schema page or on convention only, and each
// is in one place: the chunk encodings, the reply to CreateUpgradeRequest, that UploadAndStart
// starts at once, the states of requests, and the words in UpgradeStatus other than "IDLE".
//
// Package pexiptest is a double of a Management Node for tests and rehearsals.
package pexip
