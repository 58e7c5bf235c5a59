package faults_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/faults/history"
	"boardlink/thingsboard/sandbox"
)

// long reports whether tests may take as long as the fault list says; CI runs short versions.
func long() bool { return os.Getenv("FAULTS_LONG") != "" }

func TestDelete_with_a_backlog_throws_away_what_it_tells_and_nothing_of_others(t *testing.T) {
	t.Parallel()
	each := 50
	if long() {
		each = 5000
	}
	w := faults.New(t, faults.Options{Links: 2, Devices: 10})
	w.TB().Pause()
	w.Start()
	w.Backlog(each)
	doomed, other := w.Links[0], w.Links[1]
	if err := doomed.Delete(); err != nil {
		t.Fatal(err)
	}
	if o := doomed.Put(0); o != history.Refused {
		t.Errorf("an uplink after the deletion: %v", o)
	}
	told := fmt.Sprintf("had %d events waiting, which were dropped", 10*each)
	w.Until("the event with the count", 30*time.Second, func() bool {
		for _, e := range w.Events() {
			if e.ConnectionID == doomed.ID && strings.Contains(e.Message, told) {
				return true
			}
		}
		return false
	})
	v := w.Finish(60 * time.Second)
	if f := v.Figures; f.Deleted != int64(10*each) || f.Arrived != int64(10*each) || f.Refused != 1 {
		t.Error(v)
	}
	if s := other.Status(); s.State != connection.Opened || s.Backlog != 0 {
		t.Errorf("the other link: %+v", s)
	}
}

func TestDelete_while_forwarding_and_across_a_restart_accounts_for_everything(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Links: 2, Devices: 10})
	w.TB().Set(func(b *sandbox.Behaviour) { b.PubackDelay = 20 * time.Millisecond })
	w.Start()
	feeder := w.Feed(200)
	w.Until("some arrivals", 20*time.Second, func() bool { return w.Arrived() > 50 })
	if err := w.Links[0].Delete(); err != nil {
		t.Fatal(err)
	}
	w.Restart() // the purge goes on
	w.Until("the deletion to be told", 30*time.Second, func() bool {
		for _, e := range w.Events() {
			if e.ConnectionID == w.Links[0].ID && strings.Contains(e.Message, "waiting, which") {
				return true
			}
		}
		return false
	})
	feeder.Stop()
	w.Finish(30 * time.Second)
}

func TestEdit_while_forwarding_sends_nothing_to_the_place_that_was_left(t *testing.T) {
	t.Parallel()
	turns := 4
	if long() {
		turns = 60
	}
	w := faults.New(t, faults.Options{Sandboxes: 2, Devices: 10})
	l := w.Links[0]
	w.Start()
	feeder := w.Feed(100)
	for turn := range turns {
		before := w.Arrived()
		w.Until("arrivals", 20*time.Second, func() bool { return w.Arrived() > before+10 })
		if turn%2 == 0 {
			l.Turn(1-l.Target(), 20*time.Second)
			continue
		}
		// The password changes at ThingsBoard first, as where somebody renews it.
		secret := fmt.Sprintf("secret %d", turn)
		for _, tb := range w.Sandboxes {
			tb.SetPassword(faults.Account, secret)
		}
		committed, err := l.Edit(func(c *connection.Connection) { c.Configuration.Password = connection.Secret(secret) })
		if err != nil {
			t.Fatal(err)
		}
		w.Until("the link to open with the new password", 20*time.Second, func() bool {
			s := l.Status()
			return s.State == connection.Opened && s.StartupTime.After(committed.Add(-time.Millisecond))
		})
	}
	feeder.Stop()
	v := w.Finish(30 * time.Second)
	if v.Figures.Repeats != 0 {
		t.Error(v) // each session had time to hear its PUBACKs
	}
}

func TestPause_sends_nothing_keeps_the_queue_and_resumes_in_order(t *testing.T) {
	t.Parallel()
	rounds := 3
	if long() {
		rounds = 50
	}
	w := faults.New(t, faults.Options{Devices: 10})
	l := w.Links[0]
	w.Start()
	feeder := w.Feed(100)
	for range rounds {
		before := w.Arrived()
		w.Until("arrivals", 20*time.Second, func() bool { return w.Arrived() > before+10 })
		committed, err := l.Activate(false)
		if err != nil {
			t.Fatal(err)
		}
		l.Reaches(connection.Deactivated, 5*time.Second)
		if took := time.Since(committed); took > 2*time.Second { // 1 s is promised; the machine is shared
			t.Errorf("deactivated after %v", took)
		}
		w.History.Aim(l.ID, "nobody")
		sent := l.Publishes()
		w.Until("uplinks to wait", 20*time.Second, func() bool { return l.Status().Backlog > 20 })
		if n := l.Publishes() - sent; n > 0 {
			t.Errorf("%d publishes began after the deactivation", n)
		}
		w.History.Aim(l.ID, "")
		if _, err := l.Activate(true); err != nil {
			t.Fatal(err)
		}
		l.Reaches(connection.Opened, 20*time.Second)
	}
	feeder.Stop()
	w.Finish(30 * time.Second)
}
