package api_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"boardlink/operation/operationtest"
)

func TestBodies_that_cannot_be_read_are_400(t *testing.T) {
	w := newWorld(t)
	for name, body := range map[string]string{
		"nothing but spaces":     "  ",
		"broken off":             minimal[:50],
		"something behind":       minimal + "{}",
		"a list":                 "[" + minimal + "]",
		"a text":                 `"x"`,
		"null":                   "null",
		"not UTF-8":              strings.Replace(minimal, "South", "\xff", 1),
		"a name twice":           strings.Replace(minimal, "{", `{"name": "North", `, 1),
		"a name twice, escaped":  strings.Replace(minimal, "{", `{"n\u0061me": "North", `, 1),
		"a setting twice":        with(`"hostName"`, `"hostName": "other.example.com:1", "hostName"`),
		"a name twice in status": strings.Replace(minimal, "{", `{"status": {"a": [1, {"b": 1, "b": 2}]}, `, 1),
	} {
		t.Run(name, func(t *testing.T) {
			got := w.do("POST", "/connections", body)
			refused(t, got, 400)
			if strings.Contains(got.Body, "North") || strings.Contains(got.Body, operationtest.Password) {
				t.Errorf("a value is told: %s", got.Body)
			}
		})
	}
	refused(t, w.site.Visitor().Do("POST", "/api/v1/connections", "", "Authorization", auth()), 400)
}

func TestBodies_of_another_type_are_415(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", "application/jsonx", "/"} {
		refused(t, w.do("POST", "/connections", minimal, "Content-Type", kind), 415)
	}
	refused(t, w.do("POST", "/connections", minimal, "Content-Encoding", "gzip"), 415)
	for _, kind := range []string{"application/json; charset=utf-8", "APPLICATION/JSON", "application/merge+json", ""} {
		if got := w.do("POST", "/connections", minimal, "Content-Type", kind); got.Status != 201 {
			t.Errorf("%q: %d %s", kind, got.Status, got.Body)
		}
	}
}

func TestBodies_that_are_too_large_are_413(t *testing.T) {
	w := newWorld(t)
	refused(t, w.do("POST", "/connections", with("South", strings.Repeat("x", 1<<20))), 413)
}

