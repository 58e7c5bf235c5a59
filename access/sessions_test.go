package access

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"boardlink/connection"

	"github.com/gorilla/sessions"
)

// browser keeps the cookie between requests.
type browser struct {
	t      *testing.T
	store  *Sessions
	cookie *http.Cookie
}

// visit makes a request, lets f work with its session, and keeps the cookie of the answer.
func (b *browser) visit(f func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error) {
	b.t.Helper()
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	s, err := b.store.Get(r, SessionName)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := f(r, w, s); err != nil {
		b.t.Fatal(err)
	}
	set := w.Result().Cookies()
	if len(set) > 1 {
		b.t.Errorf("cookies %v", set)
	}
	for _, c := range set {
		b.cookie = c
		if c.MaxAge < 0 {
			b.cookie = nil
		}
	}
}

func (b *browser) signIn(operatorID int64) {
	b.t.Helper()
	b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		return b.store.Renew(r, w, s, Identity{Kind: OperatorKind, ID: operatorID, Role: RoleAdmin})
	})
}

func (b *browser) operator() (id int64) {
	b.t.Helper()
	b.visit(func(_ *http.Request, _ http.ResponseWriter, s *sessions.Session) error {
		id = OperatorOf(s)
		return nil
	})
	return id
}

func newBrowser(t *testing.T) (*browser, *memory, *clock) {
	t.Helper()
	m, c := newMemory(), newClock()
	return &browser{t: t, store: NewSessions(m, SessionOptions{Now: c.now})}, m, c
}

func save(r *http.Request, w http.ResponseWriter, s *sessions.Session) error { return s.Save(r, w) }

func TestSessions_keep_values_and_flashes(t *testing.T) {
	b, m, _ := newBrowser(t)
	b.visit(save)
	if b.cookie != nil || len(m.sessions) != 0 {
		t.Error("a visitor without values got a session")
	}
	b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		s.Values["theme"] = "dark"
		s.AddFlash(map[string]any{"title": "Done"})
		s.AddFlash("text")
		return s.Save(r, w)
	})
	if _, ok := m.sessions[DigestOf(b.cookie.Value)]; !ok || len(m.sessions) != 1 {
		t.Error("the row is not kept under the digest of the cookie")
	}
	b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		want := []any{map[string]any{"title": "Done"}, "text"}
		if got := s.Flashes(); !reflect.DeepEqual(got, want) || s.Values["theme"] != "dark" || s.IsNew {
			t.Errorf("flashes %v, values %v", got, s.Values)
		}
		return s.Save(r, w)
	})
	b.visit(func(_ *http.Request, _ http.ResponseWriter, s *sessions.Session) error {
		if got := s.Flashes(); got != nil {
			t.Errorf("flashes came twice: %v", got)
		}
		return nil
	})
}

func TestSessions_refuse_values_that_cannot_be_kept(t *testing.T) {
	b, _, _ := newBrowser(t)
	b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		s.Values[7] = "number as a key"
		if err := s.Save(r, w); err == nil {
			t.Error("saved")
		}
		delete(s.Values, 7)
		s.Values["f"] = func() {}
		if err := s.Save(r, w); err == nil {
			t.Error("saved")
		}
		return nil
	})
}

func TestSessions_cookie_is_safe(t *testing.T) {
	for secure, name := range map[bool]string{false: "boardlink", true: "__Host-boardlink"} {
		m, c := newMemory(), newClock()
		b := &browser{t: t, store: NewSessions(m, SessionOptions{Secure: secure, Now: c.now})}
		b.signIn(1)
		k := b.cookie
		if k.Name != name || k.Secure != secure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "" || len(k.Value) != 43 {
			t.Errorf("cookie %+v", k)
		}
		if b.operator() != 1 {
			t.Error("the cookie is not taken")
		}
	}
}

