package access

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"boardlink/connection"

	"github.com/alexedwards/argon2id"
)

func TestIdentity_allows_by_role_or_by_scope(t *testing.T) {
	operator := Identity{Kind: OperatorKind, Name: "ada@example.com", Role: RoleOperator}
	key := Identity{Kind: KeyKind, Name: "ci", Scopes: []Scope{ScopeRead}}
	for name, test := range map[string]struct {
		who   Identity
		least Role
		scope Scope
		want  bool
	}{
		"a higher role":                  {operator, RoleViewer, ScopeAdmin, true},
		"the same role":                  {operator, RoleOperator, "", true},
		"a lower role":                   {operator, RoleAdmin, ScopeRead, false},
		"a person where only keys may":   {operator, "", ScopeRead, false},
		"an unknown role is asked for":   {operator, "boss", "", false},
		"a key with the scope":           {key, RoleAdmin, ScopeRead, true},
		"a key without the scope":        {key, RoleViewer, ScopeUplinks, false},
		"a key where only people may":    {key, RoleViewer, "", false},
		"nobody":                         {Identity{}, RoleViewer, ScopeRead, false},
		"nobody who claims a role":       {Identity{Role: RoleAdmin, Scopes: Scopes}, RoleViewer, ScopeRead, false},
		"a person who claims scopes":     {Identity{Kind: OperatorKind, Role: RoleViewer, Scopes: Scopes}, RoleAdmin, ScopeRead, false},
		"a key that claims a role":       {Identity{Kind: KeyKind, Role: RoleAdmin}, RoleViewer, "", false},
		"a role of an unknown name":      {Identity{Kind: OperatorKind, Role: "boss"}, RoleViewer, "", false},
		"a scope of an unknown name":     {Identity{Kind: KeyKind, Scopes: []Scope{"all"}}, "", "all", false},
		"nothing is asked for, a person": {operator, "", "", false},
		"nothing is asked for, a key":    {key, "", "", false},
	} {
		if got := test.who.Allows(test.least, test.scope); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (Identity{}).Actor() != connection.System || operator.Actor() != "ada@example.com" {
		t.Error("actors have the wrong names")
	}
}

func TestNormalEmail(t *testing.T) {
	for input, want := range map[string]string{
		"ada@example.com": "ada@example.com", "  Ada.Lovelace+tb@Example.COM ": "ada.lovelace+tb@example.com", "ada@localhost": "ada@localhost",
		"": "", "ada": "", "@example.com": "", "ada@": "", "ada @example.com": "", "Ada <ada@example.com>": "", "<ada@example.com>": "",
		"ada@example.com, bob@example.com": "", "ada@exa\nmple.com": "", "ada\x00@example.com": "", strings.Repeat("a", 250) + "@example.com": "",
	} {
		got, err := NormalEmail(input)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q became %q, %v", input, got, err)
		}
		if err != nil && (connection.CodeOf(err) != connection.CodeInvalid || fieldsOf(err)[0].Path != "email") {
			t.Errorf("%q: %v", input, err)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	for input, good := range map[connection.Secret]bool{
		"12945678": true, "ümläüte8": true, " pass word of mine ": true, connection.Secret(strings.Repeat("äö", 128)): true, "correct horse": true, "adalovelace is not it": true,
		"": false, "1234567": false, connection.Secret(strings.Repeat("ab", 128) + "c"): false, "Ada@Example.com": false, " ada@example.com": false, "bad\xffutf8...": false,
		// Characters are counted and not bytes, in the form that is hashed: seven that are typed as fourteen stay seven.
		"ääääööö": false, "a\u0308a\u0308a\u0308o\u0308o\u0308o\u0308u\u0308": false, connection.Secret(strings.Repeat("a\u0308o\u0308", 128)): true,
		// What is tried first: common ones, however capitalised; one character over and over; the product's name and the person's.
		"baseball": false, "PassWord1": false, "12345678": false, "iloveyou2": false, "zzzzzzzz": false, "        ": false, "ßßßßßßßß": false,
		"boardlink": false, "Boardlink2026!": false, "!!BOARDLINK!!": false, "boardlinks of ours": true, "12345678\npassword": true, " password\n": false,
	} {
		err := CheckPassword(input, "ada@example.com")
		if (err == nil) != good {
			t.Errorf("%q: %v", input.Reveal(), err)
		}
		if err != nil && strings.Contains(err.Error(), input.Reveal()) && input != "" {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
	for input, good := range map[connection.Secret]bool{"adalovelace": false, "AdaLovelace1815": false, "lovelace": true, "28461947": true} {
		if err := CheckPassword(input, "adalovelace@example.com"); (err == nil) != good {
			t.Errorf("%q: %v", input.Reveal(), err)
		}
	}
	_, err := CheckCredentials("nobody", "short")
	if fields := fieldsOf(err); len(fields) != 2 || fields[0].Path != "email" || fields[1].Path != "password" {
		t.Errorf("wrong fields are %v", fields)
	}
}

func TestHasher_uses_the_parameters_that_it_must(t *testing.T) {
	h, err := NewHasher()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.Hash(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("hash is %q, %v", hash, err)
	}
	for password, want := range map[connection.Secret]bool{"correct horse": true, "correct hors": false, "": false} {
		match, outdated, err := h.Check(t.Context(), false, password, hash)
		if err != nil || match != want || outdated {
			t.Errorf("%q: %v, %v, %v", password.Reveal(), match, outdated, err)
		}
	}
	if match, _, err := h.Check(t.Context(), false, "", ""); err != nil || match {
		t.Errorf("an empty hash: %v, %v", match, err)
	}
	old, err := argon2id.CreateHash("correct horse", &cheap)
	if err != nil {
		t.Fatal(err)
	}
	if match, outdated, err := h.Check(t.Context(), true, "correct horse", old); err != nil || !match || !outdated {
		t.Errorf("an old hash: %v, %v, %v", match, outdated, err)
	}
}

func TestHasher_takes_a_password_however_its_characters_are_sent(t *testing.T) {
	h, err := newHasher(cheap)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.Hash(t.Context(), "mümläüte und ﬁsch²")
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[connection.Secret]bool{"mu\u0308mla\u0308u\u0308te und ﬁsch²": true, "mümläüte und fisch2": false} {
		if match, _, err := h.Check(t.Context(), false, typed, hash); err != nil || match != want {
			t.Errorf("%q: %v, %v", typed.Reveal(), match, err)
		}
	}
}

func TestHasher_lets_few_in_and_few_wait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := newHasher(cheap)
		if err != nil {
			t.Fatal(err)
		}
		for range hashesAtOnce {
			h.strangers.slots <- struct{}{}
		}
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 2*maxWaiting)
		for range 2 * maxWaiting {
			go func() {
				_, _, err := h.Check(ctx, false, "12345678", "")
				results <- err
			}()
		}
		synctest.Wait()
		for range maxWaiting {
			if _, busy := errors.AsType[*Throttled](<-results); !busy {
				t.Error("one too many waits")
			}
		}
		// Whoever is known is not kept waiting by strangers.
		if _, _, err := h.Check(t.Context(), true, "12345678", ""); err != nil {
			t.Errorf("somebody known: %v", err)
		}
		if _, err := h.Hash(t.Context(), "12345678"); err != nil {
			t.Errorf("a new password: %v", err)
		}
		<-h.strangers.slots
		synctest.Wait()
		cancel()
		for range maxWaiting {
			if err := <-results; err != nil {
				t.Errorf("one that waited: %v", err)
			}
		}
	})
}

