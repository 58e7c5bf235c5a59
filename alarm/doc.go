// Package alarm raises the low-rate alarms of connections. In a window of wall-clock time that may recur each week, the
// uplinks that were accepted in an hour are compared with a minimum.
//
// What is compared lies wholly inside of the window: nothing is said before a window has been open for an hour, and a window
// that is shorter is judged once, at its close, by its own length. Windows of one alarm that overlap or follow each other
// without a gap count as one. While the rate is low, one event an hour says so; when it is back, one more says that. A low
// rate that lasts to the close of a window is over when a later window finds the rate back.
//
// What was told stands in the log of events, from where it is read after a start: nothing is told twice in an hour because
// the program restarted in between.
package alarm
