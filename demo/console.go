package demo

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/static"
	"boardlink/thingsboard/sandbox"

	"github.com/a-h/templ"
)

// Console is the demo's own page: it looks into the sandbox, steers the fleet and sends commands.
type Console struct {
	Address         string // of Boardlink, as browsers reach it
	Email, Password string // of Boardlink's operator
	TBHostPort      string // what goes into Domain Name
	TBEmail         string
	TBPassword      string

	ParkURL, ASID string // of the simulated ThingPark
	ASKey         connection.Secret

	Sandbox *sandbox.Sandbox
	Fleet   *Fleet
	Targets func(context.Context) ([]Target, error) // the connections there are
	// Pointed is told where the fleet posts to from now on. ThingsBoard sends a device's commands to the session that
	// connected it last, so the link there must connect the devices anew.
	Pointed func(context.Context, connection.ID) error
	// Started is told that the sandbox runs again, so that nobody need wait for the next try.
	Started func(context.Context) error
	Log     *slog.Logger

	mu   sync.Mutex
	last command
}

// command is the one that was sent last, and its answer.
type command struct{ device, payload, fport, reply string }

// rpcTimeout is how long ThingsBoard's callers wait for an answer by default (RpcV2Controller).
const rpcTimeout = 10 * time.Second

// shownValues is how many of a device's telemetry keys the table shows.
const shownValues = 6

// Handler serves the page.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.show)
	mux.HandleFunc("GET /state", c.showState)
	mux.HandleFunc("POST /rpc", c.sendRPC)
	mux.HandleFunc("POST /fleet", c.steerFleet)
	mux.HandleFunc("POST /sandbox", c.steerSandbox)
	mux.Handle("GET "+static.Prefix, static.Handler())
	return http.NewCrossOriginProtection().Handler(secured(mux))
}

// secured gives the page the same protection as the console's: nothing inline, nothing from elsewhere, in no frame.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

func (c *Console) show(w http.ResponseWriter, r *http.Request) {
	c.render(w, r, page(c.model(r.Context())))
}

func (c *Console) showState(w http.ResponseWriter, r *http.Request) {
	c.render(w, r, state(c.model(r.Context())))
}

func (c *Console) render(w http.ResponseWriter, r *http.Request, shown templ.Component) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := shown.Render(r.Context(), w); err != nil {
		c.Log.Debug("The demo's page was not read to its end", "error", err)
	}
}

func (c *Console) sendRPC(w http.ResponseWriter, r *http.Request) {
	sent := command{device: r.PostFormValue("device"), payload: strings.TrimSpace(r.PostFormValue("payload")), fport: strings.TrimSpace(r.PostFormValue("fport"))}
	params := map[string]any{"payload_hex": sent.payload, "FPort": sent.fport}
	ctx, cancel := context.WithTimeout(r.Context(), rpcTimeout)
	defer cancel()
	reply, err := c.Sandbox.SendRPC(ctx, sent.device, "downlink", params, sandbox.RPCOptions{Timeout: rpcTimeout})
	sent.reply = connection.Clean(string(reply))
	if err != nil {
		sent.reply = "no answer: " + connection.Clean(err.Error())
	}
	c.mu.Lock()
	c.last = sent
	c.mu.Unlock()
	http.Redirect(w, r, "/#rpc-title", http.StatusSeeOther)
}

