package thingsboard

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"boardlink/connection"
)

const testGatewayID = "dddddddd-0000-4000-8000-000000000001"

// commands is the odd shape of /api/device-connectivity: an array for mqtts, a text for mqtt.
const bothCommands = `{"http":{"http":"curl -v -X POST http://thingsboard.cloud:80/api/v1/T/telemetry -h nothere"},
"mqtt":{"mqtt":"mosquitto_pub -d -q 1 -h mqtt.thingsboard.cloud -p 1883 -t v1/devices/me/telemetry -u \"T\" -m \"{temperature:25}\"",
"mqtts":["curl -f -S -o ca-root.pem https://thingsboard.cloud:443/api/device-connectivity/mqtts/certificate/download",
"mosquitto_pub -d -q 1 --cafile ca-root.pem -h mqtt.thingsboard.cloud -p 8883 -t v1/devices/me/telemetry"],
"docker":{"mqtt":"docker run --rm -it thingsboard/mosquitto-clients mosquitto_pub -h host.docker.internal -p 1883"}}}`

func TestMQTTEndpoints_in_the_order_to_try(t *testing.T) {
	const onlyPlain = `{"mqtt":{"mqtt":"mosquitto_pub -h mqtt.example.com -p 1883"}}`
	for _, test := range []struct {
		name     string
		hostName string
		change   func(*Account)
		hub      string // "": 404
		commands string // "": 404
		want     string
		code     connection.ReasonCode
	}{
		{name: "the cloud, on another host", hostName: "thingsboard.cloud:443", commands: bothCommands, want: "mqtts://mqtt.thingsboard.cloud:8883"},
		{name: "the cloud in clear", hostName: "thingsboard.cloud:443", change: tcp, commands: bothCommands, want: "mqtt://mqtt.thingsboard.cloud:1883"},
		{name: "a plain MQTT port with TLS announced", hostName: "thingsboard.cloud:1883", commands: bothCommands, want: "mqtts://mqtt.thingsboard.cloud:8883"},
		{name: "a plain MQTT port in clear", hostName: "thingsboard.cloud:1883", change: tcp, commands: bothCommands,
			want: "mqtt://thingsboard.cloud:1883 mqtt://mqtt.thingsboard.cloud:1883"},
		{name: "a TLS MQTT port", hostName: "thingsboard.cloud:8883", commands: bothCommands,
			want: "mqtts://thingsboard.cloud:8883 mqtts://mqtt.thingsboard.cloud:8883"},
		{name: "a TLS MQTT port that is announced too", hostName: "thingsboard.cloud:8883",
			commands: `{"mqtt":{"mqtts":"mosquitto_pub -h thingsboard.cloud -p 8883"}}`, want: "mqtts://thingsboard.cloud:8883"},
		{name: "an old server at its TLS MQTT port", hostName: "thingsboard.cloud:8883", want: "mqtts://thingsboard.cloud:8883"},
		{name: "an old server: a guess", hostName: "thingsboard.cloud:443", want: "mqtts://thingsboard.cloud:8883"},
		{name: "an old server in clear: a guess", hostName: "thingsboard.cloud:443", change: tcp, want: "mqtt://thingsboard.cloud:1883"},
		{name: "an old server at its plain port", hostName: "thingsboard.cloud:1883", want: "mqtts://thingsboard.cloud:8883 mqtts://thingsboard.cloud:1883"},
		{name: "a new server", hostName: "thingsboard.cloud:443", commands: bothCommands,
			hub:  `{"mqtt":{"enabled":true,"host":"m.example.com","port":"1883"},"mqtts":{"enabled":true,"host":"m.example.com","port":18883}}`,
			want: "mqtts://m.example.com:18883 mqtts://mqtt.thingsboard.cloud:8883"},
		{name: "a new server without ports and host", hostName: "thingsboard.cloud:443", hub: `{"mqtts":{"enabled":true,"host":"","port":""}}`,
			want: "mqtts://thingsboard.cloud:8883"},
		{name: "a new server that has MQTT off", hostName: "thingsboard.cloud:443", hub: `{"mqtts":{"enabled":false,"host":"x.example.com","port":"1"}}`,
			commands: `{}`, code: connection.ReasonMQTTNotFound},
		{name: "MQTT off", hostName: "thingsboard.cloud:443", commands: `{"http":{}}`, code: connection.ReasonMQTTNotFound},
		{name: "MQTT off, at its MQTT port", hostName: "thingsboard.cloud:8883", commands: `{}`, want: "mqtts://thingsboard.cloud:8883"},
		{name: "a port left out", hostName: "thingsboard.cloud:443", commands: `{"mqtt":{"mqtts":"mosquitto_pub -h mqtt.example.com -t x"}}`, want: "mqtts://mqtt.example.com:8883"},
		{name: "an IPv6 address", hostName: "thingsboard.cloud:443", commands: `{"mqtt":{"mqtts":"mosquitto_pub -h [2001:db8::1] -p 8883"}}`, want: "mqtts://[2001:db8::1]:8883"},
		{name: "a default that was left in place", hostName: "thingsboard.cloud:443", commands: `{"mqtt":{"mqtts":"mosquitto_pub -h localhost -p 8883"}}`,
			want: "mqtts://thingsboard.cloud:8883"},
		{name: "in clear only, with TLS wanted: a guess", hostName: "thingsboard.cloud:443", commands: onlyPlain, want: "mqtts://thingsboard.cloud:8883"},
		{name: "a host that is none", hostName: "thingsboard.cloud:443", commands: `{"mqtt":{"mqtts":"mosquitto_pub -h a/b -p 8883"}}`, code: connection.ReasonMQTTNotFound},
		{name: "a text instead of commands", hostName: "thingsboard.cloud:443", commands: `{"mqtt":"Check documentation"}`, code: connection.ReasonMQTTNotFound},
		{name: "the settings' host", hostName: "thingsboard.cloud:443", commands: bothCommands,
			change: func(a *Account) { a.MQTTHostName = "mine.example.com" }, want: "mqtts://mine.example.com:8883"},
		{name: "the settings' host and port", hostName: "thingsboard.cloud:1883", commands: bothCommands,
			change: func(a *Account) { a.MQTTHostName = "mine.example.com:9"; a.Protocol = "TCP" }, want: "mqtt://mine.example.com:9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n, server := newNetwork(), newREST()
			serveHTTP(t, n.tlsListen(t, "thingsboard.cloud:443"), server)
			for path, body := range map[string]string{"/api/iot-hub/connectivity": test.hub, "/api/device-connectivity/" + testGatewayID: test.commands} {
				if body != "" {
					server.override[path] = func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, json.RawMessage(body)) }
				}
			}
			change := test.change
			if change == nil {
				change = func(*Account) {}
			}
			c := newTestClient(t, n, test.hostName, change)
			if err := c.Locate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := c.SignIn(t.Context()); err != nil {
				t.Fatal(err)
			}
			list, err := c.MQTTEndpoints(t.Context(), Gateway{ID: testGatewayID})
			if test.code != "" {
				wantCode(t, err, test.code, Config)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range list {
				got = append(got, e.String())
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

func TestMQTTEndpoints_passes_trouble_on(t *testing.T) {
	server, c := signedIn(t, nil)
	server.set(func(r *rest) { r.override["/api/device-connectivity/"+testGatewayID] = page(503) })
	_, err := c.MQTTEndpoints(t.Context(), Gateway{ID: testGatewayID})
	wantCode(t, err, connection.ReasonServerError, Transient)
}

func FuzzCommandEndpoints(f *testing.F) {
	f.Add(bothCommands)
	f.Add(`{"mqtt":{"mqtts":["-h a -p 99999","-h x -p 0"]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		var answer map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &answer) != nil {
			return
		}
		for _, e := range append(commandEndpoints(answer, "rest.example.com"), hubEndpoints(answer, "rest.example.com")...) {
			if e.Host == "" || e.Port < 1 || e.Port > 65535 || slices.Contains([]byte(e.Host), '/') {
				t.Errorf("made %v of %q", e, body)
			}
		}
	})
}