func TestKeys_know_the_key_of_the_environment(t *testing.T) {
	const key = "0123456789abcdef0123456789abcdef"
	who, err := NewKeys(key).Identify(t.Context(), key, netip.Addr{})
	if err != nil || who.Kind != KeyKind || who.Name != EnvironmentKey {
		t.Errorf("it is %+v", who)
	}
	for _, s := range Scopes {
		if !who.AllowsScope(s) {
			t.Errorf("scope %s is missing", s)
		}
	}
	if who.AllowsRole(RoleViewer) {
		t.Error("a key is no operator")
	}
	for name, test := range map[string]struct {
		set       connection.Secret
		presented string
	}{
		"another key": {key, key + "0"}, "a begin of it": {key, key[:31]}, "nothing": {key, ""},
		"any where none is set": {"", key}, "nothing where none is set": {"", ""},
	} {
		if who, err := NewKeys(test.set).Identify(t.Context(), test.presented, netip.Addr{}); err != nil || who.Known() {
			t.Errorf("%s opened the door", name)
		}
	}
}

func TestNewUplinkKey_is_long_and_never_the_same(t *testing.T) {
	a, b := NewUplinkKey(), NewUplinkKey()
	if a == b || !strings.HasPrefix(a.Reveal(), "bl_uk_") || len(a) != len("bl_uk_")+43 {
		t.Errorf("keys are %s, %s", a.Reveal(), b.Reveal())
	}
}

func FuzzNormalEmail(f *testing.F) {
	f.Add(" Ada@Example.com ")
	f.Add("a@b\u2028c")
	f.Fuzz(func(t *testing.T, input string) {
		normal, err := NormalEmail(input)
		if err != nil {
			return
		}
		if again, err := NormalEmail(normal); err != nil || again != normal {
			t.Errorf("%q became %q, then %q (%v)", input, normal, again, err)
		}
	})
}