func TestWrongFields_are_named_each(t *testing.T) {
	const host = `"thingsboard.cloud:443"`
	w := newWorld(t)
	alarm := func(a string) string { return strings.Replace(minimal, "{", `{"alarms": [`+a+`], `, 1) }
	for name, test := range map[string]struct{ body, want string }{
		"nothing given":                {`{}`, "configuration.hostName configuration.password configuration.username connectorId name"},
		"configuration null":           {with(`"configuration": {`, `"configuration": null, "status": {`), "configuration.hostName configuration.password configuration.username"},
		"configuration a list":         {`{"connectorId": "actility-thingsboard-iot", "name": "x", "configuration": []}`, "configuration configuration.hostName configuration.password configuration.username"},
		"an unknown field":             {strings.Replace(minimal, "{", `{"colour": "red", `, 1), "colour"},
		"letter case":                  {with(`"name"`, `"Name"`), "Name name"},
		"letter case of a secret":      {with(`"password"`, `"Password"`), "configuration.Password configuration.password"},
		"an unknown setting":           {with(`"hostName"`, `"hostname": "x", "hostName"`), "configuration.hostname"},
		"two at once":                  {with(host, `"nowhere"`, "South", ""), "configuration.hostName name"},
		"another connector":            {with("actility-thingsboard-iot", "other"), "connectorId"},
		"a number for a text":          {with(host, "443"), "configuration.hostName"},
		"a text for a switch":          {with(host, host+`, "createDevices": "true"`), "configuration.createDevices"},
		"a text for a number":          {with(host, host+`, "downlinkPort": "1"`), "configuration.downlinkPort"},
		"a fraction":                   {with(host, host+`, "downlinkPort": 1.5`), "configuration.downlinkPort"},
		"an exponent":                  {with(host, host+`, "downlinkPort": 1e2`), "configuration.downlinkPort"},
		"a port out of range":          {with(host, host+`, "downlinkPort": 225`), "configuration.downlinkPort"},
		"zero":                         {with(host, host+`, "downlinkPort": 0`), "configuration.downlinkPort"},
		"a duration":                   {with(host, host+`, "uplinkTimeValidity": "5 minutes"`), "configuration.uplinkTimeValidity"},
		"a strategy":                   {with(host, host+`, "reconnectStrategy": "normal"`), "configuration.reconnectStrategy"},
		"formats that do not go along": {with(host, host+`, "telemetryFormat": "MEASUREMENTS", "sendMetadata": true`), "configuration.telemetryFormat"},
		"active":                       {strings.Replace(minimal, "{", `{"active": "yes", `, 1), "active"},
		"alarms no list":               {strings.Replace(minimal, "{", `{"alarms": {}, `, 1), "alarms"},
		"alarm no object":              {alarm("1"), "alarms[0] alarms[0].endTime alarms[0].startTime alarms[0].timezone alarms[0].uplinkRateMinPerHour"},
		"alarm with an unknown field":  {alarm(`{"startTime": "2019-01-31T09:00:00Z", "endTime": "2019-01-31T10:00:00Z", "timezone": "UTC", "uplinkRateMinPerHour": 1, "message": "", "level": 1}`), "alarms[0].level"},
		"alarm with wrong types":       {alarm(`{"startTime": 1, "endTime": "soon", "timezone": 1, "uplinkRateMinPerHour": "15", "message": 1, "recurrence": 1}`), "alarms[0].endTime alarms[0].message alarms[0].recurrence alarms[0].startTime alarms[0].timezone alarms[0].uplinkRateMinPerHour"},
		"alarm with a wrong day":       {alarm(`{"startTime": "2019-01-31T09:00:00Z", "endTime": "2019-01-31T10:00:00Z", "timezone": "UTC", "uplinkRateMinPerHour": 1, "message": "", "recurrence": [{"frequency": "daily", "byDays": ["Monday", 1], "at": 1}]}`), "alarms[0].recurrence[0].at alarms[0].recurrence[0].byDays alarms[0].recurrence[0].frequency"},
		"too many alarms":              {alarm(strings.TrimSuffix(strings.Repeat("1,", 101), ",")), "alarms"},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.do("POST", "/connections", test.body)
			wrong := refused(t, got, 422)
			if paths := strings.Join(slices.Sorted(maps.Keys(wrong)), " "); paths != test.want {
				t.Errorf("got  %s\nwant %s", paths, test.want)
			}
			for _, value := range []string{operationtest.Password, "nowhere", "5 minutes", "red", "soon"} {
				if strings.Contains(got.Body, value) {
					t.Errorf("the value %q is told: %s", value, got.Body)
				}
			}
		})
	}
	if all := w.Store.AllEvents(); len(all) != 0 {
		t.Errorf("refused bodies left %d events", len(all))
	}
}

func TestNull_is_as_if_a_setting_were_left_out(t *testing.T) {
	w := newWorld(t)
	got := w.do("POST", "/connections", with(`"hostName"`, `"createDevices": null, "downlinkPort": null, "description": null, "protocol": null, "hostName"`, `"name"`, `"active": null, "alarms": null, "name"`))
	if got.Status != 201 || tree(t, got)["configuration"].(map[string]any)["createDevices"] != true || tree(t, got)["active"] != true {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestUnknownNames_are_repeated_bounded_and_clean(t *testing.T) {
	w := newWorld(t)
	name := "\\u202e\\u0007" + strings.Repeat("n", 500)
	got := w.do("POST", "/connections", strings.Replace(minimal, "{", `{"`+name+`": 1, `, 1))
	wrong := refused(t, got, 422)
	for path := range wrong {
		if len(path) > 80 || strings.ContainsAny(path, "\u202e\u0007") {
			t.Errorf("path %q", path)
		}
	}
	if len(wrong) != 1 {
		t.Errorf("wrong fields %v", wrong)
	}
}

func auth() string { return fmt.Sprintf("Bearer %s", webtestKey) }
