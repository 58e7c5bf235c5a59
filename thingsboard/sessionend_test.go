package thingsboard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"boardlink/connection"
)

func TestSession_says_why_the_server_ended_it(t *testing.T) {
	for reason, want := range map[byte]verdict{
		0x81: {connection.ReasonProtocol, Transient},
		0x83: {connection.ReasonConnectionLost, Transient},
		0x8B: {connection.ReasonConnectionLost, Transient},
		0x8E: {connection.ReasonConflict, Conflict},
		0x96: {connection.ReasonThrottled, Throttled},
		0x97: {connection.ReasonThrottled, Throttled},
		0x98: {connection.ReasonMQTTRefused, Transient},
		0x99: {connection.ReasonProtocol, Transient},
	} {
		b := &broker{}
		inBubble(t, b, func(t *testing.T, s *Session) {
			b.lastPeer().disconnect(reason, "the server's words")
			<-s.Done()
			wantCode(t, s.Err(), want.code, want.kind)
			if !SessionEnded(s.Err()) || !strings.Contains(s.Err().Error(), "the server's words") {
				t.Errorf("got %v", s.Err())
			}
			err := s.Telemetry(t.Context(), "d", reading(1))
			wantCode(t, err, want.code, want.kind)
			var e *Error
			if !errors.As(err, &e) || !e.ByPeer || !e.Unsent || e.Reason != reason {
				t.Errorf("got %+v", e)
			}
			if _, open := <-s.Commands(); open {
				t.Error("the queue of commands is open")
			}
		})
	}
}

func TestSession_publish_under_way_learns_of_the_end(t *testing.T) {
	b := &broker{published: func(p *peer, _ *packets.Publish) { p.disconnect(0x8E, "") }}
	inBubble(t, b, func(t *testing.T, s *Session) {
		begin := time.Now()
		err := s.Telemetry(t.Context(), "d", reading(1))
		wantCode(t, err, connection.ReasonConflict, Conflict)
		if took := time.Since(begin); !SessionEnded(err) || took > time.Second {
			t.Errorf("took %v, SessionEnded %v", took, SessionEnded(err))
		}
	})
	b = &broker{published: func(p *peer, _ *packets.Publish) { _ = p.Close() }}
	inBubble(t, b, func(t *testing.T, s *Session) {
		err := s.Telemetry(t.Context(), "d", reading(1))
		wantCode(t, err, connection.ReasonConnectionLost, Transient)
		var e *Error
		if !errors.As(err, &e) || !e.ByPeer || e.Unsent || e.Reason != 0 {
			t.Errorf("got %+v", e)
		}
	})
}

