//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"
)

// killedPark is a ThingPark that tells of each downlink, so that the program can be killed at that moment.
type killedPark struct {
	*httptest.Server
	arrived chan string // correlation ids; the handler waits until one is taken

	mu     sync.Mutex
	posts  []string // correlation ids of all downlinks
	answer bool     // before it tells; else it tells and never answers
}

func newKilledPark(t *testing.T) *killedPark {
	p := &killedPark{arrived: make(chan string)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("CorrelationID")
		p.mu.Lock()
		p.posts = append(p.posts, id)
		answer := p.answer
		p.mu.Unlock()
		if answer {
			_, _ = w.Write([]byte("<html><body>Request queued by LRC</body></html>"))
			_ = http.NewResponseController(w).Flush()
		}
		p.arrived <- id
		if !answer {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *killedPark) number() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.posts)
}

// TestACommandIsPostedOnce kills the program between the posting of a downlink and its answer, or right after the answer,
// and starts it again while ThingsBoard still waits. The command comes again and must not be posted again; where
// ThingPark's word was lost, the answer is that nobody knows, and a delivery report settles it.
func TestACommandIsPostedOnce(t *testing.T) {
	kills := 3
	if more, err := strconv.Atoi(os.Getenv("BOARDLINK_E2E_KILLS")); err == nil {
		kills = more
	}
	tb, env := startSandbox(t, sandbox.Options{})
	park := newKilledPark(t)
	p := newProgram(t, env...)
	p.start()
	id := p.connect(tb.HTTPAddr(), tenantPassword, map[string]any{
		"downlinkUrl": park.URL + "/thingpark/lrc/rest/downlink", "downlinkAsId": "TWA_1.1.AS", "downlinkAsKey": "00112233445566778899aabbccddeeff",
	})
	p.reach(id, "OPENED", 20*time.Second)

	const device = "02B0A2D1000E2EC0"
	frame := 0
	speak := func() {
		frame++
		p.await("accept an uplink", func() bool {
			return p.post(http.DefaultClient, id, uplinkOf(device, frame, time.Now())) == http.StatusOK
		})
		p.await("connect the device", func() bool { d, ok := tb.Device(device); return ok && d.Connected })
	}
	type said struct{ Status, Code, Message, CorrelationID string }
	answers := map[string]int{}
	for kill := range kills {
		park.mu.Lock()
		park.answer = kill%3 == 2
		park.mu.Unlock()
		speak()
		answered := make(chan said, 1)
		go func() {
			var got said
			raw, err := tb.SendRPC(context.Background(), device, "downlink", map[string]any{"FPort": 1, "payload_hex": fmt.Sprintf("%04x", kill)},
				sandbox.RPCOptions{Timeout: time.Minute})
			if err == nil {
				err = json.Unmarshal(raw, &got)
			}
			if err != nil {
				got.Message = err.Error()
			}
			answered <- got
		}()
		correlation := <-park.arrived
		p.kill()
		p.start()
		p.reach(id, "OPENED", 20*time.Second)
		speak()
		var got said
		select {
		case got = <-answered:
		case n := <-park.arrived:
			t.Fatalf("kill %d: posted again, with the correlation id %s", kill, n)
		}
		answers[got.Status+" "+got.Code]++
		if unknown := got.Code == "unknown"; got.CorrelationID != correlation || !unknown && got.Status != "queued" || !unknown && kill%3 != 2 {
			t.Errorf("kill %d: answer %+v, want unknown with %s", kill, got, correlation)
		}
		if park.number() != kill+1 {
			t.Fatalf("kill %d: %d downlinks were posted", kill, park.number())
		}
		report := fmt.Appendf(nil, `{"DevEUI_downlink_Sent":{"Time":%q,"DevEUI":%q,"FPort":1,"DeliveryStatus":1,"TransmissionSlot":2,"CorrelationID":%q}}`,
			time.Now().Format(time.RFC3339), device, correlation)
		if status := p.post(http.DefaultClient, id, report); status != http.StatusOK {
			t.Fatalf("the delivery report was answered %d", status)
		}
		p.await("settle the command", func() bool {
			return p.told(id, "The downlink was sent over the air in RX2. Correlation id "+correlation+".") == 1
		})
	}
	t.Logf("%d kills, %d downlinks posted, answers %v", kills, park.number(), answers)
}

// told counts the events of a connection that say something.
func (p *program) told(id, message string) int {
	p.t.Helper()
	status, answer := p.api(http.MethodGet, "/events?limit=1000&connectionId="+id, nil)
	if status != http.StatusOK {
		p.t.Fatalf("reading events answered %d", status)
	}
	n := 0
	for _, item := range answer["items"].([]any) {
		if text, _ := item.(map[string]any)["message"].(string); strings.Contains(text, message) {
			n++
		}
	}
	return n
}
