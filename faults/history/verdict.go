package history

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"boardlink/connection"
)

// most is how many violations of one kind are kept; the rest are counted.
const most = 20

// Figures are the totals of a run. Frames are events, told apart by device and frame counter; posts and points may be
// of the same one.
type Figures struct {
	Posts, Promises, Refused, Unknown int64 // posts and their answers
	Accepted                          int64 // frames that were promised
	Points, Arrived, Repeats          int64 // points, frames among them, and points beyond the first of their frame
	Unchecked                         int64 // repeats whose values were not compared any more
	Aside                             int64 // times that an event was parked, though it may have gone out again
	Parked, Dropped                   int64 // frames that ended there and never arrived
	Expired, Deleted                  int64 // what operators were told of
	Missing                           int64 // frames that were promised and are nowhere
	Excused                           int64 // as many repeats had a cause
	Unsettled, Disconnects, Kills     int64
	States, Edges                     int64 // looks at a state, and changes seen
}

// Violation is a promise that was not kept.
type Violation struct {
	Invariant  string // I1 to I8
	Connection connection.ID
	Device     string  // empty where it is about a link or the program
	Frames     []int64 // of the device; nil where it is about none
	What       string
}

// String writes the violation as a line.
func (v Violation) String() string {
	var b strings.Builder
	b.WriteString(v.Invariant)
	if v.Connection != 0 {
		fmt.Fprintf(&b, " connection %s", v.Connection)
	}
	if v.Device != "" {
		fmt.Fprintf(&b, " device %s", v.Device)
	}
	if len(v.Frames) > 0 {
		fmt.Fprintf(&b, " frames %s", ranges(v.Frames))
	}
	return b.String() + ": " + v.What
}

// ranges writes sorted frames as "1-3, 7".
func ranges(frames []int64) string {
	var parts []string
	for i := 0; i < len(frames); {
		j := i
		for j+1 < len(frames) && frames[j+1] == frames[j]+1 {
			j++
		}
		if j > i {
			parts = append(parts, fmt.Sprintf("%d-%d", frames[i], frames[j]))
		} else {
			parts = append(parts, fmt.Sprint(frames[i]))
		}
		i = j + 1
		if len(parts) == 12 && i < len(frames) {
			return fmt.Sprintf("%s and %d more", strings.Join(parts, ", "), len(frames)-i)
		}
	}
	return strings.Join(parts, ", ")
}

// Verdict is what a run came to.
type Verdict struct {
	Figures    Figures
	Violations []Violation
	More       map[string]int // violations that were counted and not kept, by invariant
	Links      []LinkFigures  // in the order of their ids
}

// LinkFigures are the totals of one connection.
type LinkFigures struct {
	Connection               connection.ID
	Missing, Parked, Dropped int64
	Repeats, Excused         int64
	Disconnects              int64
	Last                     connection.Status
}

// Err is nil where every promise was kept, and else names those that were not.
func (v Verdict) Err() error {
	if len(v.Violations) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d violations\n", len(v.Violations)+v.more())
	for _, violation := range v.Violations {
		fmt.Fprintf(&b, "  %s\n", violation)
	}
	if n := v.more(); n > 0 {
		fmt.Fprintf(&b, "  and %d more: %v\n", n, v.More)
	}
	return errors.New(b.String())
}

func (v Verdict) more() (n int) {
	for _, k := range v.More {
		n += k
	}
	return n
}

// String writes the totals, and the violations where there are any.
func (v Verdict) String() string {
	f := v.Figures
	text := fmt.Sprintf("%d posts: %d promised (%d frames), %d refused, %d unanswered; %d frames arrived, %d points repeated (%d had a cause); "+
		"%d parked and %d of them still, %d dropped of %d told, %d deleted, %d missing; %d publishes without outcome, %d sessions ended, %d kills; %d changes of state",
		f.Posts, f.Promises, f.Accepted, f.Refused, f.Unknown, f.Arrived, f.Repeats, f.Excused,
		f.Aside, f.Parked, f.Dropped, f.Expired, f.Deleted, f.Missing, f.Unsettled, f.Disconnects, f.Kills, f.Edges)
	if err := v.Err(); err != nil {
		return text + "\n" + err.Error()
	}
	return text
}

// Figures are the totals so far, without what only a verdict can tell: what is missing, and what ended elsewhere.
func (h *History) Figures() Figures {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sum
}

