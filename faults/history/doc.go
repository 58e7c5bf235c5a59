// Package history decides whether Boardlink kept its promise in a run, whatever was done to it meanwhile.
//
// A test or a soak writes down what happened: each uplink that was posted and how it was answered, each point that
// arrived in ThingsBoard, each event that ended elsewhere, each state that a link showed, and what the process held of
// memory. [History.Verdict] then compares the two ends. It knows nothing of queues, links or sockets, so that it cannot
// make their mistakes.
//
// The invariants:
//
//	I1  what was accepted is in ThingsBoard, is parked, or was given up and counted where an operator sees it
//	I2  the events of a device arrive, the first time each, in the order in which they were accepted
//	I3  an event comes again as often at most as publishes of it had no outcome, or posts of it were accepted; no more
//	    than a window of publishes is without an outcome for each lost session; a repeat is like the first: the same time
//	    stamp, the same values; no two events of a device share a time stamp
//	I4  a link says why it is where it is, leaves transient states in time, and names the next try and keeps it
//	I5  memory, goroutines and open files are after the run what they were before
//	I8  what was refused does not arrive, nor does what nobody posted; nothing goes to a place that was left
//
// Events are told apart by the device's name and the frame counter that a point carries; see [FrameOf]. Frames of a
// device are posted once in the order of their numbers, or again as a repeat of themselves.
package history
