package access_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/access"
	"boardlink/access/accesstest"
	"boardlink/connection"
)

// owners are operators by their id.
type owners struct {
	mu    sync.Mutex
	all   map[int64]access.Identity
	asked int
}

func (o *owners) Identify(_ context.Context, id int64) (access.Identity, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	return o.all[id], nil
}

func (o *owners) set(id int64, role access.Role) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, id)
	if role != "" {
		o.all[id] = access.Identity{Kind: access.OperatorKind, ID: id, Name: "ada@example.com", Role: role}
	}
}

// ring is a set of keys with all that they stand on.
type ring struct {
	*access.Keys
	rows   *accesstest.KeyRows
	owners *owners
	log    *bytes.Buffer
	now    time.Time
	ada    access.Identity
	t      *testing.T
}

var (
	office    = netip.MustParseAddr("192.0.2.7")
	elsewhere = netip.MustParseAddr("203.0.113.9")
)

const environment = "environment-key-0123456789abcdef"

func newRing(t *testing.T) *ring {
	t.Helper()
	r := &ring{rows: accesstest.NewKeyRows(), owners: &owners{all: map[int64]access.Identity{}}, log: &bytes.Buffer{}, now: time.Date(2026, 11, 23, 10, 8, 8, 0, time.UTC), t: t}
	r.owners.set(1, access.RoleAdmin)
	r.ada = r.owners.all[1]
	r.Keys = access.NewKeyRing(access.KeysOptions{
		Environment: environment, Store: r.rows, Owners: r.owners, Now: func() time.Time { return r.now },
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	return r
}

func (r *ring) make(change func(*access.KeyDraft)) (access.APIKey, string) {
	r.t.Helper()
	d := access.KeyDraft{Name: "reporting", Scopes: []access.Scope{access.ScopeRead}, ExpiresAt: r.now.Add(24 * time.Hour)}
	if change != nil {
		change(&d)
	}
	key, text, err := r.Create(r.t.Context(), r.ada, d)
	if err != nil {
		r.t.Fatal(err)
	}
	return key, text.Reveal()
}

// opens reports whether a key is accepted from an address.
func (r *ring) opens(key string, from netip.Addr) bool {
	r.t.Helper()
	who, err := r.Identify(r.t.Context(), key, from)
	if err != nil {
		r.t.Fatal(err)
	}
	return who.Known()
}

// fields gives the wrong fields that an error names.
func fields(err error) []string {
	var f *connection.Failure
	var paths []string
	if errors.As(err, &f) && f.Code == connection.CodeInvalid {
		for _, e := range f.Fields {
			paths = append(paths, e.Path)
		}
	}
	return paths
}

func TestKeys_are_made_once_and_known_by_their_digest(t *testing.T) {
	r := newRing(t)
	key, text := r.make(func(d *access.KeyDraft) { d.Scopes = []access.Scope{access.ScopeUplinks, access.ScopeRead} })
	who, err := r.Identify(t.Context(), text, office)
	if err != nil || who.Kind != access.KeyKind || who.ID != key.ID || who.Name != "reporting" || who.Actor() != "reporting" {
		t.Fatalf("it is %+v, %v", who, err)
	}
	for _, s := range access.Scopes {
		if want := s == access.ScopeRead || s == access.ScopeUplinks; who.AllowsScope(s) != want {
			t.Errorf("scope %s: %v", s, !want)
		}
	}
	for _, wrong := range []string{"", text[:63], text[:63] + "!", "x" + text, strings.ToLower(text), key.Prefix(), environment + "x"} {
		if r.opens(wrong, office) {
			t.Errorf("%q opened the door", wrong)
		}
	}
	for _, row := range r.rows.All() {
		if printed := fmt.Sprintf("%+v", row); strings.Contains(printed, text[15:]) || row.Digest != access.DigestOf(text) {
			t.Errorf("the row tells the key: %s", printed)
		}
	}
	if events := r.rows.Events(); len(events) != 1 || events[0] != `ada@example.com: The API key "reporting" (`+key.Prefix()+`) was made: scopes read, uplinks; from everywhere; until 2026-11-24 10:08 UTC.` {
		t.Errorf("told %q", events)
	}
}

func TestKeys_that_are_refused_cost_the_same_and_say_the_same(t *testing.T) {
	_, stranger := newRing(t).make(nil)
	for name, prepare := range map[string]func(r *ring) string{
		"unknown": func(*ring) string { return stranger },
		"expired": func(r *ring) string {
			_, text := r.make(nil)
			r.now = r.now.Add(24 * time.Hour)
			return text
		},
		"revoked": func(r *ring) string {
			key, text := r.make(nil)
			if err := r.Revoke(t.Context(), r.ada, key.ID); err != nil {
				t.Fatal(err)
			}
			return text
		},
		"from elsewhere": func(r *ring) string {
			_, text := r.make(func(d *access.KeyDraft) { d.Networks = []string{"192.0.2.0/24"} })
			return text
		},
		"without its owner": func(r *ring) string {
			_, text := r.make(nil)
			r.owners.set(1, "")
			return text
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRing(t)
			text := prepare(r)
			reads, asked := r.rows.Reads(), r.owners.asked
			for round := int64(1); round <= 3; round++ {
				who, err := r.Identify(t.Context(), text, elsewhere)
				if err != nil || who.Known() {
					t.Fatalf("%+v, %v", who, err)
				}
				if got := r.rows.Reads() - reads; got != int(round) {
					t.Errorf("round %d: %d look-ups", round, got)
				}
				if got := r.owners.asked - asked; got != int(round) {
					t.Errorf("round %d: %d owners asked for", round, got)
				}
			}
			if r.rows.Notes() != 0 || r.log.Len() != 0 {
				t.Errorf("a stranger makes the program write: %s", r.log)
			}
		})
	}
}

func TestKeys_of_a_network_are_refused_elsewhere(t *testing.T) {
	r := newRing(t)
	_, text := r.make(func(d *access.KeyDraft) {
		d.Networks = []string{"192.0.2.0/24", "2001:db8::/32", "::ffff:198.51.100.0/120"}
	})
	for address, want := range map[string]bool{
		"192.0.2.0": true, "192.0.2.255": true, "192.0.3.0": false, "::ffff:192.0.2.9": true, "::ffff:192.0.3.9": false,
		"2001:db8::1": true, "2001:db9::1": false, "198.51.100.4": true, "::ffff:198.51.100.4": true, "198.51.101.4": false,
		"127.0.0.1": false, "::1": false, "::192.0.2.1": false,
	} {
		if got := r.opens(text, netip.MustParseAddr(address)); got != want {
			t.Errorf("from %s: %v", address, got)
		}
	}
	if r.opens(text, netip.Addr{}) {
		t.Error("an unknown address is let in")
	}
}

func TestKeys_end_at_once_when_they_are_revoked(t *testing.T) {
	r := newRing(t)
	key, text := r.make(nil)
	if !r.opens(text, office) || !r.opens(text, office) || r.rows.Reads() != 1 {
		t.Fatalf("%d look-ups for two requests", r.rows.Reads())
	}
	if err := r.Revoke(t.Context(), r.ada, key.ID); err != nil {
		t.Fatal(err)
	}
	if r.opens(text, office) {
		t.Error("a revoked key is accepted")
	}
	if err := r.Revoke(t.Context(), r.ada, key.ID); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("revoked twice: %v", err)
	}
	if _, err := r.Get(t.Context(), key.ID); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("still there: %v", err)
	}
	if _, err := r.Change(t.Context(), r.ada, key.ID, access.KeyChange{ExpiresAt: &time.Time{}}); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("a revoked key was changed: %v", err)
	}
	r.make(nil) // the name is free again
}

