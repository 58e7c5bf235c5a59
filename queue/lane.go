package queue

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// lane is what the window knows of one device that has events waiting. In the order of delivery they are: queue, in
// memory; back, single events to be read again; then those in the file with ids in (last, until].
type lane struct {
	key   int64
	queue []Event
	plain int // events at the end of queue that were read in passing; those before them came back or were read singly
	back  []backRef
	last  int64
	until int64

	out Event // handed out and not settled; ID 0: none
	due time.Time

	place place
	index int // in the heap of its place
}

// backRef is an event that was in memory and is not any more.
type backRef struct {
	id       int64
	attempts int
}

// place says where a lane is kept.
type place int

const (
	nowhere   place = iota // its event is outstanding
	isReady                // its first event can be handed out
	isHungry               // its first event must be read
	isBlocked              // it waits for its time
)

// inFile tells whether events of the lane must be read before it goes on.
func (l *lane) inFile() bool { return len(l.back) > 0 || l.until > l.last }

// laneHeap orders lanes: ready ones by the age of their first event, blocked ones by the time they are due.
type laneHeap struct {
	lanes []*lane
	less  func(a, b *lane) bool
}

func (h *laneHeap) Len() int           { return len(h.lanes) }
func (h *laneHeap) Less(i, j int) bool { return h.less(h.lanes[i], h.lanes[j]) }
func (h *laneHeap) Swap(i, j int) {
	h.lanes[i], h.lanes[j] = h.lanes[j], h.lanes[i]
	h.lanes[i].index, h.lanes[j].index = i, j
}

// Push is for container/heap.
func (h *laneHeap) Push(x any) {
	l := x.(*lane)
	l.index = len(h.lanes)
	h.lanes = append(h.lanes, l)
}

// Pop is for container/heap.
func (h *laneHeap) Pop() any {
	n := len(h.lanes) - 1
	l := h.lanes[n]
	h.lanes[n] = nil
	h.lanes = h.lanes[:n]
	return l
}

// window is the part of a connection's backlog that is in memory. Whoever uses it holds Lanes.mu.
//
// Everything up to cursor is accounted for: handed out, in memory, or known to its lane as left in the file. What comes
// after cursor, up to high, is still to be read.
type window struct {
	lanes   map[int64]*lane
	ready   laneHeap
	hungry  laneHeap
	blocked laneHeap
	cursor  int64
	high    int64
	loaded  int // events in memory, without those handed out
	bytes   int // their bodies
	out     int // events handed out
}

// Bounds of the window of one connection.
const (
	maxLoaded   = 2048
	maxLoadedMB = 4 << 20
	laneKeep    = 8  // events that a lane keeps in memory when the window is too narrow
	wideEnough  = 64 // devices in flight that are enough: no need to look for more
)

func newWindow(floor int64) window {
	byAge := func(a, b *lane) bool { return a.first() < b.first() }
	return window{
		lanes:   map[int64]*lane{},
		ready:   laneHeap{less: byAge},
		hungry:  laneHeap{less: byAge},
		blocked: laneHeap{less: func(a, b *lane) bool { return a.due.Before(b.due) }},
		cursor:  floor, high: floor,
	}
}

// first is the id that the lane's next event has, or the one below where it is not read yet.
func (l *lane) first() int64 {
	switch {
	case len(l.queue) > 0:
		return l.queue[0].ID
	case len(l.back) > 0:
		return l.back[0].id
	}
	return l.last
}

func (w *window) heapOf(p place) *laneHeap {
	switch p {
	case isReady:
		return &w.ready
	case isHungry:
		return &w.hungry
	case isBlocked:
		return &w.blocked
	}
	return nil
}

// settle puts a lane where it belongs after something about it changed. A lane that has nothing more is forgotten.
func (w *window) settle(l *lane) {
	to := nowhere
	switch {
	case l.out.ID != 0:
	case !l.due.IsZero():
		to = isBlocked
	case len(l.queue) > 0:
		to = isReady
	case l.inFile():
		to = isHungry
	default:
		w.move(l, nowhere)
		delete(w.lanes, l.key)
		return
	}
	w.move(l, to)
}

