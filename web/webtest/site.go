// Package webtest serves pages and API to tests: a real server on a loopback port over sessions and people kept in memory,
// and browsers that are signed in by the program's own code.
package webtest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/access/accesstest"
	"boardlink/live"
	"boardlink/web"
)

// Key is an API key with every scope that a [Site] knows.
const Key = "webtest-key-0123456789abcdef0123456789"

// Site is a running server.
type Site struct {
	*web.Server
	URL    string // "http://127.0.0.1:41234"
	Feed   *live.Feed
	Rows   *Rows
	People *People
	// Keys are the API keys that the site knows, [Key] among them; KeyRows holds the others.
	Keys    *access.Keys
	KeyRows *accesstest.KeyRows

	t testing.TB
}

// New starts a server with these routes; it stops with the test. change, which may be nil, has the last word on its
// options; it may also be the place to give a logger.
func New(t testing.TB, change func(*web.Options), mount ...func(*web.Server)) *Site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	site := &Site{URL: "http://" + listener.Addr().String(), Feed: &live.Feed{}, Rows: NewRows(), People: NewPeople(), KeyRows: accesstest.NewKeyRows(), t: t}
	site.Keys = access.NewKeyRing(access.KeysOptions{Environment: Key, Store: site.KeyRows, Owners: site.People})
	opt := web.Options{
		PublicURL: site.URL, Sessions: site.Rows, People: site.People, Keys: site.Keys,
		Feed: site.Feed, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&opt)
	}
	if site.Server, err = web.New(opt); err != nil {
		t.Fatalf("make server: %v", err)
	}
	for _, m := range mount {
		m(site.Server)
	}
	served := make(chan error, 1)
	go func() { served <- site.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := site.Shutdown(ctx); err != nil {
			t.Errorf("stop server: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return site
}

// Routes is a mount of [New] for plain rows.
func Routes(routes ...web.Route) func(*web.Server) {
	return func(s *web.Server) { s.Mount(routes...) }
}

// Visitor is a browser in which nobody is signed in.
func (s *Site) Visitor() *Browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatalf("make cookie jar: %v", err)
	}
	transport := &http.Transport{}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &Browser{t: s.t, site: s, client: &http.Client{
		Jar: jar, Transport: transport, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// KeyFor makes an API key with these scopes, which an admin of its own owns.
func (s *Site) KeyFor(scopes ...access.Scope) string {
	s.t.Helper()
	owner := s.People.Add(access.RoleAdmin)
	_, key, err := s.Keys.Create(s.t.Context(), owner, access.KeyDraft{Name: fmt.Sprintf("key %d", owner.ID), Scopes: scopes})
	if err != nil {
		s.t.Fatalf("make a key: %v", err)
	}
	return key.Reveal()
}

// Operator is a browser in which a new operator of that role is signed in.
func (s *Site) Operator(role access.Role) *Browser {
	s.t.Helper()
	return s.signedIn(s.People.Add(role))
}

// Elsewhere is another browser in which the same operator is signed in.
func (b *Browser) Elsewhere() *Browser {
	b.t.Helper()
	return b.site.signedIn(b.Who)
}

func (s *Site) signedIn(who access.Identity) *Browser {
	s.t.Helper()
	b := s.Visitor()
	b.Who = who
	r := httptest.NewRequest(http.MethodGet, s.URL, nil)
	w := httptest.NewRecorder()
	session, err := s.Sessions().Get(r, access.SessionName)
	if err == nil {
		err = s.Sessions().Renew(r, w, session, who)
	}
	if err != nil {
		s.t.Fatalf("sign in: %v", err)
	}
	for _, c := range w.Result().Cookies() {
		b.cookie = c.Name + "=" + c.Value
	}
	home, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatalf("read address: %v", err)
	}
	b.client.Jar.SetCookies(home, w.Result().Cookies())
	return b
}