// A caller whose context ends because the session has ended must learn of the latter: what was under way may be why.
func TestSession_publish_learns_of_the_end_before_that_of_its_context(t *testing.T) {
	b := &broker{published: func(p *peer, _ *packets.Publish) { p.disconnect(0x83, "") }}
	inBubble(t, b, func(t *testing.T, s *Session) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-s.Done()
			cancel()
		}()
		if err := s.Telemetry(ctx, "d", reading(1)); !SessionEnded(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSession_that_ends_while_a_device_is_connected_was_too_fast(t *testing.T) {
	b := &broker{published: func(p *peer, _ *packets.Publish) { p.disconnect(0x8B, "") }}
	inBubble(t, b, func(t *testing.T, s *Session) {
		err := s.ConnectDevice(t.Context(), "d", "")
		wantCode(t, err, connection.ReasonThrottled, Throttled)
		if !SessionEnded(err) {
			t.Error("SessionEnded is false")
		}
		wantCode(t, s.Err(), connection.ReasonThrottled, Throttled) // the next session must not come at once
	})
}

// Whoever asks the session why it ended, and not the publish, must learn of the PUBACK that came before.
func TestSession_that_closes_after_a_PUBACK_0x80_says_so_to_all(t *testing.T) {
	b := &broker{published: func(p *peer, m *packets.Publish) {
		if strings.Contains(string(m.Payload), `"bad"`) {
			p.puback(m.PacketID, 0x80)
			_ = p.Close()
		}
	}}
	inBubble(t, b, func(t *testing.T, s *Session) {
		beside := make(chan error)
		go func() { beside <- s.Telemetry(t.Context(), "good", reading(1)) }()
		synctest.Wait()
		wantCode(t, s.Telemetry(t.Context(), "bad", reading(1)), connection.ReasonServerError, Transient)
		wantCode(t, <-beside, connection.ReasonServerError, Transient)
		wantCode(t, s.Err(), connection.ReasonServerError, Transient)
	})
}

func TestSession_that_is_lost_long_after_a_PUBACK_0x80_was_lost(t *testing.T) {
	var socket *peer
	b := &broker{published: func(p *peer, m *packets.Publish) {
		socket = p
		p.puback(m.PacketID, 0x80)
	}}
	inBubble(t, b, func(t *testing.T, s *Session) {
		wantCode(t, s.Telemetry(t.Context(), "d", reading(1)), connection.ReasonRefused, Device)
		_ = socket.Close()
		<-s.Done()
		wantCode(t, s.Err(), connection.ReasonConnectionLost, Transient)
	})
}

func TestSession_proves_that_it_is_alive(t *testing.T) {
	inBubble(t, &broker{}, func(t *testing.T, s *Session) {
		if err := s.Prove(t.Context()); err != nil {
			t.Error(err)
		}
		_ = s.Close(t.Context())
		if err := s.Prove(t.Context()); !SessionEnded(err) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestSession_without_a_PUBACK_for_ten_seconds_ends(t *testing.T) {
	b := &broker{published: func(*peer, *packets.Publish) {}}
	inBubble(t, b, func(t *testing.T, s *Session) {
		begin := time.Now()
		err := s.Telemetry(t.Context(), "d", reading(1))
		wantCode(t, err, connection.ReasonNoAck, Transient)
		if e := s.endError(); e.ByPeer {
			t.Error("the peer ended nothing")
		}
		if took := time.Since(begin); took != ackTimeout || !SessionEnded(err) {
			t.Errorf("took %v, SessionEnded %v", took, SessionEnded(err))
		}
		<-s.Done()
		wantCode(t, s.Err(), connection.ReasonNoAck, Transient)
	})
}

func TestSession_publish_given_up_by_its_caller_leaves_the_session_open(t *testing.T) {
	b := &broker{published: func(*peer, *packets.Publish) {}}
	inBubble(t, b, func(t *testing.T, s *Session) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Telemetry(ctx, "d", reading(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		select {
		case <-s.Done():
			t.Error("the session ended")
		default:
		}
	})
}

func TestSession_sends_nothing_for_a_caller_who_has_given_up(t *testing.T) {
	sent := 0
	b := &broker{published: func(*peer, *packets.Publish) { sent++ }}
	inBubble(t, b, func(t *testing.T, s *Session) {
		sent = 0 // what opened the session
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 { // a select that has both ways open takes either
			if err := s.Telemetry(ctx, "d", reading(1)); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
		synctest.Wait()
		if sent != 0 {
			t.Errorf("%d publishes went out", sent)
		}
	})
}

func TestSession_finds_a_silent_peer_within_thirty_seconds(t *testing.T) {
	b := &broker{mute: true}
	inBubble(t, b, func(t *testing.T, s *Session) {
		begin := time.Now()
		<-s.Done()
		wantCode(t, s.Err(), connection.ReasonTimeout, Transient)
		if took := time.Since(begin); took > 30*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestSession_stays_open_while_pings_are_answered(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		time.Sleep(time.Hour)
		select {
		case <-s.Done():
			t.Fatalf("ended: %v", s.Err())
		default:
		}
		if ago := time.Since(s.LastSeen()); ago > pingAfter {
			t.Errorf("last seen %v ago", ago)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.pings < 300 {
			t.Errorf("%d pings in an hour", b.pings)
		}
	})
}

func TestSession_finds_a_peer_that_reads_nothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, &broker{published: func(*peer, *packets.Publish) {
			time.Sleep(time.Hour) // nothing is read meanwhile: the pipe has no buffer
		}})
		errs := make(chan error, 3)
		begin := time.Now()
		for i := range 3 {
			go func() { errs <- s.Telemetry(t.Context(), fmt.Sprint(i), reading(1)) }()
		}
		for range 3 {
			if err := <-errs; !SessionEnded(err) {
				t.Errorf("got %v", err)
			}
		}
		if took := time.Since(begin); took > ackTimeout+settleTime {
			t.Errorf("took %v", took)
		}
	})
}

func TestClose_says_goodbye(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		<-s.Done()
		if s.Err() != nil {
			t.Errorf("got %v", s.Err())
		}
		synctest.Wait()
		if len(b.goodbyes) != 1 || b.goodbyes[0] != 0 {
			t.Errorf("goodbyes %v", b.goodbyes)
		}
		err := s.Telemetry(t.Context(), "d", reading(1))
		wantCode(t, err, connection.ReasonConnectionLost, Transient)
		if !SessionEnded(err) {
			t.Error("SessionEnded is false")
		}
		_ = s.Close(t.Context())
	})
}

func TestClose_does_not_wait_for_a_hung_peer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, &broker{published: func(*peer, *packets.Publish) { time.Sleep(time.Hour) }})
		outcome := make(chan error, 2)
		for range 2 { // the second cannot even be written
			go func() { outcome <- s.Telemetry(t.Context(), "d", reading(1)) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		begin := time.Now()
		_ = s.Close(ctx)
		if took := time.Since(begin); took > 300*time.Millisecond {
			t.Errorf("took %v", took)
		}
		for range 2 {
			if err := <-outcome; !SessionEnded(err) {
				t.Errorf("got %v", err)
			}
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("the publishes took %v", took)
		}
	})
}

func TestClose_with_a_context_that_has_ended_cuts_the_connection(t *testing.T) {
	inBubble(t, &broker{}, func(t *testing.T, s *Session) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		_ = s.Close(ctx)
		if took := time.Since(begin); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

func TestSession_measures_by_the_steady_clock(t *testing.T) {
	began := time.Now() // with its monotonic reading
	at := began
	s := &Session{now: func() time.Time { return at }, began: began}
	at = began.Add(time.Minute)
	s.seen()
	if seen := s.LastSeen(); seen.Sub(began) != time.Minute || !strings.Contains(seen.String(), "m=") {
		t.Errorf("last seen %v", seen)
	}
	if s.within(&s.quotaAt, time.Hour) {
		t.Error("what never happened was a while ago")
	}
	s.mark(&s.quotaAt)
	at = at.Add(quotaWindow - 1)
	if !s.within(&s.quotaAt, quotaWindow) {
		t.Error("what just happened is forgotten")
	}
	if at = at.Add(1); s.within(&s.quotaAt, quotaWindow) {
		t.Error("what happened a while ago is remembered")
	}
}