// A look-up that began before the key was revoked must not be remembered after it.
func TestKeys_are_not_brought_back_by_a_look_up_that_came_too_late(t *testing.T) {
	r := newRing(t)
	key, text := r.make(nil)
	slow := &late{KeyRows: r.rows}
	k := access.NewKeyRing(access.KeysOptions{Store: slow, Owners: r.owners, Now: func() time.Time { return r.now }})
	slow.after = func() {
		slow.after = nil
		if err := k.Revoke(t.Context(), r.ada, key.ID); err != nil {
			t.Error(err)
		}
	}
	if who, err := k.Identify(t.Context(), text, office); err != nil || !who.Known() {
		t.Errorf("the request that was under way: %+v, %v", who, err)
	}
	if who, err := k.Identify(t.Context(), text, office); err != nil || who.Known() {
		t.Errorf("the next one: %+v, %v", who, err)
	}
}

// late does something between a look-up and its answer.
type late struct {
	*accesstest.KeyRows
	after func()
}

func (l *late) APIKeyByPublicID(ctx context.Context, id string) (access.APIKey, error) {
	key, err := l.KeyRows.APIKeyByPublicID(ctx, id)
	if l.after != nil {
		l.after()
	}
	return key, err
}

func TestKeys_are_worth_no_more_than_their_owner(t *testing.T) {
	for name, test := range map[string]struct {
		scopes []access.Scope
		role   access.Role // what the owner becomes; empty: removed or disabled
		works  bool
	}{
		"a removed owner":                    {[]access.Scope{access.ScopeRead}, "", false},
		"a reading key of a viewer":          {[]access.Scope{access.ScopeRead}, access.RoleViewer, true},
		"a changing key of a viewer":         {[]access.Scope{access.ScopeRead, access.ScopeConnections}, access.RoleViewer, false},
		"a key for uplinks of a viewer":      {[]access.Scope{access.ScopeUplinks}, access.RoleViewer, false},
		"a key for commands of a viewer":     {[]access.Scope{access.ScopeCommands}, access.RoleViewer, false},
		"all that an operator may":           {[]access.Scope{access.ScopeRead, access.ScopeConnections, access.ScopeUplinks, access.ScopeCommands}, access.RoleOperator, true},
		"a key for people of an operator":    {[]access.Scope{access.ScopeAdmin}, access.RoleOperator, false},
		"a key for people of an admin still": {[]access.Scope{access.ScopeAdmin}, access.RoleAdmin, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRing(t)
				r.t = t
				key, text := r.make(func(d *access.KeyDraft) { d.Scopes = test.scopes })
				if !r.opens(text, office) {
					t.Fatal("it does not work at first")
				}
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				wg.Go(func() { r.Run(ctx) })
				synctest.Wait()
				r.owners.set(1, test.role)
				r.OwnersChanged()
				if r.opens(text, office) != test.works {
					t.Errorf("works: %v", !test.works)
				}
				synctest.Wait()
				r.owners.set(1, access.RoleAdmin) // comes back
				r.OwnersChanged()
				synctest.Wait()
				if r.opens(text, office) != test.works {
					t.Errorf("works once its owner is back: %v", !test.works)
				}
				_, err := r.Get(t.Context(), key.ID)
				if (err == nil) != test.works {
					t.Errorf("it is in the list: %v", err)
				}
				told := strings.Join(r.rows.Events(), "\n")
				if strings.Contains(told, "has ended: its owner ada@example.com") == test.works {
					t.Errorf("told %s", told)
				}
				cancel()
				wg.Wait()
			})
		})
	}
}