func (c *Console) steerFleet(w http.ResponseWriter, r *http.Request) {
	switch r.PostFormValue("action") {
	case "pause":
		c.Fleet.SetPaused(true)
	case "continue":
		c.Fleet.SetPaused(false)
	case "point":
		targets, err := c.Targets(r.Context())
		if err != nil {
			c.fail(w, "read the connections", err)
			return
		}
		i := slices.IndexFunc(targets, func(t Target) bool { return t.ID.String() == r.PostFormValue("target") })
		if i < 0 {
			http.Error(w, "There is no such connection.", http.StatusNotFound)
			return
		}
		c.Fleet.SetTarget(targets[i])
		if err := c.Pointed(r.Context(), targets[i].ID); err != nil {
			c.fail(w, "connect the devices there", err)
			return
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *Console) steerSandbox(w http.ResponseWriter, r *http.Request) {
	switch r.PostFormValue("action") {
	case "stop":
		c.Sandbox.Pause()
	case "start":
		if err := c.Sandbox.Resume(); err != nil {
			c.fail(w, "start the sandbox", err)
			return
		}
		if err := c.Started(r.Context()); err != nil {
			c.fail(w, "let the links try at once", err)
			return
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *Console) fail(w http.ResponseWriter, doing string, err error) {
	c.Log.Error("The demo's page could not do what was asked", "doing", doing, "error", err)
	http.Error(w, "The demo could not "+doing+".", http.StatusInternalServerError)
}

// model gathers what the page shows.
func (c *Console) model(ctx context.Context) pageModel {
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	target := c.Fleet.Target()
	targets, err := c.Targets(ctx)
	if err != nil {
		c.Log.Error("The demo could not read the connections", "error", err)
		targets = []Target{target}
	}
	m := pageModel{
		Now: time.Now(), Address: c.Address, Email: c.Email, Password: c.Password, LastReply: last.reply, LastDevice: last.device, Payload: cmp.Or(last.payload, "0102ff"), FPort: cmp.Or(last.fport, "10"),
		Sandbox: sandboxModel{Running: c.Sandbox.Running(), HostPort: c.TBHostPort, Email: c.TBEmail, Password: c.TBPassword},
		Park:    parkModel{URL: c.ParkURL, ASID: c.ASID, ASKey: c.ASKey.Reveal()},
		Targets: targets, Target: target.ID, TargetName: target.Name, FleetTrouble: trouble(target, targets), Paused: c.Fleet.Paused(),
	}
	received := map[string]sandbox.Device{}
	for _, d := range c.Sandbox.Devices() {
		if d.Gateway {
			m.Gateways = append(m.Gateways, d.Name)
			continue
		}
		received[d.Name] = d
		m.Received += d.Received
		m.Repeats += d.Repeated
	}
	for _, s := range c.Fleet.Devices() {
		d := received[s.DevEUI]
		m.Rows = append(m.Rows, rowModel{
			DevEUI: s.DevEUI, Name: s.Name, Sent: s.Sent, LastSentAt: s.LastSentAt, LastAnswer: s.LastAnswer,
			Received: d.Received, Latest: latest(d.Latest), Commands: s.Commands, LastCommand: s.LastCommand,
		})
	}
	return m
}

// trouble says why nothing that the fleet posts to target arrives, or nothing.
func trouble(target Target, targets []Target) string {
	i := slices.IndexFunc(targets, func(t Target) bool { return t.ID == target.ID })
	switch {
	case i < 0:
		return "The connection that the fleet posts to is gone: point it to another."
	case targets[i].Key != target.Key:
		return "The uplink key of " + target.Name + " was renewed, so its uplinks are refused: point the fleet there again to take the new one."
	}
	return ""
}

// latest picks the values worth a glance: the newest first, the radio's figures last.
func latest(samples map[string]sandbox.Sample) []valueModel {
	radio := []string{"rssi", "snr", "sf", "fCntUp", "fCntDn", "fPort"}
	keys := make([]string, 0, len(samples))
	for key := range samples {
		if !strings.HasPrefix(key, "DevEUI_") { // a whole document is no glance
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if ra, rb := slices.Contains(radio, a), slices.Contains(radio, b); ra != rb {
			if ra {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
	values := make([]valueModel, 0, shownValues)
	for _, key := range keys[:min(len(keys), shownValues)] {
		text := string(samples[key].Value)
		if r := []rune(text); len(r) > 40 {
			text = fmt.Sprintf("%s…", string(r[:40]))
		}
		values = append(values, valueModel{Key: key, Value: connection.Clean(strings.Trim(text, `"`))})
	}
	return values
}
