package db

import (
	"encoding/json"
	"testing"
	"time"

	"boardlink/connection"
)

func TestLastTelemetry_is_replaced_and_goes_with_its_connection(t *testing.T) {
	d, c := newTestDB(t)
	conn := createTestConnection(t, d, "c")
	sent := connection.LastTelemetry{ConnectionID: conn.ID, DevEUI: meter, TS: c.at.Add(-time.Second), SentAt: c.at, Size: 7, Document: json.RawMessage(`{"a":1}`)}
	keep := func(all ...connection.LastTelemetry) {
		t.Helper()
		if err := d.KeepTelemetry(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	read := func() connection.LastTelemetry {
		t.Helper()
		got, err := d.LastTelemetry(t.Context(), conn.ID, meter)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read(); !got.SentAt.IsZero() || got.Document != nil {
		t.Errorf("before anything was sent: %+v", got)
	}
	gone := sent
	gone.ConnectionID = conn.ID + 1
	keep(sent, gone)
	if got := read(); string(got.Document) != `{"a":1}` || !got.TS.Equal(sent.TS) || !got.SentAt.Equal(sent.SentAt) || got.Size != 7 {
		t.Errorf("read %+v", got)
	}
	if got, err := d.LastTelemetry(t.Context(), gone.ConnectionID, meter); err != nil || !got.SentAt.IsZero() {
		t.Errorf("of a connection that does not exist: %+v, %v", got, err)
	}
	long := sent
	long.Size, long.Document = 9000, nil
	keep(long)
	if got := read(); got.Document != nil || got.Size != 9000 {
		t.Errorf("a document that is too long: %+v", got)
	}
	if err := d.DeleteConnection(t.Context(), conn.ID, connection.Event{}); err != nil {
		t.Fatal(err)
	}
	if err := d.FinishDeletion(t.Context(), conn.ID); err != nil {
		t.Fatal(err)
	}
	if got := read(); !got.SentAt.IsZero() {
		t.Errorf("after the connection was deleted: %+v", got)
	}
}
