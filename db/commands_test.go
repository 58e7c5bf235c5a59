package db

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"boardlink/connection"
)

const meter = "70B3D5E75E00A001"

// beginAndShare gives a connection a command and a shared attribute.
func beginAndShare(t *testing.T, d *DB, id connection.ID) error {
	t.Helper()
	c := testCommand(id, 1)
	_, _, err := d.BeginCommand(t.Context(), c, c.CameAt.Add(-time.Hour))
	_, shareErr := d.ChangeSharedAttributes(t.Context(), connection.AttributeChange{ConnectionID: id, DevEUI: meter, Set: values(`1`, "k")})
	return errors.Join(err, shareErr)
}

func testCommand(id connection.ID, rpc int64) connection.Command {
	return connection.Command{ConnectionID: id, DevEUI: meter, RPC: rpc, Hash: "h1", FPort: 2,
		CorrelationID: fmt.Sprintf("%016X", rpc), CameAt: newClock().at}
}

// begin writes a command down that must be new.
func begin(t *testing.T, d *DB, c connection.Command) connection.Command {
	t.Helper()
	got, begun, err := d.BeginCommand(t.Context(), c, c.CameAt.Add(-time.Hour))
	if err != nil || !begun {
		t.Fatalf("begun %v, %v", begun, err)
	}
	return got
}

func TestBeginCommand_writes_it_down_for_the_next_program_too(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boardlink.db")
	d := openTestDB(t, path, Options{})
	conn := createTestConnection(t, d, "c")
	c := begin(t, d, testCommand(conn.ID, 7))
	want := testCommand(conn.ID, 7)
	want.ID, want.State = c.ID, connection.CommandSending
	if c.ID == 0 || !reflect.DeepEqual(c, want) {
		t.Errorf("begun %+v, want %+v", c, want)
	}
	next := openTestDB(t, path, Options{})
	again, begun, err := next.BeginCommand(t.Context(), testCommand(conn.ID, 7), want.CameAt.Add(-time.Hour))
	if err != nil || begun || !reflect.DeepEqual(again, want) {
		t.Errorf("begun again: %v %+v, %v", begun, again, err)
	}
}

func TestBeginCommand_takes_the_same_for_the_same_and_nothing_else(t *testing.T) {
	d, _ := newTestDB(t)
	conn, other := createTestConnection(t, d, "c"), createTestConnection(t, d, "d")
	first := begin(t, d, testCommand(conn.ID, 0))
	for what, change := range map[string]func(*connection.Command){
		"another connection": func(c *connection.Command) { c.ConnectionID = other.ID },
		"another device":     func(c *connection.Command) { c.DevEUI = "70B3D5E75E00A002" },
		"another number":     func(c *connection.Command) { c.RPC = 1 },
		"another text":       func(c *connection.Command) { c.Hash = "h2" },
		"an hour later":      func(c *connection.Command) { c.CameAt = c.CameAt.Add(time.Hour + time.Millisecond) },
	} {
		c := testCommand(conn.ID, 0)
		change(&c)
		if got := begin(t, d, c); got.ID == first.ID {
			t.Errorf("%s: the same command", what)
		}
	}
	_, _, err := d.BeginCommand(t.Context(), testCommand(99, 0), time.Time{})
	wantCode(t, err, connection.CodeNotFound)
}

func TestBeginCommand_lets_one_go_again_that_never_left(t *testing.T) {
	d, c := newTestDB(t)
	conn := createTestConnection(t, d, "c")
	for i, state := range connection.CommandStates {
		cmd := begin(t, d, testCommand(conn.ID, int64(i)))
		c.advance(time.Second)
		if err := d.SettleCommand(t.Context(), cmd.ID, state, "So it went."); err != nil {
			t.Fatal(err)
		}
		got, begun, err := d.BeginCommand(t.Context(), testCommand(conn.ID, int64(i)), time.Time{})
		if err != nil || begun != (state == connection.CommandNotSent) {
			t.Errorf("%s: begun %v, %v", state, begun, err)
		}
		if !begun && (got.State != state || got.Sentence != "So it went." || !got.SettledAt.Equal(c.at)) {
			t.Errorf("%s: %+v", state, got)
		}
	}
}

