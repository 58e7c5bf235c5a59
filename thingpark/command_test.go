package thingpark

import (
	"encoding/json"
	"strings"
	"testing"

	"boardlink/connection"
)

const device = "A1B2C3D4E5F60718"

func TestParseCommand_takes_a_document_or_its_members(t *testing.T) {
	inner := `{"Time":"2026-03-01T10:20:30.456+01:00","DevEUI":"a1b2c3d4e5f60718","FPort":7,"payload_hex":"9E1c48","Confirmed":"1","FlushDownlinkQueue":0,
		"ValidityTime":"2026-03-01T11:20:30.456+01:00","FCntDn":12,"CorrelationID":"00000000000000AB","AS_ID":"other","AS_KEY":"hunter2","Token":"hunter2","DriverCfg":{"app":{}}}`
	for name, params := range map[string]string{"members": inner, "a document": `{"DevEUI_downlink":` + inner + `}`} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseCommand(json.RawMessage(params), 0)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := json.Marshal(d)
			const want = `{"DevEUI_downlink":{"DevEUI":"A1B2C3D4E5F60718","FPort":7,"payload_hex":"9E1c48","Confirmed":1,"FlushDownlinkQueue":0,` +
				`"ValidityTime":"2026-03-01T11:20:30.456+01:00","FCntDn":12,"CorrelationID":"00000000000000AB"}}`
			if string(got) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestParseCommand_reads_every_form_of_a_value(t *testing.T) {
	yes, no := true, false
	for params, want := range map[string]Downlink{
		`{"payload_hex":"00"}`:                                                     {FPort: 9, PayloadHex: "00"},
		`{"payload_hex":"00","FPort":"3"}`:                                         {FPort: 3, PayloadHex: "00"},
		`{"payload_hex":"00","FPort":224}`:                                         {FPort: 224, PayloadHex: "00"},
		`{"payload_hex":"00","FPort":null,"Confirmed":null,"payload":null}`:        {FPort: 9, PayloadHex: "00"},
		`{"payload_hex":"00","Confirmed":true,"FlushDownlinkQueue":false}`:         {FPort: 9, PayloadHex: "00", Confirmed: &yes, Flush: &no},
		`{"payload_hex":"00","Confirmed":1,"FlushDownlinkQueue":"true"}`:           {FPort: 9, PayloadHex: "00", Confirmed: &yes, Flush: &yes},
		`{"payload_hex":"00","Confirmed":"0","ValidityTime":3600}`:                 {FPort: 9, PayloadHex: "00", Confirmed: &no, ValidityTime: "3600"},
		`{"payload_hex":"00","ValidityTime":"60","DevEUI":"A1B2C3D4E5F60718"}`:     {FPort: 9, PayloadHex: "00", ValidityTime: "60", DevEUI: device},
		`{"payload_hex":"` + strings.Repeat("ab", MaxPayload) + `","DriverCfg":1}`: {FPort: 9, PayloadHex: strings.Repeat("ab", MaxPayload)},
	} {
		d, err := ParseCommand(json.RawMessage(params), 9)
		got, _ := json.Marshal(d)
		expected, _ := json.Marshal(want)
		if err != nil || string(got) != string(expected) {
			t.Errorf("%s: %s, %v", params, got, err)
		}
	}
}

func TestParseCommand_refuses(t *testing.T) {
	for name, c := range map[string]struct{ params, says string }{
		"nothing":                       {``, "JSON object"},
		"a text":                        {`"01ff"`, "JSON object"},
		"null":                          {`null`, "JSON object"},
		"an envelope without an object": {`{"DevEUI_downlink":1}`, "JSON object"},
		"an envelope with a neighbour":  {`{"DevEUI_downlink":{"payload_hex":"00"},"FPort":1}`, "DevEUI_downlink: A downlink has no such member"},
		"an empty object":               {`{}`, "payload_hex: Give the payload"},
		"an empty payload":              {`{"payload_hex":""}`, "payload_hex: Give the payload"},
		"an odd payload":                {`{"payload_hex":"012"}`, "payload_hex: A payload is"},
		"a payload of other characters": {`{"payload_hex":"zz"}`, "payload_hex: A payload is"},
		"a payload that is a number":    {`{"payload_hex":12}`, "payload_hex: A payload is"},
		"a payload of 243 bytes":        {`{"payload_hex":"` + strings.Repeat("ab", MaxPayload+1) + `"}`, "242 bytes"},
		"a payload to be encoded":       {`{"payload":{"on":true}}`, "driver"},
		"both payloads":                 {`{"payload_hex":"00","payload":"on"}`, "driver"},
		"FPort 0":                       {`{"payload_hex":"00","FPort":0}`, "FPort: An FPort"},
		"FPort 225":                     {`{"payload_hex":"00","FPort":225}`, "FPort: An FPort"},
		"an FPort that is a truth":      {`{"payload_hex":"00","FPort":true}`, "FPort: An FPort"},
		"a confirmation of 2":           {`{"payload_hex":"00","Confirmed":2}`, "Confirmed: Give 0 or 1"},
		"a validity that is a word":     {`{"payload_hex":"00","ValidityTime":"soon"}`, "ValidityTime: "},
		"a validity of 0 s":             {`{"payload_hex":"00","ValidityTime":0}`, "ValidityTime: "},
		"a validity that adds":          {`{"payload_hex":"00","ValidityTime":"60&FPort=2"}`, "ValidityTime: "},
		"a counter of 33 bits":          {`{"payload_hex":"00","FCntDn":4294967296}`, "FCntDn: "},
		"a short correlation id":        {`{"payload_hex":"00","CorrelationID":"1234"}`, "CorrelationID: "},
		"a DevEUI that is none":         {`{"payload_hex":"00","DevEUI":"hunter2"}`, "DevEUI: A DevEUI has"},
		"a member it does not know":     {`{"payload_hex":"00","fport":1}`, "fport: A downlink has no such member"},
		"the same member twice":         {`{"payload_hex":"00","payload_hex":"01"}`, "JSON object"},
		"too deep a payload":            {`{"payload":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseCommand(json.RawMessage(c.params), 1)
			if connection.CodeOf(err) != connection.CodeInvalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error repeats a value")
			}
		})
	}
	if _, err := ParseCommand(json.RawMessage(`{"payload_hex":"00"}`), 0); err == nil || !strings.Contains(err.Error(), "Name an FPort") {
		t.Errorf("without an FPort: %v", err)
	}
}

func TestDownlink_is_for_the_device_that_the_command_came_for(t *testing.T) {
	if d, err := (Downlink{}).ForDevice(device); err != nil || d.DevEUI != device {
		t.Errorf("%q, %v", d.DevEUI, err)
	}
	if _, err := (Downlink{DevEUI: device}).ForDevice(device); err != nil {
		t.Error(err)
	}
	for name, c := range map[string][2]string{"another device": {"A1B2C3D4E5F60719", device}, "a device that is no DevEUI": {"", "Boardlink 1 2"}, "a DevEUI in lower case": {"", "a1b2c3d4e5f60718"}} {
		if _, err := (Downlink{DevEUI: c[0]}).ForDevice(c[1]); connection.CodeOf(err) != connection.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	f.Add([]byte(`{"DevEUI_downlink":{"FPort":"1","payload_hex":"00","Confirmed":true}}`), 0)
	f.Add([]byte(`{"FPort":1e0,"payload_hex":"00","ValidityTime":60,"FCntDn":"1"}`), 5)
	f.Fuzz(func(t *testing.T, params []byte, port int) {
		d, err := ParseCommand(params, port)
		if err != nil {
			if connection.CodeOf(err) != connection.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		p, _ := d.query("as", "key", timeZero)
		if d.FPort < 1 || d.FPort > 224 || len(d.PayloadHex)%2 != 0 || d.PayloadHex == "" || strings.Count(p.plain(), "&") != len(p)-1 {
			t.Fatalf("%+v gives %s", d, p.plain())
		}
	})
}
