package telemetry

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"boardlink/connection"
	"boardlink/thingpark"
)

const (
	device = "A1B2C3D4E5F60718"
	ts     = 1772356830456

	uplink = `{"DevEUI_uplink": {"Time": "2026-03-01T10:20:30.456+01:00", "DevEUI": "A1B2C3D4E5F60718", "FPort": 5, "FCntUp": 1201, "FCntDn": 14,
	 "payload_hex": "0a1b2c", "LrrRSSI": -71.5, "LrrSNR": 8.25, "SpFact": 9, "Lrrid": "00000042", "Lrcid": "00000127", "Nothing": null,
	 "Lrrs": {"Lrr": [{"Lrrid": "00000042", "Chain": 0, "LrrRSSI": -71.5, "LrrSNR": 8.25}]}, "DevAddr": "04112233",
	 "CustomerID": "100000777", "CustomerData": {"alr": {"pro": "ACME/T1", "ver": "2"}, "tags": ["site=Lyon"], "name": "Cold <room> 3", "loc": {"lat": "45.76", "lon": 4.83}},
	 "DriverCfg": {"mod": {"pId": "acme", "mId": "t1", "ver": "1"}},
	 "payload": {"temperature": 3.50, "rssi": 7, "position": {"lat": 1, "lon": {"deg": 2}}, "list": [1, {"a": 2}], "none": null, "empty": {}, "big": 9007199254740993, "on": true}}}`

	untyped = `{"DevEUI_uplink":{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","FPort":"5","FCntUp":"1201","ADRbit":"1","LrrRSSI":"-80.000000","LrrSNR":"n/a",
	 "SpFact":"7","Lrrid":"00000042","CustomerID":"100000777","DevAddr":"04112233","Lrrs":{"Lrr":[{"Lrrid":"00000042","Chain":"0","LrrRSSI":"-80.000000"}]},"payload":{"level":"12"}}}`

	join = `{"DevEUI_uplink":{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","rawJoinRequest":"00aa","Spfact":12,"Lrrid":"00000042",
	 "Lrrs":{"Lrr":[{"Lrrid":"00000042","LrrRSSI":-56.0,"LrrSNR":8.75}]}}}`

	sent  = `{"DevEUI_downlink_Sent":{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","FCntDn":"47","DeliveryStatus":"1","payload":{"not":"decoded"}}}`
	alarm = `{"BS_alarm":{"ID":102,"State":1,"LrrID":"100001C2"}}`
	other = `{"Vendor report <2>":{"DevEUI":"A1B2C3D4E5F60718","x":1}}`
)

func TestMap_sends_the_whole_object_by_default(t *testing.T) {
	m := mustMap(t, connection.DefaultConfiguration(), uplink)
	var posted map[string]json.RawMessage
	if err := json.Unmarshal([]byte(uplink), &posted); err != nil {
		t.Fatal(err)
	}
	if values := valuesOf(t, m); len(values) != 1 || !reflect.DeepEqual(generic(t, values["DevEUI_uplink"]), generic(t, posted["DevEUI_uplink"])) {
		t.Errorf("values %s", m.Entries[0].Values)
	}
	if !strings.Contains(string(m.Entries[0].Values), "9007199254740993") || strings.Contains(string(m.Entries[0].Values), "\n") {
		t.Errorf("digits lost or white space kept: %s", m.Entries[0].Values)
	}
	if m.Device != device || m.Type != "LoRaWAN" || m.Label != "Cold _room_ 3" || m.Gateway || m.Attributes != nil || m.Entries[0].TS != ts {
		t.Errorf("%+v", m)
	}
}

