package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"
)

const webtestKey = webtest.Key

func TestRoutes_by_nobody_session_and_key(t *testing.T) {
	w := newWorld(t)
	w.create()
	roles := map[string]access.Role{"viewer": access.RoleViewer, "operator": access.RoleOperator, "admin": access.RoleAdmin}
	browsers := map[string]*webtest.Browser{"nobody": w.site.Visitor(), "key": w.site.Visitor()}
	for name, role := range roles {
		browsers[name] = w.site.Operator(role)
	}
	checked := 0
	for _, route := range w.site.Routes() {
		if !strings.HasPrefix(route.Path, web.Base) || route.OwnCredential {
			continue
		}
		checked++
		path := strings.Replace(route.Path, ":id", "777", 1) // 401 before 404, 404 for those who may
		if path == web.Base+"/stream" {
			path += "?connectionId=777" // else it has no end
		}
		for name, b := range browsers {
			header := []string{"Content-Type", "application/json"}
			if name == "key" {
				header = append(header, "Authorization", "Bearer "+webtest.Key)
			}
			got := b.Do(route.Method, path, "", header...)
			switch role, person := roles[name]; {
			case name == "nobody":
				if got.Header.Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("%s %s: no WWW-Authenticate", route.Method, path)
				}
				refused(t, got, 401)
			case person && !role.AtLeast(route.Least), name == "key" && !route.Scope.Valid():
				refused(t, got, 403)
			case got.Status == 401 || got.Status == 403:
				t.Errorf("%s %s by %s: %d", route.Method, path, name, got.Status)
			case strings.Contains(path, "777") && got.Status != 404:
				t.Errorf("%s %s by %s: %d, want 404: %s", route.Method, path, name, got.Status, got.Body)
			}
		}
	}
	if checked < 11 {
		t.Errorf("only %d routes were checked", checked)
	}
}

