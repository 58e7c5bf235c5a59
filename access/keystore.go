package access

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"boardlink/connection"
)

// APIKey is a program's credential as it is stored: of the key itself there is a digest alone.
type APIKey struct {
	ID       int64
	PublicID string // part of the key; names it where it must not be seen
	Digest   Digest // of the whole key
	Name     string // no two keys that work share one, whatever the case
	Scopes   []Scope
	Networks []netip.Prefix // from where it may be used; empty: from everywhere
	OwnerID  int64          // the operator who made it, or who made the key that made it; 0: the environment's key did
	Owner    string         // that operator's e-mail, or [EnvironmentKey]

	CreatedAt    time.Time
	ExpiresAt    time.Time // zero: never
	LastUsedAt   time.Time // zero: not yet; at most a minute behind
	LastUsedFrom string    // the address of that use; empty where it is not known
	EndedAt      time.Time // when it was revoked or lost its owner; zero: it works. An ended key is kept for a while, so that its use is recognised
}

// Prefix is what may be shown of the key.
func (k APIKey) Prefix() string { return keyPrefix + k.PublicID }

// Expired reports whether the key's time is over.
func (k APIKey) Expired(now time.Time) bool { return !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) }

// AllowsFrom reports whether the key may be used from an address.
func (k APIKey) AllowsFrom(from netip.Addr) bool {
	from = from.Unmap().WithZone("")
	return len(k.Networks) == 0 || slices.ContainsFunc(k.Networks, func(p netip.Prefix) bool { return p.Contains(from) })
}

func (k APIKey) identity() Identity {
	return Identity{Kind: KeyKind, ID: k.ID, Name: k.Name, Scopes: slices.Clone(k.Scopes)}
}

// KeyStore keeps API keys. What is not there is a [connection.Failure] with CodeNotFound; keys that ended are there for
// [KeyStore.APIKeyByPublicID] alone.
type KeyStore interface {
	// CreateAPIKey stores a key with the event that tells of it and gives out the ID. A name or public id that is taken is a
	// Failure with CodeConflict, and so is one key too many.
	CreateAPIKey(ctx context.Context, k APIKey, most int, e connection.Event) (APIKey, error)
	APIKey(ctx context.Context, id int64) (APIKey, error)
	// APIKeyByPublicID finds a key, also one that ended.
	APIKeyByPublicID(ctx context.Context, publicID string) (APIKey, error)
	// APIKeys lists at most limit keys whose id is above afterID, by their id.
	APIKeys(ctx context.Context, afterID int64, limit int) ([]APIKey, error)
	// UpdateAPIKey replaces name, scopes, networks and expiry. A name that is taken is a Failure with CodeConflict.
	UpdateAPIKey(ctx context.Context, k APIKey, e connection.Event) error
	// EndAPIKey ends a key that works.
	EndAPIKey(ctx context.Context, id int64, at time.Time, e connection.Event) error
	NoteAPIKeyUse(ctx context.Context, id int64, at time.Time, from string) error

	AddEvent(ctx context.Context, e connection.Event) (connection.Event, error)
}

// Owners finds the operators that keys belong to; [People] does.
type Owners interface {
	// Identify gives the operator as it is now; the zero Identity where there is none of that id, or none that may do
	// anything.
	Identify(ctx context.Context, operatorID int64) (Identity, error)
}
