package thingpark

import (
	"strings"
	"testing"

	"boardlink/connection"
)

func TestDelivery_says_what_became_of_a_downlink(t *testing.T) {
	for name, c := range map[string]struct {
		body, says     string
		sent, rejected bool
	}{
		"sent": {`{"DevEUI_downlink_Sent":{"DevEUI":"A1B2C3D4E5F60718","DeliveryStatus":"1","TransmissionSlot":2,"DeliveryFailedCause1":"C0","DeliveryFailedCause2":"00"}}`,
			"The downlink was sent over the air in RX2.", true, false},
		"sent in a slot not told": {`{"DevEUI_downlink_Sent":{"DevEUI":"A1B2C3D4E5F60718","DeliveryStatus":1,"TransmissionSlot":0}}`,
			"The downlink was sent over the air.", true, false},
		"not sent": {`{"DevEUI_downlink_Sent":{"DevEUI":"A1B2C3D4E5F60718","DeliveryStatus":0,"DeliveryFailedCause1":"b0","DeliveryFailedCause2":"DA","DeliveryFailedCause3":"00"}}`,
			"The downlink was not sent over the air; RX1: too late (B0), RX2: duty cycle limit found by the network (DA).", false, false},
		"not sent for no reason": {`{"DevEUI_downlink_Sent":{"DevEUI":"A1B2C3D4E5F60718","DeliveryStatus":0}}`,
			"The downlink was not sent over the air.", false, false},
		"rejected": {`{"DevEUI_downlink_Rejected":{"DevEUI":"A1B2C3D4E5F60718","DeliveryStatus":350,"DownlinkRejectionCause":"Downlink counter value already used. Expected=8\u0007"}}`,
			"ThingPark rejected the downlink (350): Downlink counter value already used. Expected=8", false, true},
		"rejected with the status 1": {`{"DevEUI_downlink_Rejected":{"DevEUI":"A1B2C3D4E5F60718","DeliveryStatus":1}}`,
			"ThingPark rejected the downlink (1).", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			v, ok := mustParse(t, c.body).Delivery()
			if !ok || v.Sent != c.sent || v.Rejected != c.rejected || v.Sentence() != c.says {
				t.Errorf("%+v: %s", v, v.Sentence())
			}
		})
	}
	if _, ok := mustParse(t, uplink).Delivery(); ok {
		t.Error("an uplink is no delivery report")
	}
}

func TestDelivery_names_the_downlink_it_is_about(t *testing.T) {
	v, _ := mustParse(t, `{"DevEUI_downlink_Sent":{"DevEUI":"A1B2C3D4E5F60718","DeliveryStatus":1,"CorrelationID":"4434704901c7450b"}}`).Delivery()
	if v.CorrelationID != "4434704901C7450B" {
		t.Errorf("correlation id %q", v.CorrelationID)
	}
}

func TestCauseText_knows_every_documented_code(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range strings.Fields("A0 A1 A2 A3 A4 A5 B0 C0 D0 DA DB DC DD DE DF E0") {
		words := CauseText(code)
		if words == "cause not known" || seen[words] {
			t.Errorf("%s: %q", code, words)
		}
		seen[words] = true
	}
	if CauseText("FF") != "cause not known" {
		t.Error("FF is not documented")
	}
}

func FuzzDelivery(f *testing.F) {
	f.Add([]byte(`{"DevEUI_downlink_Sent":{"DevEUI":"A1B2C3D4E5F60718","DeliveryStatus":"1","TransmissionSlot":2,"CorrelationID":"4434704901c7450b"}}`))
	f.Add([]byte(`{"DevEUI_downlink_Sent":{"DevEUI":"A1B2C3D4E5F60718","DeliveryStatus":0,"TransmissionSlot":99,"DeliveryFailedCause1":"zz","DeliveryFailedCause4":"B0"}}`))
	f.Add([]byte(`{"DevEUI_downlink_Rejected":{"DevEUI":"A1B2C3D4E5F60718","DeliveryStatus":-350,"DownlinkRejectionCause":"\u202eno\u0000"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := Parse(body)
		if err != nil {
			return
		}
		v, ok := doc.Delivery()
		if !ok {
			return
		}
		if says := v.Sentence(); says == "" || says != connection.Clean(says) || v.Sent && v.Rejected {
			t.Errorf("%+v: %q", v, says)
		}
		if id := v.CorrelationID; id != strings.ToUpper(id) || !isHex(id) || len(id) > 16 {
			t.Errorf("correlation id %q", id)
		}
	})
}
