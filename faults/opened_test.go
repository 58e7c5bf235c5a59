package faults_test

import (
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/thingsboard/sandbox"
)

// A server that hangs keeps its sockets open, and its kernel takes what is sent. OPENED must not last on that.
func TestOpened_is_left_when_nothing_is_answered_though_the_socket_is_open(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 2})
	tb, l := w.TB(), w.Links[0]
	w.Start()
	l.Reaches(connection.Opened, 15*time.Second)
	if s := l.Status(); !s.LastDeliveredAt.IsZero() {
		t.Errorf("delivered at %v before anything was", s.LastDeliveredAt)
	}
	put := time.Now().Truncate(time.Millisecond)
	l.Put(0)
	w.Until("the delivery to be shown", 10*time.Second, func() bool { return !l.Status().LastDeliveredAt.IsZero() })
	delivered := l.Status().LastDeliveredAt
	if delivered.Before(put) || delivered.After(time.Now()) {
		t.Errorf("delivered at %v, put at %v", delivered, put)
	}

	tb.Set(func(b *sandbox.Behaviour) { b.Freeze = true })
	frozen := time.Now()
	l.Put(1)
	held := 0 // sessions that are open at ThingsBoard, well before the PUBACK's time is up
	w.Until("OPENED to be left", 12*time.Second, func() bool {
		if time.Since(frozen) < 5*time.Second {
			held = len(tb.Sessions())
		}
		return l.Status().State != connection.Opened
	})
	took, s := time.Since(frozen), l.Status()
	t.Logf("left after %v for %s: %s", took.Round(10*time.Millisecond), s.State, s.Reason)
	if took < 5*time.Second {
		t.Errorf("left after %v, which no PUBACK's time explains", took)
	}
	w.Until("the reason", 10*time.Second, func() bool {
		s := l.Status()
		return s.State == connection.Closed && s.ReasonCode == connection.ReasonNoAck && s.Backlog == 1 || s.State == connection.Authenticating
	})
	if s := l.Status(); !s.LastDeliveredAt.Equal(delivered) {
		t.Errorf("delivered at %v, though nothing was acknowledged since %v", s.LastDeliveredAt, delivered)
	}
	if held != 1 {
		t.Errorf("%d sessions were open all the while", held)
	}

	w.Finish(60 * time.Second)
	if s := l.Status(); s.State != connection.Opened || !s.LastDeliveredAt.After(delivered) {
		t.Errorf("the status is %+v", s)
	}
	never(t, w, l, faults.Password)
}
