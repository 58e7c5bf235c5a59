package link

import (
	"container/list"
	"context"
	"strings"
	"sync"
	"time"

	"boardlink/connection"
)

const (
	// openAtOnce bounds the links that open, that is dial and sign in, at the same moment.
	openAtOnce = 100
	// openASecond is how many links may begin to open to the same host within a second.
	openASecond = 20
	// beginEvery is the time from one link that begins to the next one to the same host where many wait, so that they
	// come evenly. beginAhead of it may be used in advance: a few restarts are at once, and a timer that fires late costs
	// nothing.
	beginEvery = time.Second / openASecond
	beginAhead = 5 * beginEvery
	// beginJitter is the most that is added to it, by chance, so that several Boardlinks that lose one ThingsBoard do
	// not beat in step. 5,000 links to one host so take 4 min 16 s.
	beginJitter = beginEvery / 20
	// tellWaiting is how long a link waits for its turn before that is shown.
	tellWaiting = time.Second
	// pruneHosts is the number of hosts from which those that nobody asks for are forgotten.
	pruneHosts = 1024
	// backEvery is how often at most those that wait for a host are told that it is back.
	backEvery = 10 * time.Second
)

// places says when a link may open: never more than [openAtOnce] at the same moment, and one after the other to the
// same host. Who waits for a host is served in the order of asking, those first that a person waits for; hosts take
// turns.
//
// A host gets another place only while it holds fewer than are free (the "dynamic threshold" of shared buffers). A
// host alone so gets 50 of the 100, two that both want all get 33 each, nine get 10: whatever hosts swallow their
// places for the length of a dial that nobody answers, there is one left for a host that comes new, with half a hundred
// dead ones still. (When so many die in the same second the first of them hold more, until their first dials end.) A
// fixed share for each host would leave nothing after the second dead one, and fifty is more than a healthy host needs:
// at 20 begun a second it holds them all only when opening takes 2.5 s.
type places struct {
	now    func() time.Time
	random func() float64 // of [0, 1)

	mu      sync.Mutex
	free    int
	hosts   map[string]*host
	turns   list.List // of *host, those that somebody waits for; the one whose turn is next first
	timer   *time.Timer
	pruneAt int
}

// host is a destination of links.
type host struct {
	held    int
	begun   [openASecond]time.Time // when links began last
	oldest  int                    // in begun
	next    time.Time              // when the next link should begin; it may by beginAhead before
	typical time.Duration          // how long a place is held, about
	urgent  list.List              // of *ticket, those that a person waits for
	others  list.List              // of *ticket
	asked   int                    // tickets so far
	turn    *list.Element          // in places.turns, nil where nobody waits
	back    time.Time              // when those that wait for the host were last told that it is back
}

// ticket is a link's claim to a place, from asking for it until leaving it.
type ticket struct {
	p       *places
	host    *host
	granted chan struct{} // closed when the link may open

	// Under places.mu.
	line   *list.List    // in which it waits
	at     *list.Element // in that line, nil where it does not wait
	number int           // in the order of asking at this host
	since  time.Time     // holds a place; zero: does not
}

func newPlaces(now func() time.Time, random func() float64) *places {
	return &places{now: now, random: random, free: openAtOnce, hosts: map[string]*host{}, pruneAt: pruneHosts}
}

// hostOf names the host that a connection's links dial.
func hostOf(c connection.Configuration) string {
	name, _, wrong := connection.SplitHostPort(c.HostName)
	if wrong != "" {
		name = c.HostName
	}
	return strings.TrimSuffix(strings.ToLower(name), ".")
}

// ask asks for a place. Each ticket must be left.
func (p *places) ask(name string, urgent bool) *ticket {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.host(name)
	t := &ticket{p: p, host: h, granted: make(chan struct{}), line: &h.others, number: h.asked}
	if urgent {
		t.line = &h.urgent
	}
	h.asked++
	t.at = t.line.PushBack(t)
	if h.turn == nil {
		h.turn = p.turns.PushBack(h)
	}
	p.grant()
	return t
}

// host returns what is known of a host. p.mu is held.
func (p *places) host(name string) *host {
	h := p.hosts[name]
	if h == nil {
		p.prune()
		h = &host{}
		p.hosts[name] = h
	}
	return h
}

// isBack reports whether those that wait for a host should be told that it answers again.
func (p *places) isBack(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, now := p.host(name), p.now()
	if !h.back.IsZero() && now.Sub(h.back) < backEvery {
		return false
	}
	h.back = now
	return true
}

