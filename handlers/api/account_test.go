package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/handlers/api"
	"boardlink/web"
	"boardlink/web/webtest"
)

// rightPassword is that of everybody in these tests.
const rightPassword = "the account's password" // as the document's example

// account stands for the passwords of people.
type account struct{ wait time.Duration }

func (a account) Confirm(_ context.Context, _ access.Origin, _ int64, password connection.Secret) error {
	if a.wait > 0 {
		return fmt.Errorf("confirm a password: %w", &access.Throttled{Wait: a.wait})
	}
	if password != rightPassword {
		return &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields need another look.", Fields: []connection.FieldError{{Path: "password", Message: "The password is wrong."}}}
	}
	return nil
}

func (account) ChangePassword(_ context.Context, _ access.Origin, c access.PasswordChange) error {
	for field, wrong := range map[string]bool{"currentPassword": c.Current != rightPassword, "newPassword": len(c.New) < 8, "session": c.Session == access.Digest{}} {
		if wrong {
			return &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields need another look.", Fields: []connection.FieldError{{Path: field, Message: "It is wrong."}}}
		}
	}
	return nil
}

func (account) TellSessionsEnded(context.Context, access.Origin, access.Identity, int64) {}

// as asks with a person's session.
func as(b *webtest.Browser, method, path, body string, header ...string) webtest.Answer {
	all := []string{"Accept", "application/json", "Sec-Fetch-Site", "same-origin"}
	if body != "" {
		all = append(all, "Content-Type", "application/json")
	}
	return b.Do(method, path, body, append(all, header...)...)
}

func TestConfirm_makes_a_session_fresh(t *testing.T) {
	w := newWorld(t)
	b := w.site.Operator(access.RoleViewer)
	w.site.Rows.Change(func(r *access.SessionRow) { r.ConfirmedAt = r.ConfirmedAt.Add(-time.Hour) })
	for body, path := range map[string]string{
		`{"password": "wrong password"}`: "password", `{}`: "password", `{"password": 7}`: "password", `{"password": ""}`: "password", `{"password": "x", "next": "/"}`: "next",
	} {
		got := as(b, "POST", web.ConfirmOperation, body)
		if paths := refused(t, got, 422); paths[path] == "" || strings.Contains(got.Body, "wrong password") {
			t.Errorf("%s: %s", body, got.Body)
		}
	}
	refused(t, as(b, "POST", web.ConfirmOperation, `{"password": "a", "password": "b"}`), 400)
	refused(t, as(b, "POST", web.ConfirmOperation, `{"password": "`+rightPassword+`"}`, "Sec-Fetch-Site", "cross-site"), 403)
	refused(t, w.do("POST", web.ConfirmOperation, `{"password": "`+rightPassword+`"}`), 403) // a key
	refused(t, as(w.site.Visitor(), "POST", web.ConfirmOperation, `{"password": "`+rightPassword+`"}`), 401)
	if time.Since(w.site.Rows.All()[0].ConfirmedAt) < time.Hour {
		t.Fatal("one of these counted")
	}
	if got := as(b, "POST", web.ConfirmOperation, `{"password": "`+rightPassword+`"}`); got.Status != 204 || len(got.Header.Values("Set-Cookie")) != 1 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if row := w.site.Rows.All()[0]; time.Since(row.ConfirmedAt) > time.Minute {
		t.Errorf("the session is %+v", row)
	}
	if strings.Contains(w.log.b.String(), rightPassword) {
		t.Error("the log tells the password")
	}
}

func TestConfirm_tells_when_the_next_password_is_read(t *testing.T) {
	w := newWorld(t, func(o *api.Options) { o.Account = account{wait: 2 * time.Second} })
	got := as(w.site.Operator(access.RoleViewer), "POST", web.ConfirmOperation, `{"password": "x"}`)
	refused(t, got, 429)
	if got.Header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q", got.Header.Get("Retry-After"))
	}
}

