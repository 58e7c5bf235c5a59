package db

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"boardlink/access"
	"boardlink/connection"
)

func newOperator(email string) access.Operator {
	return access.Operator{Email: email, PasswordHash: "hash of " + email, Role: access.RoleAdmin}
}

func TestOperators_are_found_by_id_and_email(t *testing.T) {
	d, c := newTestDB(t)
	ada, err := d.CreateOperator(t.Context(), newOperator("ada@example.com"))
	if err != nil || ada.ID == 0 || !ada.CreatedAt.Equal(c.at) {
		t.Fatalf("created %+v, %v", ada, err)
	}
	_, err = d.CreateOperator(t.Context(), newOperator("ada@example.com"))
	wantCode(t, err, connection.CodeConflict)
	if err := d.SetLastSignIn(t.Context(), ada.ID, c.at); err != nil {
		t.Fatal(err)
	}
	if err := d.SetPasswordHash(t.Context(), ada.ID, "newer"); err != nil {
		t.Fatal(err)
	}
	ada.LastSignInAt, ada.PasswordHash = c.at, "newer"
	if got, err := d.Operator(t.Context(), ada.ID); err != nil || !reflect.DeepEqual(got, ada) {
		t.Errorf("read %+v, %v", got, err)
	}
	if got, err := d.OperatorByEmail(t.Context(), "ada@example.com"); err != nil || !reflect.DeepEqual(got, ada) {
		t.Errorf("found %+v, %v", got, err)
	}
	_, err = d.OperatorByEmail(t.Context(), "bob@example.com")
	wantCode(t, err, connection.CodeNotFound)
	wantCode(t, d.SetPasswordHash(t.Context(), 99, "x"), connection.CodeNotFound)
	if n, err := d.CountOperators(t.Context()); err != nil || n != 1 {
		t.Errorf("%d operators, %v", n, err)
	}
}

func TestCreateFirstOperator_makes_one_however_many_ask(t *testing.T) {
	d, _ := newTestDB(t)
	var wg sync.WaitGroup
	results := make([]error, 16)
	for i := range results {
		wg.Go(func() {
			_, results[i] = d.CreateFirstOperator(context.Background(), newOperator(fmt.Sprintf("p%d@example.com", i)))
		})
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
	if n, err := d.CountOperators(t.Context()); err != nil || n != 1 || made != 1 {
		t.Errorf("%d made, %d there, %v", made, n, err)
	}
}

func TestSetupToken_makes_the_first_operator_once(t *testing.T) {
	d, c := newTestDB(t)
	token := access.SetupToken{Digest: access.DigestOf("token"), ExpiresAt: c.at.Add(30 * time.Minute)}
	if err := d.SaveSetupToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if got, err := d.SetupToken(t.Context(), token.Digest, c.at.Add(30*time.Minute-time.Millisecond)); err != nil || got != token {
		t.Errorf("token is %+v, %v", got, err)
	}
	_, err := d.SetupToken(t.Context(), token.Digest, token.ExpiresAt)
	wantCode(t, err, connection.CodeNotFound)
	_, err = d.UseSetupToken(t.Context(), token.Digest, token.ExpiresAt, newOperator("late@example.com"))
	wantCode(t, err, connection.CodeNotFound)
	_, err = d.UseSetupToken(t.Context(), access.DigestOf("guess"), c.at, newOperator("guess@example.com"))
	wantCode(t, err, connection.CodeNotFound)

	var wg sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		wg.Go(func() {
			_, results[i] = d.UseSetupToken(context.Background(), token.Digest, c.at, newOperator(fmt.Sprintf("p%d@example.com", i)))
		})
	}
	wg.Wait()
	made := 0
	for _, err := range results {
		if err == nil {
			made++
		} else {
			wantCode(t, err, connection.CodeNotFound)
		}
	}
	if n, err := d.CountOperators(t.Context()); err != nil || n != 1 || made != 1 {
		t.Errorf("%d made, %d there, %v", made, n, err)
	}
}

