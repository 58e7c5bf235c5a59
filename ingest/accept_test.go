package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingpark"
)

const (
	key    = connection.Secret("uplink-key-of-seven")
	asKey  = connection.Secret("00112233445566778899aabbccddeeff")
	device = "A1B2C3D4E5F60718"
	uplink = `{"DevEUI_uplink":{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"a1b2c3d4e5f60718","FPort":5,"FCntUp":1201,"payload_hex":"0a1b","CustomerID":"77","CustomerData":{"name":"Cold room 3"}}}`
	joined = `{"DevEUI_notification":{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","Type":"join","CustomerID":"77"}}`
	alarm  = `{"BS_alarm":{"ID":102}}`
)

// store is a queue of the test's own.
type store struct {
	events []queue.Event
	tokens []queue.Token
	err    error
}

func (s *store) PutOnce(ctx context.Context, e queue.Event, token queue.Token) (queue.Event, error) {
	if s.err == nil {
		s.tokens = append(s.tokens, token)
	}
	return s.Put(ctx, e)
}

func (s *store) Put(_ context.Context, e queue.Event) (queue.Event, error) {
	if s.err == nil {
		s.events = append(s.events, e)
	}
	return e, s.err
}

// tally keeps what was counted.
type tally []string

func (f *tally) Accepted(id connection.ID, devEUI, name string, at time.Time) {
	*f = append(*f, fmt.Sprintf("%s %s %s %s", id, devEUI, name, at.Format(time.TimeOnly)))
}

type bench struct {
	*Acceptor
	store *store
	tally *tally
}

func newBench(connections ...connection.Connection) bench {
	if connections == nil {
		connections = []connection.Connection{{ID: 7, Version: 1, UplinkKey: key}}
	}
	b := bench{store: &store{}, tally: &tally{}}
	b.Acceptor = &Acceptor{Registry: &Registry{}, Queue: b.store, Figures: b.tally,
		Now: func() time.Time { return time.Date(2026, 3, 1, 9, 20, 31, 0, time.UTC) }}
	b.Registry.Load(connections)
	return b
}

func TestAccept_puts_an_uplink_into_the_queue_and_counts_it(t *testing.T) {
	b := newBench()
	if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, "", []byte(uplink)); err != nil {
		t.Fatal(err)
	}
	e := b.store.events[0]
	if e.Connection != 7 || e.DevEUI != device || e.Kind != thingpark.KindUplink || e.FCntUp != 1201 || string(e.Body) != uplink ||
		!e.Time.Equal(time.Date(2026, 3, 1, 9, 20, 30, 456e6, time.UTC)) || !e.ReceivedAt.Equal(b.now()) {
		t.Errorf("%+v", e)
	}
	if got := fmt.Sprint(*b.tally); got != "[7 A1B2C3D4E5F60718 Cold room 3 09:20:31]" {
		t.Errorf("counted %s", got)
	}
}

func TestAccept_takes_other_documents_without_counting_them_as_uplinks(t *testing.T) {
	b := newBench()
	for body, want := range map[string]queue.Event{
		joined: {DevEUI: device, Kind: thingpark.KindNotification, FCntUp: queue.NoFrame},
		alarm:  {Kind: thingpark.KindBaseStationAlarm, FCntUp: queue.NoFrame},
		`{"Vendor ` + strings.Repeat("x", 100) + `":{}}`: {Kind: "Vendor_" + strings.Repeat("x", 57), FCntUp: queue.NoFrame},
	} {
		b.store.events = nil
		if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, "", []byte(body)); err != nil {
			t.Fatal(err)
		}
		if e := b.store.events[0]; e.DevEUI != want.DevEUI || e.Kind != want.Kind || e.FCntUp != want.FCntUp {
			t.Errorf("%+v", e)
		}
	}
	if len(*b.tally) != 0 {
		t.Errorf("counted %v", *b.tally)
	}
}

