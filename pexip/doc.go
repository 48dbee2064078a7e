// Package pexip is a client of the Management API of one Pexip Infinity Management Node, as far as
// an upgrade needs it: log in, look at nodes, alarms, licences, calls and logging, switch the
// session timeout, make a backup, upload an upgrade package, have it validated, and start it.
package pexip
