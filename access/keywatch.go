package access

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"boardlink/connection"
)

const (
	keyRound   = 5 * time.Second // between two looks at what there is to write down
	keyUseNote = time.Minute     // least time between two notes of a key's use
	keyTell    = time.Minute     // least time between two events about refusals of one key
	keySweep   = time.Minute     // between two looks at the owners, beside those that are asked for
	keyGoodbye = time.Second     // for the last notes
	// KeepEndedKeys is how long an ended key is recognised when somebody still uses it.
	KeepEndedKeys = 30 * 24 * time.Hour
)

// refusal says why a key was not accepted; it is the end of a sentence.
type refusal string

const (
	refusedUnknown refusal = "there is no such key"
	refusedSecret  refusal = "its secret part is wrong"
	refusedEnded   refusal = "it was revoked"
	refusedExpired refusal = "it has expired"
	refusedOwner   refusal = "its owner may not do what it is for"
	refusedNetwork refusal = "it may not be used from there"
)

// keyUse is the last use of a key, and when one was written down.
type keyUse struct {
	at, noted time.Time
	from      string
}

// keyRefusals counts what was refused of one key since it was last told.
type keyRefusals struct {
	key         APIKey
	count       int64
	why         refusal
	from        string
	since, told time.Time
}

// refuse counts a refusal. It writes nothing: a stranger makes nobody wait, and learns nothing by the time it takes.
func (k *Keys) refuse(key APIKey, why refusal, from netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.refused[key.ID]
	if r == nil {
		r = &keyRefusals{}
		k.refused[key.ID] = r
	}
	if r.count == 0 {
		r.since = k.now()
	}
	r.key, r.why, r.from = key, why, addressText(from)
	r.count++
}

func addressText(from netip.Addr) string {
	if !from.IsValid() {
		return ""
	}
	return from.Unmap().WithZone("").String()
}

// Run writes down the uses and refusals of keys, and ends the keys whose owners are gone, until ctx ends. What is left to
// write then is written first.
func (k *Keys) Run(ctx context.Context) {
	if k.store == nil {
		<-ctx.Done()
		return
	}
	round := time.NewTicker(keyRound)
	defer round.Stop()
	var swept time.Time
	for {
		now := k.now()
		if now.Sub(swept) >= keySweep || now.Before(swept) {
			swept = now
			k.endOrphans(ctx)
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyGoodbye)
			defer cancel()
			k.writeUses(last, 0)
			k.tellRefusals(last, 0)
			return
		case <-k.wake:
			swept = time.Time{}
		case <-round.C:
			k.writeUses(ctx, keyUseNote)
			k.tellRefusals(ctx, keyTell)
		}
	}
}

// writeUses notes the last uses of those keys of which none was noted for the span every.
func (k *Keys) writeUses(ctx context.Context, every time.Duration) {
	now := k.now()
	due := map[int64]keyUse{}
	k.mu.Lock()
	for id, u := range k.uses {
		if u.at.After(u.noted) && (now.Sub(u.noted) >= every || now.Before(u.noted)) {
			due[id] = u
		}
	}
	k.mu.Unlock()
	for id, u := range due {
		if err := k.store.NoteAPIKeyUse(ctx, id, u.at, u.from); err != nil {
			k.log.WarnContext(ctx, "The use of an API key was not noted", "key_id", id, "error", err)
			continue
		}
		k.mu.Lock()
		if latest, ok := k.uses[id]; ok {
			latest.noted = now
			k.uses[id] = latest
		}
		k.mu.Unlock()
	}
}

// tellRefusals leaves an event for each key that was refused, unless one was left within the span every.
func (k *Keys) tellRefusals(ctx context.Context, every time.Duration) {
	now := k.now()
	var due []connection.Event
	k.mu.Lock()
	for id, r := range k.refused {
		switch elapsed := now.Sub(r.told); {
		case elapsed >= 0 && elapsed < every:
		case r.count == 0:
			delete(k.refused, id)
		default:
			due = append(due, connection.Event{Time: now, Level: connection.LevelWarning, Kind: connection.KindAccess, Actor: connection.System, Address: r.from, Message: r.sentence()})
			r.count, r.told = 0, now
		}
	}
	k.mu.Unlock()
	for _, e := range due {
		if _, err := k.store.AddEvent(ctx, e); err != nil {
			k.log.ErrorContext(ctx, "Event not stored", "kind", connection.KindAccess, "error", err)
		}
	}
}

// sentence tells what was refused: "The API key "ci" (bl_ak_4fGh12Ab) was refused: it has expired."
func (r *keyRefusals) sentence() string {
	what := "An API key that does not exist, or was mistyped,"
	if r.key.ID != 0 {
		what = fmt.Sprintf("The API key %q (%s)", r.key.Name, r.key.Prefix())
	}
	why := ""
	if r.key.ID != 0 {
		why = ": " + string(r.why)
	}
	if r.count == 1 {
		return what + " was refused" + why + "."
	}
	return fmt.Sprintf("%s was refused %d times since %s%s.", what, r.count, r.since.UTC().Format("15:04:05 UTC"), why)
}

// endOrphans ends for good the keys whose owners are gone, disabled, or may no longer do what the keys are for: an operator
// who comes back does not bring keys back that nobody thinks of any more.
func (k *Keys) endOrphans(ctx context.Context) {
	owners := map[int64]Identity{}
	for after := int64(0); ; {
		keys, err := k.store.APIKeys(ctx, after, maxKeys)
		if err != nil {
			k.complain(ctx, err)
			return
		}
		if len(keys) == 0 {
			return
		}
		for _, key := range keys {
			after = key.ID
			owner, looked := owners[key.OwnerID]
			if !looked {
				if owner, err = k.ownerOf(ctx, key.OwnerID); err != nil {
					k.complain(ctx, err)
					return
				}
				owners[key.OwnerID] = owner
			}
			if covers(key.OwnerID, owner, key.Scopes) {
				continue
			}
			if err := k.end(ctx, key, connection.System, orphaned(key, owner)); err != nil && connection.CodeOf(err) != connection.CodeNotFound {
				k.complain(ctx, err)
			}
		}
	}
}

func orphaned(key APIKey, owner Identity) string {
	why := "is no longer active here"
	if owner.Known() {
		why = "may no longer do what it was for"
	}
	return fmt.Sprintf("The API key %q (%s) has ended: its owner %s %s.", key.Name, key.Prefix(), key.Owner, why)
}

func (k *Keys) complain(ctx context.Context, err error) {
	if ctx.Err() == nil {
		k.log.ErrorContext(ctx, "The owners of API keys could not be looked at", "error", err)
	}
}