func TestRenew_changes_the_id_and_keeps_the_values(t *testing.T) {
	b, m, _ := newBrowser(t)
	b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		s.Values["theme"] = "dark"
		return s.Save(r, w)
	})
	planted := b.cookie
	b.signIn(5)
	if b.cookie.Value == planted.Value || len(m.sessions) != 1 {
		t.Error("the session kept its id")
	}
	if b.operator() != 5 {
		t.Error("nobody has signed in")
	}
	b.visit(func(_ *http.Request, _ http.ResponseWriter, s *sessions.Session) error {
		if s.Values["theme"] != "dark" {
			t.Errorf("values %v", s.Values)
		}
		return nil
	})
	b.cookie = planted
	if b.operator() != 0 {
		t.Error("the planted id signed in too")
	}
}

func TestDestroy_ends_the_session_here_and_in_the_browser(t *testing.T) {
	b, m, _ := newBrowser(t)
	b.signIn(5)
	stolen := b.cookie
	b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		return b.store.Destroy(r, w, s)
	})
	if b.cookie != nil || len(m.sessions) != 0 {
		t.Errorf("left are cookie %v and %d rows", b.cookie, len(m.sessions))
	}
	b.cookie = stolen
	if b.operator() != 0 {
		t.Error("the old cookie still signs in")
	}
	// A word of goodbye starts another session, under one new cookie.
	b.cookie = nil
	b.signIn(5)
	former := b.cookie.Value
	b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		if err := b.store.Destroy(r, w, s); err != nil {
			return err
		}
		s.AddFlash("Goodbye")
		return s.Save(r, w)
	})
	if b.cookie == nil || b.cookie.Value == former || b.operator() != 0 || len(m.sessions) != 1 {
		t.Errorf("cookie is %v", b.cookie)
	}
}

func TestSave_does_not_bring_back_a_session_that_was_ended_meanwhile(t *testing.T) {
	b, m, _ := newBrowser(t)
	b.signIn(5)
	cookie := *b.cookie
	b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		other := &browser{t: t, store: b.store, cookie: &cookie}
		other.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			return b.store.Destroy(r, w, s)
		})
		s.AddFlash("late")
		return s.Save(r, w)
	})
	if len(m.sessions) != 0 {
		t.Error("it is back")
	}
}

func TestSessions_end_when_idle_and_when_old(t *testing.T) {
	b, m, c := newBrowser(t)
	b.signIn(5)
	start := c.at
	for c.at.Sub(start) < SessionLife-20*time.Minute {
		c.advance(20 * time.Minute)
		if c.at.Sub(start) < SessionLife && b.operator() != 5 {
			t.Fatalf("ended after %v", c.at.Sub(start))
		}
	}
	c.advance(20 * time.Minute)
	if b.operator() != 0 {
		t.Error("it lives longer than 12 hours")
	}
	b.signIn(5)
	c.advance(SessionIdle - time.Second)
	if b.operator() != 5 {
		t.Error("it ended before it was idle")
	}
	c.advance(SessionIdle)
	if b.operator() != 0 {
		t.Error("it lives on while idle")
	}
	if n, err := b.store.Prune(t.Context()); err != nil || n != 2 || len(m.sessions) != 0 {
		t.Errorf("pruned %d, %v", n, err)
	}
}

func TestSessions_live_as_long_as_is_set(t *testing.T) {
	b, _, c := newBrowser(t)
	b.store = NewSessions(b.store.rows, SessionOptions{Idle: 5 * time.Minute, Life: 15 * time.Minute, Now: c.now})
	b.signIn(5)
	c.advance(5*time.Minute - time.Second)
	if b.operator() != 5 {
		t.Error("it ended before it was idle")
	}
	c.advance(5 * time.Minute)
	if b.operator() != 0 {
		t.Error("it lives on while idle")
	}
	b.signIn(5)
	for range 14 {
		c.advance(time.Minute)
		if b.operator() != 5 {
			t.Fatal("it ended while in use")
		}
	}
	c.advance(time.Minute)
	if b.operator() != 0 {
		t.Error("it lives longer than is set")
	}
}

