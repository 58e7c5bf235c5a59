package thingpark

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

const uplink = `{"DevEUI_uplink": {"Time": "2026-03-01T10:20:30.456+01:00", "DevEUI": "a1b2c3d4e5f60718", "FPort": 5, "FCntUp": 1201,
 "FCntDn": 14, "payload_hex": "0a1b2c", "LrrRSSI": -71.5, "LrrSNR": 8.25, "SpFact": 9, "Lrrid": "00000042",
 "Lrrs": {"Lrr": [{"Lrrid": "00000042", "Chain": 0, "LrrRSSI": -71.5, "LrrSNR": 8.25, "LrrESP": -72.1}]},
 "CustomerID": "100000777", "CustomerData": {"alr": {"pro": "ACME/T1", "ver": "2"}, "tags": ["site=Lyon"], "name": "Cold room 3"},
 "DevAddr": "04112233", "payload": {"temperature": 3.5, "Temp": 1, "temp": 2, "big": 9007199254740993}}}`

func TestParse_takes_an_uplink_apart(t *testing.T) {
	d := mustParse(t, uplink)
	if d.Kind != KindUplink || d.DevEUI != "A1B2C3D4E5F60718" || d.CustomerID != "100000777" || d.Name != "Cold room 3" {
		t.Errorf("kind %q, device %q, customer %q, name %q", d.Kind, d.DevEUI, d.CustomerID, d.Name)
	}
	if *d.FPort != 5 || *d.FCntUp != 1201 || *d.FCntDn != 14 {
		t.Errorf("FPort %d, FCntUp %d, FCntDn %d", *d.FPort, *d.FCntUp, *d.FCntDn)
	}
	if want := time.Date(2026, 3, 1, 9, 20, 30, 456e6, time.UTC); !d.Time.Equal(want) {
		t.Errorf("time %v, want %v", d.Time, want)
	}
	if !bytes.Contains(d.Payload, []byte("9007199254740993")) {
		t.Errorf("payload lost digits: %s", d.Payload)
	}
	if d.Object[0] != '{' || d.Object[len(d.Object)-1] != '}' || !strings.Contains(uplink, string(d.Object)) {
		t.Errorf("inner object %s", d.Object)
	}
	if len(d.Members) != 15 || d.Members[0].Name != "Time" || d.Members[14].Name != "payload" {
		t.Errorf("%d members, from %q", len(d.Members), d.Members[0].Name)
	}
}

func TestParse_leaves_the_body_as_it_was(t *testing.T) {
	body := []byte(uplink)
	if _, err := Parse(body); err != nil {
		t.Fatal(err)
	}
	if string(body) != uplink {
		t.Error("the body was changed")
	}
}

func TestParse_reads_numbers_written_as_texts(t *testing.T) {
	d := mustParse(t, `{"DevEUI_uplink":{"Time":"2026-03-01T10:20:30.49+02:00","DevEUI":"A1B2C3D4E5F60718","FPort":"5","FCntUp":"1174","FCntDn":"","LrrRSSI":"-80.000000",
		"CustomerData":"{\"name\":\"Pump\"}"}}`)
	if *d.FPort != 5 || *d.FCntUp != 1174 || d.FCntDn != nil || d.Text("LrrRSSI") != "-80.000000" {
		t.Errorf("%+v", d)
	}
	if d.Name != "Pump" {
		t.Errorf("name %q", d.Name)
	}
	if d.Time.UnixMilli()%1000 != 490 {
		t.Errorf("time %v", d.Time)
	}
}

