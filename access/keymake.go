package access

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"boardlink/connection"
)

// KeyDraft is an API key as somebody wants it.
type KeyDraft struct {
	Name      string
	Scopes    []Scope
	Networks  []string  // as [ParseNetwork] reads them; empty: from everywhere
	ExpiresAt time.Time // zero: never
}

// KeyChange is what shall become of an API key; what is nil stays.
type KeyChange struct {
	Name      *string
	Scopes    []Scope
	Networks  *[]string
	ExpiresAt *time.Time // zero: never
}

// power is the most that somebody may give to a key.
type power struct {
	scopes   []Scope
	until    time.Time      // zero: without end
	networks []netip.Prefix // empty: from everywhere
	ownerID  int64
	owner    string
}

func errNoKeys() error {
	return connection.Fail(connection.CodeUnavailable, "API keys cannot be kept here.")
}

func errNotForYou() error {
	return connection.Fail(connection.CodeForbidden, "Only an admin, or a key with the scope admin, may look after API keys.")
}

// powerOf says what an asker may give to keys. An admin may give what admins may do. A key may give no more than it has
// itself, for no longer, and to be used from nowhere else; what it makes belongs to its own owner.
func (k *Keys) powerOf(ctx context.Context, who Identity) (power, error) {
	if k.store == nil {
		return power{}, errNoKeys()
	}
	if !who.Allows(RoleAdmin, ScopeAdmin) {
		return power{}, errNotForYou()
	}
	switch {
	case who.Kind == OperatorKind:
		return power{scopes: Scopes, ownerID: who.ID, owner: who.Name}, nil
	case who.ID == 0:
		return power{scopes: Scopes, owner: EnvironmentKey}, nil
	}
	own, err := k.store.APIKey(ctx, who.ID)
	if connection.CodeOf(err) == connection.CodeNotFound { // it ended since it was presented
		return power{}, errNotForYou()
	}
	if err != nil {
		return power{}, fmt.Errorf("look up the key that asks: %w", err)
	}
	return power{scopes: own.Scopes, until: own.ExpiresAt, networks: own.Networks, ownerID: own.OwnerID, owner: own.Owner}, nil
}

// DefaultExpiry is when a key that an asker makes ends where nothing else is said.
func (k *Keys) DefaultExpiry(ctx context.Context, who Identity) (time.Time, error) {
	p, err := k.powerOf(ctx, who)
	if err != nil {
		return time.Time{}, err
	}
	at := k.now().Add(DefaultKeyLife).Truncate(time.Millisecond)
	if !p.until.IsZero() && p.until.Before(at) {
		at = p.until
	}
	return at, nil
}

// allows tells what is wrong with giving these to a key.
func (p power) allows(scopes []Scope, networks []netip.Prefix, expiresAt time.Time) []connection.FieldError {
	var wrong []connection.FieldError
	if slices.ContainsFunc(scopes, func(s Scope) bool { return !slices.Contains(p.scopes, s) }) {
		wrong = append(wrong, connection.FieldError{Path: "scopes", Message: "A key gives no scope that it does not have itself."})
	}
	if len(p.networks) > 0 && (len(networks) == 0 || !within(networks, p.networks)) {
		wrong = append(wrong, connection.FieldError{Path: "networks", Message: "A key gives no network that it may not be used from itself."})
	}
	if !p.until.IsZero() && (expiresAt.IsZero() || expiresAt.After(p.until)) {
		wrong = append(wrong, connection.FieldError{Path: "expiresAt", Message: "A key makes none that outlives it."})
	}
	return wrong
}

// Create makes an API key. The text it returns is the key: it is shown now and never again. Wrong fields, an asker's
// attempt to give more than he may among them, are a [connection.Failure] with CodeInvalid.
func (k *Keys) Create(ctx context.Context, who Identity, d KeyDraft) (APIKey, connection.Secret, error) {
	p, err := k.powerOf(ctx, who)
	if err != nil {
		return APIKey{}, "", err
	}
	key := APIKey{OwnerID: p.ownerID, Owner: p.owner, CreatedAt: k.now().Truncate(time.Millisecond), ExpiresAt: d.ExpiresAt.Truncate(time.Millisecond)}
	wrong := key.set(d, k.now())
	if len(wrong) == 0 {
		wrong = p.allows(key.Scopes, key.Networks, key.ExpiresAt)
	}
	if len(wrong) > 0 {
		return APIKey{}, "", wrongKey(wrong)
	}
	var text connection.Secret
	text, key.PublicID = newKeyText()
	key.Digest = DigestOf(text.Reveal())
	stored, err := k.store.CreateAPIKey(ctx, key, maxKeys, k.event(who, fmt.Sprintf("The API key %q (%s) was made: %s.", key.Name, key.Prefix(), key.describe())))
	if err != nil {
		return APIKey{}, "", keyConflict(err)
	}
	return stored, text, nil
}

