package link

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
)

func TestReconcile_restarts_the_link_for_what_it_opened_with(t *testing.T) {
	for _, name := range []string{"hostName", "username", "protocol", "restUrl", "mqttHostName", "password"} {
		t.Run(name, func(t *testing.T) {
			in(t, func(b *bench) {
				b.start()
				first := b.board.last()
				field, _ := connection.FieldByName(name)
				b.edit(func(c *connection.Connection) { field.Set(c, map[string]string{"protocol": "TCP"}[name]+"other") })
				b.want(connection.Opened, connection.ReasonConnected)
				if b.board.last() == first || first.closed().IsZero() {
					t.Error("the link was not restarted")
				}
				if told := b.store.told("alice@example.com changed the settings."); len(told) != 1 {
					t.Errorf("events %q", b.store.messages())
				}
			})
		})
	}
}

func TestReconcile_takes_over_the_rest_without_a_restart(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.edit(func(c *connection.Connection) {
			c.Name, c.Configuration.DeviceType, c.Configuration.TelemetryFormat = "New", "Meter", connection.FormatMeasurements
		})
		b.queue.put(deviceA)
		b.pass(time.Second)
		if _, _, sessions := b.board.count(); sessions != 1 {
			t.Errorf("%d sessions", sessions)
		}
		if got := b.board.last().of("connect"); len(got) != 1 || got[0].data != "Meter" {
			t.Errorf("connected %v", got)
		}
		if got := b.board.last().of("telemetry"); len(got) != 1 || !strings.Contains(got[0].data.(string), `"fPort":1`) {
			t.Errorf("sent %v", got)
		}
	})
}

func TestReconcile_of_a_restart_request_restarts_at_once(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.edit(func(c *connection.Connection) { c.RestartRequest++ })
		b.want(connection.Opened, connection.ReasonConnected)
		if _, _, sessions := b.board.count(); sessions != 2 {
			t.Errorf("%d sessions", sessions)
		}
		if told := b.store.told("alice@example.com asked for a restart."); len(told) != 1 {
			t.Errorf("events %q", b.store.messages())
		}
	})
}

func TestReconcile_restarts_a_link_that_waits_for_its_next_try(t *testing.T) {
	in(t, func(b *bench) {
		b.board.locate = unreachable
		b.start()
		b.pass(10 * time.Hour)
		b.board.set(func(f *fakeBoard) { f.locate = nil })
		b.edit(func(c *connection.Connection) { c.RestartRequest++ })
		b.want(connection.Opened, connection.ReasonConnected)
	})
}

func TestDeactivation_stops_publishing_at_once_and_closes_the_socket_within_a_second(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) {
			s.publish = func(ctx context.Context, p published) error {
				if p.kind != "telemetry" {
					return nil
				}
				<-ctx.Done() // never acknowledged
				return ctx.Err()
			}
		}
		b.start()
		b.queue.put(deviceA)
		b.queue.put(deviceB)
		b.pass(headStart)
		session := b.board.last()
		if n := b.queue.outstanding(); n != 2 {
			t.Fatalf("%d events under way", n)
		}
		b.queue.put("70B3D5E75E00A003")
		committed := time.Now()
		b.edit(func(c *connection.Connection) { c.Active = false })
		b.queue.put("70B3D5E75E00A004")
		b.pass(time.Second)
		b.want(connection.Deactivated, connection.ReasonDeactivated)
		if closed := session.closed(); closed.IsZero() || closed.Sub(committed) > time.Second {
			t.Errorf("closed after %v", closed.Sub(committed))
		}
		if b.queue.waiting() != 4 || b.queue.outstanding() != 0 {
			t.Errorf("%d wait, %d are under way", b.queue.waiting(), b.queue.outstanding())
		}
		for _, p := range session.of("telemetry") {
			if p.at.After(committed) {
				t.Errorf("published after the commit: %+v", p)
			}
		}
		if s := b.status(); s.Reason != "alice@example.com deactivated this connection." {
			t.Errorf("reason %q", s.Reason)
		}
		if told := append(b.store.told("eactivated"), b.store.told("Clos")...); len(told) != 0 {
			t.Errorf("events %q beside that of the edit", told)
		}
	})
}

func TestDeactivation_holds_over_a_restart_of_the_program(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.edit(func(c *connection.Connection) { c.Active = false })
		b.pass(time.Second)
		since, events := b.status().Since, len(b.store.messages())
		b.stop()
		b.start()
		b.pass(24 * time.Hour)
		b.want(connection.Deactivated, connection.ReasonDeactivated)
		if s := b.status(); !s.Since.Equal(since) || len(b.store.messages()) != events {
			t.Errorf("since %v, events %q", s.Since, b.store.messages())
		}
		if _, _, sessions := b.board.count(); sessions != 1 {
			t.Errorf("%d sessions", sessions)
		}
		b.edit(func(c *connection.Connection) { c.Active = true })
		b.want(connection.Opened, connection.ReasonConnected)
	})
}

func TestDeactivated_from_the_start_makes_no_event(t *testing.T) {
	in(t, func(b *bench) {
		b.store.edit(one, func(c *connection.Connection) { c.Active = false })
		b.start()
		b.want(connection.Deactivated, connection.ReasonDeactivated)
		if s := b.status(); s.Reason != "This connection is not active." {
			t.Errorf("reason %q", s.Reason)
		}
		b.pass(time.Hour)
		if told := b.store.messages(); len(told) != 0 {
			t.Errorf("events %q", told)
		}
	})
}