func TestSetupToken_for_a_first_operator_is_worth_nothing_once_there_is_one(t *testing.T) {
	d, c := newTestDB(t)
	token := access.SetupToken{Digest: access.DigestOf("token"), ExpiresAt: c.at.Add(time.Minute)}
	if err := d.SaveSetupToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateFirstOperator(t.Context(), newOperator("ada@example.com")); err != nil {
		t.Fatal(err)
	}
	_, err := d.UseSetupToken(t.Context(), token.Digest, c.at, newOperator("eve@example.com"))
	wantCode(t, err, connection.CodeConflict)
}

func TestSetupToken_sets_a_password_and_ends_sessions(t *testing.T) {
	d, c := newTestDB(t)
	ada, err := d.CreateOperator(t.Context(), newOperator("ada@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	session := access.SessionRow{Digest: access.DigestOf("id"), OperatorID: ada.ID, Data: []byte("{}"), CreatedAt: c.at, LastSeenAt: c.at, ExpiresAt: c.at.Add(time.Hour)}
	if err := d.SaveSession(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	if err := d.KeepBrowser(t.Context(), access.DigestOf("browser"), ada.ID, c.at, 20); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "second"} { // the second ends the first
		token := access.SetupToken{Digest: access.DigestOf(text), OperatorID: ada.ID, ExpiresAt: c.at.Add(time.Minute)}
		if err := d.SaveSetupToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	_, err = d.SetupToken(t.Context(), access.DigestOf("first"), c.at)
	wantCode(t, err, connection.CodeNotFound)
	if got, err := d.SetupToken(t.Context(), access.DigestOf("second"), c.at); err != nil || got.Email != ada.Email || got.OperatorID != ada.ID {
		t.Errorf("token is %+v, %v", got, err)
	}
	got, err := d.UseSetupToken(t.Context(), access.DigestOf("second"), c.at, access.Operator{Email: "ignored@example.com", PasswordHash: "new hash", Role: access.RoleViewer})
	want := ada
	want.PasswordHash, want.Version = "new hash", 2
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("operator is %+v, %v", got, err)
	}
	_, err = d.SessionByHash(t.Context(), session.Digest)
	wantCode(t, err, connection.CodeNotFound)
	if known, err := d.KnownBrowser(t.Context(), access.DigestOf("browser"), ada.ID, c.at.Add(-time.Hour)); err != nil || known {
		t.Errorf("the browser is known still: %v, %v", known, err)
	}
}

func TestSessions_live_until_they_are_ended_or_pruned(t *testing.T) {
	d, c := newTestDB(t)
	ada, err := d.CreateOperator(t.Context(), newOperator("ada@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]access.SessionRow{}
	for name, seen := range map[string]time.Duration{"fresh": 0, "idle": -40 * time.Minute, "old": 0, "anonymous": 0} {
		row := access.SessionRow{
			Digest: access.DigestOf(name), ID: int64(len(rows) + 1), OperatorID: ada.ID, Role: access.RoleAdmin, Data: []byte(`{"a":1}`), UserAgent: "Firefox", Address: "192.0.2.7",
			CreatedAt: c.at.Add(-time.Hour), LastSeenAt: c.at.Add(seen), ConfirmedAt: c.at.Add(-time.Minute), ExpiresAt: c.at.Add(time.Hour),
		}
		if name == "old" {
			row.ExpiresAt = c.at
		}
		if name == "anonymous" {
			row.OperatorID = 0
		}
		rows[name] = row
		if err := d.SaveSession(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		if got, err := d.SessionByHash(t.Context(), row.Digest); err != nil || !reflect.DeepEqual(got, row) {
			t.Errorf("read %+v, %v", got, err)
		}
	}
	if n, err := d.PruneSessions(t.Context(), c.at, c.at.Add(-30*time.Minute)); err != nil || n != 2 {
		t.Errorf("pruned %d, %v", n, err)
	}
	fresh := rows["fresh"]
	if err := d.TouchSession(t.Context(), fresh.Digest, c.at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := d.UpdateSession(t.Context(), fresh.Digest, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	fresh.LastSeenAt, fresh.Data = c.at.Add(time.Minute), []byte(`{}`)
	if got, err := d.SessionByHash(t.Context(), fresh.Digest); err != nil || !reflect.DeepEqual(got, fresh) {
		t.Errorf("read %+v, %v", got, err)
	}
	if err := d.UpdateSession(t.Context(), access.DigestOf("idle"), []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	_, err = d.SessionByHash(t.Context(), access.DigestOf("idle")) // saving does not bring it back
	wantCode(t, err, connection.CodeNotFound)
	if err := d.DeleteSessionsOf(t.Context(), ada.ID); err != nil {
		t.Fatal(err)
	}
	_, err = d.SessionByHash(t.Context(), fresh.Digest)
	wantCode(t, err, connection.CodeNotFound)
	if err := d.DeleteSession(t.Context(), access.DigestOf("anonymous")); err != nil {
		t.Fatal(err)
	}
	_, err = d.SessionByHash(t.Context(), access.DigestOf("anonymous"))
	wantCode(t, err, connection.CodeNotFound)
}

func TestSessions_are_renewed_listed_and_ended_by_their_owner(t *testing.T) {
	d, c := newTestDB(t)
	var people [2]access.Operator
	for i, email := range []string{"ada@example.com", "bob@example.com"} {
		var err error
		if people[i], err = d.CreateOperator(t.Context(), newOperator(email)); err != nil {
			t.Fatal(err)
		}
	}
	save := func(name string, owner access.Operator, id int64) access.SessionRow {
		t.Helper()
		row := access.SessionRow{Digest: access.DigestOf(name), ID: id, OperatorID: owner.ID, Role: access.RoleAdmin, Data: []byte(`{}`), CreatedAt: c.at, LastSeenAt: c.at.Add(time.Duration(id) * time.Minute), ExpiresAt: c.at.Add(time.Hour)}
		if err := d.SaveSession(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		return row
	}
	first, second, third, other := save("first", people[0], 1), save("second", people[0], 2), save("third", people[0], 3), save("other", people[1], 4)

	renewed := second
	renewed.Digest, renewed.ConfirmedAt, renewed.Data = access.DigestOf("renewed"), c.at.Add(time.Minute), []byte(`{"a":2}`)
	if err := d.RenewSession(t.Context(), second.Digest, renewed); err != nil {
		t.Fatal(err)
	}
	wantCode(t, d.RenewSession(t.Context(), second.Digest, renewed), connection.CodeNotFound)
	_, err := d.SessionByHash(t.Context(), second.Digest)
	wantCode(t, err, connection.CodeNotFound)
	if got, err := d.SessionsOf(t.Context(), people[0].ID); err != nil || !reflect.DeepEqual(got, []access.SessionRow{third, renewed, first}) {
		t.Errorf("listed %+v, %v", got, err)
	}

	wantCode(t, d.DeleteSessionOf(t.Context(), people[0].ID, other.ID), connection.CodeNotFound)
	if err := d.DeleteSessionOf(t.Context(), people[0].ID, first.ID); err != nil {
		t.Error(err)
	}
	wantCode(t, d.DeleteSessionOf(t.Context(), people[0].ID, first.ID), connection.CodeNotFound)
	if n, err := d.DeleteOtherSessionsOf(t.Context(), people[0].ID, renewed.Digest); err != nil || n != 1 {
		t.Errorf("ended %d others, %v", n, err)
	}
	for row, want := range map[*access.SessionRow]connection.Code{&third: connection.CodeNotFound, &renewed: "", &other: ""} {
		_, err := d.SessionByHash(t.Context(), row.Digest)
		wantCode(t, err, want)
	}
}

func TestChangePassword_ends_all_that_the_former_one_has_opened(t *testing.T) {
	d, c := newTestDB(t)
	var people [2]access.Operator
	for i, email := range []string{"ada@example.com", "bob@example.com"} {
		var err error
		if people[i], err = d.CreateOperator(t.Context(), newOperator(email)); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"ada here", "ada there", "bob"} {
		o := people[i/2]
		row := access.SessionRow{Digest: access.DigestOf(name), ID: int64(i + 1), OperatorID: o.ID, Data: []byte(`{}`), CreatedAt: c.at, LastSeenAt: c.at, ExpiresAt: c.at.Add(time.Hour)}
		if err := d.SaveSession(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		if err := d.KeepBrowser(t.Context(), row.Digest, o.ID, c.at, 9); err != nil {
			t.Fatal(err)
		}
		if err := d.SaveSetupToken(t.Context(), access.SetupToken{Digest: row.Digest, OperatorID: o.ID, ExpiresAt: c.at.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.ChangePassword(t.Context(), people[0].ID, "new hash", access.DigestOf("ada here")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, d.ChangePassword(t.Context(), 99, "new hash", access.Digest{}), connection.CodeNotFound)
	for i, hash := range []string{"new hash", people[1].PasswordHash} {
		if o, err := d.Operator(t.Context(), people[i].ID); err != nil || o.PasswordHash != hash {
			t.Errorf("hash of %s is %q, %v", people[i].Email, o.PasswordHash, err)
		}
	}
	for name, kept := range map[string][2]bool{"ada here": {true, false}, "ada there": {false, false}, "bob": {true, true}} {
		o := people[0]
		if name == "bob" {
			o = people[1]
		}
		_, err := d.SessionByHash(t.Context(), access.DigestOf(name))
		known, browserErr := d.KnownBrowser(t.Context(), access.DigestOf(name), o.ID, c.at)
		_, tokenErr := d.SetupToken(t.Context(), access.DigestOf(name), c.at)
		if (err == nil) != kept[0] || known != kept[1] || browserErr != nil || (tokenErr == nil) != kept[1] {
			t.Errorf("%s: session %v, browser %v, link %v", name, err, known, tokenErr)
		}
	}
}

func TestSessions_of_an_older_version_go_on(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boardlink.db")
	pool, err := openPool(path, 2, "foreign_keys(0)")
	if err != nil {
		t.Fatal(err)
	}
	older := fstest.MapFS{}
	for _, name := range []string{"00001_installation.sql", "00005_operators.sql"} {
		data, err := migrationFiles.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		older[name] = &fstest.MapFile{Data: data}
	}
	if err := migrateWith(t.Context(), pool, path, older, Options{Now: time.Now, Log: discard}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO operators VALUES (1, 'ada@example.com', 'hash', 'admin', 1, 1)`,
		`INSERT INTO sessions
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
		SELECT randomblob(32), 1, CAST('{}' AS BLOB), 1, 1, 1 FROM n`,
	} {
		if _, err := pool.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	newer, err := migrationFiles.ReadFile("migrations/00012_sessions.sql")
	if err != nil {
		t.Fatal(err)
	}
	older["00012_sessions.sql"] = &fstest.MapFile{Data: newer}
	if err := migrateWith(t.Context(), pool, path, older, Options{Now: time.Now, Log: discard}); err != nil {
		t.Fatal(err)
	}
	d := &DB{read: pool, write: pool, now: time.Now}
	list, err := d.SessionsOf(t.Context(), 1)
	seen := map[int64]bool{}
	for _, s := range list {
		if seen[s.ID] || s.ID <= 0 || s.Role != "" || !s.ConfirmedAt.IsZero() {
			t.Errorf("session %+v", s)
		}
		seen[s.ID] = true
	}
	if err != nil || len(seen) != 50 {
		t.Errorf("%d sessions, %v", len(seen), err)
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

var (
	_ access.OperatorStore = (*DB)(nil)
	_ access.SessionRows   = (*DB)(nil)
)
