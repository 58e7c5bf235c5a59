package api_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web/webtest"
)

var setupURL = regexp.MustCompile(`"url":"https://boardlink\.example\.com/setup\?token=([A-Za-z0-9_-]{22,})"`)

func tokenIn(t *testing.T, a webtest.Answer) connection.Secret {
	t.Helper()
	found := setupURL.FindStringSubmatch(a.Body)
	if found == nil {
		t.Fatalf("%d without a link", a.Status)
	}
	return connection.Secret(found[1])
}

func TestUsers_are_invited_read_changed_and_removed(t *testing.T) {
	w := newWorld(t)
	invited := w.bob(false)
	token := tokenIn(t, invited)
	if invited.Header.Get("Location") != "/api/v1/users/2" || invited.Header.Get("ETag") != `"1"` || invited.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", invited.Header)
	}
	person := tree(t, invited)["user"].(map[string]any)
	if person["id"] != "2" || person["email"] != "bob@example.com" || person["role"] != "viewer" || person["state"] != "invited" ||
		person["disabled"] != false || person["lastSignInAt"] != nil || person["linkExpiresAt"] == nil || person["createdAt"] == nil {
		t.Errorf("invited %v", person)
	}
	read := w.do("GET", "/api/v1/users/2", "")
	if got := tree(t, read); got["state"] != "invited" || got["linkExpiresAt"] != person["linkExpiresAt"] {
		t.Errorf("read %v", got)
	}
	if _, err := w.people.real().SetUp(t.Context(), token, "", "the password of bob"); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, w.do("GET", "/api/v1/users/2", "")); got["state"] != "active" || got["linkExpiresAt"] != nil || got["lastSignInAt"] == nil {
		t.Errorf("after the link was used: %v", got)
	}
	for _, step := range []struct{ body, want string }{
		{`{"role": "operator"}`, `"role":"operator","state":"active","disabled":false`},
		{`{"disabled": true}`, `"role":"operator","state":"disabled","disabled":true`},
		{`{"role": "viewer", "disabled": false}`, `"role":"viewer","state":"active","disabled":false`},
		{`{}`, `"role":"viewer","state":"active","disabled":false`},
	} {
		got := w.do("PATCH", "/api/v1/users/2", step.body)
		if got.Status != 200 || !strings.Contains(got.Body, step.want) || got.Header.Get("ETag") != fmt.Sprintf(`"%v"`, tree(t, got)["version"]) {
			t.Errorf("%s: %d %s", step.body, got.Status, got.Body)
		}
	}
	link := w.do("POST", "/api/v1/users/2/reset-link", "")
	if link.Status != 200 || tree(t, link)["expiresAt"] == nil {
		t.Fatalf("%d %s", link.Status, link.Body)
	}
	if second := tokenIn(t, link); second == token {
		t.Error("the same link again")
	}
	if got := tree(t, w.do("GET", "/api/v1/users/2", "")); got["state"] != "active" || got["linkExpiresAt"] == nil {
		t.Errorf("with an open link: %v", got)
	}
	if got := w.do("DELETE", "/api/v1/users/2", ""); got.Status != 204 || got.Body != "" {
		t.Errorf("removed: %d %s", got.Status, got.Body)
	}
	refused(t, w.do("GET", "/api/v1/users/2", ""), 404)

	want := []string{
		"removed", "link to set a new password was made", "from operator to viewer, and the account, disabled before, was enabled", "was disabled",
		"from viewer to operator", "accepted the invitation", "was invited as viewer",
	}
	events := w.people.events()
	if len(events) < len(want) {
		t.Fatalf("events %+v", events)
	}
	for i, words := range want {
		actor := access.EnvironmentKey
		if words == "accepted the invitation" {
			actor = "bob@example.com"
		}
		if e := events[i]; !strings.Contains(e.Message, words) || !strings.Contains(e.Message, "bob@example.com") || e.Actor != actor || e.Kind != connection.KindAccess {
			t.Errorf("event %+v, want %q", e, words)
		}
	}
}

