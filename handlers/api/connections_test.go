package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/operation/operationtest"
)

func TestCreate_answers_201_with_the_resource(t *testing.T) {
	w := newWorld(t)
	got := w.do("POST", "/connections", minimal)
	if got.Status != http.StatusCreated || got.Header.Get("Location") != "/connections/1" || got.Header.Get("ETag") != `"1"` {
		t.Fatalf("%d %v %s", got.Status, got.Header, got.Body)
	}
	want := map[string]any{
		"id": "1", "connectorId": "actility-thingsboard-iot", "name": "South", "active": true, "state": "OPENING", "startupTime": nil,
		"alarms": []any{}, "uplinkUrl": operationtest.PublicURL + "/connections/1/uplinks", "version": 1.0,
		"configuration": map[string]any{
			"description": "", "hostName": "thingsboard.cloud:443", "username": "tenant@example.com", "password": "*****",
			"createDevices": true, "sendMetadata": false, "sendRawDecodedFormat": false, "downlinkEnabled": true,
			"reconnectStrategy": "NORMAL", "telemetryFormat": "ORIGINAL", "deviceType": "LoRaWAN", "protocol": "AUTO", "verifyUplinkToken": false,
		},
		"status": map[string]any{
			"since": "2026-11-23T10:08:08.309Z", "reasonCode": "starting", "reason": "The link is starting.", "hint": "", "attempt": 0.0,
			"nextAttemptAt": nil, "owner": "", "backlog": 0.0, "oldestAgeSeconds": 0.0, "parked": 0.0, "lastDeliveredAt": nil,
		},
	}
	if body := tree(t, got); !reflect.DeepEqual(body, want) {
		t.Errorf("got  %v\nwant %v", body, want)
	}
	if strings.Contains(got.Body, "$schema") {
		t.Error("a $schema stands in the body")
	}
	if all := w.Store.AllEvents(); len(all) != 1 || all[0].Actor != "environment" {
		t.Errorf("events %+v", all)
	}
}

func TestStatus_is_told_with_times_in_UTC(t *testing.T) {
	w := newWorld(t)
	w.create()
	paris := time.FixedZone("", 3600)
	w.Links.Set(1, connection.Status{
		State: connection.Closed, Since: time.Date(2026, 1, 2, 4, 5, 6, 7_900_000, paris), ReasonCode: connection.ReasonTCPRefused,
		Reason: "connection refused", Hint: "Check the port.", Attempt: 3, NextAttemptAt: time.Date(2026, 1, 2, 4, 10, 0, 0, paris),
		StartupTime: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Owner: "node-1", Backlog: 7, OldestAge: 90 * time.Second, Parked: 2,
		LastDeliveredAt: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC),
	})
	got := tree(t, w.do("GET", "/connections/1", ""))
	want := map[string]any{
		"since": "2026-01-02T03:05:06.007Z", "reasonCode": "tcp_refused", "reason": "connection refused", "hint": "Check the port.", "attempt": 3.0,
		"nextAttemptAt": "2026-01-02T03:10:00.000Z", "owner": "node-1", "backlog": 7.0, "oldestAgeSeconds": 90.0, "parked": 2.0,
		"lastDeliveredAt": "2026-01-02T03:00:00.000Z",
	}
	if !reflect.DeepEqual(got["status"], want) || got["state"] != "CLOSED" || got["startupTime"] != "2026-01-01T00:00:00.000Z" {
		t.Errorf("got %v", got)
	}
}

// full is a body with every field there is, also those that are only read.
const full = `{"id": "999", "state": "OPENED", "startupTime": "2020-01-01T00:00:00Z", "version": 99, "uplinkUrl": "x", "status": {"any": ["thing"]},
 "connectorId": "actility-thingsboard-iot", "name": "All", "active": false,
 "alarms": [{"startTime": "2019-01-31T09:00:00+01:00", "endTime": "2019-01-31T18:00:00+01:00", "timezone": "Europe/Paris",
   "recurrence": [{"frequency": "weekly", "byDays": ["monday", "tuesday"]}], "uplinkRateMinPerHour": 15, "message": "Low rate during business day..."}],
 "configuration": {"description": "two\nlines", "hostName": "[2001:db8::1]:8883", "username": "a@example.com", "password": "p4ss",
   "createDevices": false, "sendMetadata": true, "sendRawDecodedFormat": true, "uplinkTimeValidity": "5h", "downlinkEnabled": false,
   "downlinkAsId": "TWA_1", "downlinkAsKey": "00112233445566778899aabbccddeeff", "downlinkPort": 7, "downlinkUrl": "https://tp.example.com/rest/downlink",
   "deviceType": "Meter", "telemetryFormat": "ORIGINAL", "protocol": "SSL", "restUrl": "https://rest.example.com", "mqttHostName": "mqtt.example.com",
   "verifyUplinkToken": true, "reconnectStrategy": "CALM"}}`

