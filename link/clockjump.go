package link

import (
	"fmt"
	"sync"
	"time"

	"boardlink/connection"
)

// ClockInDoubt reports whether the wall clock jumped and nobody knows yet whether it is right. What is old by it should
// not be thrown away meanwhile.
func (m *Manager) ClockInDoubt() bool { return m.clock.doubtful() }

// lookAtClock tells of a jump of the clock and has all keepers show their times anew.
func (m *Manager) lookAtClock() {
	by := m.clock.look()
	tell, over := m.alarm.look(by, m.clock.doubtful(), m.opt.Steady())
	switch {
	case tell != 0:
		m.journal.event(jumped(tell))
	case over:
		m.journal.event(agrees("This machine's clock agrees again with the time that has passed; the validity of uplinks counts by it."))
	}
	if by == 0 {
		return
	}
	m.log.Warn("The wall clock jumped", "by", by)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.keepers {
		select {
		case k.jumped <- struct{}{}:
		default:
		}
	}
}

// clockAlarm says what is told of jumps: one every [tellJumpEvery] at most, and that it is over where it was told. A
// doubt that lasts is told in the end.
type clockAlarm struct {
	mu     sync.Mutex
	told   bool          // an alarm, and not yet its end
	ever   bool          // an alarm was told
	toldAt time.Duration // when, by the steady clock
	untold time.Duration // jumped since
}

// look takes in a jump, 0 where there was none, and returns the jump to raise an alarm about, 0 for none, or whether to
// say that the last one is over.
func (a *clockAlarm) look(by time.Duration, doubtful bool, steady time.Duration) (tell time.Duration, over bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !doubtful {
		a.untold = 0
		if by == 0 || !a.told {
			return 0, false
		}
		a.told = false
		return 0, true
	}
	a.untold += by
	if by == 0 && a.told || a.ever && steady-a.toldAt < tellJumpEvery {
		return 0, false
	}
	if tell = a.untold; tell == 0 {
		tell = by // they cancel out
	}
	a.told, a.ever, a.toldAt, a.untold = true, true, steady, 0
	return tell, false
}

// over reports whether there is an alarm to say the end of.
func (a *clockAlarm) over() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	told := a.told
	a.told = false
	return told
}

// clockJumped shows the times that are told of the link by the clock as it shows now: a try that comes in five minutes
// must not look an hour overdue. The timers themselves are steady, and the schedule counts with steady times.
func (k *keeper) clockJumped() {
	now := k.m.now()
	// The difference is of the steady clock where the time was read by this program, and else changes nothing.
	anew := func(t *time.Time) {
		if !t.IsZero() {
			*t = now.Add(t.Sub(now))
		}
	}
	anew(&k.schedule.lostAt)
	anew(&k.workedUntil)
	k.board.clockJumped(anew)
}

func (b *board) clockJumped(anew func(*time.Time)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range []*time.Time{&b.status.Since, &b.status.NextAttemptAt, &b.status.LostAt, &b.status.StartupTime, &b.rest.since} {
		anew(t)
	}
	b.journal.status(b.id, b.filled(), false)
}

// jumped tells of a jump.
func jumped(by time.Duration) connection.Event {
	way := "forward"
	if by < 0 {
		way = "back"
	}
	return connection.Event{Level: connection.LevelWarning, Kind: connection.KindAlarm,
		Message: fmt.Sprintf("The clock of this machine jumped %s by %s, or the machine was asleep. Uplinks do not expire by that: until it is "+
			"certain which time is right, their validity counts from the time that makes them younger. Check the machine's time "+
			"synchronisation (NTP).", way, about(by.Abs()))}
}

// agrees tells that the clock is believed again.
func agrees(message string) connection.Event {
	return connection.Event{Level: connection.LevelInfo, Kind: connection.KindAlarm, Message: message}
}

// about writes a span to the second, or in days where it has many.
func about(d time.Duration) string {
	if d >= 48*time.Hour {
		return plural(int64(d/(24*time.Hour)), "day")
	}
	return d.Round(time.Second).String()
}