func TestKeys_follow_their_owners_within_a_second_even_where_nobody_tells(t *testing.T) {
	r := newRing(t)
	_, text := r.make(nil)
	if !r.opens(text, office) {
		t.Fatal("it does not work at first")
	}
	r.owners.set(1, "")
	r.now = r.now.Add(time.Second)
	if r.opens(text, office) {
		t.Error("it still works")
	}
}

func TestKeys_are_made_and_changed_only_by_who_may(t *testing.T) {
	r := newRing(t)
	key, _ := r.make(nil)
	for name, who := range map[string]access.Identity{
		"nobody":            {},
		"a viewer":          {Kind: access.OperatorKind, ID: 2, Role: access.RoleViewer},
		"an operator":       {Kind: access.OperatorKind, ID: 2, Role: access.RoleOperator},
		"a key without it":  {Kind: access.KeyKind, ID: key.ID, Scopes: []access.Scope{access.ScopeConnections, access.ScopeRead}},
		"a key that is not": {Kind: access.KeyKind, ID: 99, Scopes: []access.Scope{access.ScopeAdmin}},
	} {
		_, text, err := r.Create(t.Context(), who, access.KeyDraft{Name: "x", Scopes: []access.Scope{access.ScopeRead}})
		if connection.CodeOf(err) != connection.CodeForbidden || text.IsSet() {
			t.Errorf("%s made a key: %v", name, err)
		}
		if _, err := r.Change(t.Context(), who, key.ID, access.KeyChange{Scopes: access.Scopes}); connection.CodeOf(err) != connection.CodeForbidden {
			t.Errorf("%s changed a key: %v", name, err)
		}
		if err := r.Revoke(t.Context(), who, key.ID); connection.CodeOf(err) != connection.CodeForbidden {
			t.Errorf("%s revoked a key: %v", name, err)
		}
	}
}

