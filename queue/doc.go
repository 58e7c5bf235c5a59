// Package queue keeps uplinks on disk between ThingPark and ThingsBoard.
//
// An event that [Queue.Put] returned without error is on disk: it survives a crash of the program and of the machine,
// and it is handed out by [Lanes.Take] at least once, in order per device, until somebody acknowledges, parks or drops
// it. It lives in a SQLite file of its own, in WAL mode with synchronous=FULL. One writer commits what has gathered, so
// that many callers share one fsync; readers use connections of their own and never hold the writer up.
//
// Ids are ours: connection<<40 | sequence. The events of a connection are therefore one range of rowids and need no
// index to be read in order, and a sequence is stored beside the events, so that an id is never used again, not even
// after the table ran empty.
//
// One index remains, by lane. A lane is a device of a connection; without the index one blocked device with a long
// backlog would have to be read over again and again to find what waits behind it.
package queue
