package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation/operationtest"
	"boardlink/web/webtest"
)

// firstParked is the id of the first event of connection 1 in the queue.
const firstParked = 1 << 40

// park puts n events of connection 1 aside.
func (w *world) park(n int) {
	for i := range n {
		w.Parked.Add(1, connection.ParkedEvent{
			ID: firstParked + int64(i), DevEUI: fmt.Sprintf("20635F0108000E%02X", i%256), Kind: "DevEUI_uplink",
			ReceivedAt: operationtest.Now.Add(time.Duration(i) * time.Second), Attempts: 3,
			ReasonCode: connection.ReasonBadPayload, Reason: "ThingsBoard refused the content of the event.",
			Document: fmt.Appendf(nil, `{"DevEUI_uplink": {"FCntUp": %d, "big": 12345678901234567890, "a": "<b>"}}`, i),
		})
	}
}

func TestParked_is_told_oldest_first(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.park(1)
	w.Parked.Add(1,
		connection.ParkedEvent{ID: firstParked + 5, Kind: "BS_alarm", ReceivedAt: operationtest.Now, Attempts: 1, ReasonCode: connection.ReasonTooLarge, Reason: "Too large.", Document: []byte("no JSON \xff")},
		connection.ParkedEvent{ID: firstParked + 6, Kind: "list", ReceivedAt: operationtest.Now, Document: []byte(`[1]`)},
	)
	got := w.do("GET", "/connections/1/parked", "")
	body := tree(t, got)
	items, ok := body["items"].([]any)
	if got.Status != 200 || !ok || len(items) != 3 || body["nextCursor"] != nil || len(body) != 2 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if want := `{"id":"1099511627776","devEUI":"20635F0108000E00","kind":"DevEUI_uplink","receivedAt":"2026-11-23T10:08:08.309Z","attempts":3,` +
		`"reasonCode":"payload_refused","reason":"ThingsBoard refused the content of the event.",` +
		`"document":{"DevEUI_uplink":{"FCntUp":0,"big":12345678901234567890,"a":"<b>"}}}`; !strings.Contains(strings.ReplaceAll(got.Body, `\u003cb\u003e`, "<b>"), want) {
		t.Errorf("got  %s\nwant %s", got.Body, want)
	}
	if second := items[1].(map[string]any); second["devEUI"] != nil || second["document"] != "no JSON \uFFFD" {
		t.Errorf("a document that is no JSON: %v", second)
	}
	if third := items[2].(map[string]any); third["document"] != "[1]" {
		t.Errorf("a document that is no object: %v", third)
	}
}

func TestParked_pages_stay_whole_while_events_come_and_go(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.park(25)
	var seen []string
	query := "?limit=10"
	for range 5 {
		body := tree(t, w.do("GET", "/connections/1/parked"+query, ""))
		items := body["items"].([]any)
		for _, item := range items {
			seen = append(seen, item.(map[string]any)["id"].(string))
		}
		next, more := body["nextCursor"].(string)
		if !more {
			break
		}
		query = "?limit=10&cursor=" + next
		// What was read leaves, and something older comes back.
		if answer := tree(t, w.do("DELETE", "/connections/1/parked?ids="+next, "")); answer["affected"] != 1.0 {
			t.Fatalf("dropping the last one read: %v", answer)
		}
		w.Parked.Add(1, connection.ParkedEvent{ID: firstParked - 1 - int64(len(seen)), Document: []byte("{}")})
	}
	if len(seen) != 25 || !slices.IsSorted(seen) || len(slices.Compact(seen)) != 25 {
		t.Errorf("%d events were seen: %v", len(seen), seen)
	}
}

func TestParked_page_of_large_documents_is_shorter(t *testing.T) {
	w := newWorld(t)
	w.create()
	large := []byte(`{"x":"` + strings.Repeat("x", 256<<10) + `"}`)
	for i := range 100 {
		w.Parked.Add(1, connection.ParkedEvent{ID: firstParked + int64(i), Document: large})
	}
	got := w.do("GET", "/connections/1/parked", "")
	if len(got.Body) > 9<<20 {
		t.Errorf("a page of %d bytes", len(got.Body))
	}
	body := tree(t, got)
	items := body["items"].([]any)
	if last := items[len(items)-1].(map[string]any)["id"]; len(items) < 20 || body["nextCursor"] != last {
		t.Errorf("%d events, the next after %v, the last is %v", len(items), body["nextCursor"], last)
	}
}