func TestReportCommand_settles_once_and_tells_with_it(t *testing.T) {
	d, c := newTestDB(t)
	conn := createTestConnection(t, d, "c")
	for i, from := range connection.CommandStates {
		for j, to := range []connection.CommandState{connection.CommandSent, connection.CommandMissed, connection.CommandRejected} {
			what := fmt.Sprintf("%s to %s", from, to)
			told := connection.Event{Level: connection.LevelInfo, Kind: connection.KindDownlink, Message: what}
			cmd := begin(t, d, testCommand(conn.ID, int64(10*i+j)))
			if from != connection.CommandSending {
				if err := d.SettleCommand(t.Context(), cmd.ID, from, "Before."); err != nil {
					t.Fatal(err)
				}
			}
			c.advance(time.Minute)
			_, changed, err := d.ReportCommand(t.Context(), conn.ID, meter, cmd.CorrelationID, to, "After.", told)
			if err != nil || changed != from.Settles(to) {
				t.Fatalf("%s: changed %v, %v", what, changed, err)
			}
			if _, again, err := d.ReportCommand(t.Context(), conn.ID, meter, cmd.CorrelationID, to, "Again.", told); again || err != nil {
				t.Errorf("%s: changed again, %v", what, err)
			}
			if err := d.SettleCommand(t.Context(), cmd.ID, connection.CommandQueued, "Late."); err != nil { // the answer of the posting
				t.Fatal(err)
			}
			got, err := d.CommandByCorrelation(t.Context(), conn.ID, meter, cmd.CorrelationID)
			if err != nil {
				t.Fatal(err)
			}
			events, err := d.Events(t.Context(), EventFilter{ConnectionID: conn.ID, Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			if changed {
				if got.State != to || got.Sentence != "After." || !got.SettledAt.Equal(c.at) || events[0].DevEUI != meter || events[0].Message != what {
					t.Errorf("%s: %+v, event %+v", what, got, events)
				}
			} else if got.State != from || got.Sentence != "Before." || events[0].Message == what {
				t.Errorf("%s stays: %+v, event %+v", what, got, events)
			}
		}
	}
	events, err := d.Events(t.Context(), EventFilter{ConnectionID: conn.ID})
	if want := 1 + 3*3 + 1; err != nil || len(events) != want { // its making, three states to three, and missed to sent
		t.Errorf("%d events, %v; want %d", len(events), err, want)
	}
}

func TestReportCommand_is_for_that_device_and_its_latest_command(t *testing.T) {
	d, _ := newTestDB(t)
	conn, other := createTestConnection(t, d, "c"), createTestConnection(t, d, "d")
	first := testCommand(conn.ID, 1)
	second := testCommand(conn.ID, 2)
	second.CorrelationID = first.CorrelationID // whoever sends commands chose so
	begin(t, d, first)
	want := begin(t, d, second)
	for _, where := range []struct {
		id     connection.ID
		device string
		key    string
	}{{other.ID, meter, first.CorrelationID}, {conn.ID, "70B3D5E75E00A002", first.CorrelationID}, {conn.ID, meter, "FFFFFFFFFFFFFFFF"}} {
		_, _, err := d.ReportCommand(t.Context(), where.id, where.device, where.key, connection.CommandSent, "", connection.Event{})
		wantCode(t, err, connection.CodeNotFound)
	}
	got, changed, err := d.ReportCommand(t.Context(), conn.ID, meter, first.CorrelationID, connection.CommandMissed, "Late.", connection.Event{})
	if err != nil || !changed || got.ID != want.ID {
		t.Errorf("settled %+v, %v", got, err)
	}
	if got, err := d.CommandByCorrelation(t.Context(), conn.ID, meter, first.CorrelationID); err != nil || got.State != connection.CommandMissed {
		t.Errorf("found %+v, %v", got, err)
	}
}

func TestGiveUpCommands_makes_unknown_what_is_under_way_no_more(t *testing.T) {
	d, c := newTestDB(t)
	conn := createTestConnection(t, d, "c")
	old := begin(t, d, testCommand(conn.ID, 1))
	done := begin(t, d, testCommand(conn.ID, 2))
	if err := d.SettleCommand(t.Context(), done.ID, connection.CommandQueued, ""); err != nil {
		t.Fatal(err)
	}
	young := testCommand(conn.ID, 3)
	young.CameAt = c.at.Add(time.Minute)
	begin(t, d, young)
	given, err := d.GiveUpCommands(t.Context(), c.at.Add(time.Second), "Nobody knows.")
	if err != nil || len(given) != 1 || given[0].ID != old.ID || given[0].State != connection.CommandUnknown || given[0].Sentence != "Nobody knows." {
		t.Errorf("given up %+v, %v", given, err)
	}
	if given, err := d.GiveUpCommands(t.Context(), c.at.Add(time.Second), ""); err != nil || len(given) != 0 {
		t.Errorf("given up again %+v, %v", given, err)
	}
}

func TestCommands_page_from_the_latest_on(t *testing.T) {
	d, _ := newTestDB(t)
	conn, other := createTestConnection(t, d, "c"), createTestConnection(t, d, "d")
	for rpc := range int64(5) {
		begin(t, d, testCommand(conn.ID, rpc))
		begin(t, d, testCommand(other.ID, rpc))
		c := testCommand(conn.ID, 100+rpc)
		c.DevEUI = "70B3D5E75E00A002"
		begin(t, d, c)
	}
	pages := func(f CommandFilter) (got []int64) {
		for {
			page, err := d.Commands(t.Context(), conn.ID, f)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				return got
			}
			for _, c := range page {
				got = append(got, c.RPC)
			}
			f.BeforeID = page[len(page)-1].ID
		}
	}
	if got := pages(CommandFilter{Limit: 3}); !reflect.DeepEqual(got, []int64{104, 4, 103, 3, 102, 2, 101, 1, 100, 0}) {
		t.Errorf("of the connection: %v", got)
	}
	if got := pages(CommandFilter{DevEUI: meter, Limit: 2}); !reflect.DeepEqual(got, []int64{4, 3, 2, 1, 0}) {
		t.Errorf("of the device: %v", got)
	}
}

func TestPruneCommands_by_age_and_by_number_of_each_connection(t *testing.T) {
	d, clock := newTestDB(t)
	conn, other := createTestConnection(t, d, "c"), createTestConnection(t, d, "d")
	for rpc := range int64(10) {
		c := testCommand(conn.ID, rpc)
		c.CameAt = clock.at.Add(time.Duration(rpc) * time.Minute)
		begin(t, d, c)
	}
	begin(t, d, testCommand(other.ID, 50))
	if n, err := d.PruneCommands(t.Context(), clock.at.Add(2*time.Minute), 0); err != nil || n != 3 {
		t.Errorf("pruned %d by age, %v", n, err)
	}
	begin(t, d, testCommand(other.ID, 51))
	if n, err := d.PruneCommands(t.Context(), time.Time{}, 5); err != nil || n != 3 {
		t.Errorf("pruned %d by number, %v", n, err)
	}
	if page, _ := d.Commands(t.Context(), conn.ID, CommandFilter{}); len(page) != 5 || page[4].RPC != 5 {
		t.Errorf("left are %+v", page)
	}
	if page, _ := d.Commands(t.Context(), other.ID, CommandFilter{}); len(page) != 1 || page[0].RPC != 51 {
		t.Errorf("left of the other are %+v", page)
	}
}

// BenchmarkCommand writes commands down and notes how they ended, one after the other: two transactions on disk each.
func BenchmarkCommand(b *testing.B) {
	sealer, err := NewSealer(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	d, err := Open(b.Context(), filepath.Join(b.TempDir(), "boardlink.db"), Options{Sealer: sealer})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	conn, err := d.CreateConnection(b.Context(), testConnection("c"), byTest)
	if err != nil {
		b.Fatal(err)
	}
	for n := int64(0); b.Loop(); n++ {
		c := testCommand(conn.ID, n)
		c, begun, err := d.BeginCommand(b.Context(), c, c.CameAt.Add(-time.Hour))
		if err != nil || !begun {
			b.Fatal(begun, err)
		}
		if err := d.SettleCommand(b.Context(), c.ID, connection.CommandQueued, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func TestBeginCommand_takes_one_sent_by_hand_for_no_other(t *testing.T) {
	d := openTestDB(t, filepath.Join(t.TempDir(), "boardlink.db"), Options{})
	conn := createTestConnection(t, d, "c")
	byHand := connection.Command{ConnectionID: conn.ID, DevEUI: meter, Actor: "ann@example.com", FPort: 2, CorrelationID: "00000000000000AA", CameAt: newClock().at}
	first, second := begin(t, d, byHand), begin(t, d, byHand)
	if first.ID == second.ID || first.Actor != "ann@example.com" {
		t.Errorf("%+v, %+v", first, second)
	}
	rpc := byHand
	rpc.Actor = ""
	begin(t, d, rpc) // of ThingsBoard, with the same number and hash
	list, err := d.Commands(t.Context(), conn.ID, CommandFilter{DevEUI: meter})
	if err != nil || len(list) != 3 || list[0].Actor != "" || list[1].Actor != "ann@example.com" {
		t.Errorf("%+v, %v", list, err)
	}
}
