package history

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"boardlink/connection"
)

// Outcome is how a post was answered.
type Outcome int

// The outcomes.
const (
	Unknown  Outcome = iota // nobody answered: it may be stored or not
	Accepted                // the answer promised it
	Refused                 // the answer said that it is not stored
)

// Options of a history. The zero value does.
type Options struct {
	// Window is how many publishes of one session may be without an outcome when it is lost; 0 takes 64.
	Window int
	// Batch is how many events more may be repeated after the program was killed: those whose removal from the queue was
	// not on disk; 0 takes 256.
	Batch int
	// Slack is by how much a deadline may be missed before it is held against the link; 0 takes 5 s. It is for the
	// machine that the run shares, not for the link.
	Slack time.Duration
	// Stall is how long an open link may have a backlog and deliver nothing while it says that all is well; 0 takes 60 s.
	Stall time.Duration
	// NamedDrops says that whoever records names each event that is dropped, so that counts alone excuse none.
	NamedDrops bool
	// Arrived is told of each first arrival and how long after the post it came. It is called with the history locked.
	Arrived func(id connection.ID, device string, frame int64, took time.Duration)
}

// History is what happened in a run. It is safe for concurrent use; make it with [New].
type History struct {
	opt Options

	mu     sync.Mutex
	lanes  map[string]*lane // by device
	books  map[connection.ID]*book
	faults []Violation // found as they happened
	more   map[string]int
	sum    Figures
	rests  []rest
}

// New makes an empty history.
func New(opt Options) *History {
	if opt.Window == 0 {
		opt.Window = 64
	}
	if opt.Batch == 0 {
		opt.Batch = 256
	}
	if opt.Slack == 0 {
		opt.Slack = 5 * time.Second
	}
	if opt.Stall == 0 {
		opt.Stall = time.Minute
	}
	return &History{opt: opt, lanes: map[string]*lane{}, books: map[connection.ID]*book{}, more: map[string]int{}}
}

// lane is what is known of one device.
type lane struct {
	id        connection.ID
	device    string
	frames    map[int64]*frame
	stamps    map[int64]int64 // frame by time stamp
	forgotten int64           // frames below it came to their end, and are not remembered one by one
	latest    time.Time       // when the latest of those that arrived was posted
	latestOf  int64
}

// frame is what is known of one event.
type frame struct {
	time     time.Time // of the document
	posted   time.Time // the first time
	accepted time.Time // the first time; zero: never
	touched  time.Time // when anything was last heard of it
	posts    int16     // without those that were refused
	refused  int16
	points   int32
	ts       int64 // of its points
	values   uint64
	parked   bool // now
	aside    bool // was parked at some time, so that its turn is past
	dropped  bool
}

// settled reports whether nothing more is owed to the event.
func (f *frame) settled() bool { return f.accepted.IsZero() || f.points > 0 || f.parked || f.dropped }

// book is what is known of one connection.
type book struct {
	expired, deleted int64 // told to operators
	repeats          int64
	excused          int64 // repeats that had a cause
	unsettled        map[any]int
	disconnects      int64
	aim              string
	aimedAt          time.Time
	states           states
}

// Post is one post that is under way.
type Post struct {
	h     *History
	l     *lane
	frame int64
}

// Post writes down that an uplink is about to be posted. at is the time that its document bears, in milliseconds; zero:
// none. Call [Post.Answered] when the answer is there.
func (h *History) Post(id connection.ID, device string, number int64, at time.Time) *Post {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lane(id, device)
	now := time.Now()
	f := l.frames[number]
	if f == nil && number >= l.forgotten {
		f = &frame{time: at, posted: now}
		l.frames[number] = f
	}
	h.sum.Posts++
	if f == nil {
		h.book(id).excused++ // it came to its end long ago, and will be repeated
	} else {
		f.posts++
		f.touched = now
	}
	return &Post{h, l, number}
}