func TestKeys_give_no_more_than_they_have(t *testing.T) {
	r := newRing(t)
	end := r.now.Add(24 * time.Hour)
	_, text := r.make(func(d *access.KeyDraft) {
		d.Name, d.Scopes, d.Networks = "provisioning", []access.Scope{access.ScopeRead, access.ScopeAdmin}, []string{"192.0.2.0/24", "2001:db8::/32"}
	})
	who, err := r.Identify(t.Context(), text, office)
	if err != nil {
		t.Fatal(err)
	}
	fine := access.KeyDraft{Name: "child", Scopes: []access.Scope{access.ScopeRead}, Networks: []string{"192.0.2.128/25"}, ExpiresAt: end}
	for name, test := range map[string]struct {
		change func(*access.KeyDraft)
		wrong  string
	}{
		"another scope":      {func(d *access.KeyDraft) { d.Scopes = []access.Scope{access.ScopeCommands} }, "scopes"},
		"one scope more":     {func(d *access.KeyDraft) { d.Scopes = access.Scopes }, "scopes"},
		"another network":    {func(d *access.KeyDraft) { d.Networks = []string{"192.0.2.7", "203.0.113.0/24"} }, "networks"},
		"a wider network":    {func(d *access.KeyDraft) { d.Networks = []string{"192.0.0.0/16"} }, "networks"},
		"every network":      {func(d *access.KeyDraft) { d.Networks = nil }, "networks"},
		"a longer life":      {func(d *access.KeyDraft) { d.ExpiresAt = end.Add(time.Millisecond) }, "expiresAt"},
		"a life without end": {func(d *access.KeyDraft) { d.ExpiresAt = time.Time{} }, "expiresAt"},
	} {
		d := fine
		test.change(&d)
		if _, key, err := r.Create(t.Context(), who, d); !slices.Equal(fields(err), []string{test.wrong}) || key.IsSet() {
			t.Errorf("%s: %v", name, err)
		}
	}
	child, _, err := r.Create(t.Context(), who, fine)
	if err != nil || child.OwnerID != 1 || child.Owner != "ada@example.com" {
		t.Fatalf("what it may make: %+v, %v", child, err)
	}
	// Nor does it get more by changing keys, its own among them.
	nets, never := []string{}, time.Time{}
	for _, id := range []int64{who.ID, child.ID} {
		for wrong, c := range map[string]access.KeyChange{"scopes": {Scopes: access.Scopes}, "networks": {Networks: &nets}, "expiresAt": {ExpiresAt: &never}} {
			if _, err := r.Change(t.Context(), who, id, c); !slices.Equal(fields(err), []string{wrong}) {
				t.Errorf("key %d, %s: %v", id, wrong, err)
			}
		}
	}
	if at, err := r.DefaultExpiry(t.Context(), who); err != nil || !at.Equal(end) {
		t.Errorf("what it makes ends by default at %v, %v", at, err)
	}
	// The environment's key may all, and is nobody: what it makes has no owner who could go.
	master, err := r.Identify(t.Context(), environment, elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	made, made2, err := r.Create(t.Context(), master, access.KeyDraft{Name: "all", Scopes: access.Scopes})
	if err != nil || made.OwnerID != 0 || made.Owner != access.EnvironmentKey || !r.opens(made2.Reveal(), elsewhere) {
		t.Errorf("of the environment's: %+v, %v", made, err)
	}
}

func TestKeys_are_changed_with_an_event_that_says_what_was_before(t *testing.T) {
	r := newRing(t)
	key, text := r.make(nil)
	name, nets, never := "nightly", []string{"192.0.2.7"}, time.Time{}
	got, err := r.Change(t.Context(), r.ada, key.ID, access.KeyChange{Name: &name, Scopes: []access.Scope{access.ScopeCommands, access.ScopeRead}, Networks: &nets, ExpiresAt: &never})
	if err != nil || got.Name != name || !got.ExpiresAt.IsZero() {
		t.Fatalf("%+v, %v", got, err)
	}
	events := r.rows.Events()
	want := `ada@example.com: The API key "reporting" (` + key.Prefix() + `) was changed: name now "nightly"; scopes read, commands (before: scopes read); from 192.0.2.7/32 (before: from everywhere); without end (before: until 2026-11-24 10:08 UTC).`
	if events[len(events)-1] != want {
		t.Errorf("told %q\nwant %q", events[len(events)-1], want)
	}
	if !r.opens(text, office) || r.opens(text, elsewhere) {
		t.Error("the change does not count at once")
	}
	if _, err := r.Change(t.Context(), r.ada, key.ID, access.KeyChange{Name: &name}); err != nil || len(r.rows.Events()) != len(events) {
		t.Errorf("nothing changed and was told: %v", err)
	}
	r.owners.set(1, access.RoleViewer)
	r.owners.set(2, access.RoleAdmin)
	bob := access.Identity{Kind: access.OperatorKind, ID: 2, Name: "bob@example.com", Role: access.RoleAdmin}
	if _, err := r.Change(t.Context(), bob, key.ID, access.KeyChange{Scopes: []access.Scope{access.ScopeUplinks}}); !slices.Equal(fields(err), []string{"scopes"}) {
		t.Errorf("somebody else gave the key more than its owner may: %v", err)
	}
}

func TestKeys_have_rules(t *testing.T) {
	r := newRing(t)
	r.make(nil)
	for name, test := range map[string]struct {
		change func(*access.KeyDraft)
		wrong  []string
	}{
		"no name":            {func(d *access.KeyDraft) { d.Name = " \t" }, []string{"name"}},
		"a long name":        {func(d *access.KeyDraft) { d.Name = strings.Repeat("x", 101) }, []string{"name"}},
		"a name like a line": {func(d *access.KeyDraft) { d.Name = "a\nb" }, []string{"name"}},
		"a turned name":      {func(d *access.KeyDraft) { d.Name = "a\u202eb" }, []string{"name"}},
		"bad UTF-8":          {func(d *access.KeyDraft) { d.Name = "a\xff" }, []string{"name"}},
		"a person's name":    {func(d *access.KeyDraft) { d.Name = "bob@example.com" }, []string{"name"}},
		"the system's name":  {func(d *access.KeyDraft) { d.Name = "System" }, []string{"name"}},
		"the environment's":  {func(d *access.KeyDraft) { d.Name = "ENVIRONMENT" }, []string{"name"}},
		"a name that is had": {func(d *access.KeyDraft) { d.Name = "Reporting" }, []string{"name"}},
		"no scope":           {func(d *access.KeyDraft) { d.Scopes = nil }, []string{"scopes"}},
		"an unknown scope":   {func(d *access.KeyDraft) { d.Scopes = []access.Scope{"read", "all"} }, []string{"scopes"}},
		"a bad network":      {func(d *access.KeyDraft) { d.Networks = []string{"192.0.2.7", "localhost"} }, []string{"networks[1]"}},
		"bits too many":      {func(d *access.KeyDraft) { d.Networks = []string{"192.0.2.7/24"} }, []string{"networks[0]"}},
		"a zone":             {func(d *access.KeyDraft) { d.Networks = []string{"fe80::1%eth0"} }, []string{"networks[0]"}},
		"half an IPv4":       {func(d *access.KeyDraft) { d.Networks = []string{"::ffff:0:0/90"} }, []string{"networks[0]"}},
		"networks too many":  {func(d *access.KeyDraft) { d.Networks = make([]string, 21) }, []string{"networks"}},
		"the past":           {func(d *access.KeyDraft) { d.ExpiresAt = r.now }, []string{"expiresAt"}},
		"several":            {func(d *access.KeyDraft) { d.Name, d.Scopes, d.ExpiresAt = "", nil, r.now }, []string{"name", "scopes", "expiresAt"}},
	} {
		d := access.KeyDraft{Name: "another", Scopes: []access.Scope{access.ScopeRead}}
		test.change(&d)
		if _, key, err := r.Create(t.Context(), r.ada, d); !slices.Equal(fields(err), test.wrong) || key.IsSet() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(r.rows.All()); n != 1 {
		t.Errorf("%d keys were made", n)
	}
}

func TestKeys_uses_are_noted_at_most_once_a_minute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t)
		r.t = t
		k := access.NewKeyRing(access.KeysOptions{Store: r.rows, Owners: r.owners})
		key, text, err := k.Create(t.Context(), r.ada, access.KeyDraft{Name: "busy", Scopes: []access.Scope{access.ScopeRead}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { k.Run(ctx) })
		start := time.Now()
		for time.Since(start) < 10*time.Minute {
			if who, err := k.Identify(t.Context(), text.Reveal(), elsewhere); err != nil || !who.Known() {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
		}
		if n := r.rows.Notes(); n < 9 || n > 11 {
			t.Errorf("%d notes in 10 minutes", n)
		}
		if got, err := k.Get(t.Context(), key.ID); err != nil || time.Since(got.LastUsedAt) > time.Second || got.LastUsedFrom != "203.0.113.9" {
			t.Errorf("the last use is %v from %s, %v", got.LastUsedAt, got.LastUsedFrom, err)
		}
		cancel()
		wg.Wait()
		if row := r.rows.All()[0]; time.Since(row.LastUsedAt) > time.Second {
			t.Errorf("at the end it is %v", row.LastUsedAt)
		}
	})
}