func TestSessions_note_their_use_once_a_minute(t *testing.T) {
	b, m, c := newBrowser(t)
	b.signIn(5)
	for range 10 {
		c.advance(10 * time.Second)
		b.operator()
	}
	if m.touches != 1 {
		t.Errorf("touched %d times", m.touches)
	}
}

func TestAlive_does_not_count_as_use(t *testing.T) {
	b, _, c := newBrowser(t)
	b.signIn(5)
	b.visit(func(r *http.Request, _ http.ResponseWriter, s *sessions.Session) error {
		for range 29 {
			c.advance(time.Minute)
			if alive, err := b.store.Alive(r.Context(), s); err != nil || !alive {
				t.Errorf("dead: %v", err)
			}
		}
		c.advance(time.Minute)
		if alive, err := b.store.Alive(r.Context(), s); err != nil || alive {
			t.Errorf("alive: %v", err)
		}
		return nil
	})
	b.signIn(5)
	b.visit(func(r *http.Request, _ http.ResponseWriter, s *sessions.Session) error {
		if err := b.store.EndAllOf(r.Context(), 5); err != nil {
			return err
		}
		if alive, err := b.store.Alive(r.Context(), s); err != nil || alive {
			t.Errorf("alive: %v", err)
		}
		return nil
	})
}

func TestSessions_take_no_cookie_that_is_not_theirs(t *testing.T) {
	b, _, _ := newBrowser(t)
	for _, value := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 44), strings.Repeat("!", 43), "../../etc"} {
		b.cookie = &http.Cookie{Name: "boardlink", Value: value}
		if b.operator() != 0 {
			t.Errorf("%q signed in", value)
		}
	}
}

func TestSessions_tell_when_the_rows_cannot_be_read(t *testing.T) {
	b, m, _ := newBrowser(t)
	b.signIn(5)
	m.broken = errors.New("disk")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(b.cookie)
	s, err := b.store.Get(r, SessionName)
	if !errors.Is(err, m.broken) || s == nil || OperatorOf(s) != 0 {
		t.Errorf("session %v, %v", s, err)
	}
}

func TestConfirm_and_FollowRole_bring_back_no_session_that_was_ended(t *testing.T) {
	for name, renew := range map[string]func(*Sessions, *http.Request, http.ResponseWriter, *sessions.Session) error{
		"Confirm": (*Sessions).Confirm,
		"FollowRole": func(st *Sessions, r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			return st.FollowRole(r, w, s, RoleViewer)
		},
	} {
		b, m, _ := newBrowser(t)
		b.signIn(5)
		b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			if err := b.store.EndAllOf(r.Context(), 5); err != nil {
				return err
			}
			wantCode(t, renew(b.store, r, w, s), connection.CodeUnauthorized)
			return nil
		})
		if len(m.sessions) != 0 || b.operator() != 0 {
			t.Errorf("%s: the session is back", name)
		}
		b.cookie = nil
		b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			wantCode(t, renew(b.store, r, w, s), connection.CodeUnauthorized)
			return nil
		})
	}
}

func TestFresh_lasts_fifteen_minutes_from_the_password(t *testing.T) {
	b, _, c := newBrowser(t)
	b.signIn(5)
	fresh := func(want bool, when string) {
		t.Helper()
		b.visit(func(_ *http.Request, _ http.ResponseWriter, s *sessions.Session) error {
			if b.store.Fresh(s) != want {
				t.Errorf("%s: fresh is %v", when, !want)
			}
			return nil
		})
	}
	c.advance(FreshFor - time.Second)
	fresh(true, "just before")
	c.advance(time.Second)
	fresh(false, "just after")
	b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		return b.store.Confirm(r, w, s)
	})
	fresh(true, "confirmed")
	b.visit(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		return b.store.FollowRole(r, w, s, RoleViewer)
	})
	fresh(false, "in another role")
	b.cookie = nil
	fresh(false, "nobody")
}