func TestSessions_are_listed_and_ended_by_their_owner(t *testing.T) {
	w := newWorld(t)
	b, stranger := w.site.Operator(access.RoleViewer), w.site.Operator(access.RoleAdmin)
	other := b.Elsewhere()
	list := func() []any {
		t.Helper()
		got := as(b, "GET", "/api/v1/sessions", "")
		if got.Status != 200 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		return tree(t, got)["items"].([]any)
	}
	ids := map[bool]string{} // by whether it is the one that asks
	for _, one := range list() {
		s := one.(map[string]any)
		ids[s["current"].(bool)] = s["id"].(string)
		if s["startedAt"] == nil || s["lastSeenAt"] == nil || s["expiresAt"] == nil || len(s) != 7 {
			t.Errorf("a session reads %v", s)
		}
	}
	if len(ids) != 2 {
		t.Fatalf("listed are %v", ids)
	}
	// Somebody else's is not found, whoever asks.
	refused(t, as(stranger, "DELETE", "/api/v1/sessions/"+ids[false], ""), 404)
	refused(t, as(b, "DELETE", "/api/v1/sessions/confirm", ""), 404)
	refused(t, w.do("DELETE", "/api/v1/sessions/"+ids[false], ""), 403) // a key
	refused(t, as(b, "DELETE", "/api/v1/sessions/"+ids[false], "", "Sec-Fetch-Site", "cross-site"), 403)
	if got := as(other, "GET", "/api/v1/sessions", ""); got.Status != 200 {
		t.Fatalf("the other session has ended: %d", got.Status)
	}
	if got := as(b, "DELETE", "/api/v1/sessions/"+ids[false], ""); got.Status != 204 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	refused(t, as(b, "DELETE", "/api/v1/sessions/"+ids[false], ""), 404)
	refused(t, as(other, "GET", "/api/v1/sessions", ""), 401)
	b.Elsewhere()
	b.Elsewhere()
	if got := as(b, "DELETE", "/api/v1/sessions", ""); got.Status != 204 || len(list()) != 1 {
		t.Errorf("all others: %d, left are %v", got.Status, list())
	}
	if got := as(stranger, "GET", "/api/v1/sessions", ""); got.Status != 200 {
		t.Errorf("somebody else's session has ended: %d", got.Status)
	}
	if got := as(b, "DELETE", "/api/v1/sessions/"+ids[true], ""); got.Status != 204 {
		t.Errorf("this one: %d %s", got.Status, got.Body)
	}
	refused(t, as(b, "GET", "/api/v1/sessions", ""), 401)
}

func TestPassword_is_changed_for_the_present_one(t *testing.T) {
	w := newWorld(t)
	b := w.site.Operator(access.RoleViewer)
	const path = "/api/v1/account/password"
	for body, field := range map[string]string{
		`{"currentPassword": "wrong password", "newPassword": "long enough"}`:     "currentPassword",
		`{"currentPassword": "` + rightPassword + `", "newPassword": "short"}`:    "newPassword",
		`{"currentPassword": "` + rightPassword + `"}`:                            "newPassword",
		`{"password": "x", "currentPassword": "x", "newPassword": "long enough"}`: "password",
	} {
		got := as(b, "PUT", path, body)
		if paths := refused(t, got, 422); paths[field] == "" || strings.Contains(got.Body, "wrong password") {
			t.Errorf("%s: %s", body, got.Body)
		}
	}
	good := `{"currentPassword": "` + rightPassword + `", "newPassword": "long enough"}`
	refused(t, w.do("PUT", path, good), 403) // a key
	refused(t, as(b, "PUT", path, good, "Sec-Fetch-Site", "cross-site"), 403)
	got := as(b, "PUT", path, good)
	if got.Status != 204 || len(got.Header.Values("Set-Cookie")) != 1 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got := as(b, "GET", "/api/v1/sessions", ""); got.Status != 200 {
		t.Errorf("with the new cookie: %d", got.Status)
	}
	refused(t, w.site.Visitor().Do("GET", "/api/v1/sessions", "", "Cookie", b.Cookie()), 401)
}
