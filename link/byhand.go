package link

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"boardlink/connection"
	"boardlink/thingpark"
)

// Downlinks can be sent by hand too. They go to ThingPark, which is another peer than ThingsBoard: whether the link is
// open does not matter. They are written down before they are posted, as commands of ThingsBoard are, so that a delivery
// report settles them.

// The bounds of downlinks by hand that are under way at once.
const (
	maxByHand      = 8  // of one connection: a ThingPark that hangs holds up no other
	maxByHandInAll = 64 // of all
)

// byHand counts the downlinks by hand that are under way.
type byHand struct {
	mu   sync.Mutex
	all  int
	each map[connection.ID]int
}

// enter takes a place, and reports whether there was one.
func (b *byHand) enter(id connection.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all >= maxByHandInAll || b.each[id] >= maxByHand {
		return false
	}
	if b.each == nil {
		b.each = map[connection.ID]int{}
	}
	b.all++
	b.each[id]++
	return true
}

func (b *byHand) leave(id connection.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all--
	if b.each[id]--; b.each[id] == 0 {
		delete(b.each, id)
	}
}

// PostDownlink sends a downlink to a device by hand and returns what became of it, within 8 s: what ThingPark said, or
// that it is not known. devEUI may be empty where params name the device; params are those of ThingsBoard's RPC
// "downlink" ([thingpark.ParseCommand]). What was begun goes on when ctx ends, so that it is known.
//
// The errors are each a [connection.Failure], and nothing was sent then: CodeInvalid with the fields that are wrong,
// CodeConflict where the connection takes no downlinks, CodeUnavailable where too many are under way.
func (m *Manager) PostDownlink(ctx context.Context, actor string, c connection.Connection, devEUI string, params json.RawMessage) (connection.Posting, error) {
	if !c.Active {
		return connection.Posting{}, connection.Fail(connection.CodeConflict, "The connection is deactivated: activate it to send downlinks.")
	}
	if why, ok := takesDownlinks(c.Configuration); !ok {
		return connection.Posting{}, connection.Fail(connection.CodeConflict, "%s", why.Message)
	}
	d, err := addressed(params, c.Configuration.DownlinkPort, devEUI)
	if err != nil {
		return connection.Posting{}, err
	}
	m.mu.Lock()
	running := m.ctx != nil && m.ctx.Err() == nil
	m.mu.Unlock()
	if !running {
		return connection.Posting{}, connection.Fail(connection.CodeUnavailable, "Boardlink is starting or going down; the downlink was not sent.")
	}
	if !m.byHand.enter(c.ID) {
		return connection.Posting{}, connection.Fail(connection.CodeUnavailable, "Too many downlinks are under way; this one was not sent.")
	}
	from := connection.OriginText(ctx)
	done := make(chan connection.Posting, 1)
	m.background.Go(func() {
		defer m.byHand.leave(c.ID)
		p := connection.Posting{State: connection.CommandUnknown, Code: codeInternal, CorrelationID: d.CorrelationID, Sentence: connection.ReasonInternal.Text().Sentence}
		if err := guard(func() error { p = m.post(actor, from, c, d); return nil }); err != nil {
			m.log.Error("A downlink by hand failed", "connection_id", c.ID, "error", err)
		}
		done <- p
	})
	select {
	case p := <-done:
		return p, nil
	case <-ctx.Done():
		return connection.Posting{}, ctx.Err()
	}
}

// addressed reads a downlink and settles which device it is for.
func addressed(params json.RawMessage, port int, devEUI string) (thingpark.Downlink, error) {
	wrong := func(path, message, example string) error {
		return &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields are not right.",
			Fields: []connection.FieldError{{Path: path, Message: message, Example: example}}}
	}
	d, err := thingpark.ParseCommand(params, port)
	if err != nil {
		return d, err
	}
	devEUI = strings.ToUpper(devEUI)
	switch {
	case devEUI == "" && d.DevEUI == "":
		return d, wrong("devEUI", "Name the device by its DevEUI, 16 hexadecimal digits.", "20635F0108000E09")
	case devEUI == "":
		devEUI = d.DevEUI
	case !thingpark.ValidDevEUI(devEUI):
		return d, wrong("devEUI", "A DevEUI has 16 hexadecimal digits.", "20635F0108000E09")
	case d.DevEUI != "" && d.DevEUI != devEUI:
		return d, wrong("DevEUI", "The downlink names another device than devEUI; give one of them.", "")
	}
	d.DevEUI = devEUI
	if d.CorrelationID == "" {
		d.CorrelationID = thingpark.NewCorrelationID()
	}
	d.CorrelationID = strings.ToUpper(d.CorrelationID)
	return d, nil
}

// post writes a downlink down, sends it, and tells what became of it. actor sends it, from an address.
func (m *Manager) post(actor, from string, c connection.Connection, d thingpark.Downlink) connection.Posting {
	came := m.now()
	tell := func(level connection.Level, format string, args ...any) {
		m.journal.event(connection.Event{Level: level, Kind: connection.KindDownlink, Actor: actor, Address: from, ConnectionID: c.ID, DevEUI: d.DevEUI,
			Message: fmt.Sprintf(format, args...)})
	}
	end := func(state connection.CommandState, said answer) connection.Posting {
		if state != connection.CommandQueued && state != connection.CommandUnknown {
			m.opt.Figures.Rejected(c.ID)
		}
		m.opt.answered(said)
		p := connection.Posting{State: state, Code: said.Code, CorrelationID: d.CorrelationID, Sentence: said.Message}
		if state == connection.CommandQueued {
			p.Code = statusQueued
		}
		return p
	}
	got := m.beginCommand(connection.Command{ConnectionID: c.ID, DevEUI: d.DevEUI, Actor: actor, FPort: d.FPort, CorrelationID: d.CorrelationID, CameAt: came})
	if got.err != nil {
		m.log.Error("A downlink by hand could not be written down", "connection_id", c.ID, "dev_eui", d.DevEUI, "error", got.err)
		tell(connection.LevelWarning, "A downlink was not sent, because Boardlink's database did not take it down.")
		return end(connection.CommandNotSent, refusal(codeNotRecorded, "Boardlink's database did not take the downlink down in time, so it was not sent."))
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendLimit-m.now().Sub(came))
	defer cancel()
	cfg := c.Configuration
	_, err := m.opt.Downlinks.Send(ctx, cfg.DownlinkURL, cfg.DownlinkAsID, cfg.DownlinkAsKey, d)
	if err == nil {
		m.opt.Figures.Downlink(c.ID, d.DevEUI)
		tell(connection.LevelInfo, "A downlink was sent by hand and queued by ThingPark, FPort %d, correlation id %s.", d.FPort, d.CorrelationID)
		m.noteCommand(c.ID, got.row.ID, connection.CommandQueued, "")
		return end(connection.CommandQueued, answer{Status: statusQueued})
	}
	state, said := unqueued(err, d.CorrelationID)
	m.log.Info("A downlink by hand was not queued", "connection_id", c.ID, "dev_eui", d.DevEUI, "outcome", state, "error", err)
	switch state {
	case connection.CommandRefused:
		tell(connection.LevelWarning, "A downlink by hand was refused: %s", said.Message)
	case connection.CommandNotSent:
		tell(connection.LevelWarning, "A downlink by hand was not sent: %s", said.Message)
	default:
		tell(connection.LevelWarning, "What became of a downlink by hand is not known: %s Correlation id %s.", said.Message, d.CorrelationID)
	}
	m.noteCommand(c.ID, got.row.ID, state, said.Message)
	return end(state, said)
}
