package web_test

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/web"
	"boardlink/web/webtest"
)

func TestHeaders_protect_every_answer(t *testing.T) {
	secure := webtest.New(t, func(o *web.Options) { o.PublicURL = "https://boardlink.example.com" }, failing(), gates())
	plain := webtest.New(t, nil, failing(), gates())
	for name, ask := range map[string]func(*webtest.Browser) webtest.Answer{
		"an error":           func(b *webtest.Browser) webtest.Answer { return b.Get("/fail/internal") },
		"a panic":            func(b *webtest.Browser) webtest.Answer { return b.Get("/fail/panic") },
		"a problem document": func(b *webtest.Browser) webtest.Answer { return b.Do("GET", "/fail/conflict", "", "Accept", jsonType) },
		"no such address":    func(b *webtest.Browser) webtest.Answer { return b.Get("/nowhere") },
		"no such method":     func(b *webtest.Browser) webtest.Answer { return b.Do("TRACE", "/healthz", "") },
		"health":             func(b *webtest.Browser) webtest.Answer { return b.Get("/healthz") },
		"readiness":          func(b *webtest.Browser) webtest.Answer { return b.Get("/readyz") },
		"not signed in":      func(b *webtest.Browser) webtest.Answer { return b.Get("/stream") },
		"no key":             func(b *webtest.Browser) webtest.Answer { return b.Do("GET", "/api/v1/read", "") },
		"a page":             func(b *webtest.Browser) webtest.Answer { return b.Get("/open") },
		"HEAD":               func(b *webtest.Browser) webtest.Answer { return b.Do("HEAD", "/open", "") },
		"OPTIONS":            func(b *webtest.Browser) webtest.Answer { return b.Do("OPTIONS", "/open", "") },
		"from another site":  func(b *webtest.Browser) webtest.Answer { return b.Post("/read", nil, "Sec-Fetch-Site", "cross-site") },
		"a body that is too long": func(b *webtest.Browser) webtest.Answer {
			return b.Do("POST", "/read", strings.Repeat("x", 2<<20), "Content-Type", jsonType)
		},
		"an address too long": func(b *webtest.Browser) webtest.Answer { return b.Get("/open?x=" + strings.Repeat("x", 9<<10)) },
		"too many parameters": func(b *webtest.Browser) webtest.Answer { return b.Get("/open?" + strings.Repeat("a&", 2000)) },
		"a body of many parts": func(b *webtest.Browser) webtest.Answer {
			return b.Do("POST", "/read", "x", "Content-Type", "multipart/form-data; boundary=x")
		},
		"an unknown body": func(b *webtest.Browser) webtest.Answer {
			return b.Do("POST", "/read", "x", "Content-Type", "text/plain", "Accept", "text/html")
		},
	} {
		a := ask(plain.Visitor())
		csp := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "object-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !slices.Contains(strings.Split(csp, "; "), want) {
				t.Errorf("%s: policy lacks %s", name, want)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: policy %s", name, csp)
		}
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Strict-Transport-Security": "", "Server": "", "X-Powered-By": "", "Access-Control-Allow-Origin": "",
		} {
			if got := a.Header.Get(header); got != want {
				t.Errorf("%s (%d): %s is %q, want %q", name, a.Status, header, got, want)
			}
		}
		if kind := a.Header.Get("Content-Type"); a.Body != "" && kind == "" || strings.HasPrefix(kind, "text/") && !strings.Contains(strings.ToLower(kind), "charset=utf-8") {
			t.Errorf("%s: Content-Type %q", name, kind)
		}
		a = ask(secure.Visitor())
		if got := a.Header.Get("Strict-Transport-Security") + " " + a.Header.Get("Referrer-Policy"); got != "max-age=31536000; includeSubDomains no-referrer" {
			t.Errorf("%s, by https: %s", name, got)
		}
	}
}

func TestShapes_that_are_out_of_bounds_are_refused(t *testing.T) {
	site := webtest.New(t, nil, failing(), gates())
	b := site.Operator(access.RoleAdmin)
	for name, test := range map[string]struct {
		got  webtest.Answer
		want int
	}{
		"an address at the bound":     {b.Get("/open?x=" + strings.Repeat("x", 8<<10-len("/open?x="))), 200},
		"an address beyond it":        {b.Get("/open?x=" + strings.Repeat("x", 8<<10)), 414},
		"a path beyond it":            {b.Get("/open/" + strings.Repeat("x", 8<<10)), 414},
		"a path in escapes beyond it": {b.Get("/open/" + strings.Repeat("%41", 3<<10)), 414},
		"parameters at the bound":     {b.Get("/open?" + strings.Repeat("a&", 999)), 200},
		"parameters beyond it":        {b.Get("/open?" + strings.Repeat("a&", 1000)), 400},
		"as a problem":                {b.Do("GET", "/api/v1/read?"+strings.Repeat("a&", 1000), ""), 400},
		"many parts":                  {b.Do("POST", "/read", "x", "Content-Type", "Multipart/Form-Data; boundary=x", "Accept", "text/html"), 415},
		"many parts of a page":        {b.Do("GET", "/open", "x", "Content-Type", "multipart/mixed"), 415},
		"a body of a page":            {b.Do("GET", "/open", strings.Repeat("x", 64<<10+1)), 413},
		"a body of no address":        {b.Do("POST", "/nowhere", strings.Repeat("x", 64<<10+1), "Content-Type", jsonType), 413},
		"a body of a route":           {b.Do("POST", "/change", strings.Repeat("x", 1<<20), "Content-Type", jsonType), 200},
		"more than a route's":         {b.Do("POST", "/change", strings.Repeat("x", 1<<20+1), "Content-Type", jsonType), 413},
	} {
		if test.got.Status != test.want {
			t.Errorf("%s: %d, want %d", name, test.got.Status, test.want)
		}
	}
}

