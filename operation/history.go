package operation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"boardlink/connection"
)

// historyEvents bounds how many of a connection's latest events its history is made of, of every kind: state events alone
// would be looked for through the whole log. A link that is lost every minute is known for a day this way.
const historyEvents = 1000

// HistoryPieces is into how many pieces a history is cut to be drawn.
const HistoryPieces = 90

// Piece is a part of a link's past. What is left of its span is not known.
type Piece struct {
	From, To time.Time
	Up       time.Duration // carried
	Down     time.Duration // lost, or not opened yet
	Off      time.Duration // ended because somebody wanted it
}

// Share is how much of what is known was up, 0 to 1; ok is false where nothing is known, or nobody wanted the link.
func (p Piece) Share() (share float64, ok bool) {
	if p.Up+p.Down <= 0 {
		return 0, false
	}
	return float64(p.Up) / float64(p.Up+p.Down), true
}

// History is a link's past as its events tell it.
type History struct {
	Pieces []Piece // oldest first, without gaps
	Whole  Piece   // all of them in one
	// Restarts holds how long the latest restarts took that somebody wanted, from the end of one session to the begin of the
	// next, newest first, at most ten.
	Restarts []time.Duration
}

// RestartTakes is the middle one of the restarts; ok is false where there was none.
func (h History) RestartTakes() (d time.Duration, ok bool) {
	if len(h.Restarts) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(h.Restarts))
	return sorted[len(sorted)/2], true
}

const (
	shownRestarts = 10
	// atOnce is how soon after its end a link that was restarted connects again: a session may take ten seconds to close.
	atOnce = 15 * time.Second
)

// History reads how a link fared in the span that ends now, cut into as many pieces. While the program does not run nobody
// writes: such a time counts as what was before it.
func (o *Connections) History(ctx context.Context, id connection.ID, span time.Duration, pieces int) (History, error) {
	c, err := o.store.Connection(ctx, id)
	if err != nil {
		return History{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	events, err := o.store.Events(ctx, EventFilter{ConnectionID: id, Limit: historyEvents})
	if err != nil {
		return History{}, fmt.Errorf("read events of connection %s: %w", id, err)
	}
	slices.Reverse(events)
	turns := turnsOf(events)
	now := o.now()
	h := History{Restarts: restarts(turns)}
	if last, ok := ending(turns, o.view(c, o.links.Status(id)).Status); ok {
		turns = append(turns, last)
	}
	step := span / time.Duration(pieces)
	for i := range pieces {
		p := Piece{From: now.Add(-span + time.Duration(i)*step), To: now.Add(-span + time.Duration(i+1)*step)}
		for j, t := range turns {
			end := now
			if j+1 < len(turns) {
				end = turns[j+1].at
			}
			p.add(t, end)
		}
		h.Pieces = append(h.Pieces, p)
		h.Whole.Up, h.Whole.Down, h.Whole.Off = h.Whole.Up+p.Up, h.Whole.Down+p.Down, h.Whole.Off+p.Off
	}
	h.Whole.From, h.Whole.To = now.Add(-span), now
	return h, nil
}

// turn is a change of whether a link is up.
type turn struct {
	at time.Time
	to connection.Turn
}

// turnsOf gives the changes that events tell, oldest first.
func turnsOf(events []connection.Event) []turn {
	var turns []turn
	for _, e := range events {
		to := connection.TurnOf(e)
		if to == connection.NoTurn || len(turns) > 0 && turns[len(turns)-1].to == to {
			continue
		}
		turns = append(turns, turn{e.Time, to})
	}
	return turns
}

// ending is what the link itself says where its last event says something else: it was ended without a word.
func ending(turns []turn, s connection.Status) (turn, bool) {
	said := connection.NoTurn
	var at time.Time
	if len(turns) > 0 {
		said, at = turns[len(turns)-1].to, turns[len(turns)-1].at
	}
	is, since := connection.Down, s.Since
	switch {
	case s.State == connection.Opened:
		is, since = connection.TurnsUp, s.StartupTime
	case s.State == connection.Deactivated:
		is = connection.Planned
	case said == connection.Planned:
		return turn{}, false
	}
	if is == said || since.IsZero() {
		return turn{}, false
	}
	if since.Before(at) {
		since = at
	}
	return turn{since, is}, true
}

// restarts gives how long it took to be up again after each wanted end, newest first.
func restarts(turns []turn) []time.Duration {
	var list []time.Duration
	var from time.Time
	for _, t := range turns {
		switch {
		case t.to == connection.Planned:
			from = t.at
		case t.to == connection.TurnsUp && !from.IsZero():
			list = append(list, t.at.Sub(from))
			from = time.Time{}
		case t.at.Sub(from) > atOnce:
			from = time.Time{} // it was deactivated, and activated again later
		}
	}
	slices.Reverse(list)
	return list[:min(len(list), shownRestarts)]
}

// add takes in the part of a stretch that lies within the piece.
func (p *Piece) add(t turn, end time.Time) {
	from := t.at
	if from.Before(p.From) {
		from = p.From
	}
	if end.After(p.To) {
		end = p.To
	}
	d := end.Sub(from)
	if d <= 0 {
		return
	}
	switch t.to {
	case connection.TurnsUp:
		p.Up += d
	case connection.Planned:
		p.Off += d
	default:
		p.Down += d
	}
}
