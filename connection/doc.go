// Package connection holds the nouns of Boardlink and their rules: a connection and its configuration, the states a
// link goes through, the reasons it gives, the events it leaves, the schedule by which it tries again.
//
// It knows no database, no network and no page; everything else depends on it and it depends on the standard library
// alone. One table, [Fields], says for each setting how it is called, explained, checked and whether changing it
// restarts the link: form, API, dialog and documents read it there.
package connection
