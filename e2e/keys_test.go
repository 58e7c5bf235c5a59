//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// present sends a request with a key as a program does, and gives the status.
func (p *program) present(method, path, key, body string) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = resp.Body.Close() // the status says it all
	return resp.StatusCode
}

// code reads a text that machines read from the page.
func (b *browser) code(id string) string {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(b.html()))
	if err != nil {
		return ""
	}
	return doc.Find("#" + id).Text()
}

// looked shows the page to axe and, where somebody wants to look, keeps pictures.
func (b *browser) looked(name string) {
	b.t.Helper()
	source, err := os.ReadFile("testdata/axe-core-4.14.1/axe.min.js")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, width := range []int64{320, 1280} {
			b.size(width, 900)
			for _, v := range b.axe(string(source)) {
				for _, n := range v.Nodes {
					b.t.Errorf("%s, %s, %d px: %s: %s\n%s\n%s", name, scheme, width, v.ID, v.Help, n.HTML, n.Summary)
				}
			}
			b.uniqueIDs()
			b.fits(width)
			b.shot(fmt.Sprintf("%s-%s-%d", name, scheme, width))
		}
	}
}

// TestKeys makes an API key in the console, uses it as a program does, and revokes it.
func TestKeys(t *testing.T) {
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		look := func(name string) {
			if scripts {
				b.looked(name)
			}
		}
		b.open("/")
		b.click("link", "Keys")
		b.see("No API keys yet")
		look("no keys")
		b.click("link", "Make a key")
		b.find("heading", "Make an API key")
		b.click("button", "Make the key")
		b.see("Choose at least one scope.")
		look("form with errors")
		b.fill("textbox", "Name", "Reporting")
		b.click("checkbox", "read*")
		b.fill("textbox", "Allowed networks", "127.0.0.0/8\n::1")
		b.click("button", "Make the key")
		b.see("Copy the key now", "It is shown this one time")
		key := b.code("api-key")
		if len(key) != 64 || !strings.Contains(b.code("api-curl"), key) {
			t.Fatalf("the key is %q, the command %q", key, b.code("api-curl"))
		}
		look("key")
		if status := p.present("GET", "/api/v1/connections", key, ""); status != 200 {
			t.Errorf("the key opens %d", status)
		}
		if status := p.present("GET", "/api/v1/keys", key, ""); status != 403 {
			t.Errorf("the key opens more than its scope: %d", status)
		}
		b.click("link", "I have copied the key")
		b.see("Reporting", key[:14], "from 127.0.0.1")
		if strings.Contains(b.html(), key[15:]) {
			t.Error("the key is shown again")
		}
		look("keys")
		b.click("button", "Revoke Reporting")
		b.see("Revoke the key “Reporting”?")
		look("question")
		b.click("button", "Revoke")
		b.see("No API keys yet", "Revoked")
		if status := p.present("GET", "/api/v1/connections", key, ""); status != 401 {
			t.Errorf("the revoked key opens %d", status)
		}
		b.until("see the refusal among the events", func() bool {
			b.open("/events")
			return strings.Contains(b.text(), "was refused: it was revoked.")
		})
		b.quiet()
		p.stop()
		files, err := filepath.Glob(p.data + "/*.db*")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(raw, []byte(key[15:])) {
				t.Errorf("%s holds the key", file)
			}
		}
		if strings.Contains(p.out.String(), key[15:]) {
			t.Error("the log holds the key")
		}
	})
}

// TestUplinkKeyOverlap renews an uplink key, sends with both, and ends the old one.
func TestUplinkKeyOverlap(t *testing.T) {
	const document = `{"DevEUI_uplink": {"DevEUI": "0018B20000000B20", "FPort": 1, "Time": "2026-11-23T10:00:00.000+00:00", "payload_hex": "00"}}`
	both(t, func(t *testing.T, scripts bool) {
		p, b := signedIn(t, scripts)
		id := p.connection("Overlapping")
		page, uplinks := "/connections/"+id, "/connections/"+id+"/uplinks"
		b.open(page)
		b.click("button", "Show the uplink key")
		b.until("see the key", func() bool { return b.code("uplink-key") != "" })
		old := b.code("uplink-key")
		b.click("DisclosureTriangle", "Renew the uplink key")
		if scripts {
			b.eval(`document.querySelector("#oldValidFor").value = "24h"`)
		} else {
			b.find("combobox", "The key in use ends")
			b.click("combobox", "The key in use ends")
			b.key("In 24")
			b.key("\r")
		}
		b.click("button", "Renew now")
		b.see("New uplink key", "The old uplink key is accepted too, and ends in 23 hours", "No uplink has come with it")
		fresh := ""
		b.until("see both keys", func() bool {
			fresh = b.code("uplink-key")
			return fresh != "" && fresh != old && b.code("old-uplink-key") == old
		})
		if status := p.present("POST", uplinks, fresh, document); status != 200 {
			t.Errorf("the new key: %d", status)
		}
		if status := p.present("POST", uplinks, old, strings.Replace(document, "10:00:00", "10:00:01", 1)); status != 200 {
			t.Errorf("the old key: %d", status)
		}
		b.open("/") // from elsewhere, for the page to be loaded anew
		b.open(page + "#uplinks")
		b.see("An uplink last came with it")
		if scripts {
			b.looked("two uplink keys")
		}
		b.click("button", "End the old key now")
		b.see("Old uplink key ended")
		if status := p.present("POST", uplinks, old, document); status != 401 {
			t.Errorf("the ended key: %d", status)
		}
		if status := p.present("POST", uplinks, fresh, strings.Replace(document, "10:00:00", "10:00:02", 1)); status != 200 {
			t.Errorf("the new key at last: %d", status)
		}
		b.quiet()
	})
}