// Answered writes down the answer to a post.
func (p *Post) Answered(o Outcome) {
	h := p.h
	h.mu.Lock()
	defer h.mu.Unlock()
	f := p.l.frames[p.frame]
	now := time.Now()
	switch o {
	case Accepted:
		h.sum.Promises++
		if f != nil && f.accepted.IsZero() {
			f.accepted = now
			h.sum.Accepted++
		}
	case Refused:
		h.sum.Refused++
		if f != nil {
			f.posts--
			f.refused++
		}
	default:
		h.sum.Unknown++
	}
	if f != nil {
		f.touched = now
	}
}

// Point writes down that a point arrived in a ThingsBoard, which store names. ts is in milliseconds.
func (h *History) Point(store, device string, ts int64, values map[string]json.RawMessage, at time.Time) {
	number, ok := FrameOf(values)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sum.Points++
	l := h.lanes[device]
	switch {
	case l == nil:
		h.blame("I8", 0, device, nil, "a point arrived of a device that nobody posted for")
		return
	case !ok:
		h.blame("I3", l.id, device, nil, fmt.Sprintf("a point at %d has no frame counter: %s", ts, short(values)))
		return
	}
	b := h.book(l.id)
	if b.aim != "" && b.aim != store && at.Sub(b.aimedAt) > transit {
		h.blame("I8", l.id, device, []int64{number}, fmt.Sprintf("arrived at %s %v after the connection was turned to %s", store, at.Sub(b.aimedAt), b.aim))
	}
	f := l.frames[number]
	switch {
	case f == nil && number < l.forgotten:
		b.repeats++
		h.sum.Repeats++
		h.sum.Unchecked++
		return
	case f == nil:
		h.blame("I8", l.id, device, []int64{number}, "arrived and was never posted")
		return
	}
	f.touched = time.Now()
	f.points++
	sum := digest(values)
	if f.points > 1 {
		b.repeats++
		h.sum.Repeats++
		if f.ts != ts || f.values != sum {
			h.blame("I3", l.id, device, []int64{number}, fmt.Sprintf("came again and was another: ts %d was %d, values now %s", ts, f.ts, short(values)))
		}
		return
	}
	h.first(l, f, number, ts, sum)
	if h.opt.Arrived != nil {
		h.opt.Arrived(l.id, device, number, time.Since(f.posted))
	}
}

// first takes in the first arrival of an event. h.mu is held.
func (h *History) first(l *lane, f *frame, number, ts int64, sum uint64) {
	f.ts, f.values = ts, sum
	h.sum.Arrived++
	if other, taken := l.stamps[ts]; taken && other != number {
		h.blame("I3", l.id, l.device, []int64{other, number}, fmt.Sprintf("share the time stamp %d, so that one overwrote the other", ts))
	}
	l.stamps[ts] = number
	if want := f.time.UnixMilli(); !f.time.IsZero() && ts < want {
		h.blame("I3", l.id, l.device, []int64{number}, fmt.Sprintf("has the time stamp %d and its document %d", ts, want))
	}
	if !f.aside && !f.accepted.IsZero() && f.accepted.Before(l.latest) {
		h.blame("I2", l.id, l.device, []int64{l.latestOf, number}, fmt.Sprintf("%d arrived before %d, which was accepted before it was posted", l.latestOf, number))
	}
	if f.posted.After(l.latest) {
		l.latest, l.latestOf = f.posted, number
	}
}

// Parked writes down that an event was put aside where an operator sees it.
func (h *History) Parked(id connection.ID, device string, number int64) {
	h.end(id, device, number, func(f *frame) {
		f.parked, f.aside = true, true
		h.sum.Aside++
	})
}

// Unparked writes down that an operator lets a parked event go out again, after its turn.
func (h *History) Unparked(id connection.ID, device string, number int64) {
	h.end(id, device, number, func(f *frame) { f.parked = false })
}

// Dropped writes down that an event was given up. It is excused where the count that an operator sees has room for it;
// see [History.Expired].
func (h *History) Dropped(id connection.ID, device string, number int64) {
	h.end(id, device, number, func(f *frame) { f.dropped = true })
}

func (h *History) end(id connection.ID, device string, number int64, change func(*frame)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lane(id, device)
	f := l.frames[number]
	if f == nil {
		if number >= l.forgotten {
			h.blame("I8", id, device, []int64{number}, "came to an end and was never posted")
		}
		return
	}
	f.touched = time.Now()
	change(f)
}