func TestMap_makes_telemetry_by_the_settings(t *testing.T) {
	metadata := connection.Configuration{SendMetadata: true, SendRawDecodedFormat: true}
	raw := connection.Configuration{SendRawDecodedFormat: true}
	measured := connection.Configuration{TelemetryFormat: connection.FormatMeasurements}
	original := connection.DefaultConfiguration()
	const payload = `{"temperature":3.50,"rssi":7,"position":{"lat":1,"lon":{"deg":2}},"list":[1,{"a":2}],"empty":{},"big":9007199254740993,"on":true}`

	for name, c := range map[string]struct {
		cfg        connection.Configuration
		body, want string
	}{
		"metadata: members are keys": {metadata, uplink, `{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","FPort":5,"FCntUp":1201,"FCntDn":14,"payload_hex":"0a1b2c",` +
			`"LrrRSSI":-71.5,"LrrSNR":8.25,"SpFact":9,"Lrrid":"00000042","Lrcid":"00000127","Lrrs":{"Lrr":[{"Lrrid":"00000042","Chain":0,"LrrRSSI":-71.5,"LrrSNR":8.25}]},"DevAddr":"04112233",` +
			`"CustomerID":"100000777","CustomerData":{"alr":{"pro":"ACME/T1","ver":"2"},"tags":["site=Lyon"],"name":"Cold <room> 3","loc":{"lat":"45.76","lon":4.83}},` +
			`"DriverCfg":{"mod":{"pId":"acme","mId":"t1","ver":"1"}},"payload":{"temperature":3.50,"rssi":7,"position":{"lat":1,"lon":{"deg":2}},"list":[1,{"a":2}],"none":null,"empty":{},"big":9007199254740993,"on":true}}`},
		"metadata: texts become numbers": {metadata, untyped, `{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","FPort":5,"FCntUp":1201,"ADRbit":1,"LrrRSSI":-80.000000,"LrrSNR":"n/a",` +
			`"SpFact":7,"Lrrid":"00000042","CustomerID":"100000777","DevAddr":"04112233","Lrrs":{"Lrr":[{"Lrrid":"00000042","Chain":0,"LrrRSSI":-80.000000}]},"payload":{"level":"12"}}`},
		"payload only":                        {raw, uplink, payload},
		"payload only: what is decoded stays": {raw, untyped, `{"level":"12"}`},
		"payload only: a join request":        {raw, join, `{"DevEUI_uplink":{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","rawJoinRequest":"00aa","Spfact":12,"Lrrid":"00000042","Lrrs":{"Lrr":[{"Lrrid":"00000042","LrrRSSI":-56.0,"LrrSNR":8.75}]}}}`},
		"payload only: a payload of nulls":    {raw, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":{"a":null}}}`, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":{"a":null}}}`},
		"payload only: an empty payload":      {raw, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":{}}}`, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":{}}}`},
		"payload only: an array":              {raw, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":[1, 2]}}`, `{"payload":[1,2]}`},
		"payload only: a report":              {raw, sent, `{"DevEUI_downlink_Sent":{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","FCntDn":47,"DeliveryStatus":1,"payload":{"not":"decoded"}}}`},
		"measurements":                        {measured, uplink, `{"rssi":-71.5,"snr":8.25,"sf":9,"fCntUp":1201,"fCntDn":14,"fPort":5,"temperature":3.50,"payload_rssi":7,"position_lat":1,"position_lon_deg":2,"list":[1,{"a":2}],"big":9007199254740993,"on":true}`},
		"measurements: texts become numbers":  {measured, untyped, `{"rssi":-80.000000,"sf":7,"fCntUp":1201,"fPort":5,"level":"12"}`},
		"measurements: a join request":        {measured, join, `{"rssi":-56.0,"snr":8.75,"sf":12}`},
		"measurements: an array":              {measured, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":[1]}}`, `{"payload":[1]}`},
		"measurements: keys that collide":     {measured, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":{"a_b":1,"a":{"b":2},"payload_rssi":3,"rssi":4,"sf":null,"DevAddr":"04112233"}}}`, `{"a_b":1,"payload_a_b":2,"payload_rssi":3,"payload_rssi_b1ed40ae":4,"payload_DevAddr":"04112233"}`},
		"measurements: a report":              {measured, sent, `{"DevEUI_downlink_Sent":{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","FCntDn":47,"DeliveryStatus":1,"payload":{"not":"decoded"}}}`},
		"an alarm of a base station":          {original, alarm, `{"BS_alarm":{"ID":102,"State":1,"LrrID":"100001C2"}}`},
		"a kind that nobody documented":       {original, other, `{"Vendor_report__2_":{"DevEUI":"A1B2C3D4E5F60718","x":1}}`},
		"numbers beyond a double":             {raw, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":{"a":1e999999999,"b":1e-300,"c":-1E+999,"d":` + strings.Repeat("9", 65) + `}}}`, `{"a":"1e999999999","b":1e-300,"c":"-1E+999","d":"` + strings.Repeat("9", 65) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			m := mustMap(t, c.cfg, c.body)
			if m.Skip != "" || len(m.Entries) != 1 {
				t.Fatalf("%+v", m)
			}
			if got := string(m.Entries[0].Values); got != c.want {
				t.Errorf("got\n%s, want\n%s", got, c.want)
			}
		})
	}
}

func TestMap_sends_only_uplinks_with_metadata(t *testing.T) {
	for _, body := range []string{sent, alarm, other} {
		m := mustMap(t, connection.Configuration{SendMetadata: true}, body)
		if m.Skip == "" || len(m.Entries) != 0 || m.Attributes != nil {
			t.Errorf("%+v", m)
		}
	}
}

func TestMap_sends_what_is_about_no_device_as_the_gateway(t *testing.T) {
	if m := mustMap(t, connection.DefaultConfiguration(), alarm); !m.Gateway || m.Device != "" || m.Type != "" {
		t.Errorf("%+v", m)
	}
}

func TestMap_skips_a_document_that_holds_nothing(t *testing.T) {
	m := mustMap(t, connection.Configuration{TelemetryFormat: connection.FormatMeasurements}, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":{"a":null}}}`)
	if m.Skip == "" || len(m.Entries) != 0 || m.Attributes != nil {
		t.Errorf("%+v", m)
	}
}

func TestMap_puts_identifiers_and_descriptions_into_attributes(t *testing.T) {
	m := mustMap(t, connection.Configuration{TelemetryFormat: connection.FormatMeasurements, DeviceType: "Cold rooms"}, uplink)
	got, err := json.Marshal(m.Attributes)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"lorawan":{"CustomerID":"100000777","DevAddr":"04112233","DevEUI":"A1B2C3D4E5F60718","Lrcid":"00000127","Lrrid":"00000042"},` +
		`"model":"acme/t1","name":"Cold \u003croom\u003e 3","position":{"latitude":45.76,"longitude":4.83},"tags":["site=Lyon"]}`
	if string(got) != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if m.Type != "Cold rooms" {
		t.Errorf("type %q", m.Type)
	}

	m = mustMap(t, connection.Configuration{TelemetryFormat: connection.FormatMeasurements}, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","FPort":1,
		"CustomerData":{"alr":{"pro":"ACME/T1"},"tags":"none","loc":{"lat":"91","lon":"1"}}}}`)
	if got, _ := json.Marshal(m.Attributes); string(got) != `{"lorawan":{"DevEUI":"A1B2C3D4E5F60718"},"model":"ACME/T1"}` {
		t.Errorf("got %s", got)
	}
}

func TestMap_tames_hostile_keys(t *testing.T) {
	long := strings.Repeat("é", 300)
	body, err := json.Marshal(map[string]any{"DevEUI_uplink": map[string]any{"DevEUI": device, "payload": map[string]any{
		"": 1, "<script>": 2, "a\u0007b\u202e": 3, "{{x}}": 4, long: 5, long + "b": 6, strings.Repeat("😀", 200): 7,
		"<": 8, ">": 9, "{": 10, "}": 11, "nested": map[string]any{"": 12, long: map[string]any{long: 13}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  connection.Configuration
		keys int
	}{
		"payload only": {connection.Configuration{SendRawDecodedFormat: true}, 12},
		"measurements": {connection.Configuration{TelemetryFormat: connection.FormatMeasurements}, 13},
	} {
		t.Run(name, func(t *testing.T) {
			values := valuesOf(t, mustMap(t, c.cfg, string(body)))
			if len(values) != c.keys {
				t.Errorf("%d keys, want %d", len(values), c.keys)
			}
			for key := range values {
				checkKey(t, key)
			}
		})
	}
}

func FuzzMap(f *testing.F) {
	for _, body := range []string{uplink, untyped, join, sent, alarm, other} {
		f.Add([]byte(body), uint8(0))
		f.Add([]byte(body), uint8(7))
	}
	f.Fuzz(func(t *testing.T, body []byte, settings uint8) {
		doc, err := thingpark.Parse(body)
		if err != nil {
			return
		}
		cfg := connection.Configuration{SendMetadata: settings&1 != 0, SendRawDecodedFormat: settings&2 != 0}
		if settings&4 != 0 {
			cfg.TelemetryFormat = connection.FormatMeasurements
		}
		m, err := Map(cfg, doc, ts)
		if err != nil {
			t.Fatal(err)
		}
		if m.Gateway != (doc.DevEUI == "") || (m.Skip == "") != (len(m.Entries) == 1) {
			t.Fatalf("%+v", m)
		}
		if m.Skip != "" {
			return
		}
		values, err := thingpark.Members(m.Entries[0].Values) // refuses a key that is there twice
		if err != nil || len(values) == 0 {
			t.Fatalf("%s: %v", m.Entries[0].Values, err)
		}
		for _, v := range values {
			if string(v.Value) == "null" {
				t.Fatalf("%s is null", v.Name)
			}
			checkKey(t, v.Name)
		}
		if _, err := json.Marshal(m.Attributes); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkMap(b *testing.B) {
	doc, err := thingpark.Parse([]byte(uplink))
	if err != nil {
		b.Fatal(err)
	}
	for name, cfg := range map[string]connection.Configuration{
		"original": connection.DefaultConfiguration(), "metadata": {SendMetadata: true}, "payload": {SendRawDecodedFormat: true},
		"measurements": {TelemetryFormat: connection.FormatMeasurements},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Map(cfg, doc, ts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// checkKey fails where ThingsBoard would throw the entry away.
func checkKey(t *testing.T, key string) {
	t.Helper()
	if key == "" || len(utf16.Encode([]rune(key))) > 255 || strings.ContainsAny(key, "<>{}\x00\n\u202e") {
		t.Errorf("ThingsBoard does not keep the key %q", key)
	}
}

func mustMap(t *testing.T, cfg connection.Configuration, body string) Message {
	t.Helper()
	doc, err := thingpark.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Map(cfg, doc, ts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func valuesOf(t *testing.T, m Message) map[string]json.RawMessage {
	t.Helper()
	var values map[string]json.RawMessage
	if err := json.Unmarshal(m.Entries[0].Values, &values); err != nil {
		t.Fatal(err)
	}
	return values
}

func generic(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMap_takes_little_time_for_a_document_made_to_cost_much(t *testing.T) {
	var colliding, prefixed strings.Builder
	const keys = 4000 // nearly as many as a document may have
	for i := range keys {
		key := make([]byte, 9)
		for j := range key {
			key[j] = "<>{}"[i>>(2*j)&3]
		}
		if i > 0 {
			colliding.WriteByte(',')
			prefixed.WriteByte(',')
		}
		fmt.Fprintf(&colliding, `"%s":1`, key)
		fmt.Fprintf(&prefixed, `"%x":1`, i)
	}
	const open, shut = `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":{`, `}}}`
	for name, body := range map[string]string{
		"keys that all look alike":        open + colliding.String() + shut,
		"many keys under a very long one": open + `"` + strings.Repeat("x", 60000) + `":{` + prefixed.String() + `}` + shut,
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			m := mustMap(t, connection.Configuration{TelemetryFormat: connection.FormatMeasurements}, body)
			if n, took := len(valuesOf(t, m)), time.Since(start); n != keys || took > 5*time.Second {
				t.Errorf("%d keys in %v", n, took)
			}
		})
	}
}
