package activity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boardlink/connection"
	"boardlink/live"
)

// Run stores what has gathered about once a second until ctx ends, and once more then. While the store refuses it
// keeps the figures and tries less often.
func (r *Recorder) Run(ctx context.Context) {
	pause := flushEvery
	var told time.Time
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			last := context.WithoutCancel(ctx)
			if err := errors.Join(r.flushWithin(last), r.keepSent(last, true)); err != nil {
				r.log.Error("The last figures could not be stored", "error", err)
			}
			return
		case <-timer.C:
		}
		r.watch()
		switch err := r.flushWithin(ctx); {
		case err == nil:
			pause = flushEvery
		case ctx.Err() != nil:
		default:
			pause = min(2*pause, maxPause)
			if now := r.now(); now.Sub(told) >= time.Minute {
				told = now
				r.log.Error("Figures could not be stored; they are kept and tried again", "error", err, "left_out", r.takeLost())
			}
		}
		timer.Reset(pause)
	}
}

func (r *Recorder) takeLost() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.lost
	r.lost = 0
	return n
}

func (r *Recorder) flushWithin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return r.Flush(ctx)
}

// Flush stores what has gathered. What could not be stored is kept for the next time.
func (r *Recorder) Flush(ctx context.Context) error {
	r.flushing.Lock()
	defer r.flushing.Unlock()
	minutes, devices := r.take()
	var errs []error
	if len(minutes) > 0 {
		if err := r.store.AddFigures(ctx, minutes); err != nil {
			errs = append(errs, fmt.Errorf("store figures: %w", err))
			r.keepMinutes(minutes)
			minutes = nil
		}
	}
	if len(devices) > 0 {
		if err := r.store.AddDevices(ctx, devices); err != nil {
			errs = append(errs, fmt.Errorf("store devices: %w", err))
			r.keepDevices(devices)
		}
	}
	if err := r.keepSent(ctx, false); err != nil {
		errs = append(errs, err)
	}
	r.tell(minutes)
	return errors.Join(errs...)
}

// take takes what is not stored yet.
func (r *Recorder) take() (minutes []connection.Minute, devices []connection.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tallies {
		for _, m := range t.minutes {
			minutes = append(minutes, *m)
		}
		clear(t.minutes)
	}
	for _, d := range r.devices {
		devices = append(devices, *d)
	}
	clear(r.devices)
	return minutes, devices
}

// keepMinutes puts back what could not be stored.
func (r *Recorder) keepMinutes(minutes []connection.Minute) {
	byConnection := map[connection.ID][]connection.Minute{}
	for _, m := range minutes {
		byConnection[m.ConnectionID] = append(byConnection[m.ConnectionID], m)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, some := range byConnection {
		r.lost += r.tally(id).restore(some)
	}
}

// keepDevices puts back what could not be stored. What was seen since is newer.
func (r *Recorder) keepDevices(devices []connection.Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, old := range devices {
		d := r.device(old.ConnectionID, old.DevEUI)
		if d == nil {
			continue
		}
		d.Uplinks += old.Uplinks
		d.Downlinks += old.Downlinks
		if old.LastUplinkAt.After(d.LastUplinkAt) {
			d.LastUplinkAt = old.LastUplinkAt
		}
		if d.Name == "" {
			d.Name = old.Name
		}
	}
}

// tell tells pages whose figures changed.
func (r *Recorder) tell(minutes []connection.Minute) {
	if r.feed == nil {
		return
	}
	told := map[connection.ID]bool{}
	for _, m := range minutes {
		if told[m.ConnectionID] {
			continue
		}
		told[m.ConnectionID] = true
		change := live.Change{Topic: live.Figures}
		if m.ConnectionID != all {
			change.ID = m.ConnectionID.String()
		}
		r.feed.Publish(change)
	}
}