func TestUsers_list_goes_page_by_page(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		if got := w.do("POST", "/api/v1/users", fmt.Sprintf(`{"email": "p%d@example.com", "role": "viewer"}`, i)); got.Status != 201 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	var seen []string
	next := ""
	for range 3 {
		page := tree(t, w.do("GET", "/api/v1/users?limit=2&cursor="+next, ""))
		for _, one := range page["items"].([]any) {
			seen = append(seen, one.(map[string]any)["email"].(string))
		}
		next, _ = page["nextCursor"].(string)
	}
	if fmt.Sprint(seen) != "[ann@example.com p0@example.com p1@example.com p2@example.com p3@example.com]" || next != "" {
		t.Errorf("seen %v, next %q", seen, next)
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=-1", "limit=1&limit=2"} {
		if paths := refused(t, w.do("GET", "/api/v1/users?"+query, ""), 422); len(paths) != 1 {
			t.Errorf("%s: %v", query, paths)
		}
	}
}

func TestUsers_honour_If_Match(t *testing.T) {
	w := newWorld(t)
	w.bob(true) // version 2
	tag := w.do("GET", "/api/v1/users/2", "").Header.Get("ETag")
	for _, stale := range []string{`"1"`, `W/"2"`, `"x"`} {
		refused(t, w.do("PATCH", "/api/v1/users/2", `{"role": "admin"}`, "If-Match", stale), 412)
		refused(t, w.do("POST", "/api/v1/users/2/reset-link", "", "If-Match", stale), 412)
		refused(t, w.do("DELETE", "/api/v1/users/2", "", "If-Match", stale), 412)
	}
	got := w.do("PATCH", "/api/v1/users/2", `{"role": "operator"}`, "If-Match", tag)
	if got.Status != 200 || got.Header.Get("ETag") == tag {
		t.Errorf("%d %v", got.Status, got.Header)
	}
	refused(t, w.do("PATCH", "/api/v1/users/2", `{"role": "admin"}`, "If-Match", tag), 412)
	if got := w.do("DELETE", "/api/v1/users/2", "", "If-Match", got.Header.Get("ETag")); got.Status != 204 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestUsers_refuse_what_is_wrong_by_name(t *testing.T) {
	w := newWorld(t)
	w.bob(true)
	before := w.do("GET", "/api/v1/users/2", "").Body
	events := len(w.people.events())
	for _, test := range []struct {
		method, path, body string
		want               string // paths
	}{
		{"POST", "", `{}`, "email role"},
		{"POST", "", `{"email": "eve", "role": "root"}`, "email role"},
		{"POST", "", `{"email": null, "role": 3}`, "email role"},
		// What more could be tried: members of a person, of the row, in other letter case.
		{"POST", "", `{"email": "eve@example.com", "role": "viewer", "id": "1"}`, "id"},
		{"POST", "", `{"email": "eve@example.com", "role": "viewer", "disabled": false, "state": "active"}`, "disabled state"},
		{"POST", "", `{"email": "eve@example.com", "role": "viewer", "passwordHash": "x", "password": "y"}`, "password passwordHash"},
		{"POST", "", `{"email": "eve@example.com", "Role": "admin"}`, "Role"},
		{"PATCH", "/2", `{"role": "root"}`, "role"},
		{"PATCH", "/2", `{"role": null, "disabled": null}`, "disabled role"},
		{"PATCH", "/2", `{"role": ["admin"], "disabled": "no"}`, "disabled role"},
		{"PATCH", "/2", `{"email": "eve@example.com"}`, "email"},
		{"PATCH", "/2", `{"email": "Bob@example.com"}`, "email"},
		{"PATCH", "/2", `{"ROLE": "admin", "password_hash": "", "passwordHash": "", "link": {}}`, "ROLE link passwordHash password_hash"},
	} {
		paths := refused(t, w.do(test.method, "/api/v1/users"+test.path, test.body), 422)
		if got := strings.Join(sortedKeys(paths), " "); got != test.want {
			t.Errorf("%s %s: wrong are %q, want %q", test.method, test.body, got, test.want)
		}
	}
	refused(t, w.do("POST", "/api/v1/users", `{"email": "eve@example.com", "role": "viewer", "role": "admin"}`), 400)
	refused(t, w.do("PATCH", "/api/v1/users/2", `{"role": "admin"}`, "Content-Type", "application/json-patch+json"), 415)
	taken := w.do("POST", "/api/v1/users", `{"email": "BOB@example.com", "role": "admin"}`)
	refused(t, taken, 409)
	if strings.Contains(strings.ToLower(taken.Body), "bob@") {
		t.Errorf("it repeats what was sent: %s", taken.Body)
	}
	// What is read-only may come back as it was read; it changes nothing.
	if got := w.do("PATCH", "/api/v1/users/2", before); got.Status != 200 || got.Body != before {
		t.Errorf("%d %s, want %s", got.Status, got.Body, before)
	}
	if got := w.do("PATCH", "/api/v1/users/2", `{"id": "1", "version": 99, "state": "active", "createdAt": null, "lastSignInAt": "x", "linkExpiresAt": 7}`); got.Status != 200 || got.Body != before {
		t.Errorf("%d %s, want %s", got.Status, got.Body, before)
	}
	if n := len(w.people.events()); n != events {
		t.Errorf("%d events more", n-events)
	}
}

func sortedKeys(m map[string]string) []string {
	any := map[string]any{}
	for k := range m {
		any[k] = nil
	}
	return sortedNames(any)
}

func TestUsers_keep_the_last_admin_who_can_sign_in(t *testing.T) {
	w := newWorld(t)
	w.bob(true)
	if got := w.do("POST", "/api/v1/users", `{"email": "cleo@example.com", "role": "admin"}`); got.Status != 201 { // invited: does not count
		t.Fatal(got.Body)
	}
	for _, try := range []struct{ method, body string }{{"PATCH", `{"role": "operator"}`}, {"PATCH", `{"disabled": true}`}, {"PATCH", `{"role": "admin", "disabled": true}`}, {"DELETE", ""}} {
		got := w.do(try.method, "/api/v1/users/1", try.body)
		refused(t, got, 409)
		if !strings.Contains(got.Body, "last admin") {
			t.Errorf("%s %s: %s", try.method, try.body, got.Body)
		}
		refused(t, w.do(try.method, "/api/v1/users/1", try.body, "If-Match", w.do("GET", "/api/v1/users/1", "").Header.Get("ETag")), 409)
	}
	if got := w.do("PATCH", "/api/v1/users/2", `{"role": "admin"}`); got.Status != 200 {
		t.Fatal(got.Body)
	}
	if got := w.do("DELETE", "/api/v1/users/1", ""); got.Status != 204 {
		t.Errorf("with another admin: %d %s", got.Status, got.Body)
	}
	refused(t, w.do("DELETE", "/api/v1/users/2", ""), 409)
}

// A key that somebody made must leave nobody behind who is an admin when it has ended; the environment's key is ended by who
// installs, who has the command line anyway.
func TestUsers_no_key_that_was_made_lets_anybody_be_an_admin(t *testing.T) {
	w := newWorld(t)
	w.bob(true)
	const one, two = "/api/v1/users/1", "/api/v1/users/2"
	key := w.site.KeyFor(access.ScopeAdmin)
	people := len(tree(t, w.do("GET", "/api/v1/users", ""))["items"].([]any))
	deny := func(what, method, path, body string) {
		t.Helper()
		if got := w.with(key, method, path, body); got.Status != 403 || !strings.Contains(got.Body, "outlive the key") {
			t.Errorf("%s: %d %s", what, got.Status, got.Body)
		}
	}
	allow := func(what, method, path, body string) {
		t.Helper()
		if got := w.with(key, method, path, body); got.Status >= 300 {
			t.Errorf("%s: %d %s", what, got.Status, got.Body)
		}
	}
	deny("an invitation of an admin", "POST", "/api/v1/users", `{"email": "eve@example.com", "role": "admin"}`)
	deny("an admin out of a viewer", "PATCH", two, `{"role": "admin"}`)
	deny("a link for an admin", "POST", one+"/reset-link", "")
	if got := len(tree(t, w.do("GET", "/api/v1/users", ""))["items"].([]any)); got != people {
		t.Errorf("%d people, before %d", got, people)
	}
	allow("an invitation of an operator", "POST", "/api/v1/users", `{"email": "cleo@example.com", "role": "operator"}`)
	allow("another role", "PATCH", two, `{"role": "operator"}`)
	allow("a link for an operator", "POST", two+"/reset-link", "")
	// The environment's key may, and what it made the other may take away but not bring back.
	if got := w.do("PATCH", two, `{"role": "admin"}`); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	allow("an admin as before", "PATCH", two, `{"role": "admin", "disabled": false}`)
	allow("an admin is shut out", "PATCH", two, `{"disabled": true}`)
	deny("an admin is let in again", "PATCH", two, `{"disabled": false}`)
	allow("as an operator", "PATCH", two, `{"disabled": false, "role": "operator"}`)
	if tag := w.do("GET", two, "").Header.Get("ETag"); w.with(key, "PATCH", two, `{"role": "viewer"}`, "If-Match", tag).Status != 200 {
		t.Error("If-Match is not honoured")
	}
}

func TestUsers_disabled_get_no_link(t *testing.T) {
	w := newWorld(t)
	token := tokenIn(t, w.bob(false))
	if got := w.do("PATCH", "/api/v1/users/2", `{"disabled": true}`); got.Status != 200 || !strings.Contains(got.Body, `"state":"disabled"`) || !strings.Contains(got.Body, `"linkExpiresAt":null`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	refused(t, w.do("POST", "/api/v1/users/2/reset-link", ""), 409)
	if _, err := w.people.real().SetUp(t.Context(), token, "", "the password of bob"); connection.CodeOf(err) != connection.CodeForbidden {
		t.Errorf("the link of before: %v", err)
	}
}

func TestUsers_links_are_told_once_and_written_down_nowhere(t *testing.T) {
	w := newWorld(t)
	tokens := []connection.Secret{tokenIn(t, w.bob(false))}
	tokens = append(tokens, tokenIn(t, w.do("POST", "/api/v1/users/2/reset-link", "")))
	everything := w.log.String() + w.do("GET", "/api/v1/users", "").Body + w.do("GET", "/api/v1/users/2", "").Body
	for _, e := range w.people.events() {
		everything += fmt.Sprintf("%+v", e)
	}
	for _, token := range tokens {
		if strings.Contains(everything, token.Reveal()) {
			t.Error("a token stands in the log, the events or another answer")
		}
	}
	if !strings.Contains(everything, "/api/v1/users") {
		t.Fatal("nothing was logged: the test cannot fail")
	}
}

// TestUsers_are_for_admins tries each way in with each role and each scope but the right one: nothing is told, not even who
// there is, and nothing changes.
func TestUsers_are_for_admins(t *testing.T) {
	w := newWorld(t)
	w.bob(true)
	before := w.do("GET", "/api/v1/users", "").Body
	askers := map[string]*webtest.Browser{"viewer": w.site.Operator(access.RoleViewer), "operator": w.site.Operator(access.RoleOperator)}
	for name, b := range askers {
		answers := map[string]bool{}
		for _, try := range []struct{ method, path, body string }{
			{"GET", "", ""}, {"GET", "/2", ""}, {"GET", "/999", ""}, {"GET", "/x", ""},
			{"POST", "", `{"email": "eve@example.com", "role": "admin"}`}, {"POST", "", `{"email": "bob@example.com", "role": "admin"}`}, {"POST", "", `{`},
			{"PATCH", "/1", `{"disabled": true}`}, {"PATCH", "/2", `{"role": "admin"}`}, {"PATCH", "/999", `{"role": "admin"}`},
			{"POST", "/1/reset-link", ""}, {"POST", "/2/reset-link", ""}, {"POST", "/999/reset-link", ""},
			{"DELETE", "/2", ""}, {"DELETE", "/999", ""},
		} {
			got := b.Do(try.method, "/api/v1/users"+try.path, try.body, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
			refused(t, got, 403)
			answers[got.Body] = true
		}
		if len(answers) != 1 {
			t.Errorf("%s learns something by the answers: %v", name, answers)
		}
	}
	if after := w.do("GET", "/api/v1/users", "").Body; after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
}
