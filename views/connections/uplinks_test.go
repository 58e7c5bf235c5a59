package connections_test

import (
	"bytes"
	"strings"
	"testing"

	"boardlink/connection"
	"boardlink/views/connections"

	"github.com/PuerkitoBio/goquery"
)

func TestUplinks_show_an_address_for_each_way_to_the_installation(t *testing.T) {
	d := connections.Details{Connection: connection.Connection{ID: 7}, UplinkURL: "https://a.example.com/connections/7/uplinks", UplinkKey: "k&y"}
	for more, want := range map[string]struct{ addresses, keyed, says, saysNot string }{
		"": {"https://a.example.com/connections/7/uplinks", "https://a.example.com/connections/7/uplinks?key=k%26y", "Paste the uplink address as its destination.", "sequential"},
		"https://b.example.com/connections/7/uplinks": {
			"https://a.example.com/connections/7/uplinks https://b.example.com/connections/7/uplinks",
			"https://a.example.com/connections/7/uplinks?key=k%26y https://b.example.com/connections/7/uplinks?key=k%26y",
			"choose the routing sequential", "Paste the uplink address as its destination.",
		},
	} {
		if more != "" {
			d.MoreUplinkURLs = []string{more}
		} else {
			d.MoreUplinkURLs = nil
		}
		var b bytes.Buffer
		if err := connections.Uplinks(d).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		var plain, keyed []string
		for _, code := range doc.Find("code[id]").EachIter() {
			switch text := code.Text(); {
			case strings.Contains(text, "?key="):
				keyed = append(keyed, text)
			case strings.HasPrefix(text, "https://"):
				plain = append(plain, text)
			}
		}
		if strings.Join(plain, " ") != want.addresses || strings.Join(keyed, " ") != want.keyed {
			t.Errorf("the addresses are %q and %q", plain, keyed)
		}
		said := strings.Join(strings.Fields(doc.Text()), " ")
		if !strings.Contains(said, want.says) || strings.Contains(said, want.saysNot) {
			t.Errorf("the page says %q", said)
		}
		labels := map[string]bool{}
		for _, button := range doc.Find("button[aria-label]").EachIter() {
			if label := button.AttrOr("aria-label", ""); labels[label] {
				t.Errorf("two buttons are called %q", label)
			} else {
				labels[label] = true
			}
		}
	}
}
