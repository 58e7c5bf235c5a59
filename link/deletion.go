package link

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
)

const (
	// purgeAgain is the pause before a purge that did not work is tried again.
	purgeAgain = 10 * time.Second
	// purgeSettle is how long a document that was under way at the deletion may take to reach the queue.
	purgeSettle = time.Second
)

// purge empties the queue of a deleted connection in the background, tells how much that was, and finishes the
// deletion. What is not finished when the program goes down is taken up again at the next start.
func (m *Manager) purge(ctx context.Context, id connection.ID, name string) {
	m.background.Go(func() {
		dropped, err := m.empty(ctx, id)
		if err != nil {
			return // ctx ended
		}
		what := "A deleted connection"
		if name != "" {
			what = fmt.Sprintf("Connection %q was deleted; it", name)
		}
		m.journal.event(connection.Event{Level: connection.LevelInfo, Kind: connection.KindDeleted, ConnectionID: id,
			Message: fmt.Sprintf("%s had %s waiting, which %s dropped.", what, plural(dropped, "event"), was(dropped))})
		m.log.Info("Deletion finished", "connection_id", id, "dropped", dropped)
	})
}

// empty purges until nothing is left and the deletion is marked as finished. The only error is the end of ctx.
func (m *Manager) empty(ctx context.Context, id connection.ID) (int64, error) {
	var dropped int64
	purge := func() error {
		n, err := m.opt.Queue.Purge(ctx, id)
		dropped += n
		return err
	}
	finish := func() error { return m.opt.Store.FinishDeletion(ctx, id) }
	for _, step := range []func() error{purge, func() error { return sleep(ctx, purgeSettle) }, purge, finish} {
		for {
			err := step()
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return dropped, ctx.Err()
			}
			m.log.Warn("A deletion is not finished yet", "connection_id", id, "error", err)
			if err := sleep(ctx, purgeAgain); err != nil {
				return dropped, err
			}
		}
	}
	return dropped, nil
}

// sleep waits, or returns the error of a context that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// plural writes "1 event", "2 events".
func plural[N int | int64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func was[N int | int64](n N) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
