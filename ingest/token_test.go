package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"
	"boardlink/thingpark"
)

// signedAt is the query of the uplink when ThingPark signs it at a time, raw as ThingPark writes it.
func signedAt(at time.Time) string {
	query := "LrnDevEui=A1B2C3D4E5F60718&LrnFPort=5&LrnInfos=TWA_77.1.AS-1-9&AS_ID=TWA_77.1.AS&Time=" + at.Format("2006-01-02T15:04:05.000-07:00")
	return query + "&Token=" + thingpark.ReportToken("77a1b2c3d4e5f60718512010a1b", query, asKey)
}

// verifying is a bench with a real queue, whose connection 7 checks Tokens.
func verifying(t *testing.T, now *time.Time) (bench, *queue.Queue) {
	t.Helper()
	var seen atomic.Int64 // the queue works in goroutines of its own
	seen.Store(now.UnixNano())
	q, err := queue.Open(t.Context(), filepath.Join(t.TempDir(), "queue.db"), queue.Options{Now: func() time.Time { return time.Unix(0, seen.Load()) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() }) // a test
	b := newBench(connection.Connection{ID: 7, UplinkKey: key, Configuration: connection.Configuration{VerifyUplinkToken: true, DownlinkAsKey: asKey}})
	b.Queue = q
	b.Now = func() time.Time {
		seen.Store(now.UnixNano())
		return *now
	}
	return b, q
}

func waiting(q *queue.Queue) int64 {
	n, _, _ := q.Depth(7)
	return n
}

func TestAccept_takes_a_Token_within_five_minutes_of_its_own_time(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 20, 31, 0, time.UTC)
	b, q := verifying(t, &now)
	paris := time.FixedZone("", 3600)
	for _, c := range []struct {
		off  time.Duration
		code connection.Code
	}{
		{0, ""},
		{MaxDeviation, ""},
		{-MaxDeviation, ""},
		{MaxDeviation + time.Millisecond, connection.CodeUnauthorized},
		{-MaxDeviation - time.Millisecond, connection.CodeUnauthorized},
		{-24 * time.Hour, connection.CodeUnauthorized},
		{87600 * time.Hour, connection.CodeUnauthorized},
	} {
		before := waiting(q)
		err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, signedAt(now.Add(c.off).In(paris)), []byte(uplink))
		if connection.CodeOf(err) != c.code || (err == nil) != (c.code == "") {
			t.Errorf("%v away: %v", c.off, err)
		}
		if stored := waiting(q) > before; stored != (c.code == "") {
			t.Errorf("%v away: stored %v", c.off, stored)
		}
	}
}

func TestAccept_answers_a_replay_as_before_and_stores_and_counts_nothing(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 20, 31, 0, time.UTC)
	b, q := verifying(t, &now)
	good := Credential{UplinkKey: key}
	query := signedAt(now)
	// Digits moved between counter and payload: the same Token, another document.
	shifted := strings.NewReplacer(`"FCntUp":1201`, `"FCntUp":12`, `"payload_hex":"0a1b"`, `"payload_hex":"010a1b"`).Replace(uplink)
	// What the Token does not cover.
	altered := strings.Replace(uplink, "Cold room 3", "Warm room 4", 1)
	for name, body := range map[string]string{"itself": uplink, "shifted": shifted, "altered": altered} {
		for range 2 {
			if err := b.Accept(t.Context(), 7, good, query, []byte(body)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for form, other := range map[string]string{
			"encoded": strings.NewReplacer(":", "%3A", "+", "%2B").Replace(query), "with a key in front": "key=abc&" + query,
			"the Token in front": "Token=" + query[strings.LastIndexByte(query, '=')+1:] + "&" + query[:strings.LastIndexByte(query, '&')],
			"in capitals":        query[:len(query)-64] + strings.ToUpper(query[len(query)-64:]),
		} {
			if err := b.Accept(t.Context(), 7, good, other, []byte(body)); err != nil {
				t.Errorf("%s, %s: %v", name, form, err)
			}
		}
	}
	if n := waiting(q); n != 1 || len(*b.tally) != 1 {
		t.Errorf("%d stored, %d counted; want 1", n, len(*b.tally))
	}
	if r := b.Registry.Refusals(7); r.Count != 0 {
		t.Errorf("a repeat counts as refused: %+v", r)
	}
}

// Once a Token is forgotten its time has run out long since, whatever its sender says.
func TestAccept_never_takes_a_Token_twice_however_long_one_waits(t *testing.T) {
	if queue.TokenAge < 2*MaxDeviation {
		t.Fatalf("Tokens are remembered for %v and taken for %v on each side of now", queue.TokenAge, MaxDeviation)
	}
	now := time.Date(2026, 3, 1, 9, 20, 31, 0, time.UTC)
	for _, off := range []time.Duration{-MaxDeviation, 0, MaxDeviation} {
		b, q := verifying(t, &now)
		query := signedAt(now.Add(off))
		for range 40 {
			err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, query, []byte(uplink))
			if late := now.Sub(time.Date(2026, 3, 1, 9, 20, 31, 0, time.UTC)) > 0; !late && err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Minute / 2)
		}
		if n := waiting(q); n != 1 {
			t.Errorf("signed %v from now: stored %d times", off, n)
		}
		now = time.Date(2026, 3, 1, 9, 20, 31, 0, time.UTC)
	}
}