func TestParked_queries_that_are_refused(t *testing.T) {
	w := newWorld(t)
	w.create()
	for query, path := range map[string]string{"?limit=0": "limit", "?limit=1001": "limit", "?limit=x": "limit", "?cursor=x": "cursor", "?cursor=1&cursor=2": "cursor"} {
		if wrong := refused(t, w.do("GET", "/connections/1/parked"+query, ""), 422); wrong[path] == "" {
			t.Errorf("%s: %v", query, wrong)
		}
	}
	got := w.do("PUT", "/connections/1/parked", "{}")
	refused(t, got, 405)
	for _, method := range []string{"GET", "POST", "DELETE", "HEAD"} {
		if !strings.Contains(got.Header.Get("Allow"), method) {
			t.Errorf("Allow %q lacks %s", got.Header.Get("Allow"), method)
		}
	}
}

func TestRetryParked(t *testing.T) {
	for name, test := range map[string]struct {
		body     string
		affected float64
		retried  []int64
	}{
		"some":                         {`{"action": "retry", "ids": ["1099511627776", "1099511627778"]}`, 2, []int64{firstParked, firstParked + 2}},
		"what is not parked":           {`{"action": "retry", "ids": ["7"]}`, 0, nil},
		"all":                          {`{"action": "retry", "all": true}`, 3, []int64{firstParked, firstParked + 1, firstParked + 2}},
		"ids, and not all":             {`{"all": false, "ids": ["1099511627777"], "action": "retry"}`, 1, []int64{firstParked + 1}},
		"all, and ids that are absent": {`{"action": "retry", "ids": null, "all": true}`, 3, []int64{firstParked, firstParked + 1, firstParked + 2}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.create()
			w.park(3)
			events := len(w.Store.AllEvents())
			got := w.do("POST", "/api/v1/connections/1/parked", test.body)
			if body := tree(t, got); got.Status != 200 || body["affected"] != test.affected || len(body) != 1 {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			if got := w.Parked.Retried(); !slices.Equal(got, test.retried) {
				t.Errorf("retried %v, want %v", got, test.retried)
			}
			told := w.Store.AllEvents()[events:]
			if test.affected == 0 {
				if len(told) != 0 {
					t.Errorf("told %v", told)
				}
				return
			}
			want := fmt.Sprintf(`%v parked events of the connection "North" were put back into the queue.`, test.affected)
			if test.affected == 1 {
				want = `1 parked event of the connection "North" was put back into the queue.`
			}
			if len(told) != 1 || told[0].Message != want || told[0].Actor != "environment" || told[0].ConnectionID != 1 || told[0].Level != connection.LevelInfo {
				t.Errorf("told %+v", told)
			}
		})
	}
}

func TestRetryParked_bodies_that_are_refused(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.park(3)
	for body, paths := range map[string][]string{
		`{"action": "retry"}`:                                                     {"ids"},
		`{"action": "retry", "ids": []}`:                                          {"ids"},
		`{"action": "retry", "all": false}`:                                       {"ids"},
		`{"action": "retry", "all": true, "ids": []}`:                             {"all"},
		`{"action": "retry", "all": true, "ids": ["1"]}`:                          {"all"},
		`{"action": "retry", "all": "true"}`:                                      {"all"},
		`{"action": "drop", "all": true}`:                                         {"action"},
		`{"action": 1, "all": true}`:                                              {"action"},
		`{"all": true}`:                                                           {"action"},
		`{"action": "retry", "ids": [1099511627776]}`:                             {"ids[0]"},
		`{"action": "retry", "ids": ["1099511627776", "0", "x"]}`:                 {"ids[1]", "ids[2]"},
		`{"action": "retry", "ids": ["01", "-1", "1.0", "", null]}`:               {"ids[0]", "ids[1]", "ids[2]", "ids[3]", "ids[4]"},
		`{"action": "retry", "ids": ["99999999999999999999"]}`:                    {"ids[0]"},
		`{"action": "retry", "ids": "1099511627776"}`:                             {"ids"},
		`{"action": "retry", "IDs": ["1"], "reason": "x"}`:                        {"IDs", "reason"},
		`{"action": "retry", "ids": [` + strings.Repeat(`"1",`, 10_000) + `"1"]}`: {"ids"},
	} {
		wrong := refused(t, w.do("POST", "/connections/1/parked", body), 422)
		for _, path := range paths {
			if wrong[path] == "" {
				t.Errorf("%.80s: %s is not named in %v", body, path, wrong)
			}
		}
		if len(wrong) != len(paths) {
			t.Errorf("%.80s: %v", body, wrong)
		}
	}
	for _, body := range []string{`{"action": "retry", "all": true`, `[]`, ` `, `{"action": "retry", "action": "retry", "all": true}`, "{\"\xff\": 1}"} {
		refused(t, w.do("POST", "/connections/1/parked", body), 400)
	}
	refused(t, w.do("POST", "/connections/1/parked", `{"action": "retry", "all": true}`, "Content-Type", "text/plain"), 415)
	if n := w.Parked.Count(1); n != 3 {
		t.Errorf("%d are left", n)
	}
	many := refused(t, w.do("POST", "/connections/1/parked", `{"action": "retry", "ids": [`+strings.Repeat(`"x",`, 500)+`"x"]}`), 422)
	if len(many) != 20 {
		t.Errorf("%d wrong ids are told", len(many))
	}
}

