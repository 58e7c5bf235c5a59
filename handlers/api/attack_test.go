package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"
)

// bombs are bodies that cost their sender little. All but the one that is too long are read whole.
func bombs() map[string]string {
	many := func(n int, item func(i int) string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i)
		}
		return strings.Join(items, ",")
	}
	return map[string]string{
		"deep lists":             strings.Repeat("[", 20_000),
		"deep lists, closed":     `{"alarms":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		"deep objects":           strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000),
		"unknown members":        "{" + many(5_000, func(i int) string { return fmt.Sprintf(`"m%d":1`, i) }) + "}",
		"unknown settings":       `{"configuration":{` + many(5_000, func(i int) string { return fmt.Sprintf(`"m%d":1`, i) }) + "}}",
		"one member repeated":    "{" + many(5_000, func(int) string { return `"name":"x"` }) + "}",
		"recurrences":            `{"alarms":[{"recurrence":[` + many(5_000, func(int) string { return `{}` }) + `]}]}`,
		"days":                   `{"alarms":[{"recurrence":[{"frequency":"weekly","byDays":[` + many(5_000, func(int) string { return `""` }) + `]}]}]}`,
		"alarms of nothing":      `{"alarms":[` + many(5_000, func(int) string { return `{}` }) + `]}`,
		"a document of nothing":  `{"DevEUI_downlink":{` + many(5_000, func(i int) string { return fmt.Sprintf(`"m%d":1`, i) }) + "}}",
		"ids":                    `{"action":"retry","ids":[` + many(5_000, func(int) string { return `"x"` }) + `]}`,
		"a number of 10^9":       `{"configuration":{"downlinkPort":1e999999999}}`,
		"digits":                 `{"configuration":{"downlinkPort":` + strings.Repeat("9", 50_000) + `}}`,
		"a long text":            `{"name":"` + strings.Repeat("é", 20_000) + `","configuration":{"caCertificate":"` + strings.Repeat("-", 20_000) + `"}}`,
		"a long name":            `{"` + strings.Repeat("n", 50_000) + `":1}`,
		"bytes that are no text": "{\"name\":\"\xff\xfe\"}",
		"more than is read":      `{"name":"` + strings.Repeat("x", 1<<20) + `"}`,
	}
}

// Each operation that reads JSON refuses each bomb, with an answer that is much shorter than the bomb.
func TestAttack_JSON_bombs_at_every_operation(t *testing.T) {
	w := newWorld(t)
	w.create()
	all, tried := bombs(), 0
	for _, route := range w.site.Routes() {
		switch {
		case !strings.HasPrefix(route.Path, web.Base) || route.OwnCredential:
			continue
		case route.Method != http.MethodPost && route.Method != http.MethodPut && route.Method != http.MethodPatch:
			continue
		}
		path := strings.NewReplacer(":id", "1", ":devEUI", "20635F0108000E09").Replace(route.Path)
		if got := w.do(route.Method, path, "no JSON"); got.Status < 400 {
			continue // it reads no body
		}
		tried++
		for name, body := range all {
			got := w.do(route.Method, path, body)
			if got.Status < 400 || got.Status >= 500 || got.Header.Get("Content-Type") != web.ProblemType {
				t.Errorf("%s %s with %s: %d %.200s", route.Method, path, name, got.Status, got.Body)
			}
			if len(got.Body) > 32<<10 {
				t.Errorf("%s %s with %s of %d bytes: an answer of %d", route.Method, path, name, len(body), len(got.Body))
			}
		}
	}
	if tried < 6 {
		t.Errorf("only %d operations read a body", tried)
	}
	if _, err := w.Get(t.Context(), 1); err != nil {
		t.Error(err)
	}
	if stored, _ := w.Get(t.Context(), 1); stored.Connection.Version != 1 {
		t.Errorf("a bomb changed the connection: version %d", stored.Connection.Version)
	}
}

// Mass assignment: what a program may not write is ignored where it reads it, and refused where it never sees it.
func TestAttack_mass_assignment(t *testing.T) {
	w := newWorld(t)
	w.create()
	before, err := w.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	readOnly := `"state":"OPENED","startupTime":"2001-01-01T00:00:00Z","status":{"parked":7,"owner":"me"},"uplinkUrl":"https://evil.example.com","version":99`
	for _, request := range [][3]string{
		{"PATCH", "/connections/1", `{"id":"2",` + readOnly + `}`},
		{"PUT", "/connections/1", whole(`"id":"2",` + readOnly)},
		{"POST", "/connections", whole(`"id":"1",` + readOnly)},
	} {
		got := w.do(request[0], web.Base+request[1], request[2])
		if got.Status >= 300 {
			t.Errorf("%s: %d %s", request[0], got.Status, got.Body)
			continue
		}
		if r := tree(t, got); r["uplinkUrl"] == "https://evil.example.com" || r["version"] == 99.0 || r["status"].(map[string]any)["parked"] != 0.0 {
			t.Errorf("%s made %s", request[0], got.Body)
		}
	}
	for _, hidden := range []string{"uplinkKey", "gatewayDeviceId", "credentialVersion", "restartRequest", "createdAt", "UplinkKey", "__proto__"} {
		for _, request := range [][3]string{
			{"PATCH", "/connections/1", `{"` + hidden + `":"x"}`},
			{"PATCH", "/connections/1", `{"configuration":{"` + hidden + `":"x"}}`},
			{"PUT", "/connections/1", whole(`"` + hidden + `":"x"`)},
			{"POST", "/connections", whole(`"` + hidden + `":"x"`)},
		} {
			refused(t, w.do(request[0], web.Base+request[1], request[2]), http.StatusUnprocessableEntity)
		}
	}
	after, err := w.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := before.Connection, after.Connection; a.UplinkKey.Reveal() != b.UplinkKey.Reveal() || a.GatewayDeviceID != b.GatewayDeviceID || a.ID != b.ID || b.Version > a.Version+2 {
		t.Errorf("the connection is %+v", b)
	}
}

// whole is the body of a connection with some members more.
func whole(more string) string {
	return `{"connectorId":"` + connection.ConnectorID + `","name":"North",` + more + `,"configuration":{"hostName":"tb.example.com:443","username":"a@example.com","password":"typed anew"}}`
}

// foreignIDs are what an attacker writes where an id stands.
var foreignIDs = []string{"0", "-1", "01", "1e0", "+1", "777", "9223372036854775807", "9223372036854775808", "1;2", "1%2F..%2F1", "..", "%2e%2e", "1%00", "%27%20OR%201=1--", "*", "null", "1,2", "1%0d%0aX:%20y"}

// IDOR: an id that is not there, and what only looks like one that is, opens nothing, whoever asks.
func TestAttack_ids_of_others_and_of_nobody(t *testing.T) {
	w := newWorld(t)
	w.create()
	admin, nobody, tried := w.site.Operator(access.RoleAdmin), w.site.Visitor(), 0
	for _, route := range w.site.Routes() {
		if !strings.HasPrefix(route.Path, web.Base) || !strings.Contains(route.Path, ":") || route.OwnCredential {
			continue
		}
		for _, id := range foreignIDs {
			tried++
			path := route.Path
			for _, parameter := range strings.Split(route.Path, "/") {
				if strings.HasPrefix(parameter, ":") {
					path = strings.Replace(path, parameter, id, 1)
				}
			}
			for who, got := range map[string]webtest.Answer{
				"a key":     nobody.Do(route.Method, path, "", "Authorization", "Bearer "+webtest.Key),
				"an admin":  admin.Do(route.Method, path, "", "Content-Type", "application/json"),
				"nobody":    nobody.Do(route.Method, path, "", "Content-Type", "application/json"),
				"a bad key": nobody.Do(route.Method, path, "", "Authorization", "Bearer x"),
			} {
				unknown := who == "nobody" || who == "a bad key" && got.Status != http.StatusTooManyRequests // after many of them
				if got.Status < 300 || got.Status >= 500 || unknown && got.Status != 401 && got.Status != 404 && got.Status != 405 {
					t.Errorf("%s %s by %s: %d %.100s", route.Method, path, who, got.Status, got.Body)
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d were tried", tried)
	}
}

// What belongs to one connection is not reached by the address of another.
func TestAttack_one_connection_by_the_address_of_another(t *testing.T) {
	w := newWorld(t)
	w.create()
	second, err := w.Create(t.Context(), "ann@example.com", operationtest.Valid())
	if err != nil {
		t.Fatal(err)
	}
	w.park(3) // of the first
	other := web.Base + "/connections/" + second.Connection.ID.String()
	page, _, err := w.Connections.Parked(t.Context(), 1, operation.ParkedFilter{})
	if err != nil || len(page) == 0 {
		t.Fatalf("%d parked events, %v", len(page), err)
	}
	id := fmt.Sprint(page[0].ID)
	for _, got := range []struct{ method, path, body string }{
		{"POST", other + "/parked", `{"action":"retry","ids":["` + id + `"]}`},
		{"DELETE", other + "/parked?ids=" + id, ""},
	} {
		a := w.do(got.method, got.path, got.body)
		if a.Status != http.StatusOK || tree(t, a)["affected"] != 0.0 {
			t.Errorf("%s %s: %d %s", got.method, got.path, a.Status, a.Body)
		}
	}
	if a := w.do("GET", other+"/parked", ""); strings.Contains(a.Body, id) {
		t.Errorf("the other connection shows %s", a.Body)
	}
	if left, _, _ := w.Connections.Parked(t.Context(), 1, operation.ParkedFilter{}); len(left) != len(page) {
		t.Errorf("%d of %d are left", len(left), len(page))
	}
}

// Server-sent events: a text with ends of lines stays within the one event that bears it.
func TestAttack_events_injected_into_the_stream(t *testing.T) {
	w := newWorld(t)
	w.create()
	next := w.follow("?connectionId=1")
	wants(t, next(), "state ")
	const evil = "x\n\nevent: deleted\ndata: {\"connectionId\":\"1\"}\n\nid: 99\r\nretry: 1\r\u2028data: y"
	w.happens(1, evil)
	w.happens(1, "The one after it.")
	for _, want := range []string{evil, "The one after it."} {
		name, rest, _ := strings.Cut(next(), " ")
		id, data, _ := strings.Cut(rest, " ")
		var e struct{ ID, Message string }
		if err := json.Unmarshal([]byte(data), &e); name != "event" || err != nil || e.Message != want || e.ID != id {
			t.Errorf("%s %s: %q, %v", name, id, data, err)
		}
	}
}

// Header injection: nothing that is sent comes back in a header of the answer.
func TestAttack_nothing_sent_comes_back_in_a_header(t *testing.T) {
	w := newWorld(t)
	const planted = "planted-7f3a"
	for _, got := range []struct{ method, path, body string }{
		{"POST", web.Base + "/connections", whole(`"description":"` + planted + `\r\nSet-Cookie: a=b"`)},
		{"POST", web.Base + "/connections", strings.Replace(whole(`"active":true`), "North", planted, 1)},
		{"GET", web.Base + "/" + planted + "%0d%0aSet-Cookie:%20a=b", ""},
		{"GET", web.Base + "/connections?sort=" + planted + "&cursor=%0d%0a" + planted, ""},
		{"OPTIONS", web.Base + "/connections/" + planted, ""},
	} {
		a := w.do(got.method, got.path, got.body, "Origin", "https://"+planted, "X-Request-Id", planted, "Access-Control-Request-Method", planted)
		for name, values := range a.Header {
			if text := strings.Join(values, " "); strings.Contains(text, planted) || strings.Contains(text, "a=b") {
				t.Errorf("%s %s: %s: %s", got.method, got.path, name, text)
			}
		}
		if a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s lets %s in", got.method, got.path, a.Header.Get("Access-Control-Allow-Origin"))
		}
	}
}
