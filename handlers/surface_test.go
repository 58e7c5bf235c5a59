package handlers_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"

	"github.com/PuerkitoBio/goquery"
)

// pagesOf asks for every page of the table that is no fragment, with ids that are there.
func pagesOf(t *testing.T, site *webtest.Site, w *operationtest.World) []string {
	t.Helper()
	c, err := w.Create(t.Context(), "ann@example.com", operationtest.Valid())
	if err != nil {
		t.Fatal(err)
	}
	site.KeyFor(access.ScopeRead)
	var paths []string
	for _, r := range site.Routes() {
		if r.Method != http.MethodGet || strings.HasPrefix(r.Path, web.Base) || r.Path == web.StreamPath {
			continue
		}
		id := "1"
		if strings.HasPrefix(r.Path, "/connections") {
			id = c.Connection.ID.String()
		}
		path := strings.NewReplacer(":field", "name", ":id", id).Replace(r.Path)
		if !strings.Contains(path, ":") {
			paths = append(paths, path)
		}
	}
	return paths
}

func TestSignOut_is_on_every_page_of_whoever_is_signed_in(t *testing.T) {
	site, w := everything(t)
	admin, looked := site.Operator(access.RoleAdmin), 0
	for _, path := range pagesOf(t, site, w) {
		a := admin.Get(path)
		if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			continue
		}
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(a.Body))
		if err != nil {
			t.Fatal(err)
		}
		if doc.Find("head title").Length() == 0 || strings.HasPrefix(path, "/signin") || strings.HasPrefix(path, "/setup") || strings.HasPrefix(path, "/api") {
			continue // a fragment, or a page of whoever is not signed in
		}
		looked++
		if doc.Find("header form[method=post][action='/signout'] button").Length() != 1 {
			t.Errorf("%s has no way to sign out", path)
		}
	}
	if looked < 12 {
		t.Errorf("only %d pages were looked at", looked)
	}
}

// Whatever is asked for by GET, nothing is other afterwards: neither a connection nor a person, a key or a session, and no
// event tells of anything.
func TestGET_changes_nothing(t *testing.T) {
	site, w := everything(t)
	paths := pagesOf(t, site, w)
	admin := site.Operator(access.RoleAdmin)
	state := func() string {
		t.Helper()
		list := admin.Do("GET", "/api/v1/connections", "", "Accept", "application/json")
		users := admin.Do("GET", "/api/v1/users", "", "Accept", "application/json")
		events := admin.Do("GET", "/api/v1/events", "", "Accept", "application/json")
		if list.Status != 200 || users.Status != 200 || events.Status != 200 {
			t.Fatalf("%d, %d, %d", list.Status, users.Status, events.Status)
		}
		return fmt.Sprint(list.Body, users.Body, events.Body, len(site.KeyRows.All()), len(site.Rows.All()))
	}
	before := state()
	for _, path := range paths {
		for _, query := range []string{"", "?step=go&version=1&name=taken&action=deactivate&confirmName=Under+test&active=off&all=true&email=eve%40example.com&role=admin&scope=admin"} {
			admin.Get(path + query)
			admin.Get(path+query, "HX-Request", "true")
		}
	}
	if after := state(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	if len(paths) < 20 {
		t.Errorf("only %d addresses were asked for", len(paths))
	}
}

func TestPasswords_are_typed_covered_and_may_be_pasted_and_managed(t *testing.T) {
	s := newStaffed(t)
	ada := s.as(adaEmail, adaPassword)
	link := strings.TrimPrefix(s.invite(ada, bobEmail, "viewer"), "https://boardlink.example.com")
	seen := 0
	for path, b := range map[string]*webtest.Browser{"/signin": s.Visitor(), link: s.Visitor(), "/account/password": ada} {
		doc := page(t, b.Get(path), http.StatusOK)
		doc.Find("input").Each(func(_ int, control *goquery.Selection) {
			name := control.AttrOr("name", "")
			if !strings.Contains(strings.ToLower(name), "password") {
				return
			}
			seen++
			if control.AttrOr("type", "") != "password" || !slices.Contains([]string{"current-password", "new-password"}, control.AttrOr("autocomplete", "")) || control.AttrOr("value", "") != "" {
				t.Errorf("%s: %s is typed in sight, or for no manager", path, name)
			}
			for _, hindrance := range []string{"onpaste", "oncopy", "oninput", "maxlength", "readonly", "pattern"} {
				if _, there := control.Attr(hindrance); there {
					t.Errorf("%s: %s has %s", path, name, hindrance)
				}
			}
		})
	}
	if seen != 4 {
		t.Errorf("%d fields for passwords", seen)
	}
}
