package link

import (
	"context"
	"fmt"
	"slices"
	"time"

	"boardlink/connection"
)

// rereadAfter is the pause before a row that could not be read is read again.
const rereadAfter = 5 * time.Second

// reconcile reads the row and makes it so.
func (k *keeper) reconcile(ctx context.Context) {
	k.reread.Stop()
	read, cancel := context.WithTimeout(ctx, readLimit)
	row, err := k.m.opt.Store.Connection(read, k.id)
	cancel()
	switch {
	case err == nil:
		k.apply(ctx, row)
	case connection.CodeOf(err) == connection.CodeNotFound:
		k.deleted(ctx)
	default:
		// What runs goes on as it is: a database that does not answer must not take links down.
		if ctx.Err() == nil {
			k.log.Warn("A connection could not be read", "error", err)
			k.reread.Reset(rereadAfter)
		}
	}
}

// apply compares the row with the one before and does what the difference asks for.
func (k *keeper) apply(ctx context.Context, row connection.Connection) {
	before, first := k.row, !k.known
	k.row, k.known = row, true
	k.config.Store(&row)
	switch {
	case first && !row.UpdatedAt.After(k.saved.StartupTime):
		k.workedUntil = latest(k.saved.StartupTime, k.saved.LastDeliveredAt)
	case !first && connection.RestartsLink(before, row):
		k.workedUntil = time.Time{} // whether ThingsBoard is to be found there is not known
	}
	switch {
	case !row.Active:
		k.deactivate(ctx)
	case first:
		k.want = wantRun
		k.resume(ctx)
	case !before.Active:
		k.want = wantRun
		k.schedule = schedule{}
		if k.run == nil { // else the link is still closing; it begins when that is over
			k.begin(ctx)
		}
	case row.RestartRequest != before.RestartRequest:
		k.urged = true
		k.restart(ctx, connection.ReasonRestart, k.who(ctx, "%s asked for a restart."))
	case connection.RestartsLink(before, row) || row.CredentialVersion != before.CredentialVersion:
		k.restart(ctx, connection.ReasonEdited, k.who(ctx, "%s changed the settings."))
	case row.Configuration.ReconnectStrategy != before.Configuration.ReconnectStrategy:
		k.replan()
	}
}

// restart ends the link that runs, or the waiting, and begins anew: the schedule too, since somebody asked.
func (k *keeper) restart(ctx context.Context, code connection.ReasonCode, sentence string) {
	k.want = wantRun
	k.schedule = schedule{}
	if k.run != nil {
		k.stop(&stop{code: code, sentence: sentence})
		return
	}
	k.begin(ctx)
}

// deactivate ends the link that runs at once and keeps it down.
func (k *keeper) deactivate(ctx context.Context) {
	was := k.want
	k.want = wantOff
	if k.run != nil {
		// Nobody is asked for a name first: not one more publish may go out.
		k.stop(&stop{code: connection.ReasonDeactivated, sentence: connection.ReasonDeactivated.Text().Sentence})
		return
	}
	if was == wantOff && k.board.read().State == connection.Deactivated {
		return
	}
	k.showDeactivated(ctx)
}

// showDeactivated enters DEACTIVATED. The edit that asked for it has its event already, so this makes none.
func (k *keeper) showDeactivated(ctx context.Context) {
	k.schedule = schedule{}
	k.next.Stop()
	if k.board.read().State == connection.Deactivated {
		return
	}
	m := move{state: connection.Deactivated, code: connection.ReasonDeactivated}
	if k.ran { // else nobody deactivated it: it was made so
		m.reason = k.who(ctx, "%s deactivated this connection.")
	}
	k.board.enter(nil, m, k.schedule.show)
}

// deleted takes in that the row is gone: the link ends, then the queue is purged.
func (k *keeper) deleted(ctx context.Context) {
	k.want = wantGone
	if k.run != nil {
		k.stop(&stop{code: connection.ReasonDeleted, sentence: connection.ReasonDeleted.Text().Sentence})
		return
	}
	k.leave(ctx)
}

// leave hands a deleted connection over to the purge and ends the keeper. A connection that never was is only left.
func (k *keeper) leave(ctx context.Context) {
	k.gone = true
	if k.known || k.wasDeleted(ctx) {
		k.m.purge(ctx, k.id, k.row.Name)
	}
}

func (k *keeper) wasDeleted(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	deleted, err := k.m.opt.Store.DeletedConnections(ctx)
	return err == nil && slices.Contains(deleted, k.id) // where it could not be read, the next start takes it up
}

// who puts the name of whoever changed the connection last into a sentence.
func (k *keeper) who(ctx context.Context, format string) string {
	name := "Somebody"
	if k.m.opt.WhoChanged != nil {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if who := connection.Clean(k.m.opt.WhoChanged(ctx, k.id)); who != "" {
			name = who
		}
	}
	return fmt.Sprintf(format, name)
}
