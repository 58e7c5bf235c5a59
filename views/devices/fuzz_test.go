package devices_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/views/devices"
	"boardlink/views/layout"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
	"golang.org/x/net/html"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// pagesOf draws the pages of a device on which everything that comes from others is one text.
func pagesOf(t testing.TB, text string) []*goquery.Document {
	t.Helper()
	value, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	device := connection.Device{ConnectionID: 4339, DevEUI: "20635F0108000E09", Name: text, LastUplinkAt: now}
	shell := layout.Shell{Title: text, User: "a@example.com", LiveURL: "/stream"}
	all := []templ.Component{
		devices.ListPage(shell, devices.List{ID: 4339, Name: text, Devices: []connection.Device{device}, Search: text, Now: now}),
		devices.Page(shell, devices.Device{
			ConnectionName: text, Device: device, Now: now,
			Attributes: []connection.SharedAttribute{{ConnectionID: 4339, DevEUI: device.DevEUI, Key: text, Value: value, UpdatedAt: now}},
			Commands:   []connection.Command{{ID: 1, ConnectionID: 4339, DevEUI: device.DevEUI, Actor: text, FPort: 1, State: connection.CommandRefused, Sentence: text, CameAt: now}},
			Events:     []connection.Event{{ID: 1, Time: now, Level: connection.LevelError, Kind: connection.KindUplink, Actor: text, ConnectionID: 4339, DevEUI: device.DevEUI, Message: text}},
		}),
	}
	var docs []*goquery.Document
	for _, page := range all {
		var b bytes.Buffer
		if err := page.Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	return docs
}

// shape lists the elements of a page and the names of their attributes.
func shape(doc *goquery.Document) string {
	var b strings.Builder
	for _, node := range doc.Find("*").Nodes {
		b.WriteString(node.Data)
		for _, a := range node.Attr {
			b.WriteString(" " + a.Key)
		}
		for n := node.FirstChild; n != nil; n = n.NextSibling {
			if n.Type == html.CommentNode {
				b.WriteString(" <!-- -->")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// FuzzNames draws pages with names, keys, values and sentences of any content. A browser that parses them finds the same
// elements and attributes as for a harmless name.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</title></textarea><svg/onload=alert(1)>", "' onmouseover='alert(1)", "<!--", "]]>",
		"{{constructor.constructor('alert(1)')()}}", "javascript:alert(1)", "\u202egnp.exe", "\x00<b>", "&lt;b&gt;",
	} {
		f.Add(seed)
	}
	var want []string
	for _, doc := range pagesOf(f, "Meter") {
		want = append(want, shape(doc))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return // draws what is said of no name
		}
		for i, doc := range pagesOf(t, text) {
			if got := shape(doc); got != want[i] {
				t.Errorf("%q changes page %d:\n%s", text, i, got)
			}
		}
	})
}
