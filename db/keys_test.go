package db

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
)

func newAPIKey(c *clock, name string) access.APIKey {
	return access.APIKey{
		PublicID: "id of " + name, Digest: access.DigestOf("key " + name), Name: name,
		Scopes: []access.Scope{access.ScopeRead, access.ScopeUplinks}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		OwnerID: 7, Owner: "ada@example.com", CreatedAt: c.at, ExpiresAt: c.at.Add(time.Hour),
	}
}

func keyEvent(message string) connection.Event {
	return connection.Event{Level: connection.LevelInfo, Kind: connection.KindAccess, Actor: "ada@example.com", Message: message}
}

func TestAPIKeys_are_kept_with_their_events(t *testing.T) {
	d, c := newTestDB(t)
	made, err := d.CreateAPIKey(t.Context(), newAPIKey(c, "ci"), 10, keyEvent("made"))
	if err != nil || made.ID == 0 {
		t.Fatalf("%+v, %v", made, err)
	}
	check := func(want access.APIKey) {
		t.Helper()
		if got, err := d.APIKey(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v, %v\nwant %+v", got, err, want)
		}
		if got, err := d.APIKeyByPublicID(t.Context(), want.PublicID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("found %+v, %v", got, err)
		}
	}
	check(made)
	changed := made
	changed.Name, changed.Scopes, changed.Networks, changed.ExpiresAt = "ci 2", []access.Scope{access.ScopeAdmin}, nil, time.Time{}
	changed.PublicID, changed.Digest, changed.OwnerID = "another", access.DigestOf("another"), 8 // must not be taken over
	if err := d.UpdateAPIKey(t.Context(), changed, keyEvent("changed")); err != nil {
		t.Fatal(err)
	}
	changed.PublicID, changed.Digest, changed.OwnerID = made.PublicID, made.Digest, made.OwnerID
	check(changed)
	if err := d.NoteAPIKeyUse(t.Context(), made.ID, c.at.Add(time.Minute), "192.0.2.7"); err != nil {
		t.Fatal(err)
	}
	if err := d.NoteAPIKeyUse(t.Context(), made.ID, c.at, "an older use that comes late"); err != nil {
		t.Fatal(err)
	}
	changed.LastUsedAt, changed.LastUsedFrom = c.at.Add(time.Minute), "192.0.2.7"
	check(changed)

	if err := d.EndAPIKey(t.Context(), made.ID, c.at, keyEvent("ended")); err != nil {
		t.Fatal(err)
	}
	_, err = d.APIKey(t.Context(), made.ID)
	wantCode(t, err, connection.CodeNotFound)
	wantCode(t, d.EndAPIKey(t.Context(), made.ID, c.at, keyEvent("ended twice")), connection.CodeNotFound)
	wantCode(t, d.UpdateAPIKey(t.Context(), changed, keyEvent("changed after its end")), connection.CodeNotFound)
	if got, err := d.APIKeyByPublicID(t.Context(), made.PublicID); err != nil || !got.EndedAt.Equal(c.at) {
		t.Errorf("the ended key is %+v, %v", got, err)
	}
	events, err := d.Events(t.Context(), EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range events {
		told = append(told, e.Message)
	}
	if strings.Join(told, ",") != "ended,changed,made" {
		t.Errorf("told %v", told)
	}
	if n, err := d.PruneAPIKeys(t.Context(), c.at); err != nil || n != 0 {
		t.Errorf("%d removed, %v", n, err)
	}
	if n, err := d.PruneAPIKeys(t.Context(), c.at.Add(time.Millisecond)); err != nil || n != 1 {
		t.Errorf("%d removed, %v", n, err)
	}
}

func TestAPIKeys_that_work_have_names_of_their_own(t *testing.T) {
	d, c := newTestDB(t)
	first, err := d.CreateAPIKey(t.Context(), newAPIKey(c, "CI"), 2, keyEvent(""))
	if err != nil {
		t.Fatal(err)
	}
	same := newAPIKey(c, "ci")
	_, err = d.CreateAPIKey(t.Context(), same, 2, keyEvent(""))
	wantCode(t, err, connection.CodeConflict)
	other, err := d.CreateAPIKey(t.Context(), newAPIKey(c, "other"), 2, keyEvent(""))
	if err != nil {
		t.Fatal(err)
	}
	other.Name = "cI"
	wantCode(t, d.UpdateAPIKey(t.Context(), other, keyEvent("")), connection.CodeConflict)
	_, err = d.CreateAPIKey(t.Context(), newAPIKey(c, "one too many"), 2, keyEvent(""))
	wantCode(t, err, connection.CodeConflict)
	if err := d.EndAPIKey(t.Context(), first.ID, c.at, keyEvent("")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateAPIKey(t.Context(), same, 2, keyEvent("")); err != nil {
		t.Errorf("the name of an ended key: %v", err)
	}
	page, err := d.APIKeys(t.Context(), 0, 10)
	if err != nil || len(page) != 2 || page[0].Name != "other" || page[1].Name != "ci" {
		t.Errorf("listed %+v, %v", page, err)
	}
	if page, err = d.APIKeys(t.Context(), page[0].ID, 1); err != nil || len(page) != 1 || page[0].Name != "ci" {
		t.Errorf("listed %+v, %v", page, err)
	}
}

func TestAPIKeys_of_one_name_are_made_once_however_many_ask(t *testing.T) {
	d, c := newTestDB(t)
	var wg sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		k := newAPIKey(c, "ci")
		k.PublicID += string(rune('0' + i))
		wg.Go(func() { _, results[i] = d.CreateAPIKey(t.Context(), k, 100, keyEvent("")) })
	}
	wg.Wait()
	made := 0
	for _, err := range results {
		if err == nil {
			made++
		} else {
			wantCode(t, err, connection.CodeConflict)
		}
	}
	if made != 1 {
		t.Errorf("%d were made", made)
	}
}

// Whoever has a copy of the files has no key.
func TestAPIKeys_leave_nothing_but_a_digest_in_the_files(t *testing.T) {
	c := newClock()
	path := filepath.Join(t.TempDir(), "boardlink.db")
	d := openTestDB(t, path, Options{Now: c.now})
	people := nobodyElse{}
	keys := access.NewKeyRing(access.KeysOptions{Store: d, Owners: people, Now: c.now})
	made, text, err := keys.Create(t.Context(), people.ada(), access.KeyDraft{Name: "ci", Scopes: []access.Scope{access.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	if who, err := keys.Identify(t.Context(), text.Reveal(), netip.Addr{}); err != nil || who.ID != made.ID {
		t.Fatalf("%+v, %v", who, err)
	}
	found := false
	for _, file := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(text.Reveal()[15:40])) || bytes.Contains(raw, []byte(text.Reveal()[40:])) {
			t.Errorf("%s holds a part of the key", filepath.Base(file))
		}
		found = found || bytes.Contains(raw, made.Digest[:])
	}
	if !found {
		t.Error("the digest is in no file: does this test look at the right ones?")
	}
}

// nobodyElse knows one admin.
type nobodyElse struct{}

func (nobodyElse) ada() access.Identity {
	return access.Identity{Kind: access.OperatorKind, ID: 7, Name: "ada@example.com", Role: access.RoleAdmin}
}

func (n nobodyElse) Identify(context.Context, int64) (access.Identity, error) { return n.ada(), nil }
