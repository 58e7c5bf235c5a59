package link

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/thingpark"
	"boardlink/thingsboard"
)

const (
	methodDownlink = "downlink"
	// The notices that ThingsBoard sends to a gateway about its devices (DefaultGatewayNotificationsService.java).
	methodRenamed = "gateway_device_renamed"
	methodDeleted = "gateway_device_deleted"

	// Every command is answered within answerLimit, before ThingsBoard's own time-out of 10 s. ThingPark has sendLimit
	// of it, counted from the command's arrival, and a command that waited longer than waitLimit is not sent at all: one
	// that comes late may do harm.
	answerLimit = 8 * time.Second
	sendLimit   = 7 * time.Second
	waitLimit   = 4 * time.Second

	maxSends      = 8   // downlinks of one link under way at once
	maxPerDevice  = 16  // commands that wait for one device
	maxUnanswered = 256 // commands that are not answered yet; beyond it ThingsBoard's own wait in the session
)

// commander turns the commands of one session into downlinks and answers each of them once.
type commander struct {
	p          *pump
	sends      chan struct{}
	unanswered chan struct{}

	mu      sync.Mutex
	waiting map[string][]command // by device, in the order they came; the first is being sent
}

// command is one command with the place for its answer.
type command struct {
	thingsboard.Command
	devEUI string // of the device, or its name where that names none
	answer *pendingAnswer
}

// result is how a command ended.
type result struct {
	answer
	keep  bool                    // the answer stands when the command comes again
	row   int64                   // of the command as it is written down; 0: it is not, or needs no word
	state connection.CommandState // for the row
}

func newCommander(p *pump) *commander {
	return &commander{p: p, sends: make(chan struct{}, maxSends), unanswered: make(chan struct{}, maxUnanswered), waiting: map[string][]command{}}
}

// listen takes commands until the session ends or nothing new may begin.
func (c *commander) listen() error {
	for {
		select {
		case <-c.p.takeCtx.Done():
			return nil
		case got, open := <-c.p.session.Commands():
			if !open {
				return nil
			}
			if got.CameAt.IsZero() {
				got.CameAt = c.p.r.m.now()
			}
			select {
			case c.unanswered <- struct{}{}:
				c.accept(command{Command: got, devEUI: c.p.r.k.names.devEUI(got.Device)})
			case <-c.p.takeCtx.Done():
				return nil
			}
		}
	}
}

// accept decides at once what can be decided at once, and queues the rest for its device.
func (c *commander) accept(cmd command) {
	switch {
	case cmd.Device == "" && (cmd.Method == methodRenamed || cmd.Method == methodDeleted):
		c.notice(cmd)
	case cmd.Device == "" || cmd.Method != methodDownlink:
		c.background(func() {
			c.reply(cmd, refusal(codeUnknownMethod, `The only method is "downlink", called on a device, with parameters such as {"FPort": 1, "payload_hex": "01ff"}.`))
		})
	default:
		c.downlink(cmd)
	}
}

// downlink queues a command for its device. One that is known already waits for the answer of the first.
func (c *commander) downlink(cmd command) {
	pending, first := c.p.r.k.answers.begin(keyOf(cmd.devEUI, cmd.Command))
	cmd.answer = pending
	if !first {
		c.background(func() { c.repeat(cmd) })
		return
	}
	c.mu.Lock()
	queue := c.waiting[cmd.devEUI]
	room := len(queue) < maxPerDevice
	if room {
		c.waiting[cmd.devEUI] = append(queue, cmd)
	}
	c.mu.Unlock()
	switch {
	case !room:
		c.background(func() {
			c.settle(cmd, result{answer: refusal(codeTooMany, "Too many commands wait for this device; this one was not sent.")})
		})
	case len(queue) == 0:
		c.p.r.m.background.Go(func() { c.serve(cmd.devEUI) })
	}
}

// background answers one command beside the listening. Sending and answering go on when the session has ended: what was
// posted must be known when ThingsBoard sends the command again.
func (c *commander) background(f func()) {
	c.p.r.m.background.Go(func() {
		defer func() { <-c.unanswered }()
		f()
	})
}

