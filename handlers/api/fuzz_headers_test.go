package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"boardlink/connection"
	"boardlink/operation"

	"github.com/labstack/echo/v4"
)

// FuzzIfMatch compares versions with any header: a change goes on only where the header names the version, or anything.
func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{`"7"`, `*`, `W/"7"`, `"1", "7"`, ``, ` , `, `"7`, `7`} {
		f.Add(seed, int64(7))
	}
	f.Fuzz(func(t *testing.T, header string, stored int64) {
		r := httptest.NewRequest(http.MethodPut, "/", nil)
		r.Header["If-Match"] = []string{header}
		got, err := (&call{echo: echo.New().NewContext(r, httptest.NewRecorder())}).precondition(stored)
		switch {
		case err != nil && got != 0:
			t.Errorf("%q: refused, and version %d", header, got)
		case err == nil && got != 0 && (got != stored || !strings.Contains(header, etag(stored))):
			t.Errorf("%q means version %d of %d", header, got, stored)
		case err == nil && got == 0 && strings.TrimSpace(header) != "" && !strings.Contains(header, "*"):
			t.Errorf("%q is no condition", header)
		}
	})
}

// FuzzCursor reads cursors of any content: one that is taken is of the order that was asked for and comes out as it went in.
func FuzzCursor(f *testing.F) {
	f.Add("17", "")
	f.Add(placeCursor{"-name", operation.Place{Text: "North", ID: 3}}.String(), "-name")
	f.Add("eyJvIjoibmFtZSIsImkiOiIxIn0", "name")
	f.Fuzz(func(t *testing.T, text, order string) {
		place, ok := parsePlace(text, order)
		if !ok {
			return
		}
		if place.ID < 1 {
			t.Fatalf("a place behind the connection %d", place.ID)
		}
		again, ok := parsePlace(placeCursor{order, place}.String(), order)
		if !ok || again != place {
			t.Errorf("%+v becomes %+v, %v", place, again, ok)
		}
		if order != "" {
			if _, ok := parsePlace(text, order+"x"); ok {
				t.Errorf("%q serves another order too", text)
			}
		}
	})
}

// FuzzDownlink takes the device's name off bodies of any content: what is left is JSON, without that name.
func FuzzDownlink(f *testing.F) {
	f.Add([]byte(`{"devEUI":"20635F0108000E09","FPort":1,"payload_hex":"01ff"}`))
	f.Add([]byte(`{"DevEUI_downlink":{"DevEUI":"20635F0108000E09"},"\u0022,\"devEUI":1}`))
	f.Add([]byte(`{"devEUI":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		devEUI, params, err := decodeDownlink(body)
		if err != nil {
			return
		}
		if devEUI != "" && !isDevEUI(devEUI) {
			t.Errorf("device %q", devEUI)
		}
		var rest map[string]json.RawMessage
		if err := json.Unmarshal(params, &rest); err != nil {
			t.Fatalf("%q is left: %v", params, err)
		}
		if _, there := rest["devEUI"]; there {
			t.Errorf("%q still names the device", params)
		}
	})
}

// FuzzQuery reads parameters of any content.
func FuzzQuery(f *testing.F) {
	f.Add("limit=10&cursor=5&from=2026-11-23T10:00:00Z&level=error,info&kind=state")
	f.Add("limit=-1&limit=2&devEUI=%00&connectionId=00&to=x;y")
	f.Add("limit=99999999999999999999&state=OPENED&active=TRUE&sort=--name")
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.RawQuery = query
		c := &call{echo: echo.New().NewContext(r, httptest.NewRecorder())}
		if filter, err := eventFilter(c); err == nil && (filter.Limit < 0 || filter.BeforeID < 0 || filter.ConnectionID < 0 || filter.DevEUI != "" && !isDevEUI(filter.DevEUI)) {
			t.Errorf("%q makes %+v", query, filter)
		}
		var filter operation.Filter
		if err := c.order(&filter); err == nil && filter.After != (operation.Place{}) && filter.After.ID < connection.ID(1) {
			t.Errorf("%q makes %+v", query, filter)
		}
	})
}
