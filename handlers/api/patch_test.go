package api_test

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation/operationtest"
)

const asKey = "00112233445566778899aabbccddeeff"

// settings gives the stored settings of connection 1, secrets included.
func (w *world) settings() connection.Configuration {
	w.t.Helper()
	v, err := w.Get(w.t.Context(), 1)
	if err != nil {
		w.t.Fatal(err)
	}
	return v.Connection.Configuration
}

func TestPatch_changes_what_it_names_and_nothing_else(t *testing.T) {
	const alarm = `{"startTime": "2019-01-31T09:00:00Z", "endTime": "2019-01-31T10:00:00Z", "timezone": "UTC", "uplinkRateMinPerHour": 1, "message": "low"}`
	for name, test := range map[string]struct {
		body string
		want map[string]any // members that differ afterwards, settings by their own name; nil where one is gone
	}{
		"nothing":                   {`{}`, nil},
		"empty settings":            {`{"configuration": {}}`, nil},
		"a name":                    {`{"name": "West"}`, map[string]any{"name": "West"}},
		"activity":                  {`{"active": true}`, map[string]any{"active": true}},
		"activity back to its own":  {`{"active": null}`, map[string]any{"active": true}},
		"one setting":               {`{"configuration": {"createDevices": true}}`, map[string]any{"createDevices": true}},
		"a setting that was absent": {`{"configuration": {"caCertificate": null}}`, nil},
		"several":                   {`{"name": "West", "configuration": {"downlinkPort": 9, "protocol": "AUTO"}}`, map[string]any{"name": "West", "downlinkPort": 9.0, "protocol": "AUTO"}},
		"the mask":                  {`{"configuration": {"password": "*****", "downlinkAsKey": "*****"}}`, nil},
		"read-only members":         {`{"id": "7", "state": "OPENED", "status": 1, "version": 99, "startupTime": null, "uplinkUrl": null}`, nil},
		"a list as a whole":         {`{"alarms": [` + alarm + `]}`, map[string]any{"alarms": []any{map[string]any{"startTime": "2019-01-31T09:00:00Z", "endTime": "2019-01-31T10:00:00Z", "timezone": "UTC", "uplinkRateMinPerHour": 1.0, "message": "low"}}}},
		"an empty list":             {`{"alarms": []}`, map[string]any{"alarms": []any{}}},
		"no list":                   {`{"alarms": null}`, map[string]any{"alarms": []any{}}},
		"nulls go to the defaults": {`{"configuration": {"description": null, "createDevices": null, "sendMetadata": null, "sendRawDecodedFormat": null, "uplinkTimeValidity": null,
			"downlinkEnabled": null, "downlinkAsId": null, "downlinkPort": null, "downlinkUrl": null, "deviceType": null, "telemetryFormat": null, "protocol": null,
			"restUrl": null, "mqttHostName": null, "verifyUplinkToken": null, "reconnectStrategy": null, "caCertificate": null}}`,
			map[string]any{
				"description": "", "createDevices": true, "sendMetadata": false, "sendRawDecodedFormat": false, "uplinkTimeValidity": nil,
				"downlinkEnabled": true, "downlinkAsId": nil, "downlinkPort": nil, "downlinkUrl": nil, "deviceType": "LoRaWAN", "protocol": "AUTO",
				"restUrl": nil, "mqttHostName": nil, "verifyUplinkToken": false, "reconnectStrategy": "NORMAL",
			}},
		"a key removed by null": {`{"configuration": {"downlinkAsKey": null, "verifyUplinkToken": false}}`, map[string]any{"downlinkAsKey": nil, "verifyUplinkToken": false}},
		"a key removed":         {`{"configuration": {"downlinkAsKey": "", "verifyUplinkToken": false}}`, map[string]any{"downlinkAsKey": nil, "verifyUplinkToken": false}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if got := w.do("POST", "/connections", full); got.Status != http.StatusCreated {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			before := flat(tree(t, w.do("GET", "/connections/1", "")))
			want := maps.Clone(before)
			for member, value := range test.want {
				if value == nil {
					delete(want, member)
					continue
				}
				want[member] = value
			}
			got := w.do("PATCH", "/connections/1", test.body, "Content-Type", "application/merge-patch+json")
			if got.Status != http.StatusOK {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			answered, read := flat(tree(t, got)), flat(tree(t, w.do("GET", "/connections/1", "")))
			if !reflect.DeepEqual(answered, read) {
				t.Errorf("answered %v\nread     %v", answered, read)
			}
			changed := len(test.want) > 0
			if tag := got.Header.Get("ETag"); (tag == `"2"`) != changed {
				t.Errorf("ETag %s", tag)
			}
			for _, m := range []map[string]any{before, want, read} { // these follow from the rest
				delete(m, "version")
				delete(m, "state")
				delete(m, "status")
			}
			if !reflect.DeepEqual(read, want) {
				t.Errorf("got  %v\nwant %v", read, want)
			}
			if s := w.settings(); s.Password != "p4ss" || s.DownlinkAsKey != asKey && read["downlinkAsKey"] != nil {
				t.Error("a secret was changed")
			}
		})
	}
}

// flat puts the settings beside the other members.
func flat(resource map[string]any) map[string]any {
	settings, _ := resource["configuration"].(map[string]any)
	out := maps.Clone(resource)
	delete(out, "configuration")
	maps.Copy(out, settings)
	return out
}

func TestPatch_refuses_what_is_wrong_by_name(t *testing.T) {
	w := newWorld(t)
	w.create()
	for name, test := range map[string]struct{ body, want string }{
		"a mandatory member null":   {`{"name": null, "connectorId": null}`, "connectorId name"},
		"mandatory settings null":   {`{"configuration": {"hostName": null, "username": null, "password": null}}`, "configuration.hostName configuration.password configuration.username"},
		"all settings null":         {`{"configuration": null}`, "configuration.hostName configuration.password configuration.username"},
		"an empty password":         {`{"configuration": {"password": ""}}`, "configuration.password"},
		"settings of another type":  {`{"configuration": []}`, "configuration"},
		"unknown fields":            {`{"colour": null, "Name": "x", "configuration": {"hostname": null}}`, "Name colour configuration.hostname"},
		"a wrong type":              {`{"active": 1, "configuration": {"createDevices": "no"}}`, "active configuration.createDevices"},
		"settings that do not go":   {`{"configuration": {"sendMetadata": true, "telemetryFormat": "MEASUREMENTS"}}`, "configuration.telemetryFormat"},
		"a key that is needed":      {`{"configuration": {"verifyUplinkToken": true}}`, "configuration.verifyUplinkToken"},
		"an alarm's unknown member": {`{"alarms": [{"startTime": "2019-01-31T09:00:00Z", "endTime": "2019-01-31T10:00:00Z", "timezone": "UTC", "uplinkRateMinPerHour": 1, "message": "", "days": null}]}`, "alarms[0].days"},
		"http without TCP":          {`{"configuration": {"restUrl": "http://tb.example.com"}}`, "configuration.restUrl"},
	} {
		wrong := refused(t, w.do("PATCH", "/connections/1", test.body), 422)
		if paths := strings.Join(slices.Sorted(maps.Keys(wrong)), " "); paths != test.want {
			t.Errorf("%s: got %s, want %s", name, paths, test.want)
		}
	}
	for _, body := range []string{" ", "[]", "null", `{"name": "x", "name": "y"}`, `{"configuration": {"hostName": "a:1", "hostName": "b:1"}}`} {
		refused(t, w.do("PATCH", "/connections/1", body), 400)
	}
	for _, kind := range []string{"application/json-patch+json", "text/plain", "application/x-www-form-urlencoded", "/"} {
		got := w.do("PATCH", "/connections/1", "{}", "Content-Type", kind)
		refused(t, got, 415)
		if got.Header.Get("Accept-Patch") != "application/merge-patch+json, application/json" {
			t.Errorf("%s: Accept-Patch %q", kind, got.Header.Get("Accept-Patch"))
		}
	}
	refused(t, w.do("PATCH", "/connections/2", "{}"), 404)
	if v := w.settings(); v.Password != operationtest.Password || len(w.Store.AllEvents()) != 1 {
		t.Error("something was stored")
	}
}

func TestPatch_honours_If_Match(t *testing.T) {
	w := newWorld(t)
	w.create()
	refused(t, w.do("PATCH", "/connections/1", `{"name": "West"}`, "If-Match", `"7"`), 412)
	got := w.do("PATCH", "/connections/1", `{"name": "West"}`, "If-Match", `"1"`)
	if got.Status != 200 || got.Header.Get("ETag") != `"2"` {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	w.Store.BeforeUpdate = func() { // somebody else is quicker, once
		w.Store.BeforeUpdate = nil
		w.Store.Rename(1, "Theirs")
	}
	refused(t, w.do("PATCH", "/connections/1", `{"configuration": {"description": "ours"}}`, "If-Match", `"2"`), 412)
	w.Store.BeforeUpdate = func() {
		w.Store.BeforeUpdate = nil
		w.Store.Rename(1, "Theirs again")
	}
	got = w.do("PATCH", "/connections/1", `{"configuration": {"description": "ours"}}`)
	if body := tree(t, got); got.Status != 200 || body["name"] != "Theirs again" || body["configuration"].(map[string]any)["description"] != "ours" {
		t.Errorf("without If-Match: %d %s", got.Status, got.Body)
	}
}

func TestPatch_is_for_those_who_may_change(t *testing.T) {
	w := newWorld(t)
	w.create()
	refused(t, w.site.Operator(access.RoleViewer).Do("PATCH", "/connections/1", `{"name": "x"}`, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"), 403)
	operator := w.site.Operator(access.RoleOperator)
	refused(t, operator.Do("PATCH", "/connections/1", `{"name": "x"}`, "Content-Type", "application/json", "Sec-Fetch-Site", "cross-site"), 403)
	if got := operator.Do("PATCH", "/connections/1", `{"name": "x"}`, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"); got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	var event connection.Event
	for _, e := range w.Store.AllEvents() {
		event = e
	}
	if event.Actor != operator.Who.Name || event.Message != `Name changed from North to x.` {
		t.Errorf("event %+v", event)
	}
}
