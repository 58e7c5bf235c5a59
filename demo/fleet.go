package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"boardlink/connection"
)

// Target is a connection that takes the fleet's uplinks.
type Target struct {
	ID   connection.ID
	Name string
	URL  string // uplink address
	Key  connection.Secret
}

// DeviceState is what the fleet knows of one device.
type DeviceState struct {
	DevEUI, Name string
	Sent         int
	LastSentAt   time.Time
	LastAnswer   string // "200", another status, or why it could not be posted
	Commands     int
	LastCommand  string
}

// Fleet posts uplinks of simulated devices, each at its own pace. It is safe for concurrent use.
type Fleet struct {
	client *http.Client
	log    *slog.Logger

	mu      sync.Mutex
	target  Target
	paused  bool
	devices []*device
	states  map[string]*DeviceState
}

// NewFleet makes a fleet of size devices. seed makes its numbers repeatable.
func NewFleet(size int, seed uint64, client *http.Client, log *slog.Logger) *Fleet {
	f := &Fleet{client: client, log: log, states: map[string]*DeviceState{}}
	for n := range size {
		d := newDevice(n, time.Now(), rand.New(rand.NewPCG(seed, uint64(n)))) // simulated radio, not secrets
		f.devices = append(f.devices, d)
		f.states[d.devEUI] = &DeviceState{DevEUI: d.devEUI, Name: d.label}
	}
	return f
}

// SetTarget points the fleet at a connection.
func (f *Fleet) SetTarget(t Target) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target = t
}

// Target returns the connection that the fleet posts to.
func (f *Fleet) Target() Target {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.target
}

// SetPaused stops or continues the uplinks.
func (f *Fleet) SetPaused(paused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused = paused
}

// Paused reports whether the fleet is silent.
func (f *Fleet) Paused() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.paused
}

// Devices returns what is known of each device, in order.
func (f *Fleet) Devices() []DeviceState {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]DeviceState, 0, len(f.devices))
	for _, d := range f.devices {
		out = append(out, *f.states[d.devEUI])
	}
	return out
}

// Run lets every device send until ctx ends.
func (f *Fleet) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for n, d := range f.devices {
		wg.Go(func() { f.runDevice(ctx, d, time.Duration(n)*300*time.Millisecond) })
	}
	wg.Wait()
}

func (f *Fleet) runDevice(ctx context.Context, d *device, first time.Duration) {
	wait := first
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		f.send(ctx, d)
		wait = time.Duration(float64(d.every) * (0.7 + 0.6*rand.Float64())) // pace, not secrets
	}
}

func (f *Fleet) send(ctx context.Context, d *device) {
	f.mu.Lock()
	if f.paused || f.target.URL == "" {
		f.mu.Unlock()
		return
	}
	target, body := f.target, d.uplink(time.Now())
	f.mu.Unlock()
	answer := f.post(ctx, target, body)
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.states[d.devEUI]
	s.Sent++
	s.LastSentAt, s.LastAnswer = time.Now(), answer
}

// post sends one document the way ThingPark does, with the connection's key in a header of its own.
func (f *Fleet) post(ctx context.Context, target Target, body []byte) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.URL, bytes.NewReader(body))
	if err != nil {
		return "bad address"
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "boardlink-demo-fleet/1.0")
	req.Header.Set("X-Boardlink-Key", target.Key.Reveal())
	resp, err := f.client.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			f.log.Warn("The fleet could not post an uplink", "error", err)
		}
		return "no answer"
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	return fmt.Sprint(resp.StatusCode)
}

// receive hands a downlink to its device and, after the time a class A device takes to ask for it, posts the report.
// It answers false when the fleet has no such device.
func (f *Fleet) receive(ctx context.Context, devEUI string, fport int, payloadHex, correlationID string, after time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.devices {
		if d.devEUI != devEUI {
			continue
		}
		go func() {
			select {
			case <-ctx.Done():
				return
			case <-time.After(after):
			}
			f.mu.Lock()
			d.commands++
			d.lastCommand = payloadHex
			s := f.states[d.devEUI]
			s.Commands, s.LastCommand = d.commands, payloadHex
			target, body := f.target, d.sent(time.Now(), fport, correlationID)
			f.mu.Unlock()
			f.post(ctx, target, body)
		}()
		return true
	}
	return false
}
