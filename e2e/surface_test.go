//go:build e2e

package e2e

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

// Over plain HTTP a browser tells where a form comes from by Origin alone, and only where the page's Referrer-Policy lets it.
func TestConsole_works_over_plain_HTTP_from_another_machine(t *testing.T) {
	p := newProgram(t, asAdmin()...)
	p.start()
	b := newBrowser(t, strings.Replace(p.base, "localhost", intranetHost, 1), false)
	b.open("/signin")
	b.fill("textbox", "E-mail", adminEmail)
	b.fill("textbox", "Password", adminPassword)
	b.click("button", "Sign in")
	b.see("Connections", adminEmail)
	b.quiet()
}

// What counts the violations must see one.
func TestBrowser_sees_what_the_policy_forbids(t *testing.T) {
	p := newProgram(t, asAdmin()...)
	p.start()
	b := newBrowser(t, p.base, true)
	b.open("/signin")
	for _, script := range []string{
		`(() => { const s = document.createElement("style"); s.textContent = "a{}"; document.head.append(s) })()`,
		`(() => { const s = document.createElement("script"); s.textContent = "1"; document.head.append(s) })()`,
		`(() => { new Image().src = "http://127.0.0.1:9/canary" })()`,
	} {
		before := len(b.violations())
		b.eval(script)
		b.until("a violation", func() bool { return len(b.violations()) > before })
	}
	b.mu.Lock()
	b.problems = nil // they were wanted
	b.mu.Unlock()
}

// idsAndTokens are what tells pages of one sort apart.
var idsAndTokens = regexp.MustCompile(`/\d+|/[0-9A-F]{16}|=[^&]*`)

// TestEvery_page_keeps_its_policy goes wherever links lead, one page of each sort, with what makes pages show most: a
// connection, a device, parked events.
func TestEvery_page_keeps_its_policy(t *testing.T) {
	p := newProgram(t, asAdmin("BOARDLINK_ALLOW_HOSTS=127.0.0.0/8")...)
	p.start()
	status, made := p.api("POST", "/connections", map[string]any{
		"connectorId": "actility-thingsboard-iot", "name": "North <script>alert(1)</script>", "active": true,
		"configuration": map[string]any{"hostName": "127.0.0.1:9", "username": "tenant@example.com", "password": "secret", "description": "<img src=x onerror=alert(1)>"},
	})
	id, _ := made["id"].(string)
	if status != http.StatusCreated || id == "" {
		t.Fatalf("no connection: %d %v", status, made)
	}
	status, said := p.api("POST", "/connections/"+id+"/uplinks", map[string]any{"DevEUI_uplink": map[string]any{
		"Time": time.Now().Format(time.RFC3339), "DevEUI": "20635F0108000E09", "FPort": "1", "FCntUp": "1", "payload_hex": "00",
		"CustomerData": map[string]any{"name": "<b style=color:red>Pump</b>"},
	}})
	if status != http.StatusOK {
		t.Fatalf("no uplink: %d %v", status, said)
	}
	b := newBrowser(t, p.base, true)
	b.open("/signin")
	b.fill("textbox", "E-mail", adminEmail)
	b.fill("textbox", "Password", adminPassword)
	b.click("button", "Sign in")
	b.see(adminEmail)
	seen, found := map[string]bool{}, []string{"/", "/api/docs", "/signin", "/nowhere", "/connections/99", "/connections?q=nothing-like-it"}
	for visited := 0; len(found) > 0; {
		path := found[0]
		found = found[1:]
		if sort := idsAndTokens.ReplaceAllString(path, "/*"); seen[sort] {
			continue
		} else if seen[sort] = true; visited == 200 {
			t.Fatalf("no end of pages: %v", seen)
		}
		visited++
		b.open(path)
		b.see("") // the page is there
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(b.html()))
		if err != nil {
			t.Fatal(err)
		}
		if n := doc.Find("script:not([src]), style, [style], [onclick], [onload], [onerror]").Length(); n > 0 && !strings.HasPrefix(path, "/api/docs") {
			t.Errorf("%s has %d pieces of inline script or style", path, n)
		}
		doc.Find("a[href]").Each(func(_ int, a *goquery.Selection) {
			if href := a.AttrOr("href", ""); strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "/static/") && !strings.HasPrefix(href, "/api/openapi") {
				found = append(found, strings.SplitN(href, "#", 2)[0])
			}
		})
	}
	for _, want := range []string{"/", "/connections", "/connections/*", "/connections/*/edit/hostName", "/connections/*/devices", "/connections/new", "/events", "/api/docs"} {
		if !seen[want] {
			t.Errorf("%s was not visited", want)
		}
	}
	var sorts []string
	for sort := range seen {
		sorts = append(sorts, sort)
	}
	slices.Sort(sorts)
	t.Logf("%d sorts of pages: %v", len(sorts), sorts)
}