func TestParse_reads_every_kind(t *testing.T) {
	bodies := map[string]string{
		KindUplink:           `{"Time":"2026-03-01T10:20:30.456Z","DevEUI":"A1B2C3D4E5F60718","rawJoinRequest":"00aa","Spfact":12}`,
		KindDownlinkSent:     `{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","FPort":1,"FCntDn":47,"DeliveryStatus":0,"DeliveryFailedCause1":"B0"}`,
		KindDownlinkRejected: `{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","FPort":1,"DeliveryStatus":350,"DownlinkRejectionCause":"no"}`,
		KindLocation:         `{"DevEUI":"a1b2c3d4e5f60718","Time":"2026-03-01T10:20:30.456+01:00","DevLAT":10.1,"DevLON":7.4}`,
		KindNotification:     `{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","Type":"join","FCntDn":0}`,
		KindMulticastSummary: `{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718","LrrCnt":9}`,
		KindDeviceAlarm:      `{"ID":4,"State":1,"CreationTime":"2026-03-01T10:20:30.456+01:00","DevEUI":"A1B2C3D4E5F60718"}`,
		KindBaseStationAlarm: `{"ID":102,"State":1,"LrrID":"100001C2"}`,
		"Vendor report":      `{"DevEUI":"A1B2C3D4E5F60718","FPort":"many","Time":"soon"}`,
		"Plain":              `{}`,
	}
	for kind, inner := range bodies {
		t.Run(kind, func(t *testing.T) {
			d := mustParse(t, fmt.Sprintf(`{%q:%s}`, kind, inner))
			if d.Kind != kind {
				t.Errorf("kind %q", d.Kind)
			}
			if hasDevice := kind != KindBaseStationAlarm && kind != "Plain"; (d.DevEUI == "A1B2C3D4E5F60718") != hasDevice {
				t.Errorf("DevEUI %q", d.DevEUI)
			}
		})
	}
}

