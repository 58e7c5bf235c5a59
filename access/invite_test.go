package access

import (
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
)

// tokenOf takes the token out of a link.
func tokenOf(t *testing.T, l Link) connection.Secret {
	t.Helper()
	_, token, ok := strings.Cut(l.URL.Reveal(), "https://boardlink.example.com/setup?token=")
	if !ok || len(token) < 22 { // 128 bits
		t.Fatalf("the link is no link, or too short: %d characters", len(token))
	}
	return connection.Secret(token)
}

// withAda is people among whom ada is an admin.
func withAda(t *testing.T) (*People, *memory, *clock) {
	t.Helper()
	p, m, c := newTestPeople(t)
	if _, err := p.FirstFromEnvironment(t.Context(), "ada@example.com", "correct horse"); err != nil {
		t.Fatal(err)
	}
	return p, m, c
}

func invite(t *testing.T, p *People, email string, role Role) (Operator, Link) {
	t.Helper()
	o, link, err := p.Invite(t.Context(), "ada@example.com", email, role)
	if err != nil {
		t.Fatal(err)
	}
	return o, link
}

// secretFree fails where an event holds a token or is of another kind.
func secretFree(t *testing.T, m *memory, tokens ...connection.Secret) {
	t.Helper()
	for _, e := range m.events {
		for _, token := range tokens {
			if strings.Contains(e.Message+e.Actor, token.Reveal()) {
				t.Errorf("an event holds a token: %q", e.Kind)
			}
		}
		if e.Kind != connection.KindAccess || e.Actor == "" || e.Time.IsZero() {
			t.Errorf("event %+v", e)
		}
	}
}

// told fails unless the last event is by that actor and says all of that.
func told(t *testing.T, m *memory, actor string, words ...string) {
	t.Helper()
	e := m.events[len(m.events)-1]
	for _, w := range words {
		if e.Actor != actor || !strings.Contains(e.Message, w) {
			t.Errorf("the last event, by %s, is %q; want %q by %s", e.Actor, e.Message, w, actor)
		}
	}
}

func TestInvite_lets_somebody_set_a_password_once(t *testing.T) {
	p, m, c := withAda(t)
	bob, link := invite(t, p, " Bob@Example.com", RoleViewer)
	if bob.Email != "bob@example.com" || bob.Role != RoleViewer || !bob.Invited() || bob.CanSignIn() || !bob.LinkOpen(c.at) || !link.ExpiresAt.Equal(c.at.Add(InvitationLife)) {
		t.Errorf("invited %+v until %v", bob, link.ExpiresAt)
	}
	told(t, m, "ada@example.com", "bob@example.com was invited as viewer", "2026-11-26 10:00 UTC")
	token := tokenOf(t, link)
	for _, guess := range []connection.Secret{"", "correct horse"} {
		_, err := p.SignIn(t.Context(), Origin{}, bob.Email, guess)
		wantCode(t, err, connection.CodeUnauthorized)
	}
	if got, err := p.LookUpToken(t.Context(), token); err != nil || got.Email != bob.Email || !got.Invited {
		t.Errorf("the link is of %q, invited %v, %v", got.Email, got.Invited, err)
	}
	_, err := p.SetUp(t.Context(), token, "eve@example.com", "battery staple")
	wantCode(t, err, connection.CodeInvalid)
	who, err := p.SetUp(t.Context(), token, "", "battery staple")
	if err != nil || who.Role != RoleViewer || who.Name != bob.Email {
		t.Fatalf("set up as %+v, %v", who, err)
	}
	told(t, m, bob.Email, "accepted the invitation")
	if got, err := p.Get(t.Context(), bob.ID); err != nil || !got.LastSignInAt.Equal(c.at) {
		t.Errorf("the first sign-in is not noted: %v, %v", got.LastSignInAt, err)
	}
	_, err = p.SetUp(t.Context(), token, "", "another staple")
	wantCode(t, err, connection.CodeForbidden)
	if _, err := p.SignIn(t.Context(), Origin{}, bob.Email, "battery staple"); err != nil {
		t.Error(err)
	}
	secretFree(t, m, token, "battery staple", "another staple")
}