func TestKeys_refusals_are_told_at_most_once_a_minute_and_key(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t)
		r.t = t
		k := access.NewKeyRing(access.KeysOptions{Store: r.rows, Owners: r.owners, Log: slog.New(slog.NewTextHandler(r.log, nil))})
		key, text, err := k.Create(t.Context(), r.ada, access.KeyDraft{Name: "homely", Scopes: []access.Scope{access.ScopeRead}, Networks: []string{"192.0.2.0/24"}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { k.Run(ctx) })
		start := time.Now()
		for time.Since(start) < 5*time.Minute {
			for _, presented := range []string{text.Reveal(), "a guess", fmt.Sprint("another guess ", time.Now()), access.NewUplinkKey().Reveal()} {
				if who, err := k.Identify(t.Context(), presented, elsewhere); err != nil || who.Known() {
					t.Fatal(err)
				}
			}
			time.Sleep(700 * time.Millisecond)
		}
		cancel()
		wg.Wait()
		var known, unknown int
		for _, e := range r.rows.Events()[1:] {
			switch {
			case strings.HasPrefix(e, `system from 203.0.113.9: The API key "homely" (`+key.Prefix()+`) was refused `) && strings.HasSuffix(e, ": it may not be used from there."):
				known++
			case strings.HasPrefix(e, "system from 203.0.113.9: An API key that does not exist, or was mistyped, was refused ") && strings.HasSuffix(e, "."):
				unknown++
			default:
				t.Errorf("told %q", e)
			}
			if strings.Contains(e, text.Reveal()[15:]) || strings.Contains(e, "guess") || strings.Contains(e, "bl_uk_") {
				t.Errorf("what was presented is told: %q", e)
			}
		}
		if known < 5 || known > 6 || unknown < 5 || unknown > 6 {
			t.Errorf("in 5 minutes %d and %d events", known, unknown)
		}
		if strings.Contains(r.log.String(), text.Reveal()) || strings.Contains(r.log.String(), "guess") {
			t.Errorf("logged %s", r.log)
		}
	})
}

func TestKeys_that_cannot_be_looked_up_are_no_refusal(t *testing.T) {
	r := newRing(t)
	_, text := r.make(nil)
	r.rows.Fail(errors.New("disk on fire"))
	if who, err := r.Identify(t.Context(), text, office); err == nil || who.Known() {
		t.Errorf("%+v, %v", who, err)
	}
	if !r.opens(environment, elsewhere) {
		t.Error("the environment's key needs no store")
	}
	if _, err := r.Identify(t.Context(), text, office); strings.Contains(fmt.Sprint(err), text[15:]) {
		t.Error("the error tells the key")
	}
}

func TestKeys_are_listed_by_pages(t *testing.T) {
	r := newRing(t)
	for i := range 5 {
		r.make(func(d *access.KeyDraft) { d.Name = fmt.Sprint("key ", i) })
	}
	if err := r.Revoke(t.Context(), r.ada, 2); err != nil {
		t.Fatal(err)
	}
	var seen []int64
	for after := int64(0); ; {
		page, next, err := r.List(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range page {
			seen = append(seen, k.ID)
		}
		if next == 0 {
			break
		}
		after = next
	}
	if !slices.Equal(seen, []int64{1, 3, 4, 5}) {
		t.Errorf("listed %v", seen)
	}
}