func (w *window) move(l *lane, to place) {
	if h := w.heapOf(l.place); h != nil {
		if l.place == to {
			heap.Fix(h, l.index)
			return
		}
		heap.Remove(h, l.index)
	}
	l.place = to
	if h := w.heapOf(to); h != nil {
		heap.Push(h, l)
	}
}

// laneFor gives the lane of a key; a new one has nothing up to after.
func (w *window) laneFor(key, after int64) *lane {
	l := w.lanes[key]
	if l == nil {
		l = &lane{key: key, last: after, until: after}
		w.lanes[key] = l
	}
	return l
}

// admit takes an event that was just read, or just stored, into memory, or leaves it in the file where its lane waits
// for other things first.
func (w *window) admit(key int64, e Event) (admitted bool) {
	l := w.laneFor(key, e.ID-1)
	if l.inFile() || !l.due.IsZero() {
		l.until = e.ID
		return false
	}
	l.last, l.until = e.ID, e.ID
	w.load(l, e, true)
	if len(l.queue) == 1 {
		w.settle(l)
	}
	return true
}

func (w *window) load(l *lane, e Event, plain bool) {
	if e.ID == l.out.ID { // it was read a second time
		return
	}
	l.queue = append(l.queue, e)
	if plain {
		l.plain++
	} else {
		l.plain = 0
	}
	w.loaded++
	w.bytes += len(e.Body)
}

// takeHead hands out the first event of a ready lane.
func (w *window) takeHead(l *lane) Event {
	e := l.queue[0]
	l.queue[0] = Event{}
	l.queue = l.queue[1:]
	l.plain = min(l.plain, len(l.queue))
	w.loaded--
	w.bytes -= len(e.Body)
	w.out++
	l.out = e
	w.settle(l)
	return e
}

// putBack makes an event the first of its lane again.
func (w *window) putBack(l *lane, e Event) {
	l.queue = append([]Event{e}, l.queue...)
	w.loaded++
	w.bytes += len(e.Body)
}

// shed forgets all but the first keep events of a lane; they are read again when their turn comes.
func (w *window) shed(l *lane, keep int) {
	if len(l.queue) <= keep {
		return
	}
	n := len(l.queue)
	single := max(n-l.plain, keep) // those before it can only be found by their ids
	if single < n {
		l.last = l.queue[single].ID - 1
	}
	var refs []backRef
	for _, e := range l.queue[keep:single] {
		refs = append(refs, backRef{e.ID, e.Attempts})
	}
	if len(refs) > 0 {
		l.back = append(refs, l.back...)
	}
	for _, e := range l.queue[keep:] {
		w.loaded--
		w.bytes -= len(e.Body)
	}
	l.queue = append([]Event(nil), l.queue[:keep]...)
	l.plain = max(keep-(n-l.plain), 0)
}

// release lets lanes go on whose time has come, and tells how long nothing will happen by itself.
func (w *window) release(now time.Time) time.Duration {
	for len(w.blocked.lanes) > 0 {
		l := w.blocked.lanes[0]
		if l.due.After(now) {
			return l.due.Sub(now)
		}
		l.due = time.Time{}
		w.settle(l)
	}
	return time.Minute
}

// reopen takes note of an event that came back into the file behind what its lane has read. One that was read since is
// in memory already.
func (w *window) reopen(key, id int64) {
	l := w.laneFor(key, w.cursor)
	if l.out.ID == id || id > l.last && id <= l.until || slices.ContainsFunc(l.queue, func(e Event) bool { return e.ID == id }) {
		return
	}
	w.shed(l, 0)
	at, _ := slices.BinarySearchFunc(l.back, id, func(r backRef, id int64) int { return cmp.Compare(r.id, id) })
	l.back = slices.Insert(l.back, at, backRef{id: id})
	w.settle(l)
}

// full tells whether nothing more should be read into memory.
func (w *window) full() bool { return w.loaded >= maxLoaded || w.bytes >= maxLoadedMB }

// narrow tells whether the window is full of the events of a few devices, so that others wait without need.
func (w *window) narrow() bool {
	return w.full() && len(w.ready.lanes) == 0 && w.out < wideEnough && (w.cursor < w.high || len(w.hungry.lanes) > 0)
}

// widen makes room for other devices.
func (w *window) widen() {
	for _, l := range w.lanes {
		w.shed(l, laneKeep)
	}
}
