// Package web shows the runs of a [runbook.Runner] as pages in a browser, and takes answers,
// approvals and decisions there. It knows nothing of what the steps are about.
//
//	server, err := web.New(web.Config{Runner: runner})
//	// …
//	fmt.Println(server.Link("http://" + listener.Addr().String()))
//	err = server.Serve(ctx, listener)
//
// The pages are made from the journals, which another process may be writing. A page follows its
// journal by Server-Sent Events and reads itself again when there is something new; without
// JavaScript a page that has no form loads itself again. What is not in the journal, how far a step
// is, comes from a small file beside it that [ProgressFile] writes in the process that drives the run.
//
// An answer is a [runbook.Reply]: it is bound to the question and the plan that the person was shown.
// Its actor is whoever signed in, never an entry of a form.
//
// # Who may come in
//
// Nobody without a token, also on loopback, because all users of a machine reach its loopback. [New]
// makes a token for the runner's own actor unless Config.People has others; the person opens
// [Server.Link] or types the token, and the browser keeps a cookie. Programs send the token as
// "Authorization: Bearer". Whoever can read a token can answer as that person.
//
// Only requests for the server's own name are answered, so that no foreign page reaches it through a
// name of its own. A request that changes something must come from a page of the server and carry the
// session's own word. Browsers do not separate cookies by port: on a machine with users who are not
// trusted, do not open their pages on the same loopback address in the same browser.
//
// Over a network the server must be reached by TLS alone; see [Server.Serve].
package web
