package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"

	"github.com/alexedwards/argon2id"
)

func newTestPeople(t *testing.T) (*People, *memory, *clock) {
	t.Helper()
	h, err := newHasher(cheap)
	if err != nil {
		t.Fatal(err)
	}
	m, c := newMemory(), newClock()
	return NewPeople(m, PeopleOptions{Hasher: h, PublicURL: "https://boardlink.example.com", Now: c.now}), m, c
}

func wantCode(t *testing.T, err error, code connection.Code) {
	t.Helper()
	if connection.CodeOf(err) != code {
		t.Errorf("error is %v, want code %q", err, code)
	}
}

func TestSetUp_makes_the_first_operator_who_then_signs_in(t *testing.T) {
	p, m, c := newTestPeople(t)
	if needed, err := p.NeedsSetup(t.Context()); err != nil || !needed {
		t.Fatalf("needs set-up: %v, %v", needed, err)
	}
	token, err := p.NewSetupToken(t.Context())
	if err != nil || len(token) < 22 {
		t.Fatalf("token of %d characters, %v", len(token), err)
	}
	_, err = p.SetUp(t.Context(), token, "ada", "short")
	wantCode(t, err, connection.CodeInvalid) // and the link still works
	who, err := p.SetUp(t.Context(), token, " Ada@Example.com", "correct horse")
	if err != nil || who.Name != "ada@example.com" || !who.AllowsRole(RoleAdmin) {
		t.Fatalf("set up %+v, %v", who, err)
	}
	_, err = p.SetUp(t.Context(), token, "eve@example.com", "correct horse")
	wantCode(t, err, connection.CodeForbidden)
	if needed, err := p.NeedsSetup(t.Context()); err != nil || needed {
		t.Errorf("needs set-up: %v, %v", needed, err)
	}

	c.advance(time.Hour)
	again, err := p.SignIn(t.Context(), Origin{}, "ADA@example.com ", "correct horse")
	if err != nil || again.ID != who.ID {
		t.Errorf("signed in as %+v, %v", again, err)
	}
	if m.operators[0].LastSignInAt != c.at {
		t.Error("the sign-in was not noted")
	}
	if now, err := p.Identify(t.Context(), who.ID); err != nil || now.Name != who.Name {
		t.Errorf("identified as %+v, %v", now, err)
	}
	for _, e := range m.events {
		if strings.Contains(e.Message, "correct horse") || strings.Contains(e.Message, token.Reveal()) || e.Kind != connection.KindAccess {
			t.Errorf("event %+v", e)
		}
	}
	if len(m.events) != 2 {
		t.Errorf("events are %+v", m.events)
	}
}

func TestSetUp_link_ends_after_30_minutes(t *testing.T) {
	p, _, c := newTestPeople(t)
	token, err := p.NewSetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.advance(30*time.Minute - time.Second)
	if _, err := p.LookUpToken(t.Context(), token); err != nil {
		t.Error(err)
	}
	c.advance(time.Second)
	_, err = p.LookUpToken(t.Context(), token)
	wantCode(t, err, connection.CodeForbidden)
	_, err = p.SetUp(t.Context(), token, "ada@example.com", "correct horse")
	wantCode(t, err, connection.CodeForbidden)
	_, err = p.LookUpToken(t.Context(), "guess")
	wantCode(t, err, connection.CodeForbidden)
}

func TestSignIn_says_the_same_for_an_unknown_email_and_a_wrong_password(t *testing.T) {
	p, _, _ := newTestPeople(t)
	if _, err := p.FirstFromEnvironment(t.Context(), "ada@example.com", "correct horse"); err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	for _, try := range []struct {
		email    string
		password connection.Secret
	}{
		{"ada@example.com", "wrong horse"}, {"eve@example.com", "correct horse"}, {"no address", "correct horse"}, {"", ""},
		{"ada@example.com", ""}, {"ada@example.com", connection.Secret(strings.Repeat("x", 1<<20))},
	} {
		who, err := p.SignIn(t.Context(), Origin{}, try.email, try.password)
		wantCode(t, err, connection.CodeUnauthorized)
		if who.Known() {
			t.Errorf("%q signed in", try.email)
		}
		texts[fmt.Sprint(err)] = true
	}
	if len(texts) != 1 {
		t.Errorf("answers are %v", texts)
	}
}

func TestConfirm_checks_the_password_of_who_is_signed_in(t *testing.T) {
	p, m, _ := newTestPeople(t)
	if _, err := p.FirstFromEnvironment(t.Context(), "ada@example.com", "correct horse"); err != nil {
		t.Fatal(err)
	}
	if err := p.Confirm(t.Context(), Origin{}, 1, "correct horse"); err != nil {
		t.Error(err)
	}
	err := p.Confirm(t.Context(), Origin{}, 1, "wrong horse")
	wantCode(t, err, connection.CodeInvalid)
	if fields := fieldsOf(err); len(fields) != 1 || fields[0].Path != "password" || strings.Contains(fields[0].Message, "horse") {
		t.Errorf("wrong fields are %+v", fields)
	}
	wantCode(t, p.Confirm(t.Context(), Origin{}, 9, "correct horse"), connection.CodeNotFound)
	if last := m.events[len(m.events)-1]; len(m.events) != 2 || last.Actor != "ada@example.com" || last.Level != connection.LevelWarning || strings.Contains(last.Message, "horse") {
		t.Errorf("events are %+v", m.events)
	}
}

