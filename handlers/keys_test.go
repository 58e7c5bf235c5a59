package handlers_test

import (
	"net/url"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/web"
	"boardlink/web/webtest"
)

func TestKeys_page_says_what_keys_are_for_while_there_is_none(t *testing.T) {
	c := newConsole(t)
	doc := page(t, c.Operator(access.RoleAdmin).Get("/keys"), 200)
	assertDocument(t, doc)
	for _, want := range []string{"No API keys yet", "A program uses the API with a key", "BOARDLINK_API_KEY"} {
		if !strings.Contains(text(doc), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if doc.Find("nav.sidenav a[href='/keys'][aria-current=page]").Length() != 1 {
		t.Error("the navigation does not lead here")
	}
	for _, role := range []access.Role{access.RoleViewer, access.RoleOperator} {
		b := c.Operator(role)
		if b.Get("/keys").Status != 403 || strings.Contains(b.Get("/").Body, `href="/keys"`) {
			t.Errorf("a %s sees the keys", role)
		}
	}
}

func TestKeys_page_shows_a_key_once(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleAdmin)
	form := page(t, b.Get("/keys/new"), 200)
	assertDocument(t, form)
	if n := form.Find("fieldset input[type=checkbox][name=scope]").Length(); n != len(access.Scopes) {
		t.Errorf("%d scopes can be chosen", n)
	}
	values := url.Values{"name": {"Reporting <b>"}, "scope": {"read", "uplinks"}, "expires": {"30"}, "networks": {"127.0.0.1\r\n2001:db8::/32, 192.0.2.0/24"}}
	made := b.Post("/keys", values)
	doc := page(t, made, 200)
	assertDocument(t, doc)
	key := doc.Find("#api-key").Text()
	if len(key) != 64 || doc.Find("button[data-copy=api-key]").AttrOr("aria-label", "") != "Copy the key" || made.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the key is %q", key)
	}
	if want := "curl -sS -H 'Authorization: Bearer " + key + "' '" + c.PublicURL() + "/api/v1/connections'"; doc.Find("#api-curl").Text() != want {
		t.Errorf("the command is %q", doc.Find("#api-curl").Text())
	}
	if doc.Find("#toasts .toast").Length() != 1 || doc.Find("b").Length() != 0 {
		t.Error("no toast, or the name is markup")
	}
	if got := c.Visitor().Do("GET", web.Base+"/connections", "", "Authorization", "Bearer "+key); got.Status != 200 {
		t.Errorf("the key opens %d", got.Status)
	}
	list := b.Get("/keys")
	doc = page(t, list, 200)
	assertDocument(t, doc)
	row := saying(doc.Find("tbody tr"))
	for _, want := range []string{"Reporting <b>", key[:14], "read, uplinks", "127.0.0.1, 2001:db8::/32, 192.0.2.0/24", b.Who.Name, "from 127.0.0.1"} {
		if !strings.Contains(row, want) {
			t.Errorf("the row %q lacks %q", row, want)
		}
	}
	if strings.Contains(list.Body, key[15:]) {
		t.Error("the key is shown again")
	}
	for _, session := range c.Rows.All() {
		if strings.Contains(string(session.Data), key[15:]) {
			t.Error("the key stands in the session")
		}
	}
	again := page(t, b.Post("/keys", values), 422) // as by reloading the page
	if !strings.Contains(text(again), "There is an API key of that name already.") || len(c.KeyRows.All()) != 1 {
		t.Error("the form that is sent twice makes two keys")
	}
}

func TestKeys_form_keeps_what_was_chosen_and_says_what_is_wrong(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleAdmin)
	doc := page(t, b.Post("/keys", url.Values{"name": {"ada@example.com"}, "scope": {"admin"}, "expires": {"never"}, "networks": {"192.0.2.0/24\nnowhere"}}), 422)
	assertDocument(t, doc)
	if labelled(doc, "Name").AttrOr("value", "") != "ada@example.com" || labelled(doc, "Allowed networks").Text() != "192.0.2.0/24\nnowhere" ||
		labelled(doc, "The key ends").Find("option[selected]").AttrOr("value", "") != "never" || doc.Find("input[value=admin][checked]").Length() != 1 || doc.Find("input[type=checkbox][checked]").Length() != 1 {
		t.Error("what was typed is lost")
	}
	for _, want := range []string{"Leave out the @", "Network 2: Write an address or a network"} {
		if !strings.Contains(text(doc), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	doc = page(t, b.Post("/keys", url.Values{"name": {"x"}}), 422)
	if saying(doc.Find("#scopes-error")) != "Choose at least one scope." || doc.Find(".summary a[href='#scope-0']").Length() != 1 {
		t.Error("nobody is told to choose a scope")
	}
	for _, wrong := range []string{"0", "-1", "x", "9999999999999999999"} {
		if got := b.Post("/keys", url.Values{"name": {"x"}, "scope": {"read"}, "expires": {wrong}}); got.Status != 422 {
			t.Errorf("it ends in %s days: %d", wrong, got.Status)
		}
	}
	if n := len(c.KeyRows.All()); n != 0 {
		t.Errorf("%d keys were made", n)
	}
	never := page(t, b.Post("/keys", url.Values{"name": {"x"}, "scope": {"commands"}, "expires": {"never"}}), 200)
	if !strings.Contains(text(never), "This key never ends by itself.") || never.Find("#api-curl").Length() != 0 {
		t.Error("no warning")
	}
}

func TestKeys_are_revoked_once_that_was_asked_and_answered(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleAdmin)
	key := c.KeyFor(access.ScopeRead)
	uses := func() int {
		return c.Visitor().Do("GET", web.Base+"/connections", "", "Authorization", "Bearer "+key).Status
	}
	for _, got := range []webtest.Answer{b.Get("/keys/1/revoke"), b.Get("/keys/1/revoke", partial()...)} {
		doc := page(t, got, 200)
		assertDocument(t, doc)
		if doc.Find("form[method=post][action='/keys/1/revoke']").Length() != 1 || !strings.Contains(text(doc), key[:14]) {
			t.Error("no question is asked")
		}
	}
	if uses() != 200 {
		t.Error("the question has revoked it")
	}
	got := b.Post("/keys/1/revoke", nil)
	if got.Status != 303 || got.Header.Get("Location") != "/keys#keys" || uses() != 401 {
		t.Errorf("%d to %q, then %d", got.Status, got.Header.Get("Location"), uses())
	}
	if doc := page(t, b.Get("/keys"), 200); !strings.Contains(text(doc), "Revoked") || !strings.Contains(text(doc), "No API keys yet") {
		t.Error("nobody is told")
	}
	for _, path := range []string{"/keys/1/revoke", "/keys/x/revoke", "/keys/-1/revoke"} {
		if got := b.Post(path, nil); got.Status != 404 {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
}