func TestDropParked(t *testing.T) {
	for query, test := range map[string]struct {
		affected float64
		dropped  []int64
	}{
		"?ids=1099511627776,1099511627778":     {2, []int64{firstParked, firstParked + 2}},
		"?ids=1099511627776&ids=1099511627777": {2, []int64{firstParked, firstParked + 1}},
		"?ids=7":                               {0, nil},
		"?all=true":                            {3, []int64{firstParked, firstParked + 1, firstParked + 2}},
	} {
		w := newWorld(t)
		w.create()
		w.park(3)
		got := w.do("DELETE", "/connections/1/parked"+query, "")
		if body := tree(t, got); got.Status != 200 || body["affected"] != test.affected || len(body) != 1 {
			t.Errorf("%s: %d %s", query, got.Status, got.Body)
		}
		if got := w.Parked.Dropped(); !slices.Equal(got, test.dropped) {
			t.Errorf("%s: dropped %v, want %v", query, got, test.dropped)
		}
		all := w.Store.AllEvents()
		if last := all[len(all)-1]; test.affected > 0 && (last.Message != fmt.Sprintf(`%v parked events of the connection "North" were dropped.`, test.affected) || last.Level != connection.LevelWarning) {
			t.Errorf("%s: told %+v", query, last)
		}
	}
	w := newWorld(t)
	w.create()
	w.park(3)
	for query, path := range map[string]string{
		"": "ids", "?ids=": "ids", "?ids=,": "ids", "?all=": "ids", "?all=false": "all", "?all=1": "all", "?all=true&ids=1": "all", "?all=true&ids=": "all",
		"?all=true&all=true": "all", "?ids=x": "ids[0]", "?ids=1,0": "ids[1]",
	} {
		if wrong := refused(t, w.do("DELETE", "/connections/1/parked"+query, ""), 422); wrong[path] == "" {
			t.Errorf("%s: %v", query, wrong)
		}
	}
	if n := w.Parked.Count(1); n != 3 {
		t.Errorf("%d are left", n)
	}
}

func TestParked_is_for_those_who_may(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.park(1)
	const path, body = "/api/v1/connections/1/parked", `{"action": "retry", "all": true}`
	visitor, viewer, operator := w.site.Visitor(), w.site.Operator(access.RoleViewer), w.site.Operator(access.RoleOperator)
	json := []string{"Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"}
	refused(t, visitor.Do("GET", path, ""), 401)
	refused(t, visitor.Do("GET", "/api/v1/connections/9/parked", ""), 401)
	refused(t, visitor.Do("POST", path, body, json...), 401)
	refused(t, visitor.Do("DELETE", path+"?all=true", ""), 401)
	refused(t, viewer.Do("POST", path, body, json...), 403)
	refused(t, viewer.Do("DELETE", path+"?all=true", "", json...), 403)
	refused(t, operator.Do("DELETE", path+"?all=true", "", "Sec-Fetch-Site", "cross-site"), 403)
	refused(t, operator.Do("POST", "/api/v1/connections/9/parked", "{", json...), 404)
	refused(t, operator.Do("DELETE", "/api/v1/connections/9/parked", "", json...), 404)
	if got := viewer.Do("GET", "/connections/1/parked", "", "Accept", "application/json"); got.Status != 200 {
		t.Errorf("a viewer: %d %s", got.Status, got.Body)
	}
	if got := operator.Do("POST", "/connections/1/parked", body, json...); got.Status != http.StatusOK {
		t.Errorf("an operator: %d %s", got.Status, got.Body)
	}
	if all := w.Store.AllEvents(); all[len(all)-1].Actor != operator.Who.Name {
		t.Errorf("told as %q", all[len(all)-1].Actor)
	}
}