// A document that was not stored can come again with its Token: a 503 must not become a silent loss.
func TestAccept_takes_a_document_again_that_could_not_be_stored(t *testing.T) {
	now := time.Now()
	b, q := verifying(t, &now)
	query := signedAt(now)
	b.Queue = failing{q}
	if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, query, []byte(uplink)); connection.CodeOf(err) != connection.CodeUnavailable {
		t.Fatal(err)
	}
	b.Queue = q
	if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, query, []byte(uplink)); err != nil {
		t.Fatal(err)
	}
	if n := waiting(q); n != 1 {
		t.Errorf("%d wait", n)
	}
}

// failing is a queue whose disk refuses.
type failing struct{ Queue }

func (failing) PutOnce(context.Context, queue.Event, queue.Token) (queue.Event, error) {
	return queue.Event{}, errors.New("disk I/O error")
}

func TestAccept_wants_each_of_ThingParks_parameters_exactly_once(t *testing.T) {
	now := time.Now()
	b, q := verifying(t, &now)
	query := signedAt(now)
	for _, pair := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		want := connection.CodeInvalid
		for what, other := range map[string]string{
			"twice":                   query + "&" + pair,
			"twice, once in escapes":  query + "&" + fmt.Sprintf("%%%02X", name[0]) + pair[1:],
			"twice, once empty":       query + "&" + name + "=",
			"twice, once without a =": query + "&" + name,
			"not at all":              strings.TrimPrefix(strings.Replace("&"+query, "&"+pair, "", 1), "&"),
		} {
			if what == "not at all" && name == "Token" {
				want = connection.CodeUnauthorized
			} else {
				want = connection.CodeInvalid
			}
			if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, other, []byte(uplink)); connection.CodeOf(err) != want {
				t.Errorf("%s %s: %v, want %q", name, what, err, want)
			}
		}
	}
	for _, at := range []string{"", "now", "1772356830", "2026-03-01T10:20:30", "2026-03-01 10:20:30+01:00", "2026-03-01T10:20:30.456%2001:00"} {
		bare, _, _ := strings.Cut(query, "&Time=")
		bare += "&Time=" + at
		unescaped, err := url.PathUnescape(bare)
		if err != nil {
			t.Fatal(err)
		}
		signed := bare + "&Token=" + thingpark.ReportToken("77a1b2c3d4e5f60718512010a1b", unescaped, asKey)
		if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, signed, []byte(uplink)); connection.CodeOf(err) != connection.CodeInvalid {
			t.Errorf("Time=%s: %v", at, err)
		}
	}
	if n := waiting(q); n != 0 {
		t.Errorf("%d stored", n)
	}
}

