package faults_test

import (
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/thingsboard/sandbox"
)

func TestTLS_that_cannot_be_trusted_closes_the_link_by_its_class(t *testing.T) {
	t.Parallel()
	yesterday := time.Now().UTC().Add(-25 * time.Hour).Format(time.DateOnly)
	for name, fault := range map[string]struct {
		fault sandbox.TLSFault
		code  connection.ReasonCode
		says  string
	}{
		"an expired certificate":  {sandbox.TLSExpired, connection.ReasonTLSExpired, "to " + yesterday},
		"an unknown authority":    {sandbox.TLSStranger, connection.ReasonTLSUnknownCA, "authority that is not trusted"},
		"another name":            {sandbox.TLSOtherName, connection.ReasonTLSName, "another name"},
		"TLS 1.0 and nothing new": {sandbox.TLSOld, connection.ReasonTLSFailed, "protocol version not supported"},
	} {
		for leg, set := range map[string]func(b *sandbox.Behaviour){
			"REST": func(b *sandbox.Behaviour) { b.RESTTLS = fault.fault },
			"MQTT": func(b *sandbox.Behaviour) { b.MQTTTLS = fault.fault },
		} {
			t.Run(name+" of "+leg, func(t *testing.T) {
				t.Parallel()
				heard := tap(nil)
				w := faults.New(t, faults.Options{Devices: 2, Dial: heard.dial})
				w.TB().Set(set)
				w.Backlog(3)
				l := w.Links[0]
				w.Start()
				s := closed(t, w, l, fault.code, 20*time.Second)
				if !strings.Contains(s.Reason, fault.says) {
					t.Errorf("%q does not say %q", s.Reason, fault.says)
				}
				if s.Backlog != 6 || w.Arrived() != 0 {
					t.Errorf("%d wait and %d arrived", s.Backlog, w.Arrived())
				}
				if n := w.TB().LoginAttempts(faults.Account); leg == "REST" && n != 0 {
					t.Errorf("the password was presented %d times to a peer that proved nothing", n)
				}
				if n := len(w.TB().Connects()); n != 0 {
					t.Errorf("%d sessions were asked for", n)
				}
				heard.wantTLSOnly(t)
				w.Finish(patience)
				heard.wantTLSOnly(t)
				heard.wantNoneOf(t, faults.Password)
			})
		}
	}
}

// The numbers of ThingsBoard's ports are known, and what stands behind them may be the other one.
func TestSwapped_ports_are_told_and_no_secret_leaves_in_clear(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rest, plainREST, mqtt, mqtts string // what leads to which listener of the sandbox
		configure                    func(c *connection.Configuration)
		announced                    sandbox.Announcement
		code                         connection.ReasonCode // of CLOSED; empty: it opens all the same
		says                         string
		inClear                      bool // the settings ask for it
	}{
		"the plain port at the number for TLS": {
			rest: "tb.example.com:443", mqtt: "tb.example.com:8883",
			configure: func(c *connection.Configuration) { c.HostName = "tb.example.com:8883" },
			announced: sandbox.Announcement{NoMQTTS: true}, code: connection.ReasonTLSFailed, says: "mqtts://tb.example.com:8883: The TLS handshake failed.",
		},
		"the plain port as MQTT host": {
			rest: "tb.example.com:443", mqtt: "tb.example.com:1883",
			configure: func(c *connection.Configuration) {
				c.HostName, c.MQTTHostName = "tb.example.com:443", "tb.example.com:1883"
			},
			code: connection.ReasonTLSNotOffered, says: "mqtts://tb.example.com:1883: The port speaks without TLS.",
		},
		"the TLS port at the number for none": {
			rest: "tb.example.com:443", mqtts: "tb.example.com:1883",
			configure: func(c *connection.Configuration) { c.HostName = "tb.example.com:1883" },
			announced: sandbox.Announcement{MQTTSPort: 1883},
		},
		"the TLS port spoken to without": {
			rest: "tb.example.com:443", mqtts: "tb.example.com:1883",
			configure: func(c *connection.Configuration) {
				c.HostName, c.MQTTHostName, c.Protocol = "tb.example.com:443", "tb.example.com:1883", connection.ProtocolTCP
			},
			code: connection.ReasonConnectionLost, says: "mqtt://tb.example.com:1883: The connection was closed before the MQTT session began. Does the port speak MQTT 5, and without TLS?",
			inClear: true,
		},
		"a web address without TLS": {
			plainREST: "tb.example.com:8080",
			configure: func(c *connection.Configuration) { c.HostName = "tb.example.com:8080" },
			code:      connection.ReasonTLSNotOffered, says: "https://tb.example.com:8080: The port speaks without TLS.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names := map[string]string{}
			heard := tap(names)
			w := faults.New(t, faults.Options{Devices: 2, Dial: heard.dial, Sandbox: sandbox.Options{PlainHTTP: true, Hosts: []string{"tb.example.com"}},
				Configure: func(_ int, c *connection.Connection) {
					c.Configuration.MQTTHostName = ""
					test.configure(&c.Configuration)
				}})
			tb := w.TB()
			for address, listener := range map[string]string{test.rest: tb.HTTPAddr(), test.plainREST: tb.PlainHTTPAddr(), test.mqtt: tb.MQTTAddr(), test.mqtts: tb.MQTTSAddr()} {
				names[address] = listener
			}
			tb.Set(func(b *sandbox.Behaviour) { b.Announced = test.announced })
			w.Backlog(3)
			l := w.Links[0]
			w.Start()
			if test.code == connection.ReasonNone {
				l.Reaches(connection.Opened, 20*time.Second)
				w.Settle(patience)
				w.Check()
			} else {
				s := closed(t, w, l, test.code, 20*time.Second)
				if !strings.HasPrefix(s.Reason, test.says) {
					t.Errorf("%q does not say %q", s.Reason, test.says)
				}
				if s.Backlog != 6 || w.Arrived() != 0 {
					t.Errorf("%d wait and %d arrived", s.Backlog, w.Arrived())
				}
			}
			heard.wantNoneOf(t, faults.Password)
			if !test.inClear {
				heard.wantTLSOnly(t)
			}
			never(t, w, l, faults.Password)
		})
	}
}
