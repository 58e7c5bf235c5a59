package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/operation/operationtest"
)

func TestEvents_are_filtered_and_paged_while_others_come_in(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.create()
	add := func(e connection.Event) {
		e.Time = operationtest.Now.Add(time.Duration(len(w.Store.AllEvents())) * time.Minute)
		w.Store.AddEvent(e)
	}
	for i := range 6 {
		add(connection.Event{Level: connection.LevelWarning, Kind: connection.KindUplink, ConnectionID: connection.ID(i%2 + 1), DevEUI: "20635F0108000E09"})
		add(connection.Event{Level: connection.LevelInfo, Kind: connection.KindState, ConnectionID: 1})
	}
	ids := func(query string) (list []string, next any) {
		t.Helper()
		got := w.do("GET", "/events"+query, "")
		body := tree(t, got)
		items, ok := body["items"].([]any)
		if !ok {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		for _, item := range items {
			list = append(list, item.(map[string]any)["id"].(string))
		}
		return list, body["nextCursor"]
	}
	from := operationtest.Now.Add(10 * time.Minute).Format(time.RFC3339)
	for query, want := range map[string]string{
		"?kind=created":                          "[2 1]",
		"?kind=created,state&limit=3":            "[14 12 10]",
		"?kind=uplink&connectionId=2":            "[13 9 5]",
		"?devEUI=20635f0108000e09&level=warning": "[13 11 9 7 5 3]",
		"?from=" + from:                          "[14 13 12 11]",
		"?level=error":                           "[]",
	} {
		if list, _ := ids(query); fmt.Sprint(list) != want {
			t.Errorf("%s: %v, want %s", query, list, want)
		}
	}
	for query, path := range map[string]string{"?kind=canary": "kind", "?level=canary": "level", "?connectionId=canary": "connectionId", "?devEUI=canary": "devEUI", "?from=canary": "from", "?cursor=canary": "cursor"} {
		got := w.do("GET", "/events"+query, "")
		if wrong := refused(t, got, 422); wrong[path] == "" || strings.Contains(got.Body, "canary") {
			t.Errorf("%s: %s", query, got.Body)
		}
	}
	var all []string
	for query := "?kind=uplink&limit=2"; ; {
		list, next := ids(query)
		all = append(all, list...)
		if next == nil {
			break
		}
		add(connection.Event{Level: connection.LevelInfo, Kind: connection.KindUplink, ConnectionID: 1})
		query = "?kind=uplink&limit=2&cursor=" + next.(string)
	}
	if fmt.Sprint(all) != "[13 11 9 7 5 3]" {
		t.Errorf("page by page: %v", all)
	}
}
