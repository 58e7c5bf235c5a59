package faults_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/faults/history"
	"boardlink/thingsboard/sandbox"
)

func TestPUBACK_that_never_comes_ends_the_session_and_repeats_what_was_under_way(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 10})
	l := w.Links[0]
	w.Start()
	w.Backlog(2)
	w.Settle(20 * time.Second)
	w.TB().Set(func(b *sandbox.Behaviour) { b.PubackWithhold = true })
	begun := time.Now()
	w.Backlog(1)
	w.Until("the loss", 15*time.Second, func() bool { return l.Status().State != connection.Opened })
	if took := time.Since(begun); took > 11*time.Second {
		t.Errorf("found after %v", took)
	}
	if s := l.Fails(12 * time.Second); s.ReasonCode != connection.ReasonNoAck || s.NextAttemptAt.IsZero() {
		t.Errorf("%+v", s)
	}
	v := w.Finish(30 * time.Second)
	if f := v.Figures; f.Arrived != 30 || f.Repeats == 0 || f.Repeats > 10 {
		t.Error(v)
	}
}

// oldServer is an MQTT server that knows 3.1.1 only, and closes on any other CONNECT without a word. It notes the
// protocol levels that it was asked for.
type oldServer struct {
	net.Listener
	mu     sync.Mutex
	levels []byte
}

func newOldServer(t *testing.T) *oldServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &oldServer{Listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(conn)
		}
	}()
	return s
}

// talk reads fixed header (one digit of length or two), protocol name and level (MQTT 5, 3.1.2).
func (s *oldServer) talk(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	_, _ = in.ReadByte() // what is missing shows in the level
	for {
		if digit, err := in.ReadByte(); err != nil || digit&0x80 == 0 {
			break
		}
	}
	name := make([]byte, 6)
	if _, err := io.ReadFull(in, name); err != nil || string(name[2:]) != "MQTT" {
		return
	}
	level, err := in.ReadByte()
	if err != nil {
		return
	}
	s.mu.Lock()
	s.levels = append(s.levels, level)
	s.mu.Unlock()
	if level == 4 {
		_, _ = conn.Write([]byte{0x20, 2, 0, 0})
		_, _ = io.Copy(io.Discard, in)
	}
}

func (s *oldServer) asked() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte(nil), s.levels...)
}

func TestServer_without_MQTT_5_is_told_and_never_spoken_to_in_another_version(t *testing.T) {
	t.Parallel()
	t.Run("it refuses CONNECT", func(t *testing.T) {
		t.Parallel()
		w := faults.New(t, faults.Options{})
		w.TB().Set(func(b *sandbox.Behaviour) { b.ConnectCode = 0x84 })
		w.Start()
		w.Backlog(2)
		s := w.Links[0].Fails(20 * time.Second)
		if s.ReasonCode == connection.ReasonStarting || !strings.Contains(s.Reason+s.Hint, "MQTT") || s.NextAttemptAt.IsZero() {
			t.Errorf("%+v", s)
		}
		t.Logf("told: %s: %s %s", s.ReasonCode, s.Reason, s.Hint)
		for _, c := range w.TB().Connects() {
			if c.Version != 5 {
				t.Errorf("spoke version %d", c.Version)
			}
		}
		w.Finish(40 * time.Second)
	})
	t.Run("it closes without a word", func(t *testing.T) {
		t.Parallel()
		old := newOldServer(t)
		w := faults.New(t, faults.Options{Plain: true})
		l := w.Links[0]
		l.MQTT().Aim(old.Addr().String())
		w.Start()
		w.Backlog(2)
		s := l.Fails(20 * time.Second)
		if s.ReasonCode != connection.ReasonConnectionLost && s.ReasonCode != connection.ReasonProtocol || s.NextAttemptAt.IsZero() {
			t.Errorf("%+v", s)
		}
		t.Logf("told: %s: %s %s", s.ReasonCode, s.Reason, s.Hint)
		w.Until("a few tries", 30*time.Second, func() bool { return len(old.asked()) >= 3 })
		for _, level := range old.asked() {
			if level != 5 {
				t.Errorf("spoke level %d", level)
			}
		}
		if w.Arrived() != 0 {
			t.Error("something went out")
		}
		l.MQTT().Aim(w.TB().MQTTAddr())
		w.Finish(60 * time.Second)
	})
}

func TestUplink_that_ThingPark_posts_ten_times_is_one_point(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 3})
	l := w.Links[0]
	w.Start()
	for frame := range int64(5) {
		var posts sync.WaitGroup
		for range 10 {
			for d := range l.Devices {
				posts.Go(func() {
					if o := l.Post(d, frame); o != history.Accepted {
						t.Errorf("frame %d: %v", frame, o)
					}
				})
			}
		}
		posts.Wait()
	}
	w.Settle(30 * time.Second)
	for d := range l.Devices { // and once more after delivery
		l.Post(d, 2)
	}
	v := w.Finish(30 * time.Second)
	if v.Figures.Accepted != 15 || v.Figures.Arrived != 15 {
		t.Error(v)
	}
	for _, device := range l.Devices {
		stamps := map[int64]bool{}
		for _, p := range w.TB().Telemetry(device) {
			stamps[p.TS] = true
		}
		if len(stamps) != 5 {
			t.Errorf("%s has %d points", device, len(stamps))
		}
	}
}

func TestStorm_of_unannounced_rate_limits_calms_down_and_loses_nothing(t *testing.T) {
	t.Parallel()
	each, most := 15, 60*time.Second
	if long() {
		each, most = 1000, 30*time.Minute
	}
	w := faults.New(t, faults.Options{Devices: 20})
	w.TB().Set(func(b *sandbox.Behaviour) {
		b.NoSessionLimits = true
		b.GatewayLimits = sandbox.Limits{Telemetry: sandbox.Limit{{Count: 40, Per: time.Second}}}
	})
	w.Backlog(each)
	begun := time.Now()
	w.Start()
	w.Settle(most)
	var ends []string
	for _, c := range w.TB().Connects() {
		ends = append(ends, fmt.Sprint(c.At.Sub(begun).Round(100*time.Millisecond)))
	}
	t.Logf("%d events in %v with sessions at %v", 20*each, time.Since(begun).Round(time.Second), ends)
	half := begun.Add(time.Since(begun) / 2)
	var early, late int
	for _, c := range w.TB().Connects() {
		if c.At.Before(half) {
			early++
		} else {
			late++
		}
	}
	if late > early {
		t.Errorf("%d sessions in the first half of the time and %d in the second", early, late)
	}
	w.Check()
}