// leave gives the place back, or the turn where there was none yet. It may be called twice, and of a nil ticket.
func (t *ticket) leave() {
	if t == nil {
		return
	}
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case t.at != nil:
		t.line.Remove(t.at)
		t.at = nil
		p.rest(t.host)
	case !t.since.IsZero():
		held := p.now().Sub(t.since)
		t.since = time.Time{}
		t.host.held--
		t.host.typical += (held - t.host.typical) / 8
		p.free++
		p.grant()
	}
}

// turn tells when a ticket's turn comes, about; ok is false where it does not wait.
func (t *ticket) turn() (at time.Time, ok bool) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	if t.at == nil {
		return time.Time{}, false
	}
	h, now := t.host, t.p.now()
	before := t.number - t.line.Front().Value.(*ticket).number
	if t.line == &h.others {
		before += h.urgent.Len()
	}
	every := max(beginEvery+beginJitter/2, h.typical/(openAtOnce/2))
	return now.Add(max(h.wait(now), 0) + time.Duration(before)*every), true
}

// grant hands out the places that may be handed out now, and sets the time of the next. p.mu is held.
func (p *places) grant() {
	now := p.now()
	var wake time.Duration // 0: the next place that is left wakes
	for refused := 0; p.free > 0 && refused < p.turns.Len(); {
		turn := p.turns.Front()
		h := turn.Value.(*host)
		wait := h.wait(now)
		if h.held >= p.free || wait > 0 {
			if h.held < p.free && (wake == 0 || wait < wake) {
				wake = wait
			}
			p.turns.MoveToBack(turn)
			refused++
			continue
		}
		p.begin(h, now)
		refused = 0
		wake = 0
	}
	switch {
	case wake == 0:
	case p.timer == nil:
		p.timer = time.AfterFunc(wake, p.tick)
	default:
		p.timer.Reset(wake)
	}
}

// wait is how long nobody may begin to open to the host.
func (h *host) wait(now time.Time) time.Duration {
	wait := h.next.Add(-beginAhead).Sub(now)
	if last := h.begun[h.oldest]; !last.IsZero() {
		wait = max(wait, last.Add(time.Second).Sub(now))
	}
	return wait
}

// begin gives a place to whoever is first in a host's line. p.mu is held.
func (p *places) begin(h *host, now time.Time) {
	line := &h.urgent
	if line.Len() == 0 {
		line = &h.others
	}
	t := line.Remove(line.Front()).(*ticket)
	t.at, t.since = nil, now
	p.free--
	h.held++
	h.begun[h.oldest], h.oldest = now, (h.oldest+1)%openASecond
	h.next = latest(h.next, now).Add(beginEvery + time.Duration(p.random()*float64(beginJitter)))
	p.turns.MoveToBack(h.turn)
	p.rest(h)
	close(t.granted)
}

// rest takes a host out of the turns when nobody waits for it any more. p.mu is held.
func (p *places) rest(h *host) {
	if h.turn != nil && h.urgent.Len()+h.others.Len() == 0 {
		p.turns.Remove(h.turn)
		h.turn = nil
	}
}

func (p *places) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grant()
}

// prune forgets hosts that nobody dials, now and then. p.mu is held.
func (p *places) prune() {
	if len(p.hosts) < p.pruneAt {
		return
	}
	now := p.now()
	for name, h := range p.hosts {
		if h.held == 0 && h.turn == nil && now.Sub(h.next) > time.Second && now.Sub(h.back) >= backEvery {
			delete(p.hosts, name)
		}
	}
	p.pruneAt = max(pruneHosts, 2*len(p.hosts))
}

// place waits until the link may open. Meanwhile the link stays in the state it is in, which has no deadline, and shows
// when its turn will come. The ticket must be left when the link is open, or failed to be.
func (r *run) place(ctx context.Context) (*ticket, error) {
	t := r.m.places.ask(hostOf(r.conn.Configuration), r.urgent)
	r.k.ticket.Store(t)
	tell := time.NewTimer(tellWaiting)
	defer tell.Stop()
	for {
		select {
		case <-t.granted:
			return t, nil
		case <-ctx.Done():
			t.leave()
			return nil, context.Cause(ctx)
		case <-tell.C:
			if at, waits := t.turn(); waits {
				r.showWaiting(at)
			}
		}
	}
}

// showWaiting says beside the state that the link waits for its turn. Why it is down stays as it is.
func (r *run) showWaiting(at time.Time) {
	const hint = "Many links to the same host open now, so this one waits for its turn. Uplinks wait in the queue, none is lost."
	if r.k.board.read().State == connection.Deactivated {
		r.k.board.enter(r, move{state: connection.Closed, code: connection.ReasonStarting, hint: hint, next: at}, nil)
		return
	}
	r.k.board.note(r, func(s *connection.Status) { s.Hint, s.NextAttemptAt = hint, at })
}