func TestChanges_under_a_session_are_checked_for_their_site(t *testing.T) {
	w := newWorld(t)
	w.create()
	b := w.site.Operator(access.RoleOperator)
	for _, method := range []string{"PUT", "DELETE"} {
		refused(t, b.Do(method, "/api/v1/connections/1", minimal, "Content-Type", "application/json", "Sec-Fetch-Site", "cross-site"), 403)
	}
	got := b.Do("PUT", "/connections/1", minimal, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
	if got.Status != 200 {
		t.Errorf("from a page of ours: %d %s", got.Status, got.Body)
	}
	if e := w.Store.AllEvents(); e[len(e)-1].Actor != b.Who.Name {
		t.Errorf("actor %q", e[len(e)-1].Actor)
	}
}

func TestUnknownAddresses_and_methods_under_the_base(t *testing.T) {
	w := newWorld(t)
	refused(t, w.do("GET", "/api/v1/nothing", ""), 404)
	refused(t, w.do("GET", "/api", ""), 404)
	got := w.do("POST", "/api/v1/connections/1", "{}")
	refused(t, got, 405)
	if allow := got.Header.Get("Allow"); !strings.Contains(allow, "PATCH") || !strings.Contains(allow, "HEAD") {
		t.Errorf("Allow %q", allow)
	}
	refused(t, w.site.Visitor().Do("GET", "/api/v1/nothing", ""), 401)
	for _, id := range []string{"0", "01", "-1", "x", "99999999999999999999", "%31", "1%00"} {
		if got := w.do("GET", "/connections/"+id, ""); got.Status != 404 && id != "%31" {
			t.Errorf("id %s: %d", id, got.Status)
		}
	}
}

func TestHead_answers_like_GET_without_a_body(t *testing.T) {
	w := newWorld(t)
	w.create()
	got := w.do("HEAD", "/connections/1", "")
	if got.Status != 200 || got.Body != "" || got.Header.Get("ETag") != `"1"` {
		t.Errorf("%d %q %v", got.Status, got.Body, got.Header)
	}
}

func TestConnectors_describe_the_configuration(t *testing.T) {
	w := newWorld(t)
	got := w.do("GET", "/connectors", "")
	body := tree(t, got)
	items, _ := body["items"].([]any)
	if got.Status != 200 || len(items) != 1 || body["nextCursor"] != nil {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	c := items[0].(map[string]any)
	if c["id"] != connection.ConnectorID || c["name"] != "ThingsBoard" || c["description"] != "Publishes uplink messages into ThingsBoard." {
		t.Errorf("connector %v", c)
	}
	schema := c["configurationSchema"].(map[string]any)
	properties := schema["properties"].(map[string]any)
	count := 0
	for _, f := range connection.Fields {
		if !strings.HasPrefix(f.Path, "configuration.") {
			continue
		}
		count++
		p, ok := properties[f.Name].(map[string]any)
		if !ok || p["title"] != f.Label || p["description"] == "" {
			t.Errorf("%s is described as %v", f.Name, p)
		}
	}
	if len(properties) != count || schema["additionalProperties"] != false || len(schema["required"].([]any)) != 3 {
		t.Errorf("schema %v", schema)
	}
	host := properties["hostName"].(map[string]any)
	port := properties["downlinkPort"].(map[string]any)
	if host["type"] != "string" || port["type"] != "integer" || port["maximum"] != 224.0 || properties["createDevices"].(map[string]any)["default"] != true {
		t.Errorf("host %v, port %v", host, port)
	}
}

func TestMetrics_are_told(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.Store.AddMinutes(connection.Minute{ConnectionID: 1, Start: operationtest.Now.Truncate(time.Minute), Uplinks: 3, Downlinks: 2, Rejected: 1, Parked: 4, Expired: 5})
	w.Store.SetActiveDevices(1, 9)
	body := tree(t, w.do("GET", "/connections/1/metrics?window=1d", ""))
	series := body["series"].([]any)
	delete(body, "series")
	want := map[string]any{"window": "1d", "activeDevices": 9.0, "uplinks": 3.0, "downlinks": 2.0, "rejected": 1.0, "parked": 4.0, "expired": 5.0}
	for name, v := range want {
		if body[name] != v {
			t.Errorf("%s is %v, want %v", name, body[name], v)
		}
	}
	if len(body) != len(want) || len(series) != 96 {
		t.Errorf("%d members, %d points", len(body), len(series))
	}
	last := series[95].(map[string]any)
	if last["t"] != "2026-11-23T10:00:00.000Z" || last["uplinks"] != 3.0 || last["downlinks"] != 2.0 || len(last) != 3 {
		t.Errorf("last point %v", last)
	}
	waited := connection.Minute{ConnectionID: 1, Start: operationtest.Now.Add(-time.Hour), Backlog: 7, OldestAge: 90 * time.Second}
	waited.Delays.Note(30 * time.Millisecond)
	waited.Delays.Note(2 * time.Second)
	w.Store.AddMinutes(waited, connection.Minute{Start: waited.Start, Watched: true}, connection.Minute{Start: operationtest.Now.Add(-2 * time.Hour), Watched: true})
	series = tree(t, w.do("GET", "/connections/1/metrics?window=1d", ""))["series"].([]any)
	for back, want := range map[int]map[string]any{
		4: {"latency": map[string]any{"count": 2.0, "p50Milliseconds": 50.0, "p95Milliseconds": 2000.0, "maxMilliseconds": 2000.0}, "backlog": map[string]any{"waiting": 7.0, "oldestAgeSeconds": 90.0}},
		8: {"latency": nil, "backlog": map[string]any{"waiting": 0.0, "oldestAgeSeconds": 0.0}},
		0: {"latency": nil, "backlog": nil},
	} {
		point := series[95-back].(map[string]any)
		for name, want := range want {
			if !reflect.DeepEqual(point[name], want) {
				t.Errorf("%d quarters back %s is %v, want %v", back, name, point[name], want)
			}
		}
	}
	if got := tree(t, w.do("GET", "/connections/1/metrics", "")); got["window"] != "1h" {
		t.Errorf("without a window: %v", got["window"])
	}
	if wrong := refused(t, w.do("GET", "/connections/1/metrics?window=1w", ""), 422); wrong["window"] == "" {
		t.Errorf("wrong %v", wrong)
	}
	refused(t, w.do("GET", "/connections/2/metrics", ""), 404)
}

func TestEvents_are_told_newest_first(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.Store.AddEvent(connection.Event{Time: operationtest.Now.Add(time.Hour), Level: connection.LevelError, Kind: connection.KindUplink, Actor: connection.System, ConnectionID: 1, Address: "192.0.2.7", DevEUI: "0018B20000000B20", Message: "Skipped."})
	w.Store.AddEvent(connection.Event{Time: operationtest.Now.Add(2 * time.Hour), Level: connection.LevelInfo, Kind: connection.KindSystem, Actor: connection.System, Message: "Started."})
	list := func(query string) []any {
		t.Helper()
		got := w.do("GET", "/events"+query, "")
		items, ok := tree(t, got)["items"].([]any)
		if !ok {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		return items
	}
	all := list("")
	if len(all) != 3 {
		t.Fatalf("%d events", len(all))
	}
	first, _ := json.Marshal(all[1])
	if want := `{"actor":"system","address":"192.0.2.7","connectionId":"1","devEUI":"0018B20000000B20","id":"2","kind":"uplink","level":"error","message":"Skipped.","time":"2026-11-23T11:08:08.309Z"}`; string(first) != want {
		t.Errorf("got  %s\nwant %s", first, want)
	}
	if e := all[0].(map[string]any); e["connectionId"] != nil || e["devEUI"] != nil || e["address"] != nil {
		t.Errorf("an event about nothing: %v", e)
	}
	for query, want := range map[string]int{
		"?connectionId=1": 2, "?connectionId=9": 0, "?level=error": 1, "?devEUI=0018b20000000b20": 1, "?devEUI=0018B20000000B21": 0, "?level=error,info": 3, "?limit=1": 1, "?cursor=2": 1,
		"?from=2026-11-23T11:00:00Z": 2, "?to=2026-11-23T11:00:00Z": 1, "?from=2026-11-23T12:30:00%2B01:00&to=2026-11-23T12:00:00Z": 0,
	} {
		if got := len(list(query)); got != want {
			t.Errorf("%s: %d events, want %d", query, got, want)
		}
	}
	if next := tree(t, w.do("GET", "/events?limit=1", ""))["nextCursor"]; next != "3" {
		t.Errorf("nextCursor %v", next)
	}
	for query, path := range map[string]string{"?from=yesterday": "from", "?to=1": "to", "?level=debug": "level", "?connectionId=x": "connectionId", "?cursor=x": "cursor", "?devEUI=0018": "devEUI"} {
		if wrong := refused(t, w.do("GET", "/events"+query, ""), 422); wrong[path] == "" {
			t.Errorf("%s: %v", query, wrong)
		}
	}
}

func TestInternalErrors_are_logged_and_not_told(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.Store.Fail = errors.New("canary-cause")
	for _, path := range []string{"/connections/1", "/connections", "/events"} {
		got := w.do("GET", path, "")
		refused(t, got, 500)
		if strings.Contains(got.Body, "canary-cause") || !strings.Contains(got.Body, got.Header.Get("X-Request-Id")) {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
	if n := strings.Count(w.log.b.String(), "canary-cause"); n != 3 {
		t.Errorf("logged %d times", n)
	}
}

func TestPassword_stands_in_no_answer_and_no_log(t *testing.T) {
	w := newWorld(t)
	var seen strings.Builder
	note := func(a webtest.Answer) {
		for name, values := range a.Header {
			seen.WriteString(name + ": " + strings.Join(values, ",") + "\n")
		}
		seen.WriteString(a.Body)
	}
	note(w.do("POST", "/connections", minimal))
	note(w.do("POST", "/connections", with("South", "")))
	note(w.do("POST", "/connections", with(`"password"`, `"Password"`)))
	note(w.do("POST", "/connections", minimal[:len(minimal)-3]))
	note(w.do("PUT", "/connections/1", with("South", "West")))
	note(w.do("PUT", "/connections/1", with("South", "", "thingsboard.cloud:443", "x")))
	note(w.do("PUT", "/connections/9", minimal))
	note(w.do("PUT", "/connections/1", minimal, "If-Match", `"99"`))
	note(w.do("GET", "/connections", ""))
	note(w.do("GET", "/events", ""))
	note(w.do("POST", "/connections/1/uplinks?key="+operationtest.Password, minimal))
	note(w.do("POST", "/connections/1/restart", ""))
	w.Store.Fail = errors.New("broken")
	note(w.do("PUT", "/connections/1", minimal))
	w.Store.Fail = nil
	for _, e := range w.Store.AllEvents() {
		seen.WriteString(e.Message)
	}
	seen.WriteString(w.log.b.String())
	if text := seen.String(); strings.Contains(text, operationtest.Password) || strings.Contains(text, "uplink-key-1") {
		t.Errorf("a secret is told")
	}
}

func TestOpenAPI_document_is_whole(t *testing.T) {
	w := newWorld(t)
	got := w.site.Visitor().Get("/api/openapi.json")
	document := tree(t, got)
	if got.Status != 200 || document["openapi"] != "3.1.0" {
		t.Fatalf("%d %.200s", got.Status, got.Body)
	}
	paths := document["paths"].(map[string]any)
	for _, route := range w.site.Routes() {
		path, ok := strings.CutPrefix(route.Path, web.Base)
		if !ok {
			continue
		}
		item, _ := paths[strings.Replace(path, ":id", "{id}", 1)].(map[string]any)
		operation, _ := item[strings.ToLower(route.Method)].(map[string]any)
		if operation["summary"] == nil || operation["operationId"] == nil {
			t.Errorf("%s %s is not described", route.Method, path)
			continue
		}
		if route.Method == http.MethodPut && operation["requestBody"] == nil {
			t.Errorf("%s %s: the body is not described", route.Method, path)
		}
		responses := operation["responses"].(map[string]any)
		if responses["default"] == nil {
			t.Errorf("%s %s: errors are not described", route.Method, path)
		}
	}
	schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
	checkRefs(t, document, schemas)
	if schemas["ErrorModel"] != nil || schemas["Connection"] == nil {
		t.Errorf("schemas %v", schemas)
	}
	if yaml := w.site.Visitor().Get("/api/openapi.yaml"); yaml.Status != 200 || !strings.Contains(yaml.Body, "openapi: 3.1.0") {
		t.Errorf("YAML: %d %.100s", yaml.Status, yaml.Body)
	}
}

// checkRefs looks whether every schema that is named exists.
func checkRefs(t *testing.T, v any, schemas map[string]any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if ref, ok := member.(string); ok && name == "$ref" {
				if schemas[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
					t.Errorf("%s leads nowhere", ref)
				}
				continue
			}
			checkRefs(t, member, schemas)
		}
	case []any:
		for _, element := range v {
			checkRefs(t, element, schemas)
		}
	}
}
