package link

import (
	"fmt"
	"sync"
	"time"

	"boardlink/connection"
)

const (
	// A burst is over when nothing was added for burstQuiet; one that does not end is told after burstLongest.
	burstQuiet   = 5 * time.Second
	burstLongest = 10 * time.Minute
	// maxOccasions bounds the occasions that are counted each for itself.
	maxOccasions = 10_000
)

// occasion is something that may happen very often and is told seldom, with its number.
type occasion struct {
	key    string
	level  connection.Level
	kind   connection.Kind
	hourly bool // told at once and then once an hour; else once a burst, when it is over
	tell   func(n int) string
}

// tally counts occasions and tells them as events.
type tally struct {
	now  func() time.Time
	tell func(connection.Event)

	mu     sync.Mutex
	counts map[string]*count
}

type count struct {
	occasion
	n           int
	first, last time.Time // of those not told yet
	toldAt      time.Time
	devEUI      string // empty where there were several
}

func newTally(now func() time.Time, tell func(connection.Event)) *tally {
	return &tally{now: now, tell: tell, counts: map[string]*count{}}
}

// add counts one.
func (t *tally) add(o occasion, devEUI string) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts[o.key]
	if c == nil {
		if len(t.counts) >= maxOccasions {
			o.key, devEUI = "other", ""
			c = t.counts[o.key]
		}
		if c == nil {
			c = &count{}
			t.counts[o.key] = c
		}
	}
	c.occasion = o
	if c.n == 0 {
		c.first, c.devEUI = now, devEUI
	} else if c.devEUI != devEUI {
		c.devEUI = ""
	}
	c.n++
	c.last = now
	if o.hourly && now.Sub(c.toldAt) >= time.Hour {
		t.say(c, now)
	}
}

// flush tells what is due; all: what is a burst too, because its link ends.
func (t *tally) flush(all bool) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, c := range t.counts {
		switch {
		case c.hourly && now.Sub(c.toldAt) < time.Hour:
		case c.hourly && c.n == 0:
			delete(t.counts, key)
		case c.hourly:
			t.say(c, now)
		case all || now.Sub(c.last) >= burstQuiet:
			t.say(c, now)
			delete(t.counts, key)
		case now.Sub(c.first) >= burstLongest:
			t.say(c, now)
		}
	}
}

// say tells a count. t.mu is held; the receiver of events must not call back.
func (t *tally) say(c *count, now time.Time) {
	if c.n == 0 {
		return
	}
	t.tell(connection.Event{Time: now, Level: c.level, Kind: c.kind, DevEUI: c.devEUI, Message: c.occasion.tell(c.n)})
	c.n, c.toldAt = 0, now
}

func occasionExpired(validity connection.Duration) occasion {
	return occasion{key: "expired", level: connection.LevelWarning, kind: connection.KindAlarm, tell: func(n int) string {
		return fmt.Sprintf("%s older than the validity of %s when the turn came, and not sent.", areOrIs(n, "uplink"), validity)
	}}
}

func occasionSkipped(devEUI string) occasion {
	return occasion{key: "skipped " + devEUI, level: connection.LevelError, kind: connection.KindUplink, hourly: true, tell: func(n int) string {
		return fmt.Sprintf("ThingsBoard has no device %s and Create devices is off: %s skipped.", devEUI, areOrIs(n, "event"))
	}}
}

func occasionParked(code connection.ReasonCode, reason string) occasion {
	return occasion{key: "parked " + string(code), level: connection.LevelError, kind: connection.KindUplink, tell: func(n int) string {
		return fmt.Sprintf("%s parked. %s", areOrIs(n, "event"), reason)
	}}
}

// occasionNotSignedIn is told when the account is refused while the session, which lives by the gateway's own token, goes on.
func occasionNotSignedIn(code connection.ReasonCode) occasion {
	return occasion{key: "not signed in " + string(code), level: connection.LevelError, kind: connection.KindAlarm, hourly: true, tell: func(n int) string {
		return fmt.Sprintf("%s kept back: ThingsBoard must be asked about the device first. %s Edit the credentials, or choose Retry now once they are right again.",
			areOrIs(n, "event"), code.Text().Sentence)
	}}
}

var (
	occasionDeviceLimit = occasion{key: "device limit", level: connection.LevelWarning, kind: connection.KindUplink, tell: func(n int) string {
		return fmt.Sprintf("%s kept back for 5 minutes. %s", areOrIs(n, "event"), connection.ReasonDeviceLimit.Text().Sentence)
	}}
	occasionParkedFull = occasion{key: "parked full", level: connection.LevelError, kind: connection.KindAlarm, tell: func(int) string {
		return "There is no room for another parked event: the devices whose events ThingsBoard refuses wait. Retry or drop some of the parked events."
	}}
)

// areOrIs writes "1 event was", "2 events were".
func areOrIs(n int, what string) string { return plural(n, what) + " " + was(n) }
