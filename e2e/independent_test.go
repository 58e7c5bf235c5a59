//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"
)

// The sandbox and the program come from the same hands, so they might share a misunderstanding of MQTT 5. In these
// journeys the sandbox keeps REST, and the MQTT endpoint it announces is a Mosquitto.

// seeded gives the seed of a journey that chooses at random: E2E_SEED, or a new one, which the journey prints.
func seeded(t testing.TB) uint64 {
	seed := uint64(time.Now().UnixNano()) % 1e9
	if n, err := strconv.ParseUint(os.Getenv("E2E_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("E2E_SEED=%d", seed)
	return seed
}

// documents makes n documents of several devices and kinds, in the order in which ThingPark posts them.
func documents(random *rand.Rand, n int) [][]byte {
	const devices = 6
	at := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	frames := make([]int, devices)
	var all [][]byte
	for range n {
		if random.IntN(4) > 0 { // one in four has the time of the one before
			at = at.Add(time.Duration(random.IntN(5000)) * time.Millisecond)
		}
		d := random.IntN(devices)
		frames[d]++
		inner := map[string]any{
			"Time": at.Format("2006-01-02T15:04:05.000Z07:00"), "DevEUI": fmt.Sprintf("02B0A2D1001DE9%02X", d),
			"FCntUp": frames[d], "CustomerID": "100000001", "CustomerData": map[string]any{"name": fmt.Sprintf("Meter “%d” <ü&€>", d), "tags": []string{"site=North"}},
		}
		kind := "DevEUI_uplink"
		switch random.IntN(8) {
		case 0:
			kind = []string{"DevEUI_downlink_Sent", "DevEUI_downlink_Rejected", "DevEUI_notification", "DevEUI_multicast_summary", "DevEUI_alarm", "Unheard_of"}[random.IntN(6)]
			inner["DeliveryStatus"], inner["CorrelationID"], inner["Type"] = random.IntN(2), fmt.Sprintf("%016X", random.Uint64()), "reset"
		case 1:
			kind = "DevEUI_location"
			inner["DevLAT"], inner["DevLON"], inner["DevAlt"] = 43.6+random.Float64(), "7.0662", 12.5
		case 2:
			kind = "BS_alarm"
			delete(inner, "DevEUI")
			inner["LrrUUID"], inner["State"], inner["Occurrence"] = "001558-"+strconv.Itoa(d), strconv.Itoa(random.IntN(6)), random.IntN(9)
		default:
			inner["FPort"], inner["payload_hex"], inner["DevAddr"] = 1+random.IntN(200), fmt.Sprintf("%08x", random.Uint32()), fmt.Sprintf("04D2%04X", d)
			inner["LrrRSSI"], inner["LrrSNR"], inner["SpFact"] = -40-60*random.Float64(), strconv.FormatFloat(10*random.Float64(), 'f', 2, 64), 7+random.IntN(6)
			inner["payload"] = map[string]any{
				"temperature": 40*random.Float64() - 10, "big": json.Number("12345678901234567890"), "text": strings.Repeat("0-ü\"\\", random.IntN(40)),
				"inner": map[string]any{"state": []any{nil, true, random.IntN(5)}, "volume": map[string]any{"total": random.IntN(1000)}}, "nothing": nil,
			}
		}
		body, err := json.Marshal(map[string]any{kind: inner})
		if err != nil {
			panic(err) // maps of texts and numbers always encode
		}
		all = append(all, body)
	}
	return all
}

// by sorts messages by topic and device, in the order in which they came. A message that repeats the one before it is
// left out where it only says how things are.
func by(all []delivered) map[string][]string {
	sorted := map[string][]string{}
	for _, m := range all {
		if strings.Contains(m.topic, "/rpc") {
			continue
		}
		var named map[string]json.RawMessage
		device := ""
		if json.Unmarshal([]byte(m.payload), &named) == nil {
			if err := json.Unmarshal(named["device"], &device); err != nil {
				for name := range named {
					device = name
				}
			}
		}
		key := m.topic + " " + device
		said := sorted[key]
		state := m.topic == "v1/gateway/attributes" || m.topic == "v1/gateway/connect"
		if state && len(said) > 0 && said[len(said)-1] == m.payload {
			continue
		}
		sorted[key] = append(said, m.payload)
	}
	return sorted
}

// announce makes a ThingsBoard whose REST names a Mosquitto as its MQTT endpoint.
func announce(t testing.TB) (tb *sandbox.Sandbox, env []string) {
	t.Helper()
	return startSandbox(t, sandbox.Options{NoPlainMQTT: true, LogSize: 100_000})
}

// admitGateway tells Mosquitto of the only gateway device of a ThingsBoard, once it has refused it, and has the link try
// again.
func (p *program) admitGateway(id string, tb *sandbox.Sandbox, m *mosquitto) {
	p.t.Helper()
	p.await("be refused by a Mosquitto that lets nobody in", func() bool { return p.reason(id) == "mqtt_refused" })
	token := ""
	for _, d := range tb.Devices() {
		if d.Gateway {
			var err error
			if token, err = tb.AccessToken(d.Name); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	m.admit(token)
	p.restart(id)
}

func (p *program) reason(id string) string {
	p.t.Helper()
	return p.resource(id)["status"].(map[string]any)["reasonCode"].(string)
}

func (p *program) backlog(id string) float64 {
	p.t.Helper()
	return p.resource(id)["status"].(map[string]any)["backlog"].(float64)
}

func (p *program) restart(id string) {
	p.t.Helper()
	if status, answer := p.api(http.MethodPost, "/connections/"+id+"/restart", nil); status != http.StatusAccepted {
		p.t.Fatalf("the restart answered %d: %v", status, answer)
	}
}

// pair is two connections with the same settings.
type pair struct {
	name       string
	own, there *sandbox.Sandbox // there is the one whose MQTT is Mosquitto
	broker     *mosquitto
	watcher    *observer
	ids        [2]string // of the connections to own and to there
}

// TestMosquittoGetsTheSame sends the same documents through a connection to the sandbox and through one to Mosquitto, for
// each way to make telemetry of them. Topic by topic and device by device both must get the same bytes in the same order.
func TestMosquittoGetsTheSame(t *testing.T) {
	const each = 150
	seed := seeded(t)
	p := newProgram(t, asAdmin("BOARDLINK_ALLOW_HOSTS=127.0.0.1")...)
	p.start()
	var pairs []*pair
	for name, settings := range map[string]map[string]any{
		"original":     {"telemetryFormat": "ORIGINAL"},
		"metadata":     {"telemetryFormat": "ORIGINAL", "sendMetadata": true},
		"decoded":      {"telemetryFormat": "ORIGINAL", "sendRawDecodedFormat": true},
		"measurements": {"telemetryFormat": "MEASUREMENTS"},
	} {
		x := &pair{name: name}
		x.own, _ = startSandbox(t, sandbox.Options{LogSize: 100_000})
		x.there, _ = announce(t)
		x.broker = newMosquitto(t, x.there)
		x.there.Set(func(b *sandbox.Behaviour) { b.Announced.MQTTSPort = x.broker.port })
		for i, tb := range []*sandbox.Sandbox{x.own, x.there} {
			settings["caCertificate"] = string(tb.CAPEM())
			x.ids[i] = p.connect(tb.HTTPAddr(), tenantPassword, settings)
		}
		pairs = append(pairs, x)
	}
	for _, x := range pairs {
		p.admitGateway(x.ids[1], x.there, x.broker)
		x.watcher = x.broker.observe(x.there)
	}
	for _, x := range pairs {
		p.reach(x.ids[0], "OPENED", 20*time.Second)
		p.reach(x.ids[1], "OPENED", 20*time.Second) // after 5 s: its question about limits gets no answer
	}
	client := &http.Client{Timeout: 10 * time.Second}
	said := documents(rand.New(rand.NewPCG(seed, 1)), each)
	var posting sync.WaitGroup
	for _, x := range pairs {
		for _, id := range x.ids {
			posting.Go(func() {
				for _, body := range said {
					if status := p.post(client, id, body); status != http.StatusOK {
						t.Errorf("a document was answered %d: %s", status, body)
					}
				}
			})
		}
	}
	posting.Wait()
	for _, x := range pairs {
		for _, id := range x.ids {
			p.await("empty the queue of "+x.name, func() bool { return p.backlog(id) == 0 })
		}
	}
	for _, x := range pairs {
		want, got := x.said()
		// Attributes follow their telemetry, so an empty queue is not quite the end.
		for end := time.Now().Add(15 * time.Second); !same(want, got) && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			want, got = x.said()
		}
		if len(want) < 10 || count(want) < each/2 {
			t.Errorf("%s: the sandbox got only %d messages on %d topics and devices", x.name, count(want), len(want))
		}
		for key := range want {
			if !slices.Equal(want[key], got[key]) {
				t.Errorf("%s: %s differs, %d messages to the sandbox and %d to Mosquitto:\n%s\n%s", x.name, key, len(want[key]), len(got[key]), want[key], got[key])
			}
		}
		if count(got) != count(want) {
			t.Errorf("%s: Mosquitto got %d messages and the sandbox %d", x.name, count(got), count(want))
		}
		t.Logf("%s: %d messages on %d topics and devices", x.name, count(want), len(want))
	}
}

// said is what the sandbox got and what Mosquitto passed on.
func (x *pair) said() (own, there map[string][]string) {
	var published []delivered
	for _, p := range x.own.Publishes() {
		published = append(published, delivered{p.Topic, string(p.Payload)})
	}
	return by(published), by(x.watcher.all())
}

func same(a, b map[string][]string) bool { return maps.EqualFunc(a, b, slices.Equal[[]string]) }

func count(sorted map[string][]string) int {
	n := 0
	for _, said := range sorted {
		n += len(said)
	}
	return n
}

// TestMosquittoComesAndGoes takes one link to Mosquitto through its life: refused without the right token, opened without
// an answer about its limits, told that nobody listens, asked for a downlink, and cut off by a kill of the broker.
func TestMosquittoComesAndGoes(t *testing.T) {
	tb, env := announce(t)
	m := newMosquitto(t, tb)
	tb.Set(func(b *sandbox.Behaviour) { b.Announced.MQTTSPort = m.port })
	park := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	t.Cleanup(park.Close)
	p := newProgram(t, env...)
	p.start()
	id := p.connect(tb.HTTPAddr(), tenantPassword, map[string]any{
		"downlinkUrl": park.URL, "downlinkAsId": "TWA_1.1.AS", "downlinkAsKey": "00112233445566778899aabbccddeeff",
	})
	begun := time.Now()
	p.admitGateway(id, tb, m)
	p.reach(id, "OPENED", 30*time.Second)
	if took := time.Since(begun); took < 5*time.Second {
		t.Errorf("opened after %v: who answered the question about limits?", took)
	}

	client := &http.Client{Timeout: 10 * time.Second}
	first := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	post := func(device string, n int) {
		for tries := 0; p.post(client, id, uplinkOf(device, n, first.Add(time.Duration(n)*time.Second))) != http.StatusOK; tries++ {
			if tries > 100 {
				t.Errorf("%s %d was never accepted", device, n)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	post("02B0A2D1001DE9AA", 1)
	p.await("say that this is no ThingsBoard", func() bool { return p.reason(id) == "not_thingsboard" })
	if p.backlog(id) != 1 {
		t.Errorf("what nobody took is not in the queue: %v", p.resource(id)["status"])
	}

	o := m.observe(tb)
	p.restart(id)
	p.await("deliver once somebody listens", func() bool { return p.backlog(id) == 0 })
	arrived := func(device string) []int { return framesSeen(t, o.all(), device) }
	o.await("see it", func() bool { return len(arrived("02B0A2D1001DE9AA")) > 0 })
	if got := arrived("02B0A2D1001DE9AA"); !slices.Equal(got, []int{1}) {
		t.Errorf("arrived: %v", got)
	}

	p.reach(id, "OPENED", 20*time.Second)
	o.publish("v1/gateway/rpc", `{"device":"02B0A2D1001DE9AA","data":{"id":7,"method":"downlink","params":{"FPort":3,"payload_hex":"0a0b"}}}`)
	o.await("get an answer to its command", func() bool {
		for _, said := range o.all() {
			var reply struct {
				Device string
				ID     int64
				Data   struct{ Status string }
			}
			if said.topic == "v1/gateway/rpc" && json.Unmarshal([]byte(said.payload), &reply) == nil && reply.Device == "02B0A2D1001DE9AA" && reply.ID == 7 && reply.Data.Status == "queued" {
				return true
			}
		}
		return false
	})

	const devices, frames = 40, 12 // more devices than Mosquitto takes publishes at once
	device := func(d int) string { return fmt.Sprintf("02B0A2D1001DE9%02X", d) }
	posted := make(chan struct{})
	go func() {
		defer close(posted)
		for n := range frames {
			for d := range devices {
				post(device(d), n)
			}
		}
	}()
	o.await("see the first of them", func() bool { return len(arrived(device(0))) > 3 })
	m.kill()
	p.await("see that the broker is gone", func() bool { return p.resource(id)["state"] != "OPENED" })
	<-posted
	if p.backlog(id) == 0 {
		t.Error("nothing waited while the broker was away")
	}
	m.start()
	o.await("subscribe again", o.subscribed)
	p.restart(id)
	p.await("empty its queue", func() bool { return p.backlog(id) == 0 })
	repeats := 0
	for d := range devices {
		var got []int
		o.await("see all of "+device(d), func() bool {
			got = arrived(device(d))
			return len(unique(got)) >= frames
		})
		if once := unique(got); !slices.IsSorted(once) || len(once) != frames {
			t.Errorf("%s: arrived %v", device(d), got)
		}
		repeats += len(got) - frames
	}
	t.Logf("%d uplinks, %d repeats", devices*frames, repeats)
	if repeats > 64 {
		t.Errorf("%d repeats are more than a window", repeats)
	}
}

// framesSeen lists the frame counters of a device's telemetry as they came.
func framesSeen(t testing.TB, all []delivered, device string) []int {
	t.Helper()
	var frames []int
	for _, m := range all {
		var named map[string][]struct {
			Values struct {
				FCntUp *int `json:"fCntUp"`
			}
		}
		if m.topic != "v1/gateway/telemetry" || json.Unmarshal([]byte(m.payload), &named) != nil {
			continue
		}
		for _, entry := range named[device] {
			if entry.Values.FCntUp == nil {
				t.Fatalf("telemetry without a frame counter: %s", m.payload)
			}
			frames = append(frames, *entry.Values.FCntUp)
		}
	}
	return frames
}

// unique leaves out what came before.
func unique(all []int) []int {
	var once []int
	for _, n := range all {
		if !slices.Contains(once, n) {
			once = append(once, n)
		}
	}
	return once
}
