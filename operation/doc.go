// Package operation holds what can be done with connections: one set of operations and one validation behind the REST API
// and the pages. Each change is one transaction with its event; after it has been committed the link is told, open pages
// hear of it, and whoever accepts uplinks learns what is new.
//
// It knows no HTTP, no database and no link: it meets them through the small interfaces below.
package operation
