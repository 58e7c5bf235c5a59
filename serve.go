package main

import (
	"context"
	"io"
	"sync"
	"time"

	"boardlink/access"
	"boardlink/config"
	"boardlink/connection"
	"boardlink/live"
)

// serve runs Boardlink until ctx ends.
func serve(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	cfg, err := config.Load(args, environ, stderr)
	if err != nil {
		return err
	}
	log := cfg.Logger(stderr)
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
	a, err := assemble(ctx, cfg, log, surroundings{})
	if err != nil {
		return err
	}
	if err := a.announce(ctx, stdout); err != nil {
		a.release()
		return err
	}
	log.Info("Boardlink starts", "version", programVersion(), "settings", cfg)
	return a.run(ctx)
}

// What is kept, and how often it is looked through. How many events are kept, and how long, are settings.
const (
	keepMinutes   = 2 * 24 * time.Hour
	keepHours     = 90 * 24 * time.Hour
	keepCommands  = 30 * 24 * time.Hour
	maxCommands   = 100_000 // of one connection
	pruneEvery    = time.Hour
	watchEvery    = 10 * time.Second
	alarmingFill  = 0.80
	reassuredFill = 0.75 // below the alarm's mark, so that it does not flutter
)

// chores does what must be done now and then, until ctx ends.
func (a *application) chores(ctx context.Context) {
	var steady sync.WaitGroup
	defer steady.Wait()
	steady.Go(func() { a.figures.Run(ctx) })
	steady.Go(func() { a.alarms.Run(ctx) })
	steady.Go(func() { a.keys.Run(ctx) })
	if a.keyPair != nil {
		steady.Go(func() { a.keyPair.Run(ctx) })
	}
	prune, watch := time.NewTicker(pruneEvery), time.NewTicker(watchEvery)
	defer prune.Stop()
	defer watch.Stop()
	a.prune(ctx)
	alarmed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-prune.C:
			a.prune(ctx)
		case <-watch.C:
			alarmed = a.watchFill(ctx, alarmed)
			a.registry.ReportRefusals(ctx, func(e connection.Event) { a.addEvent(ctx, e) })
			a.server.ReportRefusals(ctx, func(e connection.Event) { a.addEvent(ctx, e) })
			a.watchOldKeys(ctx)
		}
	}
}

// prune removes what is kept no longer. A clock that jumped ahead would make it remove too much, for ever.
func (a *application) prune(ctx context.Context) {
	if a.links.ClockInDoubt() {
		a.log.Warn("Nothing old is removed until it is known whether the clock is right")
		return
	}
	now := time.Now()
	if _, err := a.db.PruneEvents(ctx, now.Add(-a.keepEvents), a.maxEvents); err != nil && ctx.Err() == nil {
		a.log.Error("Old events could not be removed", "error", err)
	}
	if _, err := a.db.PruneFigures(ctx, now.Add(-keepMinutes), now.Add(-keepHours)); err != nil && ctx.Err() == nil {
		a.log.Error("Old figures could not be removed", "error", err)
	}
	if _, err := a.db.PruneCommands(ctx, now.Add(-keepCommands), maxCommands); err != nil && ctx.Err() == nil {
		a.log.Error("Old commands could not be removed", "error", err)
	}
	if _, err := a.db.PruneOnce(ctx, now.Add(-connection.OnceFor)); err != nil && ctx.Err() == nil {
		a.log.Error("Old requests could not be forgotten", "error", err)
	}
	if _, err := a.db.PruneAPIKeys(ctx, now.Add(-access.KeepEndedKeys)); err != nil && ctx.Err() == nil {
		a.log.Error("Ended API keys could not be removed", "error", err)
	}
	if _, err := a.server.Sessions().Prune(ctx); err != nil && ctx.Err() == nil {
		a.log.Error("Ended sessions could not be removed", "error", err)
	}
}

// watchOldKeys notes the uses of uplink keys that were replaced, and removes those whose time is over.
func (a *application) watchOldKeys(ctx context.Context) {
	note := func(id connection.ID, at time.Time) error {
		err := a.db.NoteOldUplinkKeyUse(ctx, id, at)
		if err != nil && ctx.Err() == nil {
			a.log.Warn("The use of an old uplink key was not noted", "connection_id", id, "error", err)
		}
		return err
	}
	over := func(id connection.ID) {
		if a.links.ClockInDoubt() {
			return
		}
		if err := a.operations.ForgetOldUplinkKey(ctx, id); err != nil && connection.CodeOf(err) != connection.CodeNotFound && ctx.Err() == nil {
			a.log.Error("An old uplink key could not be removed", "connection_id", id, "error", err)
		}
	}
	a.registry.ReportOldKeys(time.Now(), note, over)
}

// watchFill raises an alarm when the queue is nearly full, and one more when it is not any longer.
func (a *application) watchFill(ctx context.Context, alarmed bool) bool {
	fill := a.queue.Fill()
	e := connection.Event{Kind: connection.KindAlarm, Actor: connection.System}
	switch {
	case !alarmed && fill >= alarmingFill:
		e.Level = connection.LevelWarning
		e.Message = "The queue of uplinks is more than 80 % full. When it is full, uplinks are refused with 503: look at the connections with a backlog, or raise BOARDLINK_QUEUE_MAX."
	case alarmed && fill < reassuredFill:
		e.Level = connection.LevelInfo
		e.Message = "The queue of uplinks has room again."
	default:
		return alarmed
	}
	if !a.addEvent(ctx, e) {
		return alarmed
	}
	return !alarmed
}

// addEvent stores an event and tells open pages; it reports whether it could.
func (a *application) addEvent(ctx context.Context, e connection.Event) bool {
	if _, err := a.db.AddEvent(ctx, e); err != nil {
		a.log.Error("An event could not be stored", "message", e.Message, "error", err)
		return false
	}
	id := ""
	if e.ConnectionID != 0 {
		id = e.ConnectionID.String()
		a.feed.Publish(live.Change{Topic: live.Connection, ID: id})
	}
	a.feed.Publish(live.Change{Topic: live.Events, ID: id})
	return true
}