// Expired writes down that operators were told of n events of a connection that were not sent.
func (h *History) Expired(id connection.ID, n int64) { h.tell(id, func(b *book) { b.expired += n }) }

// Deleted writes down that operators were told of n events that were thrown away with their connection.
func (h *History) Deleted(id connection.ID, n int64) { h.tell(id, func(b *book) { b.deleted += n }) }

// Unsettled writes down that a publish of a session ended without an outcome: its event may come again. session is
// whatever tells one session of the connection from another.
func (h *History) Unsettled(id connection.ID, session any) {
	h.tell(id, func(b *book) {
		if b.unsettled == nil {
			b.unsettled = map[any]int{}
		}
		b.unsettled[session]++
		b.excused++
		h.sum.Unsettled++
		if b.unsettled[session] == h.opt.Window+1 {
			h.blame("I3", id, "", nil, fmt.Sprintf("more than %d publishes of one session were without an outcome when it ended", h.opt.Window))
		}
	})
}

// Ended writes down that a session is over whose publishes without an outcome are written down one by one.
func (h *History) Ended(id connection.ID) {
	h.tell(id, func(b *book) {
		b.disconnects++
		h.sum.Disconnects++
	})
}

// Disconnected writes down that a session was lost of which nobody knows what was under way: as much as the window.
func (h *History) Disconnected(id connection.ID) {
	h.tell(id, func(b *book) {
		b.disconnects++
		b.excused += int64(h.opt.Window)
		h.sum.Disconnects++
	})
}

// Killed writes down that the program was killed: besides what was under way, a batch may come again of each
// connection.
func (h *History) Killed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sum.Kills++
	for _, b := range h.books {
		b.excused += int64(h.opt.Batch + h.opt.Window)
	}
}

// Excuse lets n more repeats of a connection pass.
func (h *History) Excuse(id connection.ID, n int) {
	h.tell(id, func(b *book) { b.excused += int64(n) })
}

// transit is how long what was sent may be on its way through buffers that nobody can call back.
const transit = 250 * time.Millisecond

// Aim writes down that a connection's events go to one store and to no other from now on. An empty store ends that. What
// arrives elsewhere within a quarter of a second was on its way.
func (h *History) Aim(id connection.ID, store string) {
	h.tell(id, func(b *book) { b.aim, b.aimedAt = store, time.Now() })
}

func (h *History) tell(id connection.ID, change func(*book)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h.book(id))
}

// Forget lets go of what came to its end before t and is the oldest of its device, so that a long run needs no more
// memory than a short one. A repeat that comes later is counted, and its values are not compared.
func (h *History) Forget(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.lanes {
		for {
			f := l.frames[l.forgotten]
			if f == nil || !f.settled() || !f.touched.Before(t) {
				break
			}
			h.close(l, f)
			delete(l.stamps, f.ts)
			delete(l.frames, l.forgotten)
			l.forgotten++
		}
	}
	for _, b := range h.books {
		if len(b.unsettled) > 1000 {
			clear(b.unsettled)
		}
	}
}

// close judges an event that is about to be forgotten. h.mu is held.
func (h *History) close(l *lane, f *frame) {
	b := h.book(l.id)
	if f.points > 0 && f.accepted.IsZero() && f.posts == 0 {
		h.blame("I8", l.id, l.device, []int64{l.forgotten}, "arrived though it was refused")
	}
	if f.posts > 1 {
		b.excused += int64(f.posts - 1)
	}
	switch {
	case f.points > 0 || f.accepted.IsZero():
	case f.parked:
		h.sum.Parked++
	case f.dropped:
		h.sum.Dropped++
		b.expired--
	}
}

// lane finds or makes what is known of a device. h.mu is held.
func (h *History) lane(id connection.ID, device string) *lane {
	l := h.lanes[device]
	if l == nil {
		l = &lane{id: id, device: device, frames: map[int64]*frame{}, stamps: map[int64]int64{}}
		h.lanes[device] = l
	}
	h.book(id)
	return l
}

func (h *History) book(id connection.ID) *book {
	b := h.books[id]
	if b == nil {
		b = &book{}
		h.books[id] = b
	}
	return b
}
