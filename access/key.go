package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"boardlink/connection"
)

// EnvironmentKey is the name of the API key that the environment brings.
const EnvironmentKey = "environment"

const (
	// knownFor is how long a key that was accepted is known without looking it up again. What changes keys or operators here
	// ends it at once; this bounds what another program may change.
	knownFor = time.Second
	// nobodysID is the id of no operator: the owner that is looked up for a key that does not exist.
	nobodysID = -1
)

// KeysOptions are what [NewKeyRing] needs.
type KeysOptions struct {
	Environment connection.Secret // the environment's key; empty: there is none
	Store       KeyStore          // nil: there are no other keys, and none can be made
	Owners      Owners            // mandatory with a Store
	Now         func() time.Time  // nil: time.Now
	Log         *slog.Logger      // nil: nothing is logged
}

// Keys knows the API keys. The one of the environment has every scope and ends with the variable. The others are kept in a
// store; each belongs to the operator who made it, and is worth nothing once that operator might not do what its scopes let
// it do. It is safe for concurrent use.
type Keys struct {
	environment connection.Secret
	store       KeyStore
	owners      Owners
	now         func() time.Time
	log         *slog.Logger

	mu      sync.Mutex
	known   map[string]knownKey // that were accepted, by their public id
	forgets uint64              // grows when known is emptied, so that a look-up begun before is not kept
	uses    map[int64]keyUse
	refused map[int64]*keyRefusals // by the key's id; 0 holds those of keys that do not exist
	wake    chan struct{}
}

type knownKey struct {
	key     APIKey
	owner   Identity
	until   time.Time
	forgets uint64 // of [Keys] when it was looked up
}

// NewKeys knows the environment's key alone; an empty one means that there is none.
func NewKeys(environment connection.Secret) *Keys {
	return NewKeyRing(KeysOptions{Environment: environment})
}

// NewKeyRing knows the environment's key and those in a store. [Keys.Run] must run beside it.
func NewKeyRing(opt KeysOptions) *Keys {
	k := &Keys{
		environment: opt.Environment, store: opt.Store, owners: opt.Owners, now: opt.Now, log: opt.Log,
		known: map[string]knownKey{}, uses: map[int64]keyUse{}, refused: map[int64]*keyRefusals{}, wake: make(chan struct{}, 1),
	}
	if k.now == nil {
		k.now = time.Now
	}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	return k
}

// HasEnvironmentKey reports whether the environment brings a key.
func (k *Keys) HasEnvironmentKey() bool { return k.environment.IsSet() }

// Identify tells whose key was presented, and from which address; the zero Identity without an error means nobody's. A key
// that is unknown, expired, revoked, left without its owner, or presented from elsewhere than it may be gets that same
// answer after the same work; the events tell which it was.
func (k *Keys) Identify(ctx context.Context, presented string, from netip.Addr) (Identity, error) {
	if SameSecret(presented, k.environment) {
		return Identity{Kind: KeyKind, Name: EnvironmentKey, Scopes: slices.Clone(Scopes)}, nil
	}
	publicID, formed := publicIDOf(presented)
	if !formed || k.store == nil {
		if presented != "" && !strings.HasPrefix(presented, uplinkPrefix) { // uplink keys are looked at elsewhere, and told of there
			k.refuse(APIKey{}, refusedUnknown, from)
		}
		return Identity{}, nil
	}
	found, err := k.find(ctx, publicID)
	if err != nil {
		return Identity{}, fmt.Errorf("identify a key: %w", err)
	}
	digest := DigestOf(presented)
	same := subtle.ConstantTimeCompare(digest[:], found.key.Digest[:]) == 1 && found.key.ID != 0
	if why := refusalOf(found.key, found.owner, same, from, k.now()); why != "" {
		k.refuse(found.key, why, from)
		return Identity{}, nil
	}
	k.accept(publicID, found, from)
	return found.key.identity(), nil
}

// refusalOf tells why a key is not accepted, "" where it is.
func refusalOf(key APIKey, owner Identity, same bool, from netip.Addr, now time.Time) refusal {
	switch {
	case key.ID == 0:
		return refusedUnknown
	case !same:
		return refusedSecret
	case !key.EndedAt.IsZero():
		return refusedEnded
	case key.Expired(now):
		return refusedExpired
	case !covers(key.OwnerID, owner, key.Scopes):
		return refusedOwner
	case !key.AllowsFrom(from):
		return refusedNetwork
	}
	return ""
}

// find looks a key and its owner up: the same two reads also where there is no such key. Only keys that were accepted are
// remembered, and only for [knownFor].
func (k *Keys) find(ctx context.Context, publicID string) (knownKey, error) {
	now := k.now()
	k.mu.Lock()
	found, ok := k.known[publicID]
	forgets := k.forgets
	k.mu.Unlock()
	if ok && now.Before(found.until) {
		return found, nil
	}
	key, err := k.store.APIKeyByPublicID(ctx, publicID)
	if connection.CodeOf(err) == connection.CodeNotFound {
		key, err = APIKey{OwnerID: nobodysID}, nil
	}
	if err != nil {
		return knownKey{}, err
	}
	owner, err := k.ownerOf(ctx, key.OwnerID)
	return knownKey{key, owner, now.Add(knownFor), forgets}, err
}

// accept notes a key's use, and remembers the key unless keys or owners were changed since it was looked up.
func (k *Keys) accept(publicID string, found knownKey, from netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if found.forgets == k.forgets {
		k.known[publicID] = found
	}
	u := k.uses[found.key.ID]
	u.at, u.from = k.now(), addressText(from)
	k.uses[found.key.ID] = u
}

func (k *Keys) ownerOf(ctx context.Context, id int64) (Identity, error) {
	if id == 0 {
		return Identity{}, nil
	}
	return k.owners.Identify(ctx, id)
}

// covers reports whether a key's owner may do, as a person, all that the scopes let the key do. A key that the environment's
// key made has no owner and is covered.
func covers(ownerID int64, owner Identity, scopes []Scope) bool {
	if ownerID == 0 {
		return true
	}
	return !slices.ContainsFunc(scopes, func(s Scope) bool { return !owner.AllowsRole(s.Least()) })
}

// forget makes the next request with any key look it up.
func (k *Keys) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.known)
	k.forgets++
}

// OwnersChanged tells that operators were changed: keys whose owners may no longer do what the keys may are refused from
// now on, and end for good a moment later.
func (k *Keys) OwnersChanged() {
	k.forget()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// SameSecret compares what somebody presented with the secret that is meant, without telling by its time how much of it
// was right. Nothing equals a secret that is not set.
func SameSecret(presented string, want connection.Secret) bool {
	a, b := sha256.Sum256([]byte(presented)), sha256.Sum256([]byte(want.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want.IsSet()
}

// NewUplinkKey makes the credential that ThingPark sends with each uplink of a connection: 256 random bits.
func NewUplinkKey() connection.Secret { return connection.Secret(uplinkPrefix + randomText(32)) }

// randomText gives n random bytes in the alphabet that cookies, links and headers carry unchanged (base64url).
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program where the system gives no randomness
	return base64.RawURLEncoding.EncodeToString(b)
}