func TestEveryField_can_be_written_and_read_and_written_again(t *testing.T) {
	w := newWorld(t)
	got := w.do("POST", "/connections", full)
	if got.Status != http.StatusCreated {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	read := tree(t, w.do("GET", "/connections/1", ""))
	sent := map[string]any{}
	if err := json.Unmarshal([]byte(full), &sent); err != nil {
		t.Fatal(err)
	}
	if read["id"] != "1" || read["version"] != 1.0 || read["state"] != "DEACTIVATED" || read["active"] != false {
		t.Errorf("read-only fields were taken: %v", read)
	}
	if !reflect.DeepEqual(read["alarms"], sent["alarms"]) {
		t.Errorf("alarms %v", read["alarms"])
	}
	configuration := sent["configuration"].(map[string]any)
	configuration["password"], configuration["downlinkAsKey"] = "*****", "*****"
	if !reflect.DeepEqual(read["configuration"], configuration) {
		t.Errorf("got  %v\nwant %v", read["configuration"], configuration)
	}

	before := len(w.Store.AllEvents())
	again := w.do("PUT", "/connections/1", w.do("GET", "/connections/1", "").Body)
	if again.Status != http.StatusOK || again.Header.Get("ETag") != `"1"` || len(w.Store.AllEvents()) != before {
		t.Errorf("what was read, sent back: %d, ETag %s, %d events: %s", again.Status, again.Header.Get("ETag"), len(w.Store.AllEvents())-before, again.Body)
	}
	v, err := w.Get(t.Context(), 1)
	if err != nil || v.Connection.Configuration.Password != "p4ss" || v.Connection.Configuration.DownlinkAsKey == connection.Mask {
		t.Errorf("the mask was stored (%v)", err)
	}
}

func TestSecrets_follow_their_rules(t *testing.T) {
	const (
		password = `"password": "` + operationtest.Password + `"`
		asKey    = "0123456789abcdef0123456789abcdef"
	)
	keyed := with(password, password+`, "downlinkAsKey": "`+asKey+`"`)
	for name, test := range map[string]struct {
		method, body   string
		status         int
		path           string // wrong field
		password, akey connection.Secret
	}{
		"POST with the mask":                 {"POST", with(operationtest.Password, "*****"), 422, "configuration.password", "", ""},
		"POST without a password":            {"POST", with(", "+password, ""), 422, "configuration.password", "", ""},
		"POST with null":                     {"POST", with(password, `"password": null`), 422, "configuration.password", "", ""},
		"POST with an empty one":             {"POST", with(operationtest.Password, ""), 422, "configuration.password", "", ""},
		"POST with a masked AS key":          {"POST", with(password, password+`, "downlinkAsKey": "*****"`), 422, "configuration.downlinkAsKey", "", ""},
		"POST with a number":                 {"POST", with(password, `"password": 12`), 422, "configuration.password", "", ""},
		"PUT without":                        {"PUT", with(", "+password, ""), 200, "", operationtest.Password, asKey},
		"PUT with the mask":                  {"PUT", with(password, `"password": "*****", "downlinkAsKey": "*****"`), 200, "", operationtest.Password, asKey},
		"PUT with null":                      {"PUT", with(password, `"password": null`), 422, "configuration.password", "", ""},
		"PUT with an empty one":              {"PUT", with(operationtest.Password, ""), 422, "configuration.password", "", ""},
		"PUT with another":                   {"PUT", with(operationtest.Password, "n3w"), 200, "", "n3w", asKey},
		"PUT with almost the mask":           {"PUT", with(operationtest.Password, "******"), 200, "", "******", asKey},
		"PUT that clears the AS key":         {"PUT", with(password, password+`, "downlinkAsKey": null`), 200, "", operationtest.Password, ""},
		"PUT that empties the AS key":        {"PUT", with(password, password+`, "downlinkAsKey": ""`), 200, "", operationtest.Password, ""},
		"PUT of another host, no password":   {"PUT", with(", "+password, "", "thingsboard.cloud:443", "other.example.com:443"), 200, "", operationtest.Password, asKey},
		"PUT with two mistakes, no password": {"PUT", with(", "+password, "", `"South"`, "7", "thingsboard.cloud:443", "nowhere"), 422, "name", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			path := "/connections"
			if test.method == "PUT" {
				if got := w.do("POST", "/connections", keyed); got.Status != 201 {
					t.Fatal(got.Body)
				}
				path = "/connections/1"
			}
			got := w.do(test.method, path, test.body)
			if test.path != "" {
				wrong := refused(t, got, test.status)
				if wrong[test.path] == "" || wrong["configuration.password"] != "" && test.path != "configuration.password" {
					t.Errorf("wrong fields %v, want %s", wrong, test.path)
				}
				return
			}
			v, err := w.Get(t.Context(), 1)
			if got.Status != test.status || err != nil {
				t.Fatalf("%d %s %v", got.Status, got.Body, err)
			}
			cfg := v.Connection.Configuration
			if cfg.Password.Reveal() != test.password.Reveal() || cfg.DownlinkAsKey.Reveal() != test.akey.Reveal() {
				t.Errorf("stored %q and %q", cfg.Password.Reveal(), cfg.DownlinkAsKey.Reveal())
			}
			_, there := tree(t, got)["configuration"].(map[string]any)["downlinkAsKey"]
			if there != (test.akey != "") {
				t.Errorf("an AS key is told: %v", there)
			}
		})
	}
}

