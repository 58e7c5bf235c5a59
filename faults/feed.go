package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/faults/history"
	"boardlink/ingest"
	"boardlink/queue"
)

// errDown says that Boardlink is not up at the moment.
var errDown = errors.New("the program is down")

// Document is the uplink of a device with a frame counter: the same each time that it is asked for, and another for each
// frame.
func (l *Link) Document(device int, frame int64) (body []byte, at time.Time) {
	at = l.w.epoch.Add(time.Duration(frame) * time.Millisecond)
	mixed := (l.w.Seed+uint64(l.index)*1_000_003+uint64(device)*7919)*2_654_435_761 + uint64(frame)*40_503
	pad := ""
	n := l.w.opt.Pad
	if l.w.opt.PadOf != nil {
		n += l.w.opt.PadOf(device, frame)
	}
	if n > 0 {
		pad = fmt.Sprintf(`,"pad":%q`, strings.Repeat("x", n))
	}
	body = fmt.Appendf(nil, `{"DevEUI_uplink":{"Time":%q,"DevEUI":%q,"FPort":2,"FCntUp":%d,"payload_hex":"%016x","LrrRSSI":-71.5,"LrrSNR":8.25,`+
		`"SpFact":7,"CustomerID":"100000001","payload":{"temperature":%d.%02d,"seq":%d%s}}}`,
		at.UTC().Format("2006-01-02T15:04:05.000Z07:00"), l.Devices[device], frame, mixed, mixed%40, mixed%100, frame, pad)
	return body, at
}

// Put posts the next uplink of a device, the one after that which was posted before.
func (l *Link) Put(device int) history.Outcome {
	lane := l.lanes[device]
	lane.mu.Lock()
	defer lane.mu.Unlock()
	frame := lane.next
	lane.next++
	return l.Post(device, frame)
}

// Frames is how many uplinks of a device were posted.
func (l *Link) Frames(device int) int64 {
	lane := l.lanes[device]
	lane.mu.Lock()
	defer lane.mu.Unlock()
	return lane.next
}

// Post posts one uplink of a device through the real way in, perhaps not for the first time.
func (l *Link) Post(device int, frame int64) history.Outcome {
	body, at := l.Document(device, frame)
	return l.post(device, frame, at, body)
}

func (l *Link) post(device int, frame int64, at time.Time, body []byte) history.Outcome {
	post := l.w.History.Post(l.ID, l.Devices[device], frame, at)
	err := errDown
	l.w.with(func(in *inside) {
		err = in.acceptor.Accept(context.Background(), l.ID, ingest.Credential{UplinkKey: l.key}, "", body)
	})
	o := outcome(err)
	post.Answered(o)
	return o
}

// outcome says what an answer promised. That the queue is full or closed says that the event is not there; any other
// trouble of the queue leaves it open.
func outcome(err error) history.Outcome {
	switch {
	case err == nil:
		return history.Accepted
	case connection.CodeOf(err) == connection.CodeUnavailable && !errors.Is(err, queue.ErrFull) && !errors.Is(err, queue.ErrClosed):
		return history.Unknown
	}
	return history.Refused
}

// Backlog posts so many uplinks of each device of every connection, of many devices at once, and returns when all are
// answered.
func (w *World) Backlog(each int) {
	var devices sync.WaitGroup
	places := make(chan struct{}, 256)
	for _, l := range w.Links {
		for d := range l.Devices {
			devices.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				for range each {
					l.Put(d)
				}
			})
		}
	}
	devices.Wait()
}

// Feeder posts uplinks until it is stopped.
type Feeder struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Feed posts uplinks of every connection, rate a second for each, of devices that the seed draws. It goes on while
// Boardlink is down, as ThingPark does.
func (w *World) Feed(rate float64) *Feeder { return w.FeedTo(rate, w.Links...) }

// FeedTo is [World.Feed] for some of the connections.
func (w *World) FeedTo(rate float64, links ...*Link) *Feeder {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Feeder{cancel: cancel}
	every := time.Duration(float64(time.Second) / rate)
	for _, l := range links {
		random := w.Rand(uint64(l.index) + 1000)
		f.done.Go(func() {
			first := time.NewTimer(time.Duration(random.Float64() * float64(every))) // not all at the same moment
			defer first.Stop()
			select {
			case <-first.C:
			case <-ctx.Done():
				return
			}
			tick := time.NewTicker(every)
			defer tick.Stop()
			for ctx.Err() == nil {
				l.Put(random.IntN(len(l.Devices)))
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		})
	}
	w.T.Cleanup(f.Stop)
	return f
}

// Stop ends the posting and returns when the last post is answered.
func (f *Feeder) Stop() {
	f.cancel()
	f.done.Wait()
}
