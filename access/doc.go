// Package access knows who may do what: roles of people, scopes of keys, passwords, set-up links, browser sessions and
// the API key of the environment.
//
// Roles bind people, who sign in and carry a session; scopes bind keys, which programs present. It holds rules and
// checks; rows are kept by whoever implements [OperatorStore] and [SessionRows], and HTTP is left to the callers but for
// the session cookie, which [Sessions] reads and writes.
package access