func TestParse_refuses(t *testing.T) {
	with := func(members string) string { return `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718"` + members + `}}` }
	for name, c := range map[string]struct{ body, says string }{
		"nothing":                              {``, "valid JSON"},
		"no object":                            {`[1]`, "exactly one member"},
		"a text":                               {`"x"`, "exactly one member"},
		"half a document":                      {uplink[:200], "valid JSON"},
		"an empty root":                        {`{}`, "exactly one member"},
		"a root of two":                        {`{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718"},"more":{}}`, "exactly one member"},
		"a root that differs in case":          {`{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718"},"deveui_uplink":{}}`, "exactly one member"},
		"a root whose member is a text":        {`{"DevEUI_uplink":"x"}`, "exactly one member"},
		"the same root twice":                  {`{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718"},"DevEUI_uplink":{}}`, "twice"},
		"the same member twice":                {with(`,"FPort":1,"FPort":2`), "twice"},
		"the same member twice, once escaped":  {with(`,"FPort":1,"F\u0050ort":2`), "twice"},
		"a duplicate deep in the payload":      {with(`,"payload":{"a":[{"b":1,"b":2}]}`), "twice"},
		"members that differ in case":          {with(`,"deveui":"A1B2C3D4E5F60719"`), "upper and lower case"},
		"members that differ by a Kelvin sign": {with(`,"token":1,"to\u212Aen":2`), "upper and lower case"},
		"two documents":                        {uplink + uplink, "follows"},
		"dust after the document":              {uplink + `x`, "valid JSON"},
		"invalid UTF-8":                        {with(`,"a":"` + "\xff" + `"`), "valid JSON"},
		"half a surrogate":                     {with(`,"a":"\ud800"`), "valid JSON"},
		"a DevEUI that is short":               {`{"DevEUI_uplink":{"DevEUI":"A1B2"}}`, "DevEUI_uplink.DevEUI"},
		"a DevEUI of other characters":         {`{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F6071#"}}`, "DevEUI_uplink.DevEUI"},
		"a DevEUI that is a number":            {`{"DevEUI_uplink":{"DevEUI":1234567890123456}}`, "DevEUI_uplink.DevEUI"},
		"no DevEUI":                            {`{"DevEUI_uplink":{"FPort":1}}`, "DevEUI_uplink.DevEUI"},
		"a wrong DevEUI in an unknown kind":    {`{"Secret kind":{"DevEUI":"x"}}`, "document.DevEUI"},
		"an FPort beyond 255":                  {with(`,"FPort":256`), "DevEUI_uplink.FPort"},
		"an FPort that is an object":           {with(`,"FPort":{}`), "DevEUI_uplink.FPort"},
		"a fraction of a frame":                {with(`,"FCntUp":1.5`), "DevEUI_uplink.FCntUp"},
		"a counter beyond 32 bits":             {with(`,"FCntUp":"4294967296"`), "DevEUI_uplink.FCntUp"},
		"a time without its offset":            {with(`,"Time":"2026-03-01T10:20:30.456"`), "DevEUI_uplink.Time"},
		"a time before 1970":                   {with(`,"Time":"1969-03-01T10:20:30.456Z"`), "DevEUI_uplink.Time"},
		"a time that is a number":              {with(`,"Time":5`), "DevEUI_uplink.Time"},
		"a command":                            {`{"DevEUI_downlink":{"DevEUI":"A1B2C3D4E5F60718"}}`, "command"},
		"33 levels":                            {with(`,"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31)), "nests"},
		"an abyss":                             {strings.Repeat(`{"a":`, 40000), "nests"},
		"more than 256 KiB":                    {with(`,"a":"` + strings.Repeat("x", MaxBody) + `"`), "256 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.body))
			if connection.CodeOf(err) != connection.CodeInvalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
			if name == "more than 256 KiB" != errors.Is(err, ErrTooLarge) {
				t.Errorf("cause: %v", err)
			}
		})
	}
}

func TestParse_never_repeats_what_it_refuses(t *testing.T) {
	for _, body := range []string{
		`{"DevEUI_uplink":{"DevEUI":"hunter2"}}`, `{"hunter2":{"DevEUI":"x"}}`, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","Time":"hunter2"}}`,
		`{"DevEUI_uplink":{"hunter2":1,"hunter2":2}}`, `{"DevEUI_uplink":{"hunter2":1,"HUNTER2":2}}`, `hunter2`, `{"DevEUI_uplink":hunter2}`,
		`{"hunter2":"hunter2"}`,
	} {
		if _, err := Parse([]byte(body)); err == nil || strings.Contains(strings.ToLower(err.Error()), "hunter2") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestParse_accepts_32_levels_and_case_variants_in_the_payload(t *testing.T) {
	mustParse(t, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","a":`+strings.Repeat("[", 30)+strings.Repeat("]", 30)+`}}`)
	mustParse(t, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","payload":{"Temp":1,"temp":2,"nested":{"A":1,"a":2}}}}`)
	mustParse(t, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","note":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"{{{{"}}`)
}

func TestDocument_answers_text_for_texts_and_numbers_only(t *testing.T) {
	d := mustParse(t, `{"X":{"a":"\u0041","b":-1.5e3,"c":true,"d":null,"e":{},"f":[]}}`)
	for name, want := range map[string]string{"a": "A", "b": "-1.5e3", "c": "", "d": "", "e": "", "f": "", "g": ""} {
		if got := d.Text(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestNumber_takes_texts_that_are_JSON_numbers(t *testing.T) {
	for raw, want := range map[string]string{
		`1`: "1", `"1"`: "1", `"-80.000000"`: "-80.000000", `5e-06`: "5e-06", `"007"`: "", `"+1"`: "", `" 1"`: "", `"1 "`: "", `"0x1"`: "", `"NaN"`: "",
		`"1e999"`: "", `""`: "", `null`: "", `true`: "", `{}`: "", `"1` + strings.Repeat("0", 60) + `"`: "", `"1,2"`: "", `"\u0031"`: "",
	} {
		if got, ok := Number([]byte(raw)); string(got) != want || ok != (want != "") {
			t.Errorf("%s: %q", raw, got)
		}
	}
}

func TestReducedKind_is_fit_to_be_a_key(t *testing.T) {
	for kind, want := range map[string]string{"": "_", "a b-ü": "a_b__", strings.Repeat("x", 100): strings.Repeat("x", 64), KindUplink: KindUplink, KindBaseStationAlarm: KindBaseStationAlarm} {
		if got := ReducedKind(kind); got != want {
			t.Errorf("%q: %q", kind, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{uplink, `{"BS_alarm":{"ID":1}}`, `{"x":{"a":[{"b":"\ud83d\ude00"}]}}`, `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718","FPort":"1e1","FCntUp":1e300}}`, `{`, `{"a":{}}{`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		d, err := Parse(body)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			if connection.CodeOf(err) != connection.CodeInvalid {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		if d.DevEUI != "" && !ValidDevEUI(d.DevEUI) {
			t.Fatalf("DevEUI %q", d.DevEUI)
		}
		if again, err := Members(d.Object); err != nil || len(again) != len(d.Members) {
			t.Fatalf("the inner object reads differently by itself: %v", err)
		}
		if d.FPort != nil && (*d.FPort < 0 || *d.FPort > 255) || d.FCntUp != nil && (*d.FCntUp < 0 || *d.FCntUp > 1<<32-1) {
			t.Fatal("number out of range")
		}
	})
}

func BenchmarkParse(b *testing.B) {
	body := []byte(uplink)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}

func mustParse(t testing.TB, body string) Document {
	t.Helper()
	d, err := Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