func TestAccept_checks_the_credential(t *testing.T) {
	b := newBench(connection.Connection{ID: 7, UplinkKey: key}, connection.Connection{ID: 8, UplinkKey: "another"}, connection.Connection{ID: 9})
	for name, c := range map[string]struct {
		id   connection.ID
		cred Credential
		code connection.Code
	}{
		"its own key":                                  {7, Credential{UplinkKey: key}, ""},
		"an API key":                                   {7, Credential{Authorized: true}, ""},
		"an API key beside a wrong key":                {7, Credential{UplinkKey: "wrong", Authorized: true}, ""},
		"nothing":                                      {7, Credential{}, connection.CodeUnauthorized},
		"a wrong key":                                  {7, Credential{UplinkKey: key + "x"}, connection.CodeUnauthorized},
		"the key of another connection":                {8, Credential{UplinkKey: key}, connection.CodeUnauthorized},
		"no key for a connection without one":          {9, Credential{}, connection.CodeUnauthorized},
		"a key for a connection that does not exist":   {10, Credential{UplinkKey: key}, connection.CodeUnauthorized},
		"an API key for one that does not exist":       {10, Credential{Authorized: true}, connection.CodeNotFound},
		"nothing for a connection that does not exist": {10, Credential{}, connection.CodeUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(b.store.events)
			err := b.Accept(t.Context(), c.id, c.cred, "", []byte(uplink))
			if connection.CodeOf(err) != c.code || (err == nil) != (c.code == "") {
				t.Errorf("%v", err)
			}
			if same := b.Authorize(c.id, c.cred); connection.CodeOf(same) != c.code {
				t.Errorf("Authorize says %v", same)
			}
			if stored := len(b.store.events) > before; stored != (c.code == "") {
				t.Errorf("stored: %v", stored)
			}
		})
	}
}

func TestAccept_tells_a_stranger_nothing_about_the_document(t *testing.T) {
	b := newBench()
	if err := b.Accept(t.Context(), 7, Credential{}, "", []byte("{")); connection.CodeOf(err) != connection.CodeUnauthorized {
		t.Error(err)
	}
}

func TestAccept_refuses_what_is_no_document(t *testing.T) {
	b := newBench()
	for name, body := range map[string]string{"nothing": "", "a broken one": "{", "one without its device": `{"DevEUI_uplink":{}}`} {
		if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, "", []byte(body)); connection.CodeOf(err) != connection.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, "", make([]byte, thingpark.MaxBody+1)); !errors.Is(err, thingpark.ErrTooLarge) {
		t.Error(err)
	}
	if len(b.store.events)+len(*b.tally) != 0 {
		t.Error("something was taken")
	}
}

func TestAccept_is_unavailable_where_nothing_can_be_stored(t *testing.T) {
	for name, cause := range map[string]error{"full": fmt.Errorf("put: %w", queue.ErrFull), "closed": queue.ErrClosed, "broken": errors.New("disk I/O error"), "given up": context.Canceled} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.store.err = cause
			err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, "", []byte(uplink))
			if connection.CodeOf(err) != connection.CodeUnavailable || !errors.Is(err, cause) {
				t.Error(err)
			}
			if len(*b.tally) != 0 {
				t.Error("it was counted")
			}
		})
	}
}

func TestAccept_checks_Tokens_where_the_connection_asks_for_them(t *testing.T) {
	b := newBench(connection.Connection{ID: 7, UplinkKey: key, Configuration: connection.Configuration{VerifyUplinkToken: true, DownlinkAsKey: asKey}},
		connection.Connection{ID: 8, UplinkKey: key, Configuration: connection.Configuration{VerifyUplinkToken: true}})
	const query = "LrnDevEui=A1B2C3D4E5F60718&LrnFPort=5&LrnInfos=x&AS_ID=y&Time=2026-03-01T10:20:30.456+01:00"
	signed := query + "&Token=" + thingpark.ReportToken("77a1b2c3d4e5f60718512010a1b", query, asKey)
	for name, c := range map[string]struct {
		id          connection.ID
		query, body string
		code        connection.Code
	}{
		"a right one":                           {7, signed, uplink, ""},
		"none":                                  {7, query, uplink, connection.CodeUnauthorized},
		"one of another document":               {7, signed, strings.Replace(uplink, "0a1b", "0a1c", 1), connection.CodeUnauthorized},
		"none on a kind that cannot be checked": {7, "", alarm, ""},
		"a right one where there is no key at all": {8, signed, uplink, connection.CodeUnauthorized},
		"a query that cannot be read":              {7, signed + "&a=%z", uplink, connection.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			for _, cred := range []Credential{{UplinkKey: key}, {Authorized: true}} {
				if err := b.Accept(t.Context(), c.id, cred, c.query, []byte(c.body)); connection.CodeOf(err) != c.code || (err == nil) != (c.code == "") {
					t.Error(err)
				}
			}
		})
	}
}

func TestAccept_stores_in_a_real_queue(t *testing.T) {
	q, err := queue.Open(t.Context(), t.TempDir()+"/queue.db", queue.Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench()
	b.Queue = q
	for range 3 {
		if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, "", []byte(uplink)); err != nil {
			t.Fatal(err)
		}
	}
	if waiting, _, _ := q.Depth(7); waiting != 3 {
		t.Errorf("%d events wait", waiting)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, "", []byte(uplink)); connection.CodeOf(err) != connection.CodeUnavailable {
		t.Error(err)
	}
}
