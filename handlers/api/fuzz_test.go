package api

import (
	"encoding/json"
	"reflect"
	"testing"

	"boardlink/connection"
	"boardlink/operation"
)

// FuzzDecode feeds bodies to the reader of connections: it never breaks, and what it takes without complaint reads the
// same once it was written as the API writes it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"connectorId": "actility-thingsboard-iot", "name": "South", "configuration": {"hostName": "a.example.com:443", "username": "a@example.com", "password": "x"}}`,
		`{"alarms": [{"startTime": "2019-01-31T09:00:00+01:00", "endTime": "2019-01-31T18:00:00+01:00", "timezone": "Europe/Paris", "recurrence": [{"frequency": "weekly", "byDays": ["monday"]}], "uplinkRateMinPerHour": 15, "message": "m"}]}`,
		`{"configuration": {"password": null, "downlinkPort": 1e2, "uplinkTimeValidity": "72h", "Password": 1}}`,
		`{"status": {"a": [1, {"b": 1, "b": 2}]}}`, `{"alarms": [{"recurrence": [[]]}], "id": 1}`, `[`, `{}`, "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := decode(body)
		if err != nil || len(first.errs) > 0 {
			return
		}
		first.connection.Configuration.Password = "" // written as the mask
		first.connection.Configuration.DownlinkAsKey = ""
		written, err := json.Marshal(resourceOf(operation.View{Connection: first.connection}))
		if err != nil {
			return // a moment of a year that JSON has no form for
		}
		second, err := decode(written)
		if err != nil || len(second.errs) > 0 {
			t.Fatalf("what was written cannot be read: %v %v: %s", err, second.errs, written)
		}
		if a, b := plain(t, first.connection), plain(t, second.connection); !reflect.DeepEqual(a, b) {
			t.Errorf("read %v, after writing %v", a, b)
		}
	})
}

// plain gives a connection in a form that can be compared.
func plain(t *testing.T, c connection.Connection) map[string]any {
	t.Helper()
	values := map[string]any{"connector": c.ConnectorID, "active": c.Active}
	for _, field := range connection.Fields {
		values[field.Path] = field.Get(&c)
	}
	if len(c.Alarms) > 0 {
		alarms, err := json.Marshal(c.Alarms)
		if err != nil {
			t.Fatal(err)
		}
		values["alarms"] = string(alarms)
	}
	return values
}

// FuzzPatch feeds bodies to the reader of patches: it never breaks, a patch that is applied twice is applied once
// (RFC 7396), and secrets that it does not name stay.
func FuzzPatch(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"name": "West", "active": false, "alarms": null}`, `{"configuration": null}`, `{"configuration": {"deviceType": null, "downlinkPort": 7}}`,
		`{"configuration": {"password": "*****", "downlinkAsKey": null}}`, `{"id": 1, "status": [{"a": null}]}`, `{"alarms": [{"recurrence": [null]}]}`, `{"a": {"a": null}}`,
	} {
		f.Add([]byte(seed))
	}
	stored := blank()
	stored.ConnectorID, stored.Name, stored.Active = connection.ConnectorID, "North", false
	cfg := &stored.Configuration
	cfg.HostName, cfg.Username, cfg.Password = "a.example.com:443", "a@example.com", "kept"
	cfg.DownlinkAsKey, cfg.DownlinkPort, cfg.DeviceType, cfg.CreateDevices = "00112233445566778899aabbccddeeff", 9, "Meter", false
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := decodePatch(body, stored)
		if err != nil {
			return
		}
		if first.keep.Password && first.keep.DownlinkAsKey { // what stands in their place is not looked at
			first.connection.Configuration.Password, first.connection.Configuration.DownlinkAsKey = cfg.Password, cfg.DownlinkAsKey
		}
		second, err := decodePatch(body, first.connection)
		if err != nil {
			t.Fatalf("the same patch, again: %v", err)
		}
		if a, b := plain(t, first.connection), plain(t, second.connection); !reflect.DeepEqual(a, b) {
			t.Errorf("once %v, twice %v", a, b)
		}
		if first.keep != second.keep {
			t.Errorf("kept %v, then %v", first.keep, second.keep)
		}
	})
}
