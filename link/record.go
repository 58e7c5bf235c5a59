package link

import (
	"context"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/live"
	"boardlink/thingpark"
)

// A command is on disk as "sending" before its downlink leaves. A program that ends between the posting and the answer
// finds it there when ThingsBoard sends the command again, and answers that its outcome is unknown: posting it a second
// time could make the device act twice. While the program runs, answers.go knows all of this and the store is not asked.

const (
	// recordLimit is how long the store may take to write a command down. With waitLimit before it, a second is left for
	// ThingPark.
	recordLimit = 2 * time.Second
	// noteLimit is how long an answer waits until what it says is written down too; the writing itself goes on.
	noteLimit = 400 * time.Millisecond
	// abandonedAfter is the age at which a command counts as abandoned that is still being sent by its row: what it came
	// to could not be written down. It is far beyond answerLimit.
	abandonedAfter = time.Minute

	interrupted = "Boardlink ended, or could not write, while this command was under way; whether ThingPark queued it is not known."
)

// recorded is what the store said to a command that was to be written down.
type recorded struct {
	row   connection.Command
	begun bool
	err   error
}

// record writes a command down before it is sent. ok is false where it must not be: it came before the program last
// started, or the store did not take it in time; r then is how it ends.
func (c *commander) record(cmd command, d thingpark.Downlink) (row connection.Command, r result, ok bool) {
	m := c.p.r.m
	row = connection.Command{ConnectionID: c.p.r.k.id, DevEUI: d.DevEUI, RPC: cmd.ID, Hash: cmd.answer.key.hash, FPort: d.FPort,
		CorrelationID: strings.ToUpper(d.CorrelationID), CameAt: cmd.CameAt}
	got := m.beginCommand(row)
	switch {
	case got.err != nil:
		c.p.r.log.Error("A command could not be written down", "dev_eui", cmd.devEUI, "error", got.err)
		return row, c.refuse(cmd, "A command was not sent, because Boardlink's database did not take it down.", result{
			answer: refusal(codeNotRecorded, "Boardlink's database did not take the command down in time, so it was not sent.")}), false
	case !got.begun:
		c.p.r.log.Info("A command came again that was sent before", "dev_eui", cmd.devEUI, "state", got.row.State)
		return row, result{answer: answerOf(got.row), keep: true}, false
	case c.p.halted() || m.now().Sub(cmd.CameAt) >= sendLimit:
		return row, c.refuse(cmd, "A command waited too long and was not sent.", result{row: got.row.ID, state: connection.CommandNotSent,
			answer: refusal(codeNotSent, "The command was not sent: the link is ending, or its time was up.")}), false
	}
	return got.row, result{}, true
}

// beginCommand asks the store, and waits for recordLimit whatever the store does. A command that is written down after that was
// not sent, and its row is made to say so.
func (m *Manager) beginCommand(row connection.Command) recorded {
	ctx, cancel := context.WithTimeout(context.Background(), recordLimit)
	taken := make(chan recorded) // without room: what was not taken is not sent
	m.background.Go(func() {
		defer cancel()
		var got recorded
		got.err = guard(func() (err error) {
			got.row, got.begun, err = m.opt.Store.BeginCommand(ctx, row, m.clock.slow().Add(-connection.CommandsRememberedFor))
			return err
		})
		select {
		case taken <- got:
		case <-ctx.Done():
			if got.err == nil && got.begun {
				m.writeState(got.row.ID, connection.CommandNotSent, "It was written down too late, and not sent.")
			}
		}
	})
	select {
	case got := <-taken:
		return got
	case <-ctx.Done():
		return recorded{err: ctx.Err()}
	}
}

// note writes down how a command ended, and waits for that a moment only: its answer is due.
func (c *commander) note(r result) {
	if r.row != 0 {
		c.p.r.m.noteCommand(c.p.r.k.id, r.row, r.state, r.Message)
	}
}

func (m *Manager) noteCommand(id connection.ID, row int64, state connection.CommandState, sentence string) {
	written := make(chan struct{})
	m.background.Go(func() {
		defer close(written)
		m.writeState(row, state, sentence)
		m.journal.publish(live.Change{Topic: live.Events, ID: id.String()})
	})
	timer := time.NewTimer(noteLimit)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}

// writeState writes down how a command ended. What cannot be written is given up later.
func (m *Manager) writeState(row int64, state connection.CommandState, sentence string) {
	ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
	defer cancel()
	if err := m.opt.Store.SettleCommand(ctx, row, state, sentence); err != nil {
		m.log.Error("What became of a command could not be written down", "state", state, "error", err)
	}
}

// answerOf answers a command that came before the program last started by what is known of it.
func answerOf(c connection.Command) answer {
	said := answer{Status: statusQueued, CorrelationID: c.CorrelationID, Message: c.Sentence}
	switch c.State {
	case connection.CommandSending:
		said.Status, said.Code, said.Message = "error", codeUnknown, interrupted
	case connection.CommandUnknown:
		said.Status, said.Code = "error", codeUnknown
	case connection.CommandRefused:
		return refusal(codeRefused, c.Sentence)
	case connection.CommandRejected:
		said.Status, said.Code = "error", codeRefused
	}
	return said
}

// giveUp makes unknown what was being sent before then and is not any more, and tells of each.
func (m *Manager) giveUp(ctx context.Context, before time.Time) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	given, err := m.opt.Store.GiveUpCommands(ctx, before, interrupted)
	if err != nil {
		m.log.Warn("Commands that were under way were not looked for", "error", err)
		return
	}
	for _, c := range given {
		m.journal.event(connection.Event{Level: connection.LevelWarning, Kind: connection.KindDownlink, ConnectionID: c.ConnectionID, DevEUI: c.DevEUI,
			Message: "What became of a command is not known: " + interrupted + " Correlation id " + c.CorrelationID + "."})
	}
}
