// Package thingpark speaks ThingPark's tunnel interface: it reads the documents that the network server posts, checks
// and makes the Token that signs them, reads commands and hands them over as downlinks.
//
// Documents are read strictly, because whoever knows an uplink address can post: one pass, bounded size and depth, no
// member twice, no two members that differ in case only. What a document holds beyond that is carried along untouched:
// its members stay raw JSON in the order they came, so that no digit of a number is lost.
//
// Nothing here does I/O but [Caller.Send].
package thingpark
