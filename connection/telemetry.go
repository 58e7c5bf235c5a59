package connection

import (
	"encoding/json"
	"time"
)

// MaxLastTelemetry is the longest document, in bytes, that a [LastTelemetry] holds.
const MaxLastTelemetry = 8 << 10

// LastTelemetry is what ThingsBoard acknowledged last of one device. The zero value says that nothing is known.
type LastTelemetry struct {
	ConnectionID ID
	DevEUI       string          // 16 hexadecimal digits, upper case
	TS           time.Time       // the time that ThingsBoard shows it at
	SentAt       time.Time       // when ThingsBoard acknowledged it
	Size         int             // of the document, in bytes
	Document     json.RawMessage // an object, its members the telemetry keys; nil where it is longer than MaxLastTelemetry
}