func TestSignIn_is_told_with_its_address_whether_it_went_well_or_not(t *testing.T) {
	p, m, _ := newTestPeople(t)
	if _, err := p.FirstFromEnvironment(t.Context(), "ada@example.com", "correct horse"); err != nil {
		t.Fatal(err)
	}
	from := Origin{Address: "192.0.2.7"}
	for _, try := range [][2]string{{"ada@example.com", "correct horse"}, {"Ada@example.com", "a typo"}, {"my secret passphrase", "x"}, {"eve@example.com", "x"}} {
		_, _ = p.SignIn(t.Context(), from, try[0], connection.Secret(try[1]))
	}
	unknown := "A sign-in as an unknown e-mail address was refused: the password was wrong."
	want := []string{"ada@example.com signed in.", "A sign-in as ada@example.com was refused: the password was wrong.", unknown, unknown}
	got := []string{}
	for _, e := range m.events[1:] {
		if e.Kind != connection.KindAccess || (e.Level == connection.LevelWarning) != strings.Contains(e.Message, "refused") {
			t.Errorf("event %+v", e)
		}
		got = append(got, e.Message)
	}
	if !slices.Equal(got, want) {
		t.Errorf("told is %q", got)
	}
}

func TestSignIn_makes_an_outdated_hash_anew(t *testing.T) {
	p, m, _ := newTestPeople(t)
	older := cheap
	older.Memory = 32
	hash, err := argon2id.CreateHash("correct horse", &older)
	if err != nil {
		t.Fatal(err)
	}
	m.operators = []Operator{{ID: 1, Email: "ada@example.com", PasswordHash: hash, Role: RoleAdmin}}
	if _, err := p.SignIn(t.Context(), Origin{}, "ada@example.com", "correct horse"); err != nil {
		t.Fatal(err)
	}
	if m.operators[0].PasswordHash == hash {
		t.Error("the hash is the old one")
	}
	if _, err := p.SignIn(t.Context(), Origin{}, "ada@example.com", "correct horse"); err != nil {
		t.Error(err)
	}
}

func TestReset_link_sets_the_password_of_its_own_operator_only(t *testing.T) {
	p, _, _ := newTestPeople(t)
	_, _, err := p.ResetFromCommandLine(t.Context(), "ada@example.com")
	wantCode(t, err, connection.CodeNotFound)
	if _, err := p.FirstFromEnvironment(t.Context(), "ada@example.com", "correct horse"); err != nil {
		t.Fatal(err)
	}
	_, link, err := p.ResetFromCommandLine(t.Context(), "Ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	token := tokenOf(t, link)
	if got, err := p.LookUpToken(t.Context(), token); err != nil || got.Email != "ada@example.com" {
		t.Errorf("token is %+v, %v", got, err)
	}
	_, err = p.SetUp(t.Context(), token, "eve@example.com", "battery staple")
	wantCode(t, err, connection.CodeInvalid)
	if _, err := p.SetUp(t.Context(), token, "", "battery staple"); err != nil {
		t.Fatal(err)
	}
	_, err = p.SignIn(t.Context(), Origin{}, "ada@example.com", "correct horse")
	wantCode(t, err, connection.CodeUnauthorized)
	if _, err := p.SignIn(t.Context(), Origin{}, "ada@example.com", "battery staple"); err != nil {
		t.Error(err)
	}
}

func TestFirstFromEnvironment_never_resets_a_password(t *testing.T) {
	p, m, _ := newTestPeople(t)
	for _, bad := range [][2]string{{"ada", "correct horse"}, {"ada@example.com", "short"}, {"ada@example.com", "password1"}} {
		_, err := p.FirstFromEnvironment(t.Context(), bad[0], connection.Secret(bad[1]))
		wantCode(t, err, connection.CodeInvalid)
	}
	if made, err := p.FirstFromEnvironment(t.Context(), "ada@example.com", "correct horse"); err != nil || !made {
		t.Fatalf("made: %v, %v", made, err)
	}
	before := m.operators[0]
	for email, password := range map[string]connection.Secret{"ada@example.com": "battery staple", "eve@example.com": "battery staple", "bob@example.com": "password1"} {
		if made, err := p.FirstFromEnvironment(t.Context(), email, password); err != nil || made {
			t.Errorf("%s made: %v, %v", email, made, err)
		}
	}
	if len(m.operators) != 1 || m.operators[0] != before {
		t.Errorf("operators are %+v", m.operators)
	}
}

func TestIdentify_knows_nobody_by_an_id_that_is_gone(t *testing.T) {
	p, _, _ := newTestPeople(t)
	for _, id := range []int64{0, 7} {
		if who, err := p.Identify(t.Context(), id); err != nil || who.Known() {
			t.Errorf("%d is %+v, %v", id, who, err)
		}
	}
}
