package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"boardlink/connection"
	"boardlink/db"
)

// What is told of a request bears its address, however deep below it the event is made.
func TestEvents_bear_who_caused_them_and_from_where(t *testing.T) {
	cfg := settings(t)
	cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	s := start(t, cfg, surroundings{})
	post := func(method, path, from, contentType, body string, header ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.listener.Addr().String()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("X-Forwarded-For", from)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		c := client(t)
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	key := []string{"Authorization", "Bearer " + canaryAPIKey}
	const json1 = `{"connectorId":"tb-mqtt","name":"North","active":false,"configuration":{"hostName":"tb.example.com:443","username":"tenant@example.com","password":"` + canaryPassword + `"}}`
	if resp := post("POST", "/signin", "192.0.2.1", "application/x-www-form-urlencoded", "email=ada%40example.com&password="+strings.ReplaceAll(canaryAdmin, " ", "+")); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("sign in: %d", resp.StatusCode)
	}
	resp := post("POST", "/api/v1/connections", "2001:db8::7", "application/json", strings.ReplaceAll(json1, "tb-mqtt", connection.ConnectorID), key...)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("create: %d", resp.StatusCode)
	}
	path := "/api/v1" + resp.Header.Get("Location")
	if resp := post("PATCH", path, "192.0.2.3", "application/json", `{"name":"South"}`, key...); resp.StatusCode != http.StatusOK {
		t.Fatalf("edit: %d", resp.StatusCode)
	}
	if resp := post("POST", path+"/restart", "192.0.2.4, 127.0.0.1", "application/json", "", key...); resp.StatusCode/100 == 5 {
		t.Fatalf("restart: %d", resp.StatusCode)
	}
	if resp := post("DELETE", path, "192.0.2.5", "", "", key...); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("delete: %d", resp.StatusCode)
	}
	events, err := s.db.Events(t.Context(), db.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]string{}
	for _, e := range events {
		from[e.Message] = e.Actor + " " + e.Address
	}
	for message, want := range map[string]string{
		"ada@example.com signed in.":                                          "ada@example.com 192.0.2.1",
		`The connection "North" was created.`:                                 "environment 2001:db8::7",
		"Name changed from North to South.":                                   "environment 192.0.2.3",
		`The connection "South" was deleted.`:                                 "environment 192.0.2.5",
		"ada@example.com became the first operator, as the environment says.": "system ",
	} {
		if from[message] != want {
			t.Errorf("%q by %q, want %q; all: %q", message, from[message], want, from)
		}
	}

	var page struct{ Items []map[string]any }
	if err := json.NewDecoder(post("GET", "/api/v1/events", "192.0.2.6", "", "", key...).Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	addresses := map[any]any{}
	for _, e := range page.Items {
		address, there := e["address"]
		if !there {
			t.Errorf("no member address in %v", e)
		}
		addresses[e["message"]] = address
	}
	if got := addresses["Name changed from North to South."]; got != "192.0.2.3" {
		t.Errorf("the API tells %v", got)
	}
	if got := addresses["ada@example.com became the first operator, as the environment says."]; got != nil {
		t.Errorf("the API tells %v of what no request caused", got)
	}
}

func TestAddEvent_takes_the_address_of_the_context(t *testing.T) {
	a := assembled(t, t.TempDir())
	defer a.release()
	ctx := connection.WithOrigin(t.Context(), netip.MustParseAddr("192.0.2.7"))
	for _, test := range []struct {
		ctx           context.Context
		address, want string
	}{{ctx, "", "192.0.2.7"}, {ctx, "198.51.100.1", "198.51.100.1"}, {t.Context(), "", ""}} {
		e, err := a.db.AddEvent(test.ctx, connection.Event{Level: connection.LevelInfo, Kind: connection.KindSystem, Address: test.address, Message: "Something was done."})
		if err != nil || e.Address != test.want {
			t.Errorf("%q, %v, want %q", e.Address, err, test.want)
		}
	}
}
