package access

import (
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// The lanes in which wrong passwords are counted. Strangers share the lane of the account that they try and that of their
// address; a browser in which the operator has signed in before has a lane of its own, which strangers cannot fill.
type lane int

const (
	laneAccount lane = iota // of an e-mail, whether somebody has it or not
	laneAddress             // of a client
	laneBrowser             // of a browser that is known to an account
	laneConfirm             // of an operator who is signed in and gives the password once more
	lanes
)

// freeTries are the wrong passwords in a lane before there is a delay.
var freeTries = [lanes]int{laneAccount: 5, laneAddress: 20, laneBrowser: 5, laneConfirm: 5}

const (
	firstDelay = time.Second
	// longestDelay bounds the delay: a stranger who goes on for days lets the rightful person wait that long, and makes 1,440
	// tries a day.
	longestDelay = time.Minute
	// forgetAfter is how long a lane must be quiet for its count to begin anew.
	forgetAfter = time.Hour
	// maxLane bounds what is remembered of each sort of lane.
	maxLane = 10_000
)

// Throttled refuses a password unread: too many were wrong.
type Throttled struct {
	Wait time.Duration // after which the next is read
}

func (e *Throttled) Error() string {
	s := e.Seconds()
	if s == 1 {
		return "Too many tries. Wait a second and try again."
	}
	return "Too many tries. Wait " + strconv.Itoa(s) + " seconds and try again."
}

// Seconds is the wait as Retry-After has it: whole seconds, at least one.
func (e *Throttled) Seconds() int { return max(int((e.Wait+time.Second-1)/time.Second), 1) }

// place is one lane: of an account, an address, a browser or an operator.
type place struct {
	lane lane
	key  Digest
}

func placeOf(l lane, name string) place { return place{l, DigestOf(name)} }

// tries is what is remembered of a place.
type tries struct {
	wrong int       // that are not forgiven
	next  time.Time // before which none is read
	last  time.Time
}

// throttle counts wrong passwords in memory: a restart forgives them, which is cheaper than letting strangers write to the
// disk. It is safe for concurrent use.
type throttle struct {
	mu    sync.Mutex
	now   func() time.Time
	lanes [lanes]map[Digest]tries
}

func newThrottle(now func() time.Time) *throttle {
	t := &throttle{now: now}
	for l := range t.lanes {
		t.lanes[l] = map[Digest]tries{}
	}
	return t
}

// admit lets one password be read if none of the places has to wait, and counts it as wrong in all of them: however many
// come at once, each is counted before it is read. The error is a [*Throttled].
func (t *throttle) admit(places ...place) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, wait := t.now(), time.Duration(0)
	for _, p := range places {
		wait = max(wait, t.at(p, now).next.Sub(now))
	}
	if wait > 0 {
		return &Throttled{Wait: wait}
	}
	for _, p := range places {
		e := t.at(p, now)
		e.wrong, e.last = e.wrong+1, now
		e.next = now.Add(delayAfter(e.wrong - freeTries[p.lane]))
		t.makeRoom(p, now)
		t.lanes[p.lane][p.key] = e
	}
	return nil
}

// forgive takes back what admit has counted: the password was right, or was not read after all. clean tells the former: the
// account's or browser's count then begins anew. An address's does not, or else whoever has an account could go on trying others.
func (t *throttle) forgive(clean bool, places ...place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range places {
		e, ok := t.lanes[p.lane][p.key]
		switch {
		case !ok:
		case e.wrong <= 1, clean && p.lane != laneAddress:
			delete(t.lanes[p.lane], p.key)
		default:
			e.wrong--
			e.next = e.last.Add(delayAfter(e.wrong - freeTries[p.lane]))
			t.lanes[p.lane][p.key] = e
		}
	}
}

func (t *throttle) at(p place, now time.Time) tries {
	e := t.lanes[p.lane][p.key]
	if now.Sub(e.last) >= forgetAfter {
		return tries{}
	}
	if now.Before(e.last) {
		e.next = now // a clock that was turned back makes nobody wait for it
	}
	return e
}

// makeRoom removes what has been quiet, and where that is not enough, what was wrong least often: whoever fills the memory
// with made-up names does not wipe out the count of the one that is under attack.
func (t *throttle) makeRoom(p place, now time.Time) {
	all := t.lanes[p.lane]
	if _, ok := all[p.key]; ok || len(all) < maxLane {
		return
	}
	var least Digest
	fewest := tries{}
	for key, e := range all {
		if now.Sub(e.last) >= forgetAfter {
			delete(all, key)
			continue
		}
		if fewest.wrong == 0 || e.wrong < fewest.wrong || e.wrong == fewest.wrong && e.last.Before(fewest.last) {
			least, fewest = key, e
		}
	}
	if len(all) >= maxLane {
		delete(all, least)
	}
}

// delayAfter is the delay after that many wrong passwords beyond those that are free: 1 s, 2 s, 4 s and so on.
func delayAfter(beyond int) time.Duration {
	switch {
	case beyond < 0:
		return 0
	case beyond > 6:
		return longestDelay
	}
	return min(firstDelay<<beyond, longestDelay)
}

// network is what an address is counted as: a subscriber has one address in IPv4, and 64 bits of them in IPv6.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
