package db

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
)

func admin(t *testing.T, d *DB, email string) access.Operator {
	t.Helper()
	o, err := d.CreateOperator(t.Context(), newOperator(email))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func invited(t *testing.T, d *DB, c *clock, email string, role access.Role) (access.Operator, access.Digest) {
	t.Helper()
	digest := access.DigestOf("link of " + email)
	o, err := d.InviteOperator(t.Context(), access.Operator{Email: email, Role: role, PasswordHash: "of nobody"},
		access.SetupToken{Digest: digest, ExpiresAt: c.at.Add(time.Hour)}, about("invited "+email))
	if err != nil {
		t.Fatal(err)
	}
	return o, digest
}

func about(message string) connection.Event {
	return connection.Event{Level: connection.LevelInfo, Kind: connection.KindAccess, Actor: "ada@example.com", Message: message}
}

func session(t *testing.T, d *DB, c *clock, o access.Operator) access.Digest {
	t.Helper()
	id := rand.Int64()
	digest := access.DigestOf(fmt.Sprint("session ", id))
	row := access.SessionRow{Digest: digest, ID: id, OperatorID: o.ID, Data: []byte("{}"), CreatedAt: c.at, LastSeenAt: c.at, ExpiresAt: c.at.Add(time.Hour)}
	if err := d.SaveSession(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	return digest
}

func (d *DB) signedIn(t *testing.T, digest access.Digest) bool {
	t.Helper()
	_, err := d.SessionByHash(t.Context(), digest)
	if err != nil {
		wantCode(t, err, connection.CodeNotFound)
	}
	return err == nil
}

// These say what becomes of an operator.
func toRole(role access.Role) func(access.Operator) (access.Alteration, error) {
	return func(o access.Operator) (access.Alteration, error) {
		o.Role = role
		return access.Alteration{Operator: o, Event: about("role of " + o.Email)}, nil
	}
}

func disabling(at time.Time) func(access.Operator) (access.Alteration, error) {
	return func(o access.Operator) (access.Alteration, error) {
		o.DisabledAt = at
		return access.Alteration{Operator: o, Event: about("disabled " + o.Email)}, nil
	}
}

func removing(o access.Operator) (access.Alteration, error) {
	return access.Alteration{Remove: true, Event: about("removed " + o.Email)}, nil
}

func TestInviteOperator_stores_person_link_and_event_together(t *testing.T) {
	d, c := newTestDB(t)
	bob, digest := invited(t, d, c, "bob@example.com", access.RoleViewer)
	if got, err := d.Operator(t.Context(), bob.ID); err != nil || got != bob || !got.Invited() || !got.LinkUntil.Equal(c.at.Add(time.Hour)) {
		t.Errorf("read %+v, %v, want %+v", got, err, bob)
	}
	if got, err := d.SetupToken(t.Context(), digest, c.at); err != nil || !got.Invited || got.Email != bob.Email {
		t.Errorf("token of %q, invited %v, %v", got.Email, got.Invited, err)
	}
	_, err := d.InviteOperator(t.Context(), access.Operator{Email: bob.Email, Role: access.RoleAdmin},
		access.SetupToken{Digest: access.DigestOf("other"), ExpiresAt: c.at.Add(time.Hour)}, about("twice"))
	wantCode(t, err, connection.CodeConflict)
	if _, err := d.SetupToken(t.Context(), digest, c.at); err != nil {
		t.Errorf("a second invitation ended the first: %v", err)
	}
	got, err := d.UseSetupToken(t.Context(), digest, c.at, access.Operator{PasswordHash: "hash", Role: access.RoleAdmin})
	if err != nil || got.Role != access.RoleViewer || got.Invited() {
		t.Errorf("set up %+v, %v", got, err)
	}
	if got, err := d.Operator(t.Context(), bob.ID); err != nil || !got.LinkUntil.IsZero() || got.Version != 2 {
		t.Errorf("read %+v, %v", got, err)
	}
	list, err := d.Events(t.Context(), EventFilter{})
	if err != nil || len(list) != 1 || list[0].Message != "invited bob@example.com" {
		t.Errorf("events %+v, %v", list, err)
	}
}

func TestAlterOperator_ends_sessions_and_links(t *testing.T) {
	d, c := newTestDB(t)
	ada := admin(t, d, "ada@example.com")
	bob, digest := invited(t, d, c, "bob@example.com", access.RoleViewer)
	adas := session(t, d, c, ada)
	link := func(name string, enables bool) func(access.Operator) (access.Alteration, error) {
		return func(o access.Operator) (access.Alteration, error) {
			return access.Alteration{Operator: o, Link: &access.SetupToken{Digest: access.DigestOf(name), ExpiresAt: c.at.Add(time.Hour), Enables: enables}, Event: about("link")}, nil
		}
	}
	steps := []struct {
		name     string
		decide   func(access.Operator) (access.Alteration, error)
		signedIn bool
		link     access.Digest // that works afterwards; zero: none
	}{
		{"nothing", func(o access.Operator) (access.Alteration, error) { return access.Alteration{Operator: o}, nil }, true, digest},
		{"role", toRole(access.RoleOperator), false, digest},
		{"link", link("second", false), true, access.DigestOf("second")},
		{"disable", disabling(c.at), false, access.Digest{}},
		{"link to a disabled one", link("third", false), true, access.Digest{}},
		{"link that enables", link("fourth", true), true, access.DigestOf("fourth")},
		{"disable again", disabling(c.at), true, access.Digest{}},
		{"enable", disabling(time.Time{}), false, access.Digest{}},
	}
	version := bob.Version
	for _, s := range steps {
		bobs := session(t, d, c, bob)
		got, err := d.AlterOperator(t.Context(), bob.ID, s.decide)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if s.name != "nothing" {
			version++
		}
		if read, err := d.Operator(t.Context(), bob.ID); err != nil || read != got || read.Version != version {
			t.Errorf("%s: gave %+v, stored %+v, %v, want version %d", s.name, got, read, err, version)
		}
		if d.signedIn(t, bobs) != s.signedIn || !d.signedIn(t, adas) {
			t.Errorf("%s: signed in: %v, ada: %v", s.name, !s.signedIn, d.signedIn(t, adas))
		}
		for _, name := range []string{"link of bob@example.com", "second", "third", "fourth"} {
			_, err := d.SetupToken(t.Context(), access.DigestOf(name), c.at)
			if works := err == nil; works != (access.DigestOf(name) == s.link) {
				t.Errorf("%s: the link %q works: %v", s.name, name, works)
			}
		}
		if err := d.DeleteSession(t.Context(), bobs); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAlterOperator_removes_with_all_that_is_open_and_keeps_the_events(t *testing.T) {
	d, c := newTestDB(t)
	admin(t, d, "ada@example.com")
	bob, digest := invited(t, d, c, "bob@example.com", access.RoleAdmin)
	bobs := session(t, d, c, bob)
	if _, err := d.AlterOperator(t.Context(), bob.ID, removing); err != nil {
		t.Fatal(err)
	}
	_, err := d.Operator(t.Context(), bob.ID)
	wantCode(t, err, connection.CodeNotFound)
	_, err = d.UseSetupToken(t.Context(), digest, c.at, access.Operator{PasswordHash: "hash"})
	wantCode(t, err, connection.CodeNotFound)
	if d.signedIn(t, bobs) {
		t.Error("the session lives on")
	}
	again, _ := invited(t, d, c, "bob@example.com", access.RoleViewer)
	if again.ID == bob.ID {
		t.Error("an id was given out twice")
	}
	list, err := d.Events(t.Context(), EventFilter{})
	if err != nil || len(list) != 3 || list[1].Message != "removed bob@example.com" {
		t.Errorf("events %+v, %v", list, err)
	}
}

func TestUseSetupToken_opens_no_account_that_was_disabled_since(t *testing.T) {
	d, c := newTestDB(t)
	admin(t, d, "ada@example.com")
	bob, digest := invited(t, d, c, "bob@example.com", access.RoleViewer)
	// Straight into the row, as if the disabling had come between the look-up and the use.
	if _, err := d.write.ExecContext(t.Context(), `UPDATE operators SET disabled_at = 1 WHERE id = $1`, bob.ID); err != nil {
		t.Fatal(err)
	}
	_, err := d.SetupToken(t.Context(), digest, c.at)
	wantCode(t, err, connection.CodeNotFound)
	_, err = d.UseSetupToken(t.Context(), digest, c.at, access.Operator{PasswordHash: "hash"})
	wantCode(t, err, connection.CodeNotFound)
	if got, err := d.Operator(t.Context(), bob.ID); err != nil || !got.Invited() || !got.Disabled() {
		t.Errorf("read %+v, %v", got, err)
	}
}

func TestAlterOperator_keeps_the_last_admin_who_can_sign_in(t *testing.T) {
	d, c := newTestDB(t)
	ada := admin(t, d, "ada@example.com")
	bob := admin(t, d, "bob@example.com")
	if _, err := d.AlterOperator(t.Context(), bob.ID, disabling(c.at)); err != nil {
		t.Fatal(err)
	}
	invited(t, d, c, "cleo@example.com", access.RoleAdmin) // neither of these two counts
	for name, decide := range map[string]func(access.Operator) (access.Alteration, error){
		"remove": removing, "disable": disabling(c.at), "demote": toRole(access.RoleOperator),
	} {
		_, err := d.AlterOperator(t.Context(), ada.ID, decide)
		if connection.CodeOf(err) != connection.CodeConflict || !strings.Contains(err.Error(), "last admin") {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := d.Operator(t.Context(), ada.ID); err != nil || got != ada {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := d.AlterOperator(t.Context(), bob.ID, removing); err != nil { // who cannot sign in may go
		t.Error(err)
	}
	list, err := d.Events(t.Context(), EventFilter{})
	if err != nil || len(list) != 3 {
		t.Errorf("events %+v, %v", list, err)
	}
}

// TestAlterOperator_keeps_an_admin_whoever_is_quicker lets admins take one another away, all at once: whatever comes first,
// one of them is left. BOARDLINK_SEED plays a run again.
func TestAlterOperator_keeps_an_admin_whoever_is_quicker(t *testing.T) {
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("BOARDLINK_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("BOARDLINK_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 8 {
		d, c := newTestDB(t)
		n := 2 + r.IntN(4)
		ways := make([]func(access.Operator) (access.Alteration, error), n)
		for i := range n {
			admin(t, d, fmt.Sprintf("p%d@example.com", i))
			ways[i] = []func(access.Operator) (access.Alteration, error){removing, disabling(c.at), toRole(access.RoleViewer)}[r.IntN(3)]
		}
		results := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { _, results[i] = d.AlterOperator(context.Background(), int64(i+1), ways[i]) })
		}
		wg.Wait()
		refused, left := 0, 0
		for _, err := range results {
			if err != nil {
				wantCode(t, err, connection.CodeConflict)
				refused++
			}
		}
		all, err := d.Operators(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			if o.Role == access.RoleAdmin && o.CanSignIn() {
				left++
			}
		}
		if refused != 1 || left != 1 {
			t.Errorf("round %d: %d of %d refused, %d admins left", round, refused, n, left)
		}
	}
}

func TestMigration_keeps_those_who_were_there(t *testing.T) {
	d, c := newTestDB(t)
	// As a row of the schema before: columns that came later have their default.
	_, err := d.write.ExecContext(t.Context(), `
		INSERT INTO operators (email, password_hash, role, created_at, last_sign_in_at) VALUES ('old@example.com', 'hash', 'admin', $1, 0)`, c.at.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.OperatorByEmail(t.Context(), "old@example.com")
	if err != nil || !got.CanSignIn() || got.Version != 1 {
		t.Errorf("read %+v, %v", got, err)
	}
}
