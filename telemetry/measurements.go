package telemetry

import (
	"encoding/json"
	"fmt"

	"boardlink/thingpark"
)

// The radio's figures in the format MEASUREMENTS. A decoded measurement of such a name gets the prefix payload_, also
// on an uplink that lacks the figure, so that a key means one thing for ever.
const (
	keyRSSI   = "rssi"   // dBm, of the gateway that heard best
	keySNR    = "snr"    // dB, of the same
	keySF     = "sf"     // spreading factor, 7 to 12
	keyFCntUp = "fCntUp" // frame counters
	keyFCntDn = "fCntDn"
	keyFPort  = "fPort"
)

// measurements adds the radio's figures and the decoded measurements of an uplink.
func measurements(v *object, doc thingpark.Document) error {
	figure := func(key string, values ...json.RawMessage) {
		for _, value := range values {
			if number, ok := thingpark.Number(value); ok {
				v.put(key, number)
				return
			}
		}
	}
	best := bestGateway(doc)
	figure(keyRSSI, doc.Member("LrrRSSI"), best.rssi)
	figure(keySNR, doc.Member("LrrSNR"), best.snr)
	figure(keySF, doc.Member("SpFact"), doc.Member("Spfact")) // a join request writes Spfact
	figure(keyFCntUp, doc.Member("FCntUp"))
	figure(keyFCntDn, doc.Member("FCntDn"))
	figure(keyFPort, doc.Member("FPort"))
	v.reserve(keyRSSI, keySNR, keySF, keyFCntUp, keyFCntDn, keyFPort)
	v.reserve(identifiers...) // some drivers repeat ThingPark's members

	if doc.Payload == nil {
		return nil
	}
	if doc.Payload[0] != '{' {
		v.add("payload", doc.Payload)
		return nil
	}
	return flatten(v, "", doc.Payload)
}

// flatten adds the members of an object, those of objects within it under names joined by _. An array is one JSON
// value: its length may change from uplink to uplink, and keys that come and go cannot be charted. An empty object says
// nothing.
func flatten(v *object, prefix string, value json.RawMessage) error {
	members, err := thingpark.Members(value)
	if err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	for _, m := range members {
		name := prefix + m.Name
		if m.Value[0] != '{' {
			v.add(name, m.Value)
		} else if err := flatten(v, bounded(name)+"_", m.Value); err != nil {
			return err
		}
	}
	return nil
}

// gateway is what one gateway measured of an uplink.
type gateway struct{ rssi, snr json.RawMessage }

// bestGateway returns the first gateway of the list, which ThingPark puts first because it heard best. A join request
// has its figures there only.
func bestGateway(doc thingpark.Document) gateway {
	var all []json.RawMessage
	if err := json.Unmarshal(thingpark.Find(thingpark.Object(doc.Member("Lrrs")), "Lrr"), &all); err != nil || len(all) == 0 {
		return gateway{}
	}
	best := thingpark.Object(all[0])
	return gateway{thingpark.Find(best, "LrrRSSI"), thingpark.Find(best, "LrrSNR")}
}
