package link

import (
	"context"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/telemetry"
	"boardlink/thingsboard"
)

const (
	// labelEvery is the least time between two devices that are labelled: each costs one REST call or two, and telemetry
	// comes first.
	labelEvery = 250 * time.Millisecond
	// labelAgain is how long a device waits whose label could not be set. ThingsBoard itself changes a device that a
	// gateway has just connected, and that change wins.
	labelAgain = time.Minute
	// labelsWaiting bounds the devices that wait; one that finds no place comes again with its next uplink.
	labelsWaiting = 128
)

// labels gives devices the names that ThingPark has for them. A label is a comfort: it is tried once for a device and a
// name, beside the telemetry, and what goes wrong is in nobody's way. It outlives single links.
type labels struct {
	now   func() time.Time
	wants chan labelWish

	mu    sync.Mutex
	asked map[string]labelAsked // by the device's name at ThingsBoard
}

type labelWish struct{ device, label string }

// labelAsked is what was done last for a device.
type labelAsked struct {
	label string
	again time.Time // not before then, where it could not be done; zero: it is done
}

func newLabels(now func() time.Time) *labels {
	return &labels{now: now, wants: make(chan labelWish, labelsWaiting), asked: map[string]labelAsked{}}
}

// want has a device labelled after an uplink was delivered, unless that was done before. It never waits.
func (l *labels) want(m telemetry.Message) {
	if m.Gateway || m.Label == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	was, known := l.asked[m.Device]
	if known && was.label == m.Label && (was.again.IsZero() || l.now().Before(was.again)) {
		return
	}
	select {
	case l.wants <- labelWish{m.Device, m.Label}:
		room(l.asked)
		l.asked[m.Device] = labelAsked{label: m.Label}
	default:
	}
}

// later has a device labelled with its next uplink after a while.
func (l *labels) later(w labelWish, pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if was := l.asked[w.device]; was.label == w.label {
		l.asked[w.device] = labelAsked{w.label, l.now().Add(pause)}
	}
}

// forget has a device labelled anew: it was deleted at ThingsBoard, or has another name there.
func (l *labels) forget(device string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.asked, device)
}

// label works off what is wanted, one device after the other, until the link ends.
func (p *pump) label() error {
	l := p.r.k.labels
	for {
		select {
		case <-p.takeCtx.Done():
			return nil
		case w := <-l.wants:
			pause := p.labelOne(w)
			if sleep(p.takeCtx, pause) != nil {
				return nil
			}
		}
	}
}

// labelOne labels one device and returns how long to wait before the next.
func (p *pump) labelOne(w labelWish) time.Duration {
	l := p.r.k.labels
	ctx, cancel := context.WithTimeout(p.takeCtx, askLimit)
	defer cancel()
	written, err := p.client.LabelDevice(ctx, w.device, w.label)
	if err == nil {
		if written {
			p.r.log.Debug("A device was labelled", "device", connection.Clean(w.device))
		}
		return labelEvery
	}
	if p.halted() {
		l.later(w, 0) // the next link does it
		return 0
	}
	p.r.log.Debug("A device could not be labelled", "device", connection.Clean(w.device), "error", err)
	switch kind := thingsboard.KindOf(err); {
	case kind == thingsboard.Poison || thingsboard.CodeOf(err) == connection.ReasonPermission:
		return labelEvery // it would be refused again
	case kind == thingsboard.Throttled:
		l.later(w, labelAgain)
		return labelAgain
	}
	l.later(w, labelAgain)
	return labelEvery
}
