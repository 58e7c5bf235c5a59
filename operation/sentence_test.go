package operation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// Two values of each setting as text, and what an event says of going from one to the other.
var edits = map[string][3]string{
	"name":                 {"North", "South", "Name changed from North to South"},
	"hostName":             {"a.example.com:443", "b.example.com:8883", "Domain Name changed from a.example.com:443 to b.example.com:8883 (the stored password was kept)"},
	"username":             {"a@example.com", "b@example.com", "Username changed from a@example.com to b@example.com"},
	"password":             {"canary-one", "canary-two", "Password changed"},
	"description":          {"Meters\nnorth", "Pumps \u202e\x1b[31m", `Description changed from "Meters north" to "Pumps   [31m"`},
	"telemetryFormat":      {"ORIGINAL", "MEASUREMENTS", "Telemetry format changed from Original document to Measurements"},
	"sendMetadata":         {"true", "false", "Send metadata changed from on to off"},
	"sendRawDecodedFormat": {"false", "true", "Send decoded payload only changed from off to on"},
	"createDevices":        {"true", "false", "Create devices changed from on to off"},
	"deviceType":           {"default", "meter", "Device type changed from default to meter"},
	"uplinkTimeValidity":   {"72h", "3d", "Uplink validity changed from 72h to 3d"},
	"verifyUplinkToken":    {"true", "false", "Check uplink tokens changed from on to off"},
	"downlinkEnabled":      {"true", "false", "Downlinks changed from on to off"},
	"downlinkUrl":          {"https://a.example.com/x", "https://b.example.com/x", "Downlink address changed from https://a.example.com/x to https://b.example.com/x"},
	"downlinkAsId":         {"A", "B", "AS ID changed from A to B"},
	"downlinkAsKey":        {"canary-one", "canary-two", "AS key changed"},
	"downlinkPort":         {"1", "224", "Downlink FPort changed from 1 to 224"},
	"reconnectStrategy":    {"CALM", "AGGRESSIVE", "Reconnect strategy changed from Calm to Aggressive"},
	"protocol":             {"AUTO", "TCP", "Protocol changed from Auto (TLS) to TCP (not encrypted)"},
	"restUrl":              {"https://a.example.com", "https://b.example.com", "REST address changed from https://a.example.com to https://b.example.com"},
	"mqttHostName":         {"a.example.com", "b.example.com:1", "MQTT host changed from a.example.com to b.example.com:1"},
	"caCertificate": {"-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----", "canary, no certificate",
		"CA certificate changed from the certificate with SHA-256 CA 97 81 12 CA 1B BD CA to a text without a certificate"},
}

func TestChanges_tell_every_setting_before_and_after_without_secrets(t *testing.T) {
	for _, f := range connection.Fields {
		edit, ok := edits[f.Name]
		if !ok {
			t.Errorf("%s is told by nobody: add it here", f.Name)
			continue
		}
		with := func(text string) (c connection.Connection) {
			if message := f.Set(&c, text); message != "" {
				t.Fatalf("%s: %s", f.Name, message)
			}
			return c
		}
		before, after := with(edit[0]), with(edit[1])
		got := changes(before, after)
		if len(got) != 1 || got[0] != edit[2] {
			t.Errorf("%s:\ngot  %q\nwant %q", f.Name, got, edit[2])
		}
		text := strings.Join(append(append(got, changes(connection.Connection{}, before)...), changes(before, connection.Connection{})...), "; ")
		if strings.Contains(text, "canary") || strings.ContainsAny(text, "\n\x1b\u202e") {
			t.Errorf("%s tells too much: %q", f.Name, text)
		}
		if len(changes(before, before)) != 0 {
			t.Errorf("%s: nothing changed, and %q is told", f.Name, changes(before, before))
		}
	}
}

func TestChanges_tell_what_was_set_and_removed(t *testing.T) {
	var none, some connection.Connection
	some.Configuration.RestURL, some.Configuration.DownlinkAsKey, some.ConnectorID = "https://a.example.com", "canary", "tb"
	for want, got := range map[string][]string{
		"Connector changed from  to tb; AS key set; REST address set to https://a.example.com":               changes(none, some),
		"Connector changed from tb to ; AS key removed; REST address removed (it was https://a.example.com)": changes(some, none),
	} {
		if strings.Join(got, "; ") != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestChanges_tell_alarms_one_by_one(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	first := connection.Alarm{StartTime: at, EndTime: at.Add(time.Hour), Timezone: "Europe/Paris", UplinkRateMinPerHour: 15, Message: "Look\nthere",
		Recurrence: []connection.Recurrence{{Frequency: "weekly", ByDays: []string{"monday", "friday"}}}}
	second := connection.Alarm{StartTime: at, EndTime: at.Add(time.Hour), Timezone: "UTC", UplinkRateMinPerHour: 1}
	told := `(fewer than 15 uplinks an hour, 2026-11-23T09:00:00Z to 2026-11-23T10:00:00Z Europe/Paris, weekly on monday friday, "Look there")`
	toldSecond := `(fewer than 1 uplinks an hour, 2026-11-23T09:00:00Z to 2026-11-23T10:00:00Z UTC)`
	elsewhere := first
	elsewhere.StartTime = first.StartTime.In(time.FixedZone("", 3600)) // the same moment
	other := first
	other.Recurrence = []connection.Recurrence{{Frequency: "weekly", ByDays: []string{"monday"}}}
	for name, test := range map[string]struct {
		from, to []connection.Alarm
		want     []string
	}{
		"added":       {nil, []connection.Alarm{first}, []string{"Alarm 1 added: " + told}},
		"removed":     {[]connection.Alarm{first, second}, []connection.Alarm{first}, []string{"Alarm 2 removed: " + toldSecond}},
		"changed":     {[]connection.Alarm{first}, []connection.Alarm{second}, []string{"Alarm 1 changed from " + told + " to " + toldSecond}},
		"other days":  {[]connection.Alarm{first}, []connection.Alarm{other}, []string{"Alarm 1 changed from " + told + " to " + strings.Replace(told, "monday friday", "monday", 1)}},
		"same":        {[]connection.Alarm{first}, []connection.Alarm{elsewhere}, nil},
		"none at all": {nil, []connection.Alarm{}, nil},
	} {
		if got := alarmChanges(test.from, test.to); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	many := alarmChanges(nil, slices.Repeat([]connection.Alarm{second}, 20))
	if len(many) != maxAlarmClauses+1 || many[maxAlarmClauses] != fmt.Sprintf("%d more alarms changed", 20-maxAlarmClauses) {
		t.Errorf("many: %q", many)
	}
}
