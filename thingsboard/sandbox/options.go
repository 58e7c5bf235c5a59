package sandbox

import (
	"cmp"
	"log/slog"
	"time"
)

// Options says what a sandbox is like for its whole life. The zero value serves plain HTTP and plain MQTT.
type Options struct {
	// TLS serves REST over https and opens the MQTT listener with TLS (mqtts).
	TLS bool
	// PlainHTTP opens, where TLS is set, one more REST listener without it.
	PlainHTTP bool
	// NoPlainMQTT leaves the MQTT listener without TLS closed.
	NoPlainMQTT bool
	// Hosts are names and addresses that the server's certificate bears besides localhost, 127.0.0.1 and ::1.
	Hosts []string

	// Addresses to listen on; by default a free port of 127.0.0.1 each.
	HTTPAddr, PlainHTTPAddr, MQTTAddr, MQTTSAddr string

	Log *slog.Logger     // nil: nothing is logged
	Now func() time.Time // nil: time.Now. It stamps what is stored and judges tokens; time-outs run on the real clock

	// SessionInactivity ends an MQTT session without a packet (ThingsBoard: 600 s), SubDeviceInactivity forgets a sub-device
	// without traffic of its own (600 s), ScanInterval is how often both are looked for (3 s).
	SessionInactivity, SubDeviceInactivity, ScanInterval time.Duration
	// DeviceLimitMemory is how long a creation refused by the device limit is remembered (5 s).
	DeviceLimitMemory time.Duration
	// RPCFloor is what shorter time-outs of RPCs over REST are raised to (5 s).
	RPCFloor time.Duration

	// MaxPayload is the largest remaining length of a packet, in bytes (65536).
	MaxPayload int
	// PacketIDs is how many packet ids the downlinks of a session use, counting from 1 and wrapping through 0 (65536).
	PacketIDs int

	// History is how many points are kept for each device (100,000), LogSize how many lines of each log (1,000).
	History, LogSize int

	// OnTelemetry is called after each stored point, in the order of storing and outside of all locks. It must
	// not block long, nor pause or close the sandbox.
	OnTelemetry func(device string, p Point)
}

func (o Options) withDefaults() Options {
	o.HTTPAddr = cmp.Or(o.HTTPAddr, "127.0.0.1:0")
	o.PlainHTTPAddr = cmp.Or(o.PlainHTTPAddr, "127.0.0.1:0")
	o.MQTTAddr = cmp.Or(o.MQTTAddr, "127.0.0.1:0")
	o.MQTTSAddr = cmp.Or(o.MQTTSAddr, "127.0.0.1:0")
	o.SessionInactivity = cmp.Or(o.SessionInactivity, 600*time.Second)
	o.SubDeviceInactivity = cmp.Or(o.SubDeviceInactivity, 600*time.Second)
	o.ScanInterval = cmp.Or(o.ScanInterval, 3*time.Second)
	o.DeviceLimitMemory = cmp.Or(o.DeviceLimitMemory, 5*time.Second)
	o.RPCFloor = cmp.Or(o.RPCFloor, 5*time.Second)
	o.MaxPayload = cmp.Or(o.MaxPayload, 65536)
	o.PacketIDs = cmp.Or(o.PacketIDs, 65536)
	o.History = cmp.Or(o.History, 100_000)
	o.LogSize = cmp.Or(o.LogSize, 1000)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
