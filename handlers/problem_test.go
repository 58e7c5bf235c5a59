package handlers_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
)

// A page that has nothing else to show says what can be done, and leads on.
func TestProblemPages_help(t *testing.T) {
	for name, tc := range map[string]struct {
		ask    func(c *console) (status int, body string)
		status int
		said   []string
		leads  string
	}{
		"not found": {func(c *console) (int, string) {
			a := c.Operator(access.RoleViewer).Get("/connections/99")
			return a.Status, a.Body
		}, http.StatusNotFound, []string{"There is no such connection.", "The address may have a typing error.", "when and by whom"}, "/events"},
		"not allowed": {func(c *console) (int, string) {
			a := c.Operator(access.RoleViewer).Get("/connections/new")
			return a.Status, a.Body
		}, http.StatusForbidden, []string{"You are signed in as operator1@example.com.", "an administrator can give you another one"}, "/connections"},
		"changed meanwhile": {func(c *console) (int, string) {
			id := c.add("North", opened(), nil)
			row := c.store.rows[id]
			row.Active = false
			c.store.rows[id] = row
			a := c.Operator(access.RoleOperator).Post("/connections/"+id.String()+"/state", form("action", "restart"))
			return a.Status, a.Body
		}, http.StatusConflict, []string{"The connection is deactivated", "Nothing of yours was saved."}, "/connections"},
		"broken": {func(c *console) (int, string) {
			c.store.broken = errors.New("the disk is on fire")
			a := c.Operator(access.RoleViewer).Get("/connections/1")
			return a.Status, a.Body
		}, http.StatusInternalServerError, []string{"Something went wrong", "name this request:", "Links go on meanwhile"}, "/events"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConsole(t)
			status, body := tc.ask(c)
			if status != tc.status {
				t.Fatalf("status %d, want %d", status, tc.status)
			}
			doc := parse(t, body)
			said := saying(doc.Find("main"))
			for _, want := range tc.said {
				if !strings.Contains(said, want) {
					t.Errorf("the page does not say %q but %q", want, said)
				}
			}
			if doc.Find(`main a[href="`+tc.leads+`"]`).Length() == 0 || strings.Contains(body, "on fire") {
				t.Errorf("the page does not lead on, or says too much: %q", said)
			}
			assertDocument(t, doc)
		})
	}
}

// Pages stay light: the page itself, its style and its two scripts are all that a first visit asks for.
func TestPages_ask_for_three_files_and_no_more(t *testing.T) {
	c := newConsole(t)
	fixtures(c)
	b := c.Operator(access.RoleOperator)
	for _, path := range []string{"/", "/connections", "/connections/new", "/connections/new?type=actility-thingsboard-iot", "/connections/4339", "/connections/4339/downlink", "/connections/4339/devices", "/connections/4339/parked", "/events"} {
		doc := page(t, b.Get(path), http.StatusOK)
		files := map[string]bool{}
		for _, s := range doc.Find("script[src], link[rel=stylesheet], img[src], iframe, source[src], link[rel=preload], object").EachIter() {
			address := s.AttrOr("src", s.AttrOr("href", "?"))
			if !strings.Contains(address, "favicon") { // the browser's own request; the page's mark is the same file
				files[address] = true
			}
		}
		if len(files) != 3 {
			t.Errorf("%s asks for %d files: %v", path, len(files), files)
		}
	}
}
