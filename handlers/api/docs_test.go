package api_test

import (
	"regexp"
	"strings"
	"testing"

	"boardlink/handlers/api"
)

func TestDocs_page_loads_from_here_alone_and_keeps_scripts_out_of_the_text(t *testing.T) {
	w := newWorld(t)
	page := w.site.Visitor().Get(api.DocsPath)
	if page.Status != 200 || page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", page.Status, page.Header)
	}
	policy := page.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "object-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	if regexp.MustCompile(`unsafe|\*|https?:`).MatchString(policy) {
		t.Errorf("the policy lets too much in: %s", policy)
	}
	if found := regexp.MustCompile(`<script[^>]*>[^<]|<style| style=| on[a-z]+=|https?://`).FindString(page.Body); found != "" {
		t.Errorf("the page holds %q", found)
	}
	for _, want := range []string{"/api/openapi.json", "/api/openapi.yaml", "<noscript>"} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	links := regexp.MustCompile(`(?:src|href)="(/[^"]+)"`).FindAllStringSubmatch(page.Body, -1)
	if len(links) < 6 {
		t.Fatalf("the page loads %d files", len(links))
	}
	for _, m := range links {
		if m[1] == "/" || strings.HasPrefix(m[1], "/static/") { // the console's
			continue
		}
		if a := w.site.Visitor().Get(m[1]); a.Status != 200 || a.Body == "" {
			t.Errorf("%s: %d", m[1], a.Status)
		}
	}
}

func TestDocs_files_travel_compressed_where_that_is_taken_and_once_where_they_are_kept(t *testing.T) {
	w := newWorld(t)
	path := api.DocsPath + "/swagger-ui-5.35.0/swagger-ui-bundle.js"
	ask := func(header ...string) (int, string, string, int) {
		a := w.site.Visitor().Do("GET", path, "", header...)
		return a.Status, a.Header.Get("Content-Encoding"), a.Header.Get("ETag"), len(a.Body)
	}
	status, encoding, tag, zipped := ask("Accept-Encoding", "br, gzip;q=0.5")
	if status != 200 || encoding != "gzip" || tag == "" {
		t.Errorf("%d, encoding %q, tag %q", status, encoding, tag)
	}
	for _, accept := range []string{"identity", "gzip;q=0", "gzip; q=0.0"} {
		if status, encoding, _, plain := ask("Accept-Encoding", accept); status != 200 || encoding != "" || plain < 2*zipped {
			t.Errorf("%s: %d, encoding %q, %d bytes, compressed %d", accept, status, encoding, plain, zipped)
		}
	}
	if status, _, _, n := ask("Accept-Encoding", "gzip", "If-None-Match", tag); status != 304 || n != 0 {
		t.Errorf("what is kept was sent again: %d, %d bytes", status, n)
	}
	const limit = 500 << 10
	if zipped > limit {
		t.Errorf("the script weighs %d bytes, more than %d", zipped, limit)
	}
	for _, license := range []string{"LICENSE", "NOTICE", "BUNDLE-LICENSES.txt"} {
		if a := w.site.Visitor().Get(api.DocsPath + "/swagger-ui-5.35.0/" + license); a.Status != 200 || a.Body == "" {
			t.Errorf("%s: %d", license, a.Status)
		}
	}
}
