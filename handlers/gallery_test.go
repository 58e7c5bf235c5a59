package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/views/gallery"
	"boardlink/web"

	"github.com/PuerkitoBio/goquery"
)

func TestGallery_is_not_there_but_in_development(t *testing.T) {
	site, _ := everything(t, func(o *web.Options) { o.Development = false })
	admin := site.Operator(access.RoleAdmin)
	for _, path := range []string{"/gallery", "/gallery/list"} {
		if got := admin.Get(path).Status; got != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, got)
		}
	}
}

// aboutConnection is an address that is about one connection.
var aboutConnection = regexp.MustCompile(`^/connections/(\d+)`)

// TestGallery_draws_all_it_lists: each specimen is a whole page in which no id stands twice, and what it would send is about
// a connection that no installation has.
func TestGallery_draws_all_it_lists(t *testing.T) {
	site, _ := everything(t)
	admin := site.Operator(access.RoleAdmin)
	sheet := admin.Get("/gallery")
	paths := []string{"/gallery"}
	names := map[string]bool{}
	for _, s := range gallery.Specimens() {
		if names[s.Name] {
			t.Errorf("two specimens are called %s", s.Name)
		}
		names[s.Name] = true
		paths = append(paths, "/gallery/"+s.Name)
		if !strings.Contains(sheet.Body, `href="/gallery/`+s.Name+`"`) {
			t.Errorf("the sheet does not lead to %s", s.Name)
		}
	}
	for _, path := range paths {
		answer := admin.Get(path)
		if answer.Status != http.StatusOK {
			t.Errorf("%s: %d", path, answer.Status)
			continue
		}
		doc := document(t, answer)
		if doc.Find("h1, h2").Length() == 0 {
			t.Errorf("%s has no heading", path)
		}
		seen := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
			id := s.AttrOr("id", "")
			if seen[id] {
				t.Errorf("%s: the id %q stands twice", path, id)
			}
			seen[id] = true
		})
		doc.Find("form[action], [hx-post]").Each(func(_ int, s *goquery.Selection) {
			for _, name := range []string{"action", "hx-post"} {
				if m := aboutConnection.FindStringSubmatch(s.AttrOr(name, "")); m != nil && len(m[1]) < 15 {
					t.Errorf("%s: a form acts on the connection %s", path, m[1])
				}
			}
		})
	}
	if got := admin.Get("/gallery/" + gallery.Still).Status; got != http.StatusNoContent {
		t.Errorf("a test that is under way for ever is answered %d", got)
	}
	if got := admin.Get("/gallery/nothing").Status; got != http.StatusNotFound {
		t.Errorf("an unknown specimen: %d", got)
	}
}