func TestInvite_ends_after_its_time_and_by_a_newer_link(t *testing.T) {
	p, m, c := withAda(t)
	bob, link := invite(t, p, "bob@example.com", RoleOperator)
	first := tokenOf(t, link)
	_, link, err := p.NewLink(t.Context(), "ada@example.com", bob.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	second := tokenOf(t, link)
	told(t, m, "ada@example.com", "A new invitation link was made for bob@example.com")
	_, err = p.SetUp(t.Context(), first, "", "battery staple")
	wantCode(t, err, connection.CodeForbidden)
	c.advance(InvitationLife - time.Second)
	if _, err := p.LookUpToken(t.Context(), second); err != nil {
		t.Error(err)
	}
	c.advance(time.Second)
	_, err = p.SetUp(t.Context(), second, "", "battery staple")
	wantCode(t, err, connection.CodeForbidden)
	if got, err := p.Get(t.Context(), bob.ID); err != nil || got.LinkOpen(c.at) || !got.Invited() {
		t.Errorf("%+v, %v", got, err)
	}
	secretFree(t, m, first, second)
}

func TestInvite_names_what_is_wrong(t *testing.T) {
	p, m, _ := withAda(t)
	before := len(m.events)
	for _, try := range []struct {
		email string
		role  Role
		want  string
	}{
		{"", RoleViewer, "email"}, {"bob", RoleViewer, "email"}, {"bob@example.com", "", "role"}, {"bob@example.com", "root", "role"},
		{"bob@example.com", "Admin", "role"}, {"bob", "root", "email role"}, {"bob@example.com\r\nBcc: eve@example.com", RoleViewer, "email"},
	} {
		_, _, err := p.Invite(t.Context(), "ada@example.com", try.email, try.role)
		wantCode(t, err, connection.CodeInvalid)
		var paths []string
		for _, f := range fieldsOf(err) {
			paths = append(paths, f.Path)
		}
		if got := strings.Join(paths, " "); got != try.want {
			t.Errorf("%q as %q: wrong are %q, want %q", try.email, try.role, got, try.want)
		}
	}
	_, _, err := p.Invite(t.Context(), "ada@example.com", "ADA@example.com", RoleViewer)
	wantCode(t, err, connection.CodeConflict)
	if len(m.operators) != 1 || len(m.tokens) != 0 || len(m.events) != before {
		t.Error("something was stored all the same")
	}
}

func TestLink_used_twice_at_the_same_moment_sets_one_password(t *testing.T) {
	p, _, _ := withAda(t)
	bob, link := invite(t, p, "bob@example.com", RoleViewer)
	token := tokenOf(t, link)
	passwords := []connection.Secret{"battery staple", "another staple", "a third staple"}
	results := make([]error, len(passwords))
	var wg sync.WaitGroup
	for i, password := range passwords {
		wg.Go(func() { _, results[i] = p.SetUp(t.Context(), token, "", password) })
	}
	wg.Wait()
	won := 0
	for i, err := range results {
		_, signIn := p.SignIn(t.Context(), Origin{}, bob.Email, passwords[i])
		if err == nil {
			won++
		} else {
			wantCode(t, err, connection.CodeForbidden)
		}
		if (err == nil) != (signIn == nil) {
			t.Errorf("password %d: set %v, signs in %v", i, err, signIn)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

func TestReset_link_leaves_the_old_password_until_it_is_used(t *testing.T) {
	p, m, c := withAda(t)
	ada := m.operators[0]
	o, link, err := p.NewLink(t.Context(), "eve@example.com", ada.ID, 0)
	if err != nil || !link.ExpiresAt.Equal(c.at.Add(ResetLinkLife)) || o.Invited() {
		t.Fatalf("link until %v, %v", link.ExpiresAt, err)
	}
	told(t, m, "eve@example.com", "A link to set a new password was made for ada@example.com")
	if _, err := p.SignIn(t.Context(), Origin{}, ada.Email, "correct horse"); err != nil {
		t.Error("the old password is gone before the link was used")
	}
	if _, err := p.SetUp(t.Context(), tokenOf(t, link), "", "battery staple"); err != nil {
		t.Fatal(err)
	}
	told(t, m, ada.Email, "set a new password with a one-time link")
	_, err = p.SignIn(t.Context(), Origin{}, ada.Email, "correct horse")
	wantCode(t, err, connection.CodeUnauthorized)
}

func TestReset_from_the_command_line_enables_who_is_disabled_when_the_link_is_used(t *testing.T) {
	p, m, c := withAda(t)
	bob, link := invite(t, p, "bob@example.com", RoleAdmin)
	if _, err := p.SetUp(t.Context(), tokenOf(t, link), "", "battery staple"); err != nil {
		t.Fatal(err)
	}
	yes := true
	if _, err := p.Change(t.Context(), "ada@example.com", bob.ID, 0, Change{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	_, _, err := p.NewLink(t.Context(), "ada@example.com", bob.ID, 0)
	wantCode(t, err, connection.CodeConflict) // in the console, enabling is a step of its own
	o, link, err := p.ResetFromCommandLine(t.Context(), "bob@example.com")
	if err != nil || !o.Disabled() || !link.ExpiresAt.Equal(c.at.Add(SetupTokenLife)) {
		t.Fatalf("%+v until %v, %v", o, link.ExpiresAt, err)
	}
	told(t, m, CommandLine, "bob@example.com", "disabled", "enables it")
	_, err = p.SignIn(t.Context(), Origin{}, bob.Email, "battery staple")
	wantCode(t, err, connection.CodeUnauthorized) // not by the link alone
	if who, err := p.SetUp(t.Context(), tokenOf(t, link), "", "another staple"); err != nil || who.Role != RoleAdmin {
		t.Fatalf("set up %+v, %v", who, err)
	}
	told(t, m, bob.Email, "enables the account")
	if _, err := p.SignIn(t.Context(), Origin{}, bob.Email, "another staple"); err != nil {
		t.Error(err)
	}
	_, err = p.SignIn(t.Context(), Origin{}, bob.Email, "battery staple")
	wantCode(t, err, connection.CodeUnauthorized)
}
