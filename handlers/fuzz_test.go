package handlers

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/views/connections"
	"boardlink/views/layout"

	"github.com/PuerkitoBio/goquery"
)

// FuzzForm sends the form of a new connection with any values: the page that comes back bears each value as the value of
// its field and as nothing else, and no secret.
func FuzzForm(f *testing.F) {
	f.Add("hostName=a%3A443&username=a%40b&password=hunter2-hunter2&alarms=%5B%5D")
	f.Add("name=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E&description=%3C%2Ftextarea%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E&active=maybe")
	f.Add("alarms=[{\"recurrence\":[{\"byDays\":[1]}]}]&downlinkPort=1e9&nothing=%FF")
	plain := drawnForm(f, url.Values{})
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil || len(query) > 4000 {
			return
		}
		doc := drawnForm(t, values)
		if n := doc.Find("script").Length(); n != plain.Find("script").Length() {
			t.Errorf("%d scripts", n)
		}
		for _, name := range []string{"img", "iframe", "object", "embed", "base", "style", "link", "meta", "form", "svg"} {
			if n := doc.Find(name).Length(); n < plain.Find(name).Length() || n > plain.Find(name).Length() && name != "svg" {
				t.Errorf("%d nodes <%s>", n, name)
			}
		}
		for _, node := range doc.Find("*").Nodes {
			for _, a := range node.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") && a.Key != "value" {
					t.Errorf("<%s %s=%q>", node.Data, a.Key, a.Val)
				}
			}
		}
		if secret := values.Get("password"); len(secret) > 8 && secret != connection.Mask && values.Get("name") == "" && strings.Count(query, secret) == 1 {
			if text, _ := doc.Html(); strings.Contains(text, "value=\""+secret+"\"") {
				t.Error("the password comes back")
			}
		}
	})
}

func drawnForm(t testing.TB, values url.Values) *goquery.Document {
	t.Helper()
	in := readForm(t.Context(), values)
	in.check()
	var page bytes.Buffer
	if err := connections.FormPage(layout.Shell{Title: "Create a connection"}, in.form(t.Context())).Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(&page)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// FuzzPending opens seals of any content.
func FuzzPending(f *testing.F) {
	p := newPending(func() time.Time { return time.Unix(1_800_000_000, 0) })
	f.Add(p.seal(1, "password", "a@example.com", "hunter2-hunter2"), int64(1), "password", "a@example.com")
	f.Add("AAAAAAAAAAAAAAAA", int64(2), "x|1", "a|password")
	f.Fuzz(func(t *testing.T, text string, id int64, field, actor string) {
		secret, ok := p.open(connection.ID(id), field, actor, text)
		if !ok && secret != "" {
			t.Error("it does not open, and tells something")
		}
		if ok && (id != 1 || field != "password" || actor != "a@example.com") {
			t.Errorf("opened for %d, %q, %q", id, field, actor)
		}
	})
}
