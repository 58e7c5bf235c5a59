package link

import (
	"slices"
	"testing"
	"time"

	"boardlink/connection"
)

// Who draws a link's history reads its events again: what a link tells must be understood.
func TestLink_tells_its_turns(t *testing.T) {
	in(t, func(b *bench) {
		b.start()
		b.want(connection.Opened, connection.ReasonConnected)
		b.board.last().end(lost())
		b.pass(2 * time.Second)
		b.want(connection.Opened, connection.ReasonConnected)
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		var got []connection.Turn
		for _, e := range b.store.events {
			if turn := connection.TurnOf(e); turn != connection.NoTurn && (len(got) == 0 || got[len(got)-1] != turn) {
				got = append(got, turn)
			}
		}
		if want := []connection.Turn{connection.Down, connection.TurnsUp, connection.Down, connection.TurnsUp}; !slices.Equal(got, want) {
			t.Errorf("turns %v, want %v, of %+v", got, want, b.store.events)
		}
	})
}
