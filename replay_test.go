package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/thingpark"
)

// TestTokens_are_taken_once_by_the_whole_program posts signed uplinks, replays and forgeries through the server, and again
// after it was started anew on its folder.
func TestTokens_are_taken_once_by_the_whole_program(t *testing.T) {
	const asKey = "00112233445566778899aabbccddeeff"
	dir := t.TempDir()
	a := assembled(t, dir)
	c := connection.Connection{ConnectorID: connection.ConnectorID, Name: "North", Active: false, Configuration: connection.DefaultConfiguration()}
	c.Configuration.HostName, c.Configuration.Username, c.Configuration.Password = "thingsboard.example.com:443", "tenant@example.com", "secret"
	c.Configuration.DownlinkAsID, c.Configuration.DownlinkAsKey, c.Configuration.VerifyUplinkToken = "TWA_77.1.AS", asKey, true
	view, err := a.operations.Create(t.Context(), "ann@example.com", c)
	if err != nil {
		a.release()
		t.Fatal(err)
	}
	id, key := view.Connection.ID, view.Connection.UplinkKey.Reveal()
	body := func(frame, payload, name string) string {
		return fmt.Sprintf(`{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","FPort":5,"FCntUp":%s,"payload_hex":%q,"CustomerID":"77","CustomerData":{"name":%q}}}`, frame, payload, name)
	}
	signed := func(frame, payload string, at time.Time) string {
		query := "LrnDevEui=A1B2C3D4E5F60718&LrnFPort=5&LrnInfos=TWA_77.1.AS-1-9&AS_ID=TWA_77.1.AS&Time=" + at.Format("2006-01-02T15:04:05.000-07:00")
		return query + "&Token=" + thingpark.ReportToken("77A1B2C3D4E5F607185"+frame+payload, query, asKey)
	}
	post := func(query, body string, want int) {
		t.Helper()
		r := httptest.NewRequest("POST", "/connections/"+id.String()+"/uplinks?"+query, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Boardlink-Key", key)
		w := httptest.NewRecorder()
		a.server.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s %s: %d, want %d: %s", query, body, w.Code, want, w.Body)
		}
		if strings.Contains(w.Body.String(), asKey) || query != "" && strings.Contains(w.Body.String(), query) {
			t.Errorf("the answer repeats what was sent: %s", w.Body)
		}
	}
	stored := func(want int64) {
		t.Helper()
		if got, _, _ := a.queue.Depth(id); got != want {
			t.Errorf("%d uplinks are stored, want %d", got, want)
		}
	}
	now := time.Now()
	first := signed("7011", "0027bd00", now)
	attack := func() {
		t.Helper()
		post(first, body("7011", "0027bd00", "Cold room"), 200)     // itself
		post(first, body("701100", "27bd00", "Cold room"), 200)     // digits moved to the counter
		post(first, body("70", "110027bd00", "Cold room"), 200)     // and to the payload
		post(first, body("7011", "0027bd00", "Somebody else"), 200) // what the Token does not cover
		post(first, body("7011", "0027bd01", "Cold room"), 401)
		post(strings.Replace(first, "Time=20", "Time=30", 1), body("7011", "0027bd00", "Cold room"), 401)
		post(strings.Replace(first, "LrnFPort=5", "LrnFPort=50", 1), body("7011", "0027bd00", "Cold room"), 400)
		post(first+"&AS_ID=TWA_77.1.AS", body("7011", "0027bd00", "Cold room"), 400)
		post(first[:strings.LastIndexByte(first, '&')], body("7011", "0027bd00", "Cold room"), 401)
		post("", body("7011", "0027bd00", "Cold room"), 401)
		post(signed("7012", "00", now.Add(-time.Hour)), body("7012", "00", "Cold room"), 401) // an old one
		post(signed("7012", "00", now.Add(time.Hour)), body("7012", "00", "Cold room"), 401)
	}
	attack()
	stored(1)
	post(signed("7012", "00", now), body("7012", "00", "Cold room"), 200)
	stored(2)
	a.release()

	a = assembled(t, dir)
	defer a.release()
	stored(2)
	attack()
	stored(2)
	var events []connection.Event
	a.registry.ReportRefusals(t.Context(), func(e connection.Event) { events = append(events, e) })
	if len(events) != 3 {
		t.Errorf("told %+v, want refusals, the clock and the repeats", events)
	}
	for _, e := range events {
		if strings.Contains(e.Message, asKey) || strings.Contains(e.Message, "Token=") {
			t.Errorf("an event tells a secret: %s", e.Message)
		}
	}
}
