package link

import (
	"encoding/json"
	"fmt"

	"boardlink/connection"
	"boardlink/telemetry"
	"boardlink/thingpark"
)

// exampleUplink is an uplink as ThingPark sends it, with what is longest and says least left out.
const exampleUplink = `{"DevEUI_uplink":{"Time":"2026-01-06T12:46:54.285+01:00","DevEUI":"20635F0108000E09","FPort":17,"FCntUp":265,"FCntDn":9,` +
	`"payload_hex":"0520be8800400108c9000000","LrrRSSI":-65.0,"LrrSNR":9.5,"SpFact":7,"Lrrid":"08050376","CustomerID":"100002164",` +
	`"CustomerData":{"name":"My Demo Device","tags":["site=Paris"]},"DevAddr":"04D2848E",` +
	`"payload":{"messageType":"HEARTBEAT","batteryVoltage":3.85,"position":{"moving":false}}}}`

// Example tells what ThingsBoard receives of an uplink under these settings. It is made the way that links make it.
func Example(cfg connection.Configuration) (connection.Example, error) {
	doc, err := thingpark.Parse([]byte(exampleUplink))
	if err != nil {
		return connection.Example{}, fmt.Errorf("read the example: %w", err)
	}
	m, err := telemetry.Map(cfg, doc, doc.Time.UnixMilli())
	if err != nil {
		return connection.Example{}, err
	}
	x := connection.Example{Uplink: exampleUplink}
	sent, err := json.Marshal(map[string]any{m.Device: m.Entries})
	if err != nil {
		return connection.Example{}, fmt.Errorf("write the example: %w", err)
	}
	x.Telemetry = string(sent)
	if len(m.Attributes) == 0 {
		return x, nil
	}
	if sent, err = json.Marshal(map[string]any{m.Device: m.Attributes}); err != nil {
		return connection.Example{}, fmt.Errorf("write the example: %w", err)
	}
	x.Attributes = string(sent)
	return x, nil
}