// serve sends what waits for one device, one by one, until nothing does.
func (c *commander) serve(device string) {
	for {
		c.mu.Lock()
		cmd := c.waiting[device][0]
		c.mu.Unlock()

		c.carryOut(cmd)
		<-c.unanswered

		c.mu.Lock()
		rest := c.waiting[device][1:]
		if len(rest) == 0 {
			delete(c.waiting, device)
			c.mu.Unlock()
			return
		}
		c.waiting[device] = rest
		c.mu.Unlock()
	}
}

// carryOut sends one command and answers it.
func (c *commander) carryOut(cmd command) {
	var r result
	if err := guard(func() error { r = c.send(cmd); return nil }); err != nil {
		r = result{answer: refusal(codeInternal, connection.ReasonInternal.Text().Sentence), keep: true}
		c.p.fail(err)
	}
	c.note(r)
	c.settle(cmd, r)
}

// send hands a command over to ThingPark.
func (c *commander) send(cmd command) result {
	k, m := c.p.r.k, c.p.r.m
	turn := c.turn(cmd)
	if turn {
		defer func() { <-c.sends }()
	}
	switch waited := m.now().Sub(cmd.CameAt); {
	case c.p.halted():
		return result{answer: refusal(codeNotSent, "The link is ending; the command was not sent.")}
	case !turn || waited > waitLimit:
		return c.refuse(cmd, "A command waited too long and was not sent.", result{keep: true,
			answer: refusal(codeExpired, "The command waited too long for its turn and was not sent.")})
	}
	config := k.config.Load().Configuration
	d, said, ok := prepare(config, cmd)
	if !ok {
		return c.refuse(cmd, "A command was refused: "+said.Message, result{answer: said})
	}
	row, r, ok := c.record(cmd, d)
	if !ok {
		return r
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendLimit-m.now().Sub(cmd.CameAt))
	defer cancel()
	queued, err := m.opt.Downlinks.Send(ctx, config.DownlinkURL, config.DownlinkAsID, config.DownlinkAsKey, d)
	if err != nil {
		return c.notQueued(cmd, row, err)
	}
	m.opt.Figures.Downlink(k.id, cmd.devEUI)
	if queued.CorrelationID != "" {
		d.CorrelationID = queued.CorrelationID
	}
	c.tell(cmd, connection.LevelInfo, fmt.Sprintf("A command was queued by ThingPark, FPort %d, correlation id %s.", d.FPort, d.CorrelationID))
	return result{answer: answer{Status: statusQueued, CorrelationID: d.CorrelationID}, keep: true, row: row.ID, state: connection.CommandQueued}
}

