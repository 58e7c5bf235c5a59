package access

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/connection"

	"github.com/gorilla/sessions"
)

func TestBrowserName(t *testing.T) {
	const webkit = "AppleWebKit/537.36 (KHTML, like Gecko)"
	for userAgent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0":                                                        "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + " Chrome/142.0.0.0 Safari/537.36":                                       "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + " Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0":                         "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15":         "Safari on macOS",
		"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1": "Chrome on iPad",
		"Mozilla/5.0 (Linux; Android 16; SM-S931B) " + webkit + " SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36":            "Samsung Internet on Android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + webkit + " Chrome/142.0.0.0 Safari/537.36 OPR/123.0":                              "Opera on ChromeOS",
		"curl/8.14.1": "curl", "Go-http-client/1.1": "Go-http-client", "Wget/1.25.0 (linux-gnu)": "Wget",
		"": "Unknown browser", "Mozilla/5.0": "Unknown browser", "Mozilla/4.0 (compatible; Windows 98)": "Unknown browser on Windows",
		strings.Repeat("x", 100): strings.Repeat("x", 40) + "…", "<b>bold</b>": "<b>bold<",
	} {
		if got := BrowserName(userAgent); got != want {
			t.Errorf("%s is called %q, want %q", userAgent, got, want)
		}
	}
}

func FuzzUserAgents(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
	f.Add("\u202eevil\x00\xff/")
	f.Fuzz(func(t *testing.T, userAgent string) {
		kept := cleanUserAgent(userAgent)
		if len([]rune(kept)) > maxUserAgent || connection.Clean(kept) != kept {
			t.Errorf("kept of %q is %q", userAgent, kept)
		}
		if name := BrowserName(kept); name == "" || len([]rune(name)) > maxProduct+30 {
			t.Errorf("%q is called %q", kept, name)
		}
	})
}

func TestOwn_lists_what_has_not_ended_and_marks_the_one_that_asks(t *testing.T) {
	b, m, c := newBrowser(t)
	b.signIn(5)
	idle := b.cookie
	b.cookie = nil
	c.advance(SessionIdle - time.Minute)
	b.signIn(6)
	b.cookie = nil
	b.signIn(5)
	b.visit(func(r *http.Request, _ http.ResponseWriter, s *sessions.Session) error {
		own, err := b.store.Own(r.Context(), s)
		if err != nil || len(own) != 2 {
			t.Fatalf("listed %+v, %v", own, err)
		}
		c.advance(time.Minute)
		own, err = b.store.Own(r.Context(), s)
		if err != nil || len(own) != 1 || !own[0].Current || own[0].ID != PublicIDOf(s) {
			t.Errorf("listed %+v, %v", own, err)
		}
		for _, row := range m.sessions {
			if row.OperatorID == 6 {
				wantCode(t, b.store.EndOwn(r.Context(), s, row.ID), connection.CodeNotFound)
			}
		}
		if n, err := b.store.EndOthers(r.Context(), s); err != nil || n != 1 || len(m.sessions) != 2 {
			t.Errorf("ended %d, %v; left are %d", n, err, len(m.sessions))
		}
		return nil
	})
	b.cookie = idle
	if b.operator() != 0 {
		t.Error("an ended one goes on")
	}
}

func TestPublic_ids_tell_nothing_of_the_cookie(t *testing.T) {
	seen := map[int64]bool{}
	for range 1000 {
		id := newPublicID()
		if id <= 0 || seen[id] {
			t.Fatalf("id %d", id)
		}
		seen[id] = true
	}
}

func TestChangePassword_wants_the_present_one_and_a_good_new_one(t *testing.T) {
	b := newBesieged(t)
	session := DigestOf("this session")
	for _, name := range []string{"this session", "another"} {
		if err := b.m.SaveSession(t.Context(), SessionRow{Digest: DigestOf(name), OperatorID: 1}); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		current, wanted connection.Secret
		fields          string
	}{
		"nothing":              {"", "", "currentPassword newPassword"},
		"a common one":         {"correct horse", "iloveyou", "newPassword"},
		"the e-mail":           {"correct horse", "ADA@example.com", "newPassword"},
		"the product":          {"correct horse", "Boardlink!", "newPassword"},
		"a wrong present one":  {"wrong horse", "battery staple", "currentPassword"},
		"the same":             {"correct horse", "correct horse", "newPassword"},
		"a new one, no source": {"", "battery staple", "currentPassword"},
	} {
		err := b.ChangePassword(t.Context(), Origin{}, PasswordChange{OperatorID: 1, Session: session, Current: test.current, New: test.wanted})
		var fields []string
		for _, f := range fieldsOf(err) {
			fields = append(fields, f.Path)
		}
		if connection.CodeOf(err) != connection.CodeInvalid || strings.Join(fields, " ") != test.fields {
			t.Errorf("%s: %v", name, err)
		}
		if len(b.m.sessions) != 2 {
			t.Fatalf("%s: a session has ended", name)
		}
	}
	change := PasswordChange{OperatorID: 1, Session: session, Current: "correct horse", New: "battery staple"}
	if err := b.ChangePassword(t.Context(), Origin{Address: "192.0.2.7"}, change); err != nil {
		t.Fatal(err)
	}
	if _, kept := b.m.sessions[session]; !kept || len(b.m.sessions) != 1 {
		t.Errorf("left are %d sessions", len(b.m.sessions))
	}
	if got := b.try(Origin{}, "ada@example.com", "correct horse"); got != "wrong" {
		t.Errorf("the former password: %s", got)
	}
	if got := b.try(Origin{}, "ada@example.com", "battery staple"); got != "in" {
		t.Errorf("the new password: %s", got)
	}
	told := false
	for _, e := range b.m.events {
		told = told || e.Message == "ada@example.com set a new password." && e.Actor == "ada@example.com"
		if strings.Contains(e.Message, "horse") || strings.Contains(e.Message, "staple") {
			t.Errorf("an event tells %q", e.Message)
		}
	}
	if !told {
		t.Errorf("events are %+v", b.m.events)
	}
	// Guessing the present one in a session that was taken over is slowed down.
	var err error
	for wait := (*Throttled)(nil); !errors.As(err, &wait); {
		err = b.ChangePassword(t.Context(), Origin{}, change)
		if connection.CodeOf(err) != connection.CodeInvalid && !errors.As(err, &wait) {
			t.Fatal(err)
		}
	}
}
