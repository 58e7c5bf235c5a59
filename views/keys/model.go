// Package keys holds the pages of API keys: the list, the form of a new one, the one page that shows a key, and the
// question before one is revoked.
package keys

import (
	"strconv"
	"time"

	"boardlink/views/ui"
)

// Path is the address of the list.
const Path = "/keys"

// Heading is the address of the list that leads to its heading: where the focus goes when the row that had it is gone.
const Heading = Path + "#keys"

func revokePath(id int64) string { return Path + "/" + strconv.FormatInt(id, 10) + "/revoke" }

// Key is an API key without what is secret.
type Key struct {
	ID           int64
	Name         string
	Prefix       string // what may be seen of it
	Scopes       []string
	Networks     []string // empty: from everywhere
	Owner        string
	ExpiresAt    time.Time // zero: never
	LastUsedAt   time.Time // zero: not yet
	LastUsedFrom string
}

// soon is how long before its end a key is marked.
const soon = 14 * 24 * time.Hour

func (k Key) expired(now time.Time) bool { return !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) }

func (k Key) endsSoon(now time.Time) bool {
	return !k.ExpiresAt.IsZero() && !k.expired(now) && k.ExpiresAt.Sub(now) < soon
}

// List is the page of all keys.
type List struct {
	Keys        []Key
	Environment bool // the environment brings one more
	Now         time.Time
}

// Scope is a choice of the form.
type Scope struct {
	Name     string
	Sentence string // what a key with it may do
	Chosen   bool
}

// Form is the form of a new key.
type Form struct {
	Name, Expiry, Networks ui.Field
	Scopes                 []Scope
	ScopesError            string
	Failed                 bool // it was sent and something is wrong
}

func (f Form) wrong() []ui.Field {
	return []ui.Field{f.Name, {Name: scopeID(0), Error: f.ScopesError}, f.Expiry, f.Networks}
}

func scopeID(i int) string { return "scope-" + strconv.Itoa(i) }

// Made is a key that was made just now.
type Made struct {
	Key  Key
	Text string // the key itself
	Curl string // a command that uses it; empty: none would do
}
