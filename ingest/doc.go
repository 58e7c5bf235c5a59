// Package ingest accepts what ThingPark posts: it checks the credential, reads the document and puts it into the durable
// queue. An uplink is accepted only once it is on disk, because ThingPark does not post again.
//
// Nothing on this way asks a remote host or the database: what must be known of a connection stands in a [Registry] in
// memory. No event is written on it, or a stranger could fill the log: what is refused is counted, and told once an hour.
package ingest