func TestOdd_methods_are_refused_and_echo_nothing(t *testing.T) {
	site := webtest.New(t, nil, failing(), gates())
	for _, b := range []*webtest.Browser{site.Visitor(), site.Operator(access.RoleAdmin)} {
		for _, method := range []string{"TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG", "X", "get"} {
			for _, path := range []string{"/healthz", "/open", "/look", "/api/v1/read", "/nowhere"} {
				got := b.Do(method, path, "", "X-Canary", "canary-header", "Accept", "text/html")
				if got.Status < 300 || got.Status >= 500 || strings.Contains(got.Body, "canary-header") {
					t.Errorf("%s %s: %d %.200s", method, path, got.Status, got.Body)
				}
			}
		}
	}
}

// proxied is a site by https behind a proxy on this machine.
func proxied(t *testing.T) *webtest.Site {
	return webtest.New(t, func(o *web.Options) {
		o.PublicURL = "https://boardlink.example.com"
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}, failing(), gates())
}

func TestPlain_HTTP_in_front_of_a_trusted_proxy_is_led_to_https_or_refused(t *testing.T) {
	site := proxied(t)
	from := func(scheme string, more ...string) []string {
		return append([]string{"X-Forwarded-For", "192.0.2.7", "X-Forwarded-Proto", scheme}, more...)
	}
	for name, test := range map[string]struct {
		got    webtest.Answer
		status int
		to     string
	}{
		"a page by https":       {site.Visitor().Get("/open", from("https")...), 200, ""},
		"a page by http":        {site.Visitor().Get("/open?x=1", from("http", "Host", "evil.example.com", "X-Forwarded-Host", "evil.example.com")...), 308, "https://boardlink.example.com/open?x=1"},
		"an odd page by http":   {site.Visitor().Get("//evil.example.com/%2e", from("http")...), 308, "https://boardlink.example.com//evil.example.com/%2e"},
		"a form by http":        {site.Visitor().Post("/read", nil, from("http")...), 403, ""},
		"the API by http":       {site.Visitor().Do("GET", "/api/v1/read", "", from("http", "Authorization", "Bearer "+webtest.Key)...), 403, ""},
		"the API by https":      {site.Visitor().Do("GET", "/api/v1/read", "", from("https", "Authorization", "Bearer "+webtest.Key)...), 200, ""},
		"uplinks by http":       {site.Visitor().Do("POST", "/api/v1/own", "{}", from("http")...), 403, ""},
		"health by http":        {site.Visitor().Get("/healthz", from("http")...), 200, ""},
		"nothing is told of it": {site.Visitor().Get("/open"), 200, ""},
	} {
		if test.got.Status != test.status || test.got.Header.Get("Location") != test.to {
			t.Errorf("%s: %d to %q", name, test.got.Status, test.got.Header.Get("Location"))
		}
	}
}

func TestSites_of_http_are_other_sites_where_browsers_come_by_https(t *testing.T) {
	site := proxied(t)
	for name, test := range map[string]struct {
		header []string
		want   int
	}{
		"the same by https":               {[]string{"Origin", "https://boardlink.example.com"}, 200},
		"the same by http":                {[]string{"Origin", "http://boardlink.example.com", "X-Forwarded-For", "192.0.2.7", "X-Forwarded-Host", "boardlink.example.com"}, 403},
		"by http, the header in capitals": {[]string{"Origin", "HTTP://boardlink.example.com", "Sec-Fetch-Site", "same-origin"}, 403},
		"what the proxy was asked for":    {[]string{"Origin", "https://other.example.com", "X-Forwarded-For", "192.0.2.7", "X-Forwarded-Host", "other.example.com"}, 200},
		"nowhere":                         {[]string{"Origin", "null"}, 403},
		"a program":                       {nil, 200},
	} {
		got := site.Visitor().Do("POST", "/read", "{}", append([]string{"Content-Type", jsonType}, test.header...)...)
		if got.Status != test.want {
			t.Errorf("%s: %d, want %d", name, got.Status, test.want)
		}
	}
	if got := webtest.New(t, nil, failing()).Visitor().Do("POST", "/read", "{}", "Content-Type", jsonType, "Sec-Fetch-Site", "same-origin", "Origin", "http://anything"); got.Status != http.StatusOK {
		t.Errorf("where browsers come by http: %d", got.Status)
	}
}
