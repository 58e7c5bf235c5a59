package link

import (
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/live"
	"boardlink/queue"
	"boardlink/thingpark"
)

const (
	// reportPause is how long a delivery report waits, and its device's lane with it, where the database does not answer;
	// after maxReports tries it goes on unsettled, because what a device measured matters more.
	reportPause = 5 * time.Second
	maxReports  = 12
)

// reports remembers the delivery reports that were taken in, by event: one whose telemetry must be sent again is not
// taken in again.
type reports struct {
	mu   sync.Mutex
	seen map[int64]struct{}
}

func newReports() *reports { return &reports{seen: map[int64]struct{}{}} }

func (r *reports) has(event int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.seen[event]
	return ok
}

func (r *reports) add(event int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	room(r.seen)
	r.seen[event] = struct{}{}
}

// settleCommand takes in what a delivery report says of a command, whatever the settings then make of the document. It
// returns false where the report went back to its lane, because the database does not answer.
func (p *pump) settleCommand(e queue.Event) (goOn bool) {
	if e.Kind != thingpark.KindDownlinkSent && e.Kind != thingpark.KindDownlinkRejected || p.r.k.reports.has(e.ID) {
		return true
	}
	doc, err := thingpark.Parse(e.Body)
	if err != nil {
		return true // it is parked, where its turn as telemetry comes
	}
	v, ok := doc.Delivery()
	if !ok {
		return true
	}
	if err := p.reported(doc.DevEUI, v); err != nil {
		p.r.log.Warn("A delivery report waits for the database", "dev_eui", doc.DevEUI, "attempt", e.Attempts, "error", err)
		if e.Attempts < maxReports {
			p.lanes.Retry(e, reportPause)
			return false
		}
		p.r.log.Error("A command was not settled, because the database did not take its delivery report", "dev_eui", doc.DevEUI)
	}
	p.r.k.reports.add(e.ID)
	return true
}

// reported settles the command that a report is about. A rejection of a downlink that is no command of ours, or cannot
// be told to be one because the report names no correlation id, is told all the same; it is counted as none of ours.
func (p *pump) reported(devEUI string, v thingpark.Delivery) error {
	k, m := p.r.k, p.r.m
	state, level := connection.CommandMissed, connection.LevelWarning
	switch {
	case v.Rejected:
		state = connection.CommandRejected
	case v.Sent:
		state, level = connection.CommandSent, connection.LevelInfo
	}
	if v.CorrelationID == "" {
		p.rejectedElsewhere(devEUI, v)
		return nil
	}
	ctx, cancel := settling()
	defer cancel()
	c, changed, err := m.opt.Store.ReportCommand(ctx, k.id, devEUI, v.CorrelationID, state, v.Sentence(), connection.Event{
		Time: m.now(), Level: level, Kind: connection.KindDownlink, Actor: connection.System,
		Message: v.Sentence() + " Correlation id " + v.CorrelationID + "."})
	switch {
	case connection.CodeOf(err) == connection.CodeNotFound:
		p.rejectedElsewhere(devEUI, v)
		return nil
	case err != nil:
		return err
	case !changed:
		return nil
	}
	if c.Actor == "" {
		k.answers.forget(commandKey{c.DevEUI, c.RPC, c.Hash})
	}
	if v.Rejected {
		m.opt.Figures.Rejected(k.id)
	}
	m.journal.publish(live.Change{Topic: live.Events, ID: k.id.String()})
	return nil
}

func (p *pump) rejectedElsewhere(devEUI string, v thingpark.Delivery) {
	if v.Rejected {
		p.r.k.tally.add(occasionRejected(v.Sentence()), devEUI)
	}
}

func occasionRejected(sentence string) occasion {
	return occasion{key: "rejected " + sentence, level: connection.LevelWarning, kind: connection.KindDownlink, tell: func(n int) string {
		if n == 1 {
			return sentence
		}
		return plural(n, "downlink") + " that no command here is known for: " + sentence
	}}
}
