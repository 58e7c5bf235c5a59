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