func TestDeactivation_while_a_hung_peer_is_being_closed(t *testing.T) {
	in(t, func(b *bench) {
		hang := make(chan struct{})
		b.board.session = func(s *fakeSession) { s.hang = hang }
		b.start()
		b.edit(func(c *connection.Connection) { c.Active = false })
		b.want(connection.Closing, connection.ReasonDeactivated)
		b.pass(closingLimit)
		b.want(connection.Deactivated, connection.ReasonDeactivated)
		close(hang)
	})
}

func TestDeletion_purges_the_queue_and_tells_how_much_that_was(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) {
			s.publish = func(context.Context, published) error { return &restFailure{context.DeadlineExceeded} }
		}
		b.start()
		b.queue.put(deviceA)
		b.queue.put(deviceB)
		b.pass(time.Second)
		b.store.delete(one)
		b.m.Reconcile(one)
		b.pass(3 * time.Second)
		if got := b.store.deletions(); len(got) != 0 {
			t.Errorf("unfinished deletions %v", got)
		}
		if told := b.store.told(`"Ours" was deleted; it had 2 events waiting, which were dropped.`); len(told) != 1 {
			t.Errorf("events %q", b.store.messages())
		}
		if all := b.m.Statuses(); len(all) != 0 {
			t.Errorf("statuses %v", all)
		}
		if b.board.last().closed().IsZero() {
			t.Error("the session was not closed")
		}
	})
}

func TestDeletion_unfinished_is_taken_up_at_the_start(t *testing.T) {
	in(t, func(b *bench) {
		b.queue.put(deviceA)
		b.store.delete(one)
		b.start()
		b.pass(3 * time.Second)
		if got := b.store.deletions(); len(got) != 0 || b.queue.waiting() != 0 {
			t.Errorf("unfinished deletions %v", got)
		}
		if told := b.store.told("1 event waiting, which was dropped."); len(told) != 1 {
			t.Errorf("events %q", b.store.messages())
		}
	})
}

func TestReconcile_finds_new_connections_and_forgotten_changes(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		two := b.store.row(one)
		two.ID = 2
		b.store.mu.Lock()
		b.store.rows[2] = two
		b.store.mu.Unlock()
		b.m.Reconcile(2)
		synctest.Wait()
		if s := b.m.Status(2); s.State != connection.Opened {
			t.Errorf("state %s", s.State)
		}
		b.store.edit(2, func(c *connection.Connection) { c.Active = false }) // nobody tells
		b.pass(sweepEvery + time.Second)
		if s := b.m.Status(2); s.State != connection.Deactivated {
			t.Errorf("state %s", s.State)
		}
		b.m.Reconcile(99) // never was
		synctest.Wait()
		if s := b.m.Status(99); s.State != connection.Closed || b.queue.purged != 0 {
			t.Errorf("state %s, %d purges", s.State, b.queue.purged)
		}
	})
}

func TestEdits_while_forwarding_keep_every_event_and_send_none_to_the_old_host(t *testing.T) {
	in(t, func(b *bench) {
		b.board.session = func(s *fakeSession) {
			s.publish = func(ctx context.Context, p published) error { return sleep(ctx, 50*time.Millisecond) }
		}
		b.start()
		const events = 600
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range events {
				b.queue.put([]string{deviceA, deviceB}[i%2])
				time.Sleep(50 * time.Millisecond)
			}
		}()
		var applied []time.Time
		for i := range 30 {
			b.edit(func(c *connection.Connection) { c.Configuration.HostName = []string{"a:443", "b:443"}[i%2] })
			applied = append(applied, time.Now())
			b.pass(time.Second)
		}
		<-done
		b.pass(time.Minute)
		for i, at := range applied {
			old := b.board.sessions[i]
			for _, p := range append(old.of("telemetry"), old.of("connect")...) {
				if p.at.After(at) {
					t.Fatalf("session %d published after its edit was applied: %+v", i, p)
				}
			}
		}
		if len(b.queue.acked) != events || b.queue.waiting() != 0 {
			t.Errorf("%d of %d delivered", len(b.queue.acked), events)
		}
		for _, device := range []string{deviceA, deviceB} {
			var ids []int64
			for _, e := range b.queue.acked {
				if e.DevEUI == device {
					ids = append(ids, e.ID)
				}
			}
			if !slices.IsSorted(ids) {
				t.Errorf("device %s out of order", device)
			}
		}
	})
}

func TestStatus_is_written_at_once_at_an_edge_and_else_once_a_second(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.pass(time.Minute)
		b.store.saves = nil
		k := b.m.keepers[one]
		for range 100 {
			k.board.note(nil, func(s *connection.Status) { s.Reason += "." })
			b.pass(30 * time.Millisecond)
		}
		b.pass(2 * time.Second)
		if n := len(b.store.saves); n < 3 || n > 5 {
			t.Errorf("%d writes in 5 seconds", n)
		}
		if saved := b.store.statuses[one]; saved.Reason != b.status().Reason {
			t.Error("the last change was not written")
		}
		b.board.last().end(lost())
		synctest.Wait()
		if saved := b.store.statuses[one]; saved.State != connection.Closed {
			t.Errorf("saved state %s", saved.State)
		}
	})
}