func TestAccept_fails_closed_without_a_Token_or_a_key(t *testing.T) {
	now := time.Now()
	b, q := verifying(t, &now)
	b.Registry.Set(connection.Connection{ID: 8, UplinkKey: key, Configuration: connection.Configuration{VerifyUplinkToken: true}})
	query := signedAt(now)
	bare := query[:strings.LastIndexByte(query, '&')]
	for name, c := range map[string]struct {
		id    connection.ID
		query string
	}{
		"no query":                   {7, ""},
		"no Token":                   {7, bare},
		"an empty Token":             {7, bare + "&Token="},
		"a Token of zeros":           {7, bare + "&Token=" + strings.Repeat("0", 64)},
		"half a Token":               {7, query[:len(query)-32]},
		"a Token and more":           {7, query + "00"},
		"one in other letters":       {7, query[:len(query)-1] + "g"},
		"no AS key at all":           {8, query},
		"the Token of an absent key": {8, bare + "&Token=" + thingpark.ReportToken("77a1b2c3d4e5f60718512010a1b", bare, "")},
	} {
		if err := b.Accept(t.Context(), c.id, Credential{Authorized: true}, c.query, []byte(uplink)); connection.CodeOf(err) != connection.CodeUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := waiting(q); n != 0 {
		t.Errorf("%d stored", n)
	}
}

func TestSkew_raises_one_alarm_an_hour_that_says_by_how_much_the_clocks_differ(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 20, 31, 0, time.UTC)
	b, _ := verifying(t, &now)
	post := func(off time.Duration) {
		_ = b.Accept(t.Context(), 7, Credential{UplinkKey: key}, signedAt(now.Add(off)), []byte(uplink))
	}
	report := func() (told []connection.Event) {
		b.Registry.reportRefusals(t.Context(), now, func(e connection.Event) { told = append(told, e) })
		return told
	}
	want := func(text string) {
		t.Helper()
		told := report()
		if len(told) != 1 || told[0].Kind != connection.KindAlarm || told[0].Level != connection.LevelWarning || told[0].ConnectionID != 7 ||
			!strings.HasPrefix(told[0].Message, text) {
			t.Fatalf("told %+v, want %s", told, text)
		}
	}
	post(-7*time.Minute - 12*time.Second)
	want("1 uplink was refused since 2026-03-01 09:20:31 UTC: the Tokens are right, but ThingPark's clock is 7m12s behind this machine's, and 5 minutes are allowed.")
	for i := range 1000 {
		post(6*time.Minute + time.Duration(i)*time.Second)
	}
	if r := b.Registry.Refusals(7); r.Count != 1001 || r.LastKind != connection.RefusedTime {
		t.Errorf("counted %+v", r)
	}
	now = now.Add(59 * time.Minute)
	if told := report(); len(told) != 0 {
		t.Fatalf("told %+v within the hour", told)
	}
	now = now.Add(time.Minute)
	want("1000 uplinks were refused since 2026-03-01 09:20:31 UTC: the Tokens are right, but ThingPark's clock is 6m0s to 22m39s ahead of this machine's")
	post(-6 * time.Minute)
	post(6 * time.Minute)
	now = now.Add(time.Hour)
	want("2 uplinks were refused since 2026-03-01 10:20:31 UTC: the Tokens are right, but ThingPark's clock is 6m0s behind to 6m0s ahead of this machine's")
	now = now.Add(time.Hour)
	if told := report(); len(told) != 0 {
		t.Fatalf("told %+v of nothing", told)
	}
	// Without the key nobody can say what is wrong with ThingPark's clock.
	forged := strings.Replace(signedAt(now.Add(-time.Hour)), "AS_ID=", "AS_ID=x", 1)
	if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, forged, []byte(uplink)); connection.CodeOf(err) != connection.CodeUnauthorized {
		t.Fatal(err)
	}
	if told := report(); len(told) != 1 || told[0].Kind == connection.KindAlarm {
		t.Errorf("told %+v", told)
	}
}

func TestReplays_are_told_once_an_hour(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 20, 31, 0, time.UTC)
	b, _ := verifying(t, &now)
	for range 4 {
		if err := b.Accept(t.Context(), 7, Credential{UplinkKey: key}, signedAt(now), []byte(uplink)); err != nil {
			t.Fatal(err)
		}
	}
	var told []connection.Event
	for range 5 {
		b.Registry.reportRefusals(t.Context(), now, func(e connection.Event) { told = append(told, e) })
	}
	if len(told) != 1 || told[0].Level != connection.LevelInfo || !strings.HasPrefix(told[0].Message, "3 uplinks were posted again since 2026-03-01 09:20:31 UTC with a Token that was taken before") {
		t.Errorf("told %+v", told)
	}
}
