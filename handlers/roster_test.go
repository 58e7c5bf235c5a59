package handlers_test

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/db"
	"boardlink/handlers"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"
)

// roster is the real people over a real database.
type roster struct {
	*access.People
	db *db.DB
}

const (
	adaEmail    = "ada@example.com"
	adaPassword = "the password of ada"
	bobEmail    = "bob@example.com"
	bobPassword = "the password of bob"
)

// newRoster holds one admin, ada.
func newRoster(t testing.TB) *roster {
	t.Helper()
	sealer, err := db.NewSealer(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "boardlink.db"), db.Options{Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	hasher, err := access.NewHasher()
	if err != nil {
		t.Fatal(err)
	}
	r := &roster{db: d, People: access.NewPeople(d, access.PeopleOptions{Hasher: hasher, PublicURL: "https://boardlink.example.com"})}
	if _, err := r.FirstFromEnvironment(context.Background(), adaEmail, adaPassword); err != nil {
		t.Fatal(err)
	}
	return r
}

// join invites somebody, who sets that password.
func (r *roster) join(t testing.TB, email string, role access.Role, password connection.Secret) access.Operator {
	t.Helper()
	o, link, err := r.Invite(t.Context(), adaEmail, email, role)
	if err == nil {
		_, err = r.SetUp(t.Context(), linkToken(link.URL.Reveal()), "", password)
	}
	if err == nil {
		o, err = r.Get(t.Context(), o.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func linkToken(address string) connection.Secret {
	_, token, _ := strings.Cut(address, "/setup?token=")
	return connection.Secret(token)
}

// messages are those of the events, the latest first, with who caused them.
func (r *roster) messages(t testing.TB) []string {
	t.Helper()
	list, err := r.db.Events(t.Context(), db.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(list))
	for i, e := range list {
		all[i] = e.Actor + ": " + e.Message
	}
	return all
}

// staffed is the pages with the real people, who sign in with their passwords and whose sessions lie in the database.
type staffed struct {
	*webtest.Site
	*roster
	t testing.TB
}

func newStaffed(t testing.TB) *staffed {
	t.Helper()
	s := &staffed{roster: newRoster(t), t: t}
	s.Site = webtest.New(t, func(o *web.Options) { o.Sessions, o.People = s.db, s.roster.People }, func(server *web.Server) {
		console := handlers.NewConsole(operationtest.New(nil).Connections, s.roster.People, time.Now)
		server.Mount(console.Routes()...)
	})
	return s
}

// as is a browser in which somebody signed in.
func (s *staffed) as(email, password string) *webtest.Browser {
	s.t.Helper()
	b := s.Visitor()
	if got := s.signIn(b, email, password); got.Status != http.StatusSeeOther {
		s.t.Fatalf("%s cannot sign in: %d", email, got.Status)
	}
	return b
}

func (s *staffed) signIn(b *webtest.Browser, email, password string) webtest.Answer {
	s.t.Helper()
	return b.Post("/signin", url.Values{"email": {email}, "password": {password}})
}
