package api_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// TestRoundTrips_store_what_was_sent reads a connection, changes one member by chance, and sends it back with PUT or PATCH,
// a thousand times: what is stored is what was sent, or, where that was refused, what was there before; and a secret is
// never the mask. BOARDLINK_SEED repeats a run.
func TestRoundTrips_store_what_was_sent(t *testing.T) {
	seed := seedOf(t)
	r := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t)
	if got := w.do("POST", "/connections", full); got.Status != 201 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	secrets := map[string]string{"password": "p4ss", "downlinkAsKey": asKey}
	stored, refusals := 0, 0
	for round := range 1000 {
		got := w.do("GET", "/connections/1", "")
		before := tree(t, got)
		want := tree(t, got)
		name, value := randomMember(r)
		settings := want["configuration"].(map[string]any)
		_, known := want[name]
		inside := !known || name == "configuration"
		place := want
		if inside {
			place = settings
		}
		patch := map[string]any{name: value}
		if inside {
			patch = map[string]any{"configuration": patch}
		}
		setMember(place, name, value)
		method, body := "PUT", marshal(t, want)
		if r.IntN(2) == 0 {
			method, body = "PATCH", marshal(t, patch)
		} else if value == nil && name == "downlinkAsKey" {
			place[name] = nil // left out it would be kept
			body = marshal(t, want)
			delete(place, name)
		}
		header := []string{}
		if r.IntN(2) == 0 {
			header = []string{"If-Match", got.Header.Get("ETag")}
		}
		answer := w.do(method, "/connections/1", body, header...)
		switch answer.Status {
		case 200:
			stored++
			if _, isSecret := secrets[name]; isSecret && value != connection.Mask {
				secrets[name], _ = value.(string)
			}
			for secret, text := range secrets {
				delete(settings, secret)
				if text != "" {
					settings[secret] = connection.Mask
				}
			}
		case 422:
			refusals++
			want = before
		default:
			t.Fatalf("round %d: %s %s: %d %s", round, method, body, answer.Status, answer.Body)
		}
		after := tree(t, w.do("GET", "/connections/1", ""))
		for _, m := range []map[string]any{want, after} { // these follow from the rest
			for _, follows := range []string{"version", "state", "status", "startupTime"} {
				delete(m, follows)
			}
		}
		if !reflect.DeepEqual(after, want) {
			t.Fatalf("round %d: %s %s was answered %d\nstored %s\nwant   %s", round, method, body, answer.Status, marshal(t, after), marshal(t, want))
		}
		if s := w.settings(); s.Password.Reveal() != secrets["password"] || s.DownlinkAsKey.Reveal() != secrets["downlinkAsKey"] {
			t.Fatalf("round %d: %s %s: a secret is not what was sent", round, method, body)
		}
	}
	if stored < 500 || refusals < 10 {
		t.Errorf("%d stored, %d refused: the test looks at too little", stored, refusals)
	}
}

// seedOf gives the seed of this run, which it logs: BOARDLINK_SEED repeats one.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("BOARDLINK_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("BOARDLINK_SEED=%d", seed)
	return seed
}

// setMember puts a value where it is going to be read: a null is the default, which is shown, or nothing.
func setMember(place map[string]any, name string, value any) {
	if value != nil {
		place[name] = value
		return
	}
	delete(place, name)
	standard := connection.Connection{Active: true, Configuration: connection.DefaultConfiguration()}
	field, ok := connection.FieldByName(name)
	switch text := ""; {
	case name == "active":
		place[name] = true
	case name == "alarms":
		place[name] = []any{}
	case !ok:
	case field.Control == connection.ControlSwitch:
		place[name] = field.Get(&standard) == "true"
	default:
		if text = field.Get(&standard); text != "" || name == "description" {
			place[name] = text
		}
	}
}

// randomMember chooses a member and a value, which may be null, the mask, or wrong.
func randomMember(r *rand.Rand) (string, any) {
	names := []string{"active", "alarms"}
	for _, f := range connection.Fields {
		names = append(names, f.Name)
	}
	name := names[r.IntN(len(names))]
	if r.IntN(6) == 0 && name != "password" {
		return name, nil
	}
	return name, randomValue(r, name)
}

func randomValue(r *rand.Rand, name string) any {
	pick := func(list ...any) any { return list[r.IntN(len(list))] }
	n := r.IntN(1000)
	switch name {
	case "active", "createDevices", "sendMetadata", "sendRawDecodedFormat", "verifyUplinkToken", "downlinkEnabled":
		return r.IntN(2) == 0
	case "alarms":
		return randomAlarms(r)
	case "name", "downlinkAsId", "deviceType":
		return pick(fmt.Sprintf("%s %d", name, n), "ünï ≠ \"quoted\" \\ </script>", strings.Repeat("é", 255), strings.Repeat("x", 256))
	case "description":
		return pick("", "two\nlines\tand a tab", fmt.Sprintf("%d", n), strings.Repeat("x", 1001))
	case "hostName":
		return pick(fmt.Sprintf("h%d.example.com:%d", n, n+1), "[2001:db8::1]:8883", "10.0.0.1:1883", "nowhere")
	case "username":
		return pick(fmt.Sprintf("u%d@example.com", n), "nobody")
	case "password":
		return pick(connection.Mask, fmt.Sprintf("pass-%d", n), " spaces and ünï ", strings.Repeat("x", 1000))
	case "downlinkAsKey":
		return pick(connection.Mask, fmt.Sprintf("%032x", n))
	case "telemetryFormat":
		return pick("ORIGINAL", "MEASUREMENTS")
	case "uplinkTimeValidity":
		return pick("30s", "5m", "72h", "365d", "5 minutes")
	case "downlinkUrl":
		return pick("https://tp.example.com/rest/downlink", "http://tp.example.com", "ftp://tp.example.com")
	case "restUrl":
		return pick("https://rest.example.com", "http://rest.example.com")
	case "downlinkPort":
		return pick(float64(1+r.IntN(224)), 225.0)
	case "reconnectStrategy":
		return pick("CALM", "NORMAL", "AGGRESSIVE", "calm")
	case "protocol":
		return pick("AUTO", "SSL", "TCP")
	case "mqttHostName":
		return pick("mqtt.example.com", fmt.Sprintf("mqtt.example.com:%d", n+1))
	case "caCertificate":
		return "no certificate"
	}
	panic("no values for " + name)
}

func randomAlarms(r *rand.Rand) any {
	list := []any{}
	for range r.IntN(3) {
		a := map[string]any{
			"startTime": "2019-01-31T09:00:00+01:00", "endTime": "2019-01-31T18:00:00+01:00", "timezone": "Europe/Paris",
			"uplinkRateMinPerHour": float64(1 + r.IntN(100)), "message": fmt.Sprintf("alarm %d", r.IntN(100)),
		}
		if r.IntN(2) == 0 {
			a["recurrence"] = []any{map[string]any{"frequency": "weekly", "byDays": []any{"monday", "sunday"}}}
		}
		list = append(list, a)
	}
	return list
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
