package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"boardlink/config"
	"boardlink/connection"
	"boardlink/db"
	"boardlink/queue"
)

// assembled makes an application over a data folder. It does not run.
func assembled(t *testing.T, dir string) *application {
	t.Helper()
	cfg, err := config.Load([]string{"--data", dir, "--addr", "127.0.0.1:0"}, nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	a, err := assemble(t.Context(), cfg, slog.New(slog.DiscardHandler), surroundings{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func alarms(t *testing.T, a *application, id connection.ID) (all []connection.Event) {
	t.Helper()
	events, err := a.db.Events(t.Context(), db.EventFilter{ConnectionID: id, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == connection.KindAlarm {
			all = append(all, e)
		}
	}
	return all
}

// A page of the queue's file that the disk destroyed while Boardlink was down becomes an alarm on the connection, with the
// number of uplinks that stood there.
func TestApplication_tells_of_uplinks_that_a_damaged_queue_lost(t *testing.T) {
	dir := t.TempDir()
	a := assembled(t, dir)
	const id, stored = connection.ID(3), 40
	for n := range stored {
		body := append([]byte(`{"DevEUI_uplink":{}}`), bytes.Repeat([]byte(" "), 600)...)
		if _, err := a.queue.Put(t.Context(), queue.Event{Connection: id, DevEUI: "70B3D57ED0000001", Kind: "DevEUI_uplink", FCntUp: int64(n), Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	path := a.folder.Queue()
	a.release()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := bytes.LastIndex(content, []byte(`{"DevEUI_uplink"`)) / 4096 * 4096
	held := int64(bytes.Count(content[page:page+4096], []byte(`{"DevEUI_uplink"`)))
	clear(content[page : page+8])
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}

	a = assembled(t, dir)
	defer a.release()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	lanes := a.queue.Lanes(id)
	for delivered := int64(0); delivered < stored-held; {
		events, err := lanes.Take(ctx, 10)
		if ctx.Err() != nil {
			t.Fatalf("%d events were delivered: %v", delivered, err)
		}
		for _, e := range events {
			delivered++
			if err := lanes.Ack(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []connection.Event
	for len(got) == 0 { // the consumer may have come by all that is left before the damage was noticed
		if got = alarms(t, a, id); ctx.Err() != nil {
			t.Fatal("no alarm came")
		}
	}
	if len(got) != 1 || got[0].Level != connection.LevelError || got[0].Message != lossSentence(held) {
		t.Fatalf("%d events stood there, the alarms are %+v", held, got)
	}
}

func TestApplication_tells_of_a_damaged_queue_that_lost_nothing(t *testing.T) {
	a := assembled(t, t.TempDir())
	defer a.release()
	if err := a.tellLosses(nil); err != nil {
		t.Fatal(err)
	}
	if got := alarms(t, a, 0); len(got) != 1 || got[0].Level != connection.LevelWarning || !strings.Contains(got[0].Message, "no uplink was lost") {
		t.Fatalf("the alarms are %+v", got)
	}
}

func TestLossSentence(t *testing.T) {
	const after = ": the disk damaged the part of the queue's file that held what is missing. Look after the disk. The damaged file is kept in the data folder."
	for n, want := range map[int64]string{1: "1 accepted uplink of this connection is lost", 3: "3 accepted uplinks of this connection are lost"} {
		if got := lossSentence(n); got != want+after {
			t.Errorf("got %q", got)
		}
	}
}
