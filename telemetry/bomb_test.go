package telemetry

import (
	"encoding/json"
	"strings"
	"testing"

	"boardlink/connection"
)

// Numbers go out as they came in, or as texts where a reader would spend memory on their digits: never rounded, never
// another number.
func TestMap_keeps_numbers_exact_and_makes_none_that_hurts(t *testing.T) {
	long := strings.Repeat("9", 100_000)
	for number, want := range map[string]string{
		"9007199254740993":        "9007199254740993", // 2^53+1
		"-9007199254740993":       "-9007199254740993",
		"18446744073709551617":    "18446744073709551617",
		"3.50":                    "3.50",
		"0.1000000000000000055":   "0.1000000000000000055",
		"1e308":                   "1e308",
		"1e1000000":               `"1e1000000"`,
		"-1E-1000000":             `"-1E-1000000"`,
		"1e99999999999999999999":  `"1e99999999999999999999"`,
		"0e1000000":               `"0e1000000"`,
		long:                      `"` + long + `"`,
		"0." + long:               `"0.` + long + `"`,
		"-0":                      "-0",
		"1.0":                     "1.0",
		"123456789012345678901.5": "123456789012345678901.5",
	} {
		body := `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":{"a":` + number + `}}}`
		for name, cfg := range map[string]connection.Configuration{
			"decoded":      {SendRawDecodedFormat: true},
			"measurements": {TelemetryFormat: connection.FormatMeasurements},
		} {
			var got map[string]json.RawMessage
			if err := json.Unmarshal(mustMap(t, cfg, body).Entries[0].Values, &got); err != nil {
				t.Fatal(err)
			}
			if string(got["a"]) != want {
				t.Errorf("%s: %.40s became %.40s", name, number, got["a"])
			}
		}
		for name, cfg := range map[string]connection.Configuration{"original": {}, "metadata": {SendMetadata: true}} {
			if values := string(mustMap(t, cfg, body).Entries[0].Values); !strings.Contains(values, `{"a":`+number+`}`) {
				t.Errorf("%s: %.40s is not in %.100s", name, number, values)
			}
		}
	}
}
