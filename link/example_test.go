package link_test

import (
	"encoding/json"
	"slices"
	"testing"

	"boardlink/connection"
	"boardlink/link"
)

func TestExample_is_what_the_settings_make_of_it(t *testing.T) {
	for name, tc := range map[string]struct {
		change     func(*connection.Configuration)
		has, lacks string // keys of the telemetry
		attributes bool
	}{
		"original":     {func(*connection.Configuration) {}, "DevEUI_uplink", "LrrRSSI", false},
		"metadata":     {func(c *connection.Configuration) { c.SendMetadata = true }, "LrrRSSI", "DevEUI_uplink", false},
		"decoded":      {func(c *connection.Configuration) { c.SendRawDecodedFormat = true }, "batteryVoltage", "LrrRSSI", false},
		"measurements": {func(c *connection.Configuration) { c.TelemetryFormat = connection.FormatMeasurements }, "position_moving", "DevEUI", true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := connection.DefaultConfiguration()
			tc.change(&cfg)
			x, err := link.Example(cfg)
			if err != nil {
				t.Fatal(err)
			}
			var sent map[string][]struct {
				TS     int64                      `json:"ts"`
				Values map[string]json.RawMessage `json:"values"`
			}
			if err := json.Unmarshal([]byte(x.Telemetry), &sent); err != nil {
				t.Fatal(err)
			}
			entries := sent["20635F0108000E09"]
			if len(entries) != 1 || entries[0].TS != 1767700014285 {
				t.Fatalf("telemetry %s", x.Telemetry)
			}
			var keys []string
			for k := range entries[0].Values {
				keys = append(keys, k)
			}
			if !slices.Contains(keys, tc.has) || slices.Contains(keys, tc.lacks) {
				t.Errorf("the keys are %q", keys)
			}
			if (x.Attributes != "") != tc.attributes {
				t.Errorf("attributes %s", x.Attributes)
			}
			if !json.Valid([]byte(x.Uplink)) {
				t.Error("the uplink is no JSON")
			}
		})
	}
}
