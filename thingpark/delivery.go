package thingpark

import (
	"fmt"
	"strings"

	"boardlink/connection"
)

// Delivery is what ThingPark reports of a downlink that it had queued.
type Delivery struct {
	Status        int64 // DeliveryStatus: 1 sent over the air, 0 not; in a rejection the LRC's own code, such as 350
	Sent          bool  // sent over the air, which is not yet received by the device
	Rejected      bool  // ThingPark refused it after it was queued
	Slot          string
	Causes        []Cause // why a slot was not used; a frame sent in RX2 may still name a cause for RX1
	Reason        string  // the rejection in ThingPark's words, made fit to be shown
	CorrelationID string  // as given with the downlink, upper case; empty where none was
}

// Cause is why a downlink did not go out in one slot.
type Cause struct {
	Slot string // "RX1", "RX2", "ping slot"
	Code string // two hexadecimal digits
	Text string // the code in words
}

// deliverySlots are the slots by the number that TransmissionSlot and DeliveryFailedCause1 to 3 use. A fourth came with
// ThingPark 7.3 for relays.
var deliverySlots = []string{"", "RX1", "RX2", "ping slot", "relay slot"}

// Delivery returns what the document says of a downlink; ok is false where it is no delivery report.
func (d Document) Delivery() (v Delivery, ok bool) {
	if d.Kind != KindDownlinkSent && d.Kind != KindDownlinkRejected {
		return Delivery{}, false
	}
	if status, _ := integer(d.Member("DeliveryStatus"), maxFCnt); status != nil {
		v.Status = *status
	}
	v.Rejected = d.Kind == KindDownlinkRejected
	v.Sent = !v.Rejected && v.Status == 1
	v.Reason = connection.Clean(d.Text("DownlinkRejectionCause"))
	if id := d.Text("CorrelationID"); isHex(id) && len(id) <= 16 {
		v.CorrelationID = strings.ToUpper(id)
	}
	if slot, _ := integer(d.Member("TransmissionSlot"), int64(len(deliverySlots)-1)); slot != nil {
		v.Slot = deliverySlots[*slot]
	}
	for n := 1; n < len(deliverySlots); n++ {
		code := strings.ToUpper(d.Text(fmt.Sprintf("DeliveryFailedCause%d", n)))
		if len(code) == 2 && isHex(code) && code != "00" {
			v.Causes = append(v.Causes, Cause{deliverySlots[n], code, CauseText(code)})
		}
	}
	return v, true
}

// Sentence tells a person what became of the downlink.
func (v Delivery) Sentence() string {
	switch {
	case v.Rejected && v.Reason != "":
		return fmt.Sprintf("ThingPark rejected the downlink (%d): %s", v.Status, v.Reason)
	case v.Rejected:
		return fmt.Sprintf("ThingPark rejected the downlink (%d).", v.Status)
	case v.Sent && v.Slot != "":
		return "The downlink was sent over the air in " + v.Slot + "."
	case v.Sent:
		return "The downlink was sent over the air."
	}
	var why []string
	for _, c := range v.Causes {
		why = append(why, fmt.Sprintf("%s: %s (%s)", c.Slot, c.Text, c.Code))
	}
	if len(why) == 0 {
		return "The downlink was not sent over the air."
	}
	return "The downlink was not sent over the air; " + strings.Join(why, ", ") + "."
}

// CauseText puts a cause of a failed delivery into words (docs/Message/downlink-message.md of actility/tpx-iot-flow-doc,
// DeliveryFailedCause1 to 3).
func CauseText(code string) string {
	switch strings.ToUpper(code) {
	case "A0":
		return "radio stopped"
	case "A1":
		return "downlink radio stopped"
	case "A2":
		return "ping slot not available"
	case "A3":
		return "radio busy"
	case "A4":
		return "listen before talk"
	case "A5":
		return "radio board error"
	case "B0":
		return "too late"
	case "C0":
		return "the network chose RX2"
	case "D0":
		return "duty cycle limit found by the gateway"
	case "DA":
		return "duty cycle limit found by the network"
	case "DB":
		return "maximum dwell time"
	case "DC":
		return "no gateway with GPS time"
	case "DD":
		return "no gateway connected"
	case "DE":
		return "not allowed by the peering operator"
	case "DF":
		return "wrong NetID"
	case "E0":
		return "maximum delay for class C exceeded"
	}
	return "cause not known"
}