// Owed counts the events that were promised and have come to no end yet. What operators were told of as deleted is not
// owed.
func (h *History) Owed() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	open := map[connection.ID]int{}
	for _, l := range h.lanes {
		for _, f := range l.frames {
			if !f.settled() {
				open[l.id]++
			}
		}
	}
	n := 0
	for id, owed := range open {
		n += max(owed-int(h.books[id].deleted), 0)
	}
	return n
}

// Verdict judges what was written down. Call it when everything has had the time to come to its end: what was promised
// and is still on its way counts as lost.
func (h *History) Verdict() Verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := Verdict{Figures: h.sum, Violations: slices.Clone(h.faults), More: map[string]int{}}
	for key, n := range h.more {
		v.More[key] = n
	}
	missing := map[connection.ID][]*lane{}
	lost := map[*lane][]int64{}
	links := map[connection.ID]*LinkFigures{}
	for id, b := range h.books {
		links[id] = &LinkFigures{Connection: id, Repeats: b.repeats, Excused: b.excused, Disconnects: b.disconnects, Last: b.states.last}
		v.Figures.Expired += b.expired
		v.Figures.Deleted += b.deleted
	}
	v.Figures.Expired += h.sum.Dropped // close took them off the count
	for _, l := range h.lanes {
		sum := links[l.id]
		for number, f := range l.frames {
			if f.posts > 1 {
				sum.Excused += int64(f.posts - 1)
			}
			switch {
			case f.points > 0 && f.accepted.IsZero() && f.posts == 0:
				v.add("I8", l.id, l.device, []int64{number}, "arrived though it was refused")
			case f.points > 0 || f.accepted.IsZero():
			case f.parked:
				sum.Parked++
			case f.dropped:
				sum.Dropped++
			default:
				if lost[l] == nil {
					missing[l.id] = append(missing[l.id], l)
				}
				lost[l] = append(lost[l], number)
				sum.Missing++
			}
		}
	}
	for id, sum := range links {
		b := h.books[id]
		v.Figures.Parked += sum.Parked
		v.Figures.Dropped += sum.Dropped
		v.Figures.Excused += sum.Excused
		h.judge(&v, sum, b, missing[id], lost)
		v.Figures.Missing += sum.Missing
		v.Links = append(v.Links, *sum)
	}
	slices.SortFunc(v.Links, func(a, b LinkFigures) int { return cmp.Compare(a.Connection, b.Connection) })
	slices.SortStableFunc(v.Violations, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Invariant, b.Invariant), cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.Device, b.Device))
	})
	return v
}

// judge compares what a connection owes with what was told of it, and its repeats with their causes. sum.Missing is
// afterwards what nothing excuses.
func (h *History) judge(v *Verdict, sum *LinkFigures, b *book, lanes []*lane, lost map[*lane][]int64) {
	id := sum.Connection
	if sum.Dropped > b.expired {
		v.add("I1", id, "", nil, fmt.Sprintf("%d events were given up and %d were told of", sum.Dropped, max(b.expired, 0)))
	}
	told := b.deleted
	if !h.opt.NamedDrops {
		told += max(b.expired-sum.Dropped, 0)
	}
	if sum.Missing > told {
		for _, l := range lanes {
			frames := lost[l]
			slices.Sort(frames)
			v.add("I1", id, l.device, frames, fmt.Sprintf("accepted and nowhere to be found; of %d such events of the connection %d were told of", sum.Missing, told))
		}
		sum.Missing -= told
	} else {
		sum.Missing = 0
	}
	if sum.Repeats > sum.Excused {
		v.add("I3", id, "", nil, fmt.Sprintf("%d points were repeated and %d repeats had a cause", sum.Repeats, sum.Excused))
	}
}

func (v *Verdict) add(invariant string, id connection.ID, device string, frames []int64, what string) {
	n := 0
	for _, known := range v.Violations {
		if known.Invariant == invariant {
			n++
		}
	}
	if n >= most {
		v.More[invariant]++
		return
	}
	v.Violations = append(v.Violations, Violation{invariant, id, device, frames, what})
}

// blame writes down a violation as it happens. h.mu is held.
func (h *History) blame(invariant string, id connection.ID, device string, frames []int64, what string) {
	n := 0
	for _, known := range h.faults {
		if known.Invariant == invariant {
			n++
		}
	}
	if n >= most {
		h.more[invariant]++
		return
	}
	h.faults = append(h.faults, Violation{invariant, id, device, frames, what})
}
