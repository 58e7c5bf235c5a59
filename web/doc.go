// Package web is the HTTP plumbing of Boardlink: the server and its limits, who is asking and with what right, sessions,
// security headers, errors as pages or problem documents, toasts, and the stream of live changes.
//
// Every route stands in one table ([Route]) that says who may use it; a request for anything else is refused. The
// framework underneath is named in this package and in handlers/ only.
package web