// set takes over a draft, and tells what is wrong with it.
func (key *APIKey) set(d KeyDraft, now time.Time) []connection.FieldError {
	var wrong []connection.FieldError
	note := func(path, message, example string) {
		if message != "" {
			wrong = append(wrong, connection.FieldError{Path: path, Message: message, Example: example})
		}
	}
	var message string
	key.Name, message = checkKeyName(d.Name)
	note("name", message, "Reporting")
	key.Scopes, message = checkScopes(d.Scopes)
	note("scopes", message, string(ScopeRead))
	networks, bad := checkNetworks(d.Networks)
	if bad != nil {
		wrong = append(wrong, *bad)
	}
	key.Networks = networks
	note("expiresAt", checkExpiry(key.ExpiresAt, now), "")
	return wrong
}

// Change changes a key that works. What stays is not asked about again; what a change gives must be the asker's to give,
// and the owner's to do.
func (k *Keys) Change(ctx context.Context, who Identity, id int64, c KeyChange) (APIKey, error) {
	p, err := k.powerOf(ctx, who)
	if err != nil {
		return APIKey{}, err
	}
	before, err := k.store.APIKey(ctx, id)
	if err != nil {
		return APIKey{}, fmt.Errorf("change a key: %w", err)
	}
	after, wrong := before.changed(c, k.now())
	if len(wrong) == 0 {
		if wrong, err = k.mayChange(ctx, p, before, after); err != nil {
			return APIKey{}, err
		}
	}
	if len(wrong) > 0 {
		return APIKey{}, wrongKey(wrong)
	}
	said := differences(before, after)
	if said == "" {
		return k.latest(before), nil
	}
	if err := k.store.UpdateAPIKey(ctx, after, k.event(who, fmt.Sprintf("The API key %q (%s) was changed: %s.", before.Name, before.Prefix(), said))); err != nil {
		return APIKey{}, keyConflict(err)
	}
	k.forget()
	return k.latest(after), nil
}

// changed gives the key as a change leaves it.
func (key APIKey) changed(c KeyChange, now time.Time) (APIKey, []connection.FieldError) {
	d := KeyDraft{Name: key.Name, Scopes: key.Scopes}
	for _, n := range key.Networks {
		d.Networks = append(d.Networks, n.String())
	}
	if c.Name != nil {
		d.Name = *c.Name
	}
	if c.Scopes != nil {
		d.Scopes = c.Scopes
	}
	if c.Networks != nil {
		d.Networks = *c.Networks
	}
	expired := key.Expired(now)
	if c.ExpiresAt != nil {
		key.ExpiresAt = c.ExpiresAt.Truncate(time.Millisecond)
	}
	wrong := key.set(d, now)
	if expired && c.ExpiresAt == nil { // its end lies behind it and stays there
		wrong = slices.DeleteFunc(wrong, func(e connection.FieldError) bool { return e.Path == "expiresAt" })
	}
	return key, wrong
}

// mayChange tells what of a change is not the asker's to give or the owner's to do.
func (k *Keys) mayChange(ctx context.Context, p power, before, after APIKey) ([]connection.FieldError, error) {
	same := map[string]bool{
		"scopes":    slices.Equal(before.Scopes, after.Scopes),
		"networks":  slices.Equal(before.Networks, after.Networks),
		"expiresAt": before.ExpiresAt.Equal(after.ExpiresAt),
	}
	wrong := slices.DeleteFunc(p.allows(after.Scopes, after.Networks, after.ExpiresAt), func(e connection.FieldError) bool { return same[e.Path] })
	owner, err := k.ownerOf(ctx, after.OwnerID)
	if err != nil {
		return nil, fmt.Errorf("look up a key's owner: %w", err)
	}
	if !covers(after.OwnerID, owner, after.Scopes) {
		wrong = append(wrong, connection.FieldError{Path: "scopes", Message: "The key's owner may not do that. Make a key of your own."})
	}
	return wrong, nil
}

// Get reads a key that has not been revoked.
func (k *Keys) Get(ctx context.Context, id int64) (APIKey, error) {
	if k.store == nil {
		return APIKey{}, connection.Fail(connection.CodeNotFound, "There is no such API key.")
	}
	key, err := k.store.APIKey(ctx, id)
	if err != nil {
		return APIKey{}, fmt.Errorf("read a key: %w", err)
	}
	return k.latest(key), nil
}