func TestPut_replaces_the_whole_resource(t *testing.T) {
	w := newWorld(t)
	if got := w.do("POST", "/connections", full); got.Status != 201 {
		t.Fatal(got.Body)
	}
	got := w.do("PUT", "/connections/1", with(`, "password": "`+operationtest.Password+`"`, ""))
	configuration := tree(t, got)["configuration"].(map[string]any)
	if got.Status != 200 || configuration["createDevices"] != true || configuration["reconnectStrategy"] != "NORMAL" || configuration["downlinkPort"] != nil {
		t.Errorf("what was left out did not go back: %d %v", got.Status, configuration)
	}
	if tree(t, got)["active"] != true || len(tree(t, got)["alarms"].([]any)) != 0 {
		t.Errorf("active and alarms: %s", got.Body)
	}
	wrong := refused(t, w.do("PUT", "/connections/1", `{"connectorId": "actility-thingsboard-iot", "configuration": {}}`), 422)
	if fmt.Sprint(slices.Sorted(maps.Keys(wrong))) != "[configuration.hostName configuration.username name]" {
		t.Errorf("missing fields: %v", wrong)
	}
}

func TestPut_without_an_id_in_the_path_takes_the_bodys(t *testing.T) {
	w := newWorld(t)
	w.create()
	body := strings.Replace(minimal, "{", `{"id": "1", `, 1)
	if got := w.do("PUT", "/connections", body); got.Status != 200 || tree(t, got)["name"] != "South" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if wrong := refused(t, w.do("PUT", "/connections", minimal), 422); wrong["id"] == "" {
		t.Errorf("no id: %v", wrong)
	}
	if wrong := refused(t, w.do("PUT", "/connections", strings.Replace(body, `"1"`, "1", 1)), 422); wrong["id"] == "" {
		t.Errorf("a number: %v", wrong)
	}
	refused(t, w.do("PUT", "/connections", strings.Replace(body, `"1"`, `"2"`, 1)), 404)
	refused(t, w.do("PUT", "/connections", strings.Replace(body, `"1"`, `"x"`, 1)), 404)
}

