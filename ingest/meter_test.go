package ingest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/queue"
)

// told keeps what a meter was told.
type told []string

func (m *told) Accepted()             { *m = append(*m, "accepted") }
func (m *told) Refused(reason string) { *m = append(*m, reason) }

func TestMeter_is_told_of_each_document_once(t *testing.T) {
	b := newBench(connection.Connection{ID: 7, UplinkKey: key}, connection.Connection{ID: 8, UplinkKey: key,
		Configuration: connection.Configuration{VerifyUplinkToken: true, DownlinkAsKey: asKey}})
	var got told
	b.Meter = &got
	good := Credential{UplinkKey: key}
	for _, step := range []struct {
		want string
		do   func() error
	}{
		{"accepted", func() error { return b.Accept(t.Context(), 7, good, "", []byte(uplink)) }},
		{"accepted", func() error { return b.Accept(t.Context(), 7, good, "", []byte(joined)) }},
		{"key", func() error { return b.Authorize(7, Credential{UplinkKey: "wrong"}) }},
		{"key", func() error { return b.Authorize(99, Credential{UplinkKey: "wrong"}) }}, // no connection; a stranger is not told
		{"unknown_connection", func() error { return b.Authorize(99, Credential{Authorized: true}) }},
		{"document", func() error { return b.Accept(t.Context(), 7, good, "", []byte("{")) }},
		{"document", func() error { b.Unreadable(7); return nil }},
		{"token", func() error { return b.Accept(t.Context(), 8, good, "", []byte(uplink)) }},
		{"time", func() error { return b.Accept(t.Context(), 8, good, signedAt(b.now().Add(-time.Hour)), []byte(uplink)) }},
		{"accepted", func() error { return b.Accept(t.Context(), 8, good, signedAt(b.now()), []byte(uplink)) }},
		{"replayed", func() error {
			b.store.err = fmt.Errorf("put: %w", queue.ErrReplayed)
			defer func() { b.store.err = nil }()
			return b.Accept(t.Context(), 8, good, signedAt(b.now()), []byte(uplink))
		}},
		{"queue_full", func() error {
			b.store.err = fmt.Errorf("put: %w", queue.ErrFull)
			return b.Accept(t.Context(), 7, good, "", []byte(uplink))
		}},
		{"unavailable", func() error {
			b.store.err = errors.New("disk I/O error")
			return b.Accept(t.Context(), 7, good, "", []byte(uplink))
		}},
	} {
		got = nil
		_ = step.do()
		if !slices.Equal(got, told{step.want}) {
			t.Errorf("told %q, want %s", got, step.want)
		}
		if step.want != "accepted" && !slices.Contains(RefusalReasons(), step.want) {
			t.Errorf("%s is not among the reasons", step.want)
		}
	}
}