// List reads at most limit keys that have not been revoked, from behind afterID on, by their ids; next is where the
// following page begins, 0 where there is none.
func (k *Keys) List(ctx context.Context, afterID int64, limit int) (page []APIKey, next int64, err error) {
	if k.store == nil {
		return nil, 0, nil
	}
	page, err = k.store.APIKeys(ctx, afterID, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list keys: %w", err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	for i := range page {
		page[i] = k.latest(page[i])
	}
	return page, next, nil
}

// latest adds a use that is not written down yet.
func (k *Keys) latest(key APIKey) APIKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	if u, ok := k.uses[key.ID]; ok && u.at.After(key.LastUsedAt) {
		key.LastUsedAt, key.LastUsedFrom = u.at, u.from
	}
	return key
}

// Revoke ends a key. When it returns, no request is accepted with it any more.
func (k *Keys) Revoke(ctx context.Context, who Identity, id int64) error {
	if _, err := k.powerOf(ctx, who); err != nil {
		return err
	}
	key, err := k.store.APIKey(ctx, id)
	if err != nil {
		return fmt.Errorf("revoke a key: %w", err)
	}
	return k.end(ctx, key, who.Actor(), fmt.Sprintf("The API key %q (%s) was revoked.", key.Name, key.Prefix()))
}

func (k *Keys) end(ctx context.Context, key APIKey, actor, message string) error {
	now := k.now()
	e := connection.Event{Time: now, Level: connection.LevelInfo, Kind: connection.KindAccess, Actor: actor, Message: message}
	if err := k.store.EndAPIKey(ctx, key.ID, now, e); err != nil {
		return fmt.Errorf("end a key: %w", err)
	}
	k.forget()
	k.mu.Lock()
	delete(k.uses, key.ID)
	k.mu.Unlock()
	return nil
}

func (k *Keys) event(who Identity, message string) connection.Event {
	return connection.Event{Time: k.now(), Level: connection.LevelInfo, Kind: connection.KindAccess, Actor: who.Actor(), Message: message}
}

func wrongKey(wrong []connection.FieldError) error {
	return &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields are not right.", Fields: wrong}
}

// errNameTaken is what a store says of a name that another key has.
var errNameTaken = errors.New("the name is taken")

// NameTaken makes the answer of a [KeyStore] to a name that another key has.
func NameTaken() error {
	return &connection.Failure{Code: connection.CodeConflict, Message: "There is an API key of that name already.", Err: errNameTaken}
}

// keyConflict turns a name that is taken into a wrong field.
func keyConflict(err error) error {
	if errors.Is(err, errNameTaken) {
		return wrongKey([]connection.FieldError{{Path: "name", Message: "There is an API key of that name already."}})
	}
	return fmt.Errorf("store a key: %w", err)
}

// describe says what a key is good for: "scopes read, uplinks; from 192.0.2.0/24; until 2027-02-22 10:00 UTC".
func (key APIKey) describe() string {
	return scopesText(key.Scopes) + "; " + networksText(key.Networks) + "; " + expiryText(key.ExpiresAt)
}

func scopesText(scopes []Scope) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return "scopes " + strings.Join(names, ", ")
}

func networksText(networks []netip.Prefix) string {
	if len(networks) == 0 {
		return "from everywhere"
	}
	names := make([]string, len(networks))
	for i, n := range networks {
		names[i] = n.String()
	}
	return "from " + strings.Join(names, ", ")
}

func expiryText(at time.Time) string {
	if at.IsZero() {
		return "without end"
	}
	return "until " + at.UTC().Format("2006-01-02 15:04 UTC")
}

// differences tells what a change made of a key, "" where nothing is different.
func differences(before, after APIKey) string {
	var said []string
	if before.Name != after.Name {
		said = append(said, fmt.Sprintf("name now %q", after.Name))
	}
	for _, pair := range [][2]string{
		{scopesText(before.Scopes), scopesText(after.Scopes)},
		{networksText(before.Networks), networksText(after.Networks)},
	} {
		if pair[0] != pair[1] {
			said = append(said, pair[1]+" (before: "+pair[0]+")")
		}
	}
	if !before.ExpiresAt.Equal(after.ExpiresAt) {
		said = append(said, expiryText(after.ExpiresAt)+" (before: "+expiryText(before.ExpiresAt)+")")
	}
	return strings.Join(said, "; ")
}
