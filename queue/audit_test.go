package queue

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"boardlink/connection"
)

// While events are put, taken, acknowledged, retried and returned, no audit finds that the counters differ from what is in
// sight, however it falls between them.
func TestAudit_suspects_nothing_in_a_sound_file(t *testing.T) {
	q := open(t, file(t), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for d := range 4 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if _, err := q.Put(ctx, uplink(d, n)); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		random := rand.New(rand.NewPCG(seeded(t), 9))
		lanes := q.Lanes(7)
		for {
			events, err := lanes.Take(ctx, 8)
			if err != nil {
				return
			}
			for _, e := range events {
				switch random.IntN(8) {
				case 0:
					lanes.Return(e)
				case 1:
					lanes.Retry(e, 0)
				default:
					if err := lanes.Ack(ctx, e); err != nil {
						t.Error(err)
					}
				}
			}
		}
	})
	wrong := map[connection.ID]suspicion{}
	for n := range 50 {
		_ = q.audit(wrong) // the counters and the rebuild tell
		if len(wrong) > 0 {
			t.Errorf("audit %d: %+v", n, wrong)
			break
		}
	}
	cancel()
	wg.Wait()
	if !q.writer.lastRebuild.IsZero() {
		t.Error("the file was rebuilt")
	}
}

// An event that is hidden, as by a page that claims to have fewer rows, is missed.
func TestAudit_misses_what_nobody_finds(t *testing.T) {
	path := file(t)
	var told []Loss
	q := open(t, path, Options{Lost: func(all []Loss) error { told = all; return nil }})
	putAll(t, q, 2, 3)
	inWriter(t, q, func(t *tx) error {
		_, err := t.execText("DELETE FROM events WHERE id = $1", floorOf(7)+6)
		return err
	})
	l := q.Lanes(7)
	drain(t, l, 5)
	nothingToTake(t, l)
	wrong := map[connection.ID]suspicion{}
	for range auditsThatAgree {
		_ = q.audit(wrong) // the counters and the rebuild tell
	}
	for ctx := soon(t); ; { // it is refused while the file is rebuilt
		if _, err := q.Put(ctx, uplink(9, 1)); err == nil {
			break
		} else if !damage(err) {
			t.Fatal(err)
		}
	}
	if len(told) != 1 || told[0].Events != 1 {
		t.Fatalf("told of %+v, want one event", told)
	}
	drain(t, l, 1)
	wantDepth(t, q, 7, 0, 0)
}
