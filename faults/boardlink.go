package faults

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"boardlink/access"
	"boardlink/activity"
	"boardlink/connection"
	"boardlink/db"
	"boardlink/ingest"
	"boardlink/link"
	"boardlink/live"
	"boardlink/netguard"
	"boardlink/operation"
	"boardlink/queue"
	"boardlink/stores"
)

// inside is what a Boardlink has inside while it is up: what main wires, without the web.
type inside struct {
	db         *db.DB
	queue      *queue.Queue
	figures    *activity.Recorder
	acceptor   *ingest.Acceptor
	links      *link.Manager
	operations *operation.Connections

	cancel  context.CancelFunc // nil until it runs
	running sync.WaitGroup
	failed  error // why the links did not run
}

// open opens the files and makes all parts; nothing runs yet.
func (w *World) open() error {
	ctx := context.Background()
	sealer, err := db.NewSealer(make([]byte, 32))
	if err != nil {
		return err
	}
	in := &inside{}
	if in.db, err = db.Open(ctx, filepath.Join(w.dir, "boardlink.db"), db.Options{Sealer: sealer, Log: w.log}); err != nil {
		return err
	}
	if in.queue, err = queue.Open(ctx, filepath.Join(w.dir, "queue.db"), queue.Options{MaxBytes: w.opt.QueueMax, Log: w.log}); err != nil {
		return errors.Join(err, in.db.Close())
	}
	if err := w.wire(ctx, in); err != nil {
		return errors.Join(err, in.queue.Close(), in.db.Close())
	}
	w.inner.Lock()
	w.inside = in
	w.inner.Unlock()
	return nil
}

func (w *World) wire(ctx context.Context, in *inside) error {
	feed, registry := &live.Feed{}, &ingest.Registry{}
	all, err := in.db.Connections(ctx)
	if err != nil {
		return err
	}
	registry.Load(all)
	installation, err := in.db.InstallationID(ctx)
	if err != nil {
		return err
	}
	dial := w.opt.Dial
	if dial == nil {
		policy, err := netguard.ParsePolicy("127.0.0.1,localhost")
		if err != nil {
			return err
		}
		dial = policy.Dialer(10 * time.Second).DialContext
	}
	in.figures = activity.New(activity.Options{Store: stores.Figures{DB: in.db}, Telemetry: in.db, Feed: feed, Log: w.log})
	in.links = link.NewManager(link.Options{
		Store: recordingStore{in.db, w}, Queue: recordingQueue{link.FromQueue(in.queue), w}, Figures: recordingFigures{in.figures, w.History},
		Open: w.opener(dial), Downlinks: w.Park, Feed: feed, Log: w.log, Random: w.opt.Random, Installation: installation, Node: "here",
		RecentDevices: in.db.RecentDevices,
	})
	in.operations = operation.New(operation.Options{Store: stores.Operations{DB: in.db}, Links: in.links, Observer: registry, Feed: feed,
		PublicURL: "http://localhost", NewUplinkKey: access.NewUplinkKey, Refusals: registry})
	in.acceptor = &ingest.Acceptor{Registry: registry, Queue: in.queue, Figures: in.figures}
	return nil
}

// Start lets Boardlink run, from the files that it left where it ran before.
func (w *World) Start() {
	w.T.Helper()
	w.inner.RLock()
	in := w.inside
	w.inner.RUnlock()
	if in == nil {
		if err := w.open(); err != nil {
			w.T.Fatalf("start Boardlink: %v", err)
		}
		w.inner.RLock()
		in = w.inside
		w.inner.RUnlock()
	}
	if in.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	in.cancel = cancel
	in.running.Go(func() {
		if err := in.links.Run(ctx); !errors.Is(err, context.Canceled) { // it was stopped before it had read everything
			in.failed = err
		}
	})
	in.running.Go(func() { in.figures.Run(ctx) })
	in.running.Go(func() { w.look(ctx, in.links) })
}

// Stop ends Boardlink as SIGTERM does: links return what is on the way, the queue commits, files close. It returns when
// all of it has ended, and may be called twice.
func (w *World) Stop() {
	w.inner.Lock()
	in := w.inside
	w.inside = nil
	w.inner.Unlock()
	if in == nil {
		return
	}
	if in.cancel != nil {
		in.cancel()
		in.running.Wait()
	}
	flush, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := errors.Join(in.failed, in.figures.Flush(flush), in.queue.Close(), in.db.Close()); err != nil {
		w.T.Errorf("stop Boardlink: %v", err)
	}
}

// Restart stops Boardlink and starts it again.
func (w *World) Restart() {
	w.T.Helper()
	w.Stop()
	w.Start()
}

// look writes the states of all links down, now and then.
func (w *World) look(ctx context.Context, links *link.Manager) {
	tick := time.NewTicker(w.opt.Look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		for id, s := range links.Statuses() {
			w.History.State(id, s, now)
			w.link(id).showed(s)
		}
	}
}

// with calls f with what is inside, and reports false where Boardlink is down. It does not go down meanwhile.
func (w *World) with(f func(in *inside)) bool {
	w.inner.RLock()
	defer w.inner.RUnlock()
	if w.inside == nil {
		return false
	}
	f(w.inside)
	return true
}

// Events are the latest events, newest first; none while Boardlink is down.
func (w *World) Events() (events []connection.Event) {
	w.with(func(in *inside) {
		events, _ = in.db.Events(context.Background(), db.EventFilter{Limit: 40}) // they explain a failure, and are not the failure
	})
	return events
}

// Parked lists what is parked of a connection.
func (w *World) Parked(id connection.ID) (parked []queue.ParkedEvent) {
	w.T.Helper()
	var err error
	w.with(func(in *inside) { parked, err = in.queue.Parked(context.Background(), id, 0, queue.MaxParked) })
	if err != nil {
		w.T.Fatalf("list parked events: %v", err)
	}
	return parked
}