// turn waits for one of the link's places to send, and reports whether it came before the command had waited too long.
func (c *commander) turn(cmd command) bool {
	timer := time.NewTimer(waitLimit - c.p.r.m.now().Sub(cmd.CameAt))
	defer timer.Stop()
	select {
	case c.sends <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

// refuse counts a command that was not sent, and tells of it.
func (c *commander) refuse(cmd command, event string, r result) result {
	c.p.r.m.opt.Figures.Rejected(c.p.r.k.id)
	c.tell(cmd, connection.LevelWarning, event)
	return r
}

// prepare makes the downlink of a command, or says why there is none.
func prepare(cfg connection.Configuration, cmd command) (d thingpark.Downlink, why answer, ok bool) {
	if why, ok := takesDownlinks(cfg); !ok {
		return d, why, false
	}
	d, err := thingpark.ParseCommand(cmd.Params, cfg.DownlinkPort)
	if err == nil {
		d, err = d.ForDevice(cmd.devEUI)
	}
	if err != nil {
		return d, refusal(codeInvalid, connection.Clean(err.Error())), false
	}
	if d.CorrelationID == "" {
		d.CorrelationID = thingpark.NewCorrelationID()
	}
	return d, answer{}, true
}

// takesDownlinks reports whether a connection's settings let downlinks be sent, or says why not.
func takesDownlinks(cfg connection.Configuration) (why answer, ok bool) {
	switch {
	case !cfg.DownlinkEnabled:
		return refusal(codeDisabled, "Downlinks are switched off for this connection."), false
	case cfg.DownlinkURL == "":
		return refusal(codeNotConfigured, "This connection has no downlink address: fill in Downlink address, AS ID and AS key."), false
	case cfg.DownlinkAsID == "" || !cfg.DownlinkAsKey.IsSet():
		return refusal(codeNotConfigured, "This connection lacks the AS ID or the AS key that authenticate downlinks."), false
	}
	return answer{}, true
}

// notQueued says what became of a downlink that ThingPark did not take.
func (c *commander) notQueued(cmd command, row connection.Command, err error) result {
	state, said := unqueued(err, row.CorrelationID)
	c.p.r.k.log.Info("A downlink was not queued", "dev_eui", cmd.devEUI, "outcome", state, "error", err)
	switch state {
	case connection.CommandRefused:
		return c.refuse(cmd, "A command was refused: "+said.Message, result{answer: said, keep: true, row: row.ID, state: state})
	case connection.CommandNotSent:
		return c.refuse(cmd, "A command was not sent: "+said.Message, result{answer: said, row: row.ID, state: state})
	}
	c.tell(cmd, connection.LevelWarning, "What became of a command is not known: "+said.Message)
	return result{answer: said, keep: true, row: row.ID, state: state}
}

// unqueued reads the error of a posting: the state of its command, and the answer to it.
func unqueued(err error, correlationID string) (connection.CommandState, answer) {
	text := "ThingPark gave no answer that was understood; whether the downlink was queued is not known."
	var sent *thingpark.SendError
	if errors.As(err, &sent) && sent.Text != "" {
		text = connection.Clean(sent.Text)
	}
	switch thingpark.OutcomeOf(err) {
	case thingpark.OutcomeRefused:
		return connection.CommandRefused, refusal(codeRefused, text)
	case thingpark.OutcomeNotSent:
		if thingsboard.NotAllowed(err) {
			return connection.CommandNotSent, refusal(string(connection.ReasonAddress),
				"Boardlink may not connect to the downlink address. "+connection.ReasonAddress.Text().Hint)
		}
		return connection.CommandNotSent, refusal(codeNotSent, text)
	}
	said := refusal(codeUnknown, text)
	said.CorrelationID = correlationID // a delivery report may settle it
	return connection.CommandUnknown, said
}

// settle answers a command and those who wait for the same answer.
func (c *commander) settle(cmd command, r result) {
	c.p.r.k.answers.settle(cmd.answer, r.answer, r.keep)
	c.p.r.m.opt.answered(r.answer)
	c.reply(cmd, r.answer)
}

// repeat answers a command that came again.
func (c *commander) repeat(cmd command) {
	timer := time.NewTimer(sendLimit - c.p.r.m.now().Sub(cmd.CameAt))
	defer timer.Stop()
	select {
	case <-cmd.answer.ready:
		c.reply(cmd, cmd.answer.answer)
	case <-timer.C:
		c.reply(cmd, refusal(codeUnknown, "The command is still under way; what became of it is not known."))
	}
}

// reply sends an answer. On a session that has ended it goes nowhere: ThingsBoard sends the command again.
func (c *commander) reply(cmd command, said answer) {
	ctx, cancel := context.WithTimeout(context.Background(), max(answerLimit-c.p.r.m.now().Sub(cmd.CameAt), 0))
	defer cancel()
	if err := c.p.session.Reply(ctx, cmd.Device, cmd.ID, said); err != nil {
		c.p.r.log.Info("An answer to a command was not taken", "device", connection.Clean(cmd.Device), "error", err)
	}
}

// tell writes an event about a command.
func (c *commander) tell(cmd command, level connection.Level, message string) {
	e := connection.Event{Level: level, Kind: connection.KindDownlink, ConnectionID: c.p.r.k.id, Message: message}
	if thingpark.ValidDevEUI(cmd.devEUI) {
		e.DevEUI = cmd.devEUI
	}
	c.p.r.m.journal.event(e)
}