func TestConcurrentEdits_are_guarded_by_ETags(t *testing.T) {
	w := newWorld(t)
	w.create()
	get := w.do("GET", "/connections/1", "")
	if get.Header.Get("ETag") != `"1"` {
		t.Fatalf("ETag %q", get.Header.Get("ETag"))
	}
	for name, test := range map[string]struct {
		tag    string
		status int
	}{
		"an old one":        {`"0"`, 412},
		"a weak one":        {`W/"1"`, 412},
		"one without marks": {`1`, 412},
		"the right one":     {`"1"`, 200},
	} {
		if got := w.do("PUT", "/connections/1", with("South", "North", "thingsboard.cloud:443", "thingsboard.example.com:443"), "If-Match", test.tag); got.Status != test.status {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := w.do("PUT", "/connections/1", minimal, "If-Match", `"7", "1"`); got.Status != 200 || got.Header.Get("ETag") != `"2"` {
		t.Errorf("one of several: %d, ETag %s", got.Status, got.Header.Get("ETag"))
	}
	refused(t, w.do("PUT", "/connections/1", minimal, "If-Match", `"1"`), 412)
	refused(t, w.do("DELETE", "/connections/1", "", "If-Match", `"1"`), 412)
	w.Store.BeforeUpdate = func() { w.Store.Rename(1, "Quicker") }
	refused(t, w.do("PUT", "/connections/1", with("South", "West"), "If-Match", `"2"`), 412)
	w.Store.BeforeUpdate = nil
	if got := w.do("PUT", "/connections/1", with("South", "West"), "If-Match", "*"); got.Status != 200 {
		t.Errorf("any: %d", got.Status)
	}
	if got := w.do("DELETE", "/connections/1", "", "If-Match", `"4"`); got.Status != 204 || got.Body != "" {
		t.Errorf("delete: %d %q", got.Status, got.Body)
	}
	refused(t, w.do("GET", "/connections/1", ""), 404)
	refused(t, w.do("DELETE", "/connections/1", ""), 404)
}

func TestRestart_and_retry_answer_202_with_the_resource(t *testing.T) {
	w := newWorld(t)
	w.create()
	for _, action := range []string{"restart", "retry"} {
		got := w.do("POST", "/connections/1/"+action, "")
		if got.Status != http.StatusAccepted || tree(t, got)["id"] != "1" {
			t.Errorf("%s: %d %s", action, got.Status, got.Body)
		}
		refused(t, w.do("POST", "/connections/2/"+action, ""), 404)
	}
	if _, err := w.SetActive(t.Context(), "ann", 1, false); err != nil {
		t.Fatal(err)
	}
	refused(t, w.do("POST", "/connections/1/restart", ""), 409)
}

func TestLists_come_in_pages(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.create()
	}
	w.Links.Set(2, connection.Status{State: connection.Opened})
	ids := func(query string) (string, any) {
		t.Helper()
		got := w.do("GET", "/connections"+query, "")
		body := tree(t, got)
		var list []any
		items, ok := body["items"].([]any)
		if !ok {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		for _, item := range items {
			list = append(list, item.(map[string]any)["id"])
		}
		return fmt.Sprint(list), body["nextCursor"]
	}
	for query, want := range map[string]string{
		"": "[1 2 3] <nil>", "?limit=2": "[1 2] 2", "?limit=2&cursor=2": "[3] <nil>", "?search=nothing": "[] <nil>", "?search=north": "[1 2 3] <nil>",
		"?state=OPENED": "[2] <nil>", "?state=CLOSED,OPENED": "[2] <nil>", "?state=CLOSED&state=OPENING": "[1 3] <nil>",
		"?sort=-id": "[3 2 1] <nil>", "?sort=id": "[1 2 3] <nil>", "?sort=state": "[1 3 2] <nil>", "?sort=-state": "[2 3 1] <nil>", "?active=true": "[1 2 3] <nil>", "?active=false": "[] <nil>",
	} {
		if list, next := ids(query); fmt.Sprintf("%s %v", list, next) != want {
			t.Errorf("%s: %s %v, want %s", query, list, next, want)
		}
	}
	for query, path := range map[string]string{
		"?limit=0": "limit", "?limit=1001": "limit", "?limit=x": "limit", "?limit=99999999999": "limit", "?limit=1&limit=2": "limit", "?state=opened": "state", "?cursor=-1": "cursor",
		"?sort=canary": "sort", "?sort=Name": "sort", "?sort=name&sort=id": "sort", "?active=1": "active", "?sort=name&cursor=2": "cursor", "?cursor=bm9uZQ": "cursor",
	} {
		got := w.do("GET", "/connections"+query, "")
		if wrong := refused(t, got, 422); wrong[path] == "" || strings.Contains(got.Body, "canary") {
			t.Errorf("%s: %v", query, wrong)
		}
	}
	if got := w.do("GET", "/connections?sort=canary", ""); !strings.Contains(got.Body, "id, name, state, backlog and lastDeliveredAt") {
		t.Errorf("the allowed orders are not named: %s", got.Body)
	}
	var all []string
	for query := "?sort=-name&limit=1"; ; {
		list, next := ids(query)
		all = append(all, list)
		if next == nil {
			break
		}
		refused(t, w.do("GET", "/connections?sort=name&cursor="+next.(string), ""), 422) // of another order
		query = "?sort=-name&limit=1&cursor=" + next.(string)
	}
	if fmt.Sprint(all) != "[[3] [2] [1]]" {
		t.Errorf("page by page: %v", all)
	}
}