func TestParked_actions_that_end_half_way_are_told_and_refused(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.park(2)
	w.Parked.Fail = &connection.Failure{Code: connection.CodeUnavailable, Message: "The queue could not be written; try again.", Err: errors.New("canary-cause")}
	got := w.do("DELETE", "/connections/1/parked?all=true", "")
	refused(t, got, 503)
	if got.Header.Get("Retry-After") == "" || strings.Contains(got.Body, "canary-cause") {
		t.Errorf("%v %s", got.Header, got.Body)
	}
	if all := w.Store.AllEvents(); !strings.HasPrefix(all[len(all)-1].Message, "2 parked events") {
		t.Errorf("told %q", all[len(all)-1].Message)
	}
}

func TestDevices_are_told(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.Store.AddDevices(
		connection.Device{ConnectionID: 1, DevEUI: "20635F0108000E09", Name: "Pump 1", LastUplinkAt: operationtest.Now, Uplinks: 265, Downlinks: 9},
		connection.Device{ConnectionID: 1, DevEUI: "20635F0108000E0A"},
		connection.Device{ConnectionID: 1, DevEUI: "30635F0108000E0A", Name: "Pump 2"},
		connection.Device{ConnectionID: 2, DevEUI: "40635F0108000E0A"},
	)
	list := func(query string) (names []string, next any, answer webtest.Answer) {
		t.Helper()
		answer = w.do("GET", "/connections/1/devices"+query, "")
		body := tree(t, answer)
		items, ok := body["items"].([]any)
		if !ok {
			t.Fatalf("%d %s", answer.Status, answer.Body)
		}
		for _, item := range items {
			names = append(names, item.(map[string]any)["devEUI"].(string))
		}
		return names, body["nextCursor"], answer
	}
	names, next, answer := list("")
	if len(names) != 3 || next != nil {
		t.Errorf("devices %v, next %v", names, next)
	}
	for _, want := range []string{
		`{"devEUI":"20635F0108000E09","name":"Pump 1","lastUplinkAt":"2026-11-23T10:08:08.309Z","uplinks":265,"downlinks":9}`,
		`{"devEUI":"20635F0108000E0A","name":"","lastUplinkAt":null,"uplinks":0,"downlinks":0}`,
	} {
		if !strings.Contains(answer.Body, want) {
			t.Errorf("%s is not in %s", want, answer.Body)
		}
	}
	if names, next, _ := list("?limit=2"); len(names) != 2 || next != "20635F0108000E0A" {
		t.Errorf("a page %v, next %v", names, next)
	}
	for query, want := range map[string]int{"?cursor=20635f0108000e0a": 1, "?search=pump": 2, "?search=2063": 2, "?search=nothing": 0} {
		if names, _, _ := list(query); len(names) != want {
			t.Errorf("%s: %v", query, names)
		}
	}
	for query, path := range map[string]string{"?limit=0": "limit", "?cursor=x": "cursor", "?cursor=2063": "cursor", "?search=a&search=b": "search"} {
		if wrong := refused(t, w.do("GET", "/connections/1/devices"+query, ""), 422); wrong[path] == "" {
			t.Errorf("%s: %v", query, wrong)
		}
	}
	refused(t, w.do("GET", "/connections/9/devices", ""), 404)
	refused(t, w.do("POST", "/connections/1/devices", "{}"), 405)
	if got := w.do("HEAD", "/connections/1/devices", ""); got.Status != 200 || got.Body != "" {
		t.Errorf("HEAD: %d %q", got.Status, got.Body)
	}
	document := tree(t, w.site.Visitor().Get("/api/openapi.json"))
	schema, _ := json.Marshal(document["paths"].(map[string]any)["/connections/{id}/parked"])
	for _, want := range []string{`"enum":["retry"]`, `"list-parked"`, `"drop-parked"`} {
		if !strings.Contains(string(schema), want) {
			t.Errorf("%s is not described: %s", want, schema)
		}
	}
}
