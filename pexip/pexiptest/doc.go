// Package pexiptest is a test double of a Pexip Infinity deployment: the Management API of its
// Management Node, with as much of the deployment behind it as an upgrade touches.
//
// Use it like net/http/httptest:
//
//	srv := pexiptest.NewServer(pexiptest.Options{})
//	if err := srv.Start(); err != nil { … } // TLS on loopback; leave it out to stay in process
//	defer srv.Close()
//	client, err := pexip.New(srv.Config())
//
// The double has a memory. Requests are authenticated (Basic, or OAuth2 with a signed assertion),
// settings change, backups appear after a while and can be fetched, uploads are kept as offset and
// checksum (never the bytes), and StartUpgrade sets off what the real platform does: the
// Management Node installs, is unreachable, answers 502 and 503 for a while, comes back with the
// version in the package; then the Conferencing Nodes follow, ten at a time, each waiting for its
// calls to end. Nodes can be switched off and on, and lose contact and raise alarms by that.
//
// Time is Options.Now, and slow things take their real duration divided by Options.Speed (60,000
// unless set). With a clock of one's own and Speed 1, a test walks through a day of upgrading in
// a moment. Nothing runs in the background: the state moves on when somebody looks.
//
// Anything that speaks HTTP may be the client, curl or the vendor's SDK as well as package pexip: lists
// are filtered (field__icontains= and so on), ordered and paged, commands take forms as well as JSON,
// and what the real node does not have is 404, 405 or 415 here, too.
//
// # What goes wrong
//
// Inject arms a fault for requests that match, once, a number of times, or always: any status with
// any header and body (an HTML page, garbage, nothing, a Retry-After), a connection dropped before or
// after the effect or in the middle of the answer, half an answer, a good answer with one more header,
// an upload that is read in part, a delay before the work or before the answer's body. ExpireTokens ends
// access tokens, ShiftOffset lies about an upload and RewindUpload forgets some of it, RebootAt
// restarts the node at a bad moment, SlowAnswer and SetUploadRate slow it down, SetPower and SetDown
// take it away. Requests lists what arrived, and State is a snapshot for people. The log holds request
// bodies, and with them what a test sends as passphrases.
//
// # Upgrade packages
//
// WritePackage writes a made-up package that names a version; the double installs that version.
//
// # Where it guesses
//
// Pexip does not document how a chunk is sent, how the creation of an upgrade request is answered,
// and which words states have. Options switch between the possible forms where a client has to
// cope with them; the words ("pending", "UPGRADING", permission names and so on) are made up.
// Unlike the real node, a refused or unknown request never changes anything.
package pexiptest
