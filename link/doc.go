// Package link keeps one link to ThingsBoard for each active connection.
//
// A link is a function that opens, pumps and returns an error (link.go): it finds ThingsBoard, signs in, opens one MQTT
// session, forwards the queue in order per device, turns commands into downlinks, and ends when its session ends. A
// keeper stands outside (keeper.go), one per connection; it compares the row in the database with what runs, starts and
// stops the link, and decides when to run it again. The [Manager] has all keepers.
//
// # States
//
//	             start                 found                     session open
//	CLOSED ---------------> OPENING ---------> AUTHENTICATING ------------------> OPENED
//	  ^  ^                     |                |          |                        |
//	  |  '---- not reached ----'-- not reached -'          | refused                | lost or told to stop
//	  |                                                    v                        v
//	  |                                       AUTHENTICATION_FAILED              CLOSING
//	  '-----------------------------------------------------------------------------'
//
// DEACTIVATED is entered from any of them when the row says so. OPENING, AUTHENTICATING and CLOSING have deadlines; a
// link that does not leave them in time is told to, and left behind where it does not listen. A panic ends the link
// and is its reason.
//
// # What is promised
//
// An event leaves the queue only when ThingsBoard's PUBACK said success, when it is dropped for a reason that an event
// of the log tells, or into the place of parked events. Everything else goes back to the head of its lane, so each
// device keeps its order.
//
// A command is answered once within 8 s and posted to ThingPark at most once in an hour, also by a program that was killed
// in between: it is on disk before it leaves. What nobody knows is called unknown, until a delivery report settles it.
package link
