package webtest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"boardlink/access"
)

// Browser sends requests with the cookies it was given. It follows no redirect.
type Browser struct {
	Who access.Identity // zero for a visitor

	t      testing.TB
	site   *Site
	client *http.Client
	cookie string
}

// Answer is what came back, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Get asks for a page as a browser does. header holds names and values in turn.
func (b *Browser) Get(path string, header ...string) Answer {
	b.t.Helper()
	return b.Do(http.MethodGet, path, "", append([]string{"Accept", "text/html"}, header...)...)
}

// Post sends a form from a page of this site.
func (b *Browser) Post(path string, form url.Values, header ...string) Answer {
	b.t.Helper()
	return b.Do(http.MethodPost, path, form.Encode(), append([]string{
		"Accept", "text/html", "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin",
	}, header...)...)
}

// Do sends any request. header holds names and values in turn; a name that comes again replaces what stood before, an empty value
// removes it.
func (b *Browser) Do(method, path, body string, header ...string) Answer {
	b.t.Helper()
	resp := b.Open(method, path, body, header...)
	defer resp.Body.Close() // read to its end
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatalf("%s %s: read answer: %v", method, path, err)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(text)}
}

// Open sends a request and leaves the answer's body to the caller, who closes it.
func (b *Browser) Open(method, path, body string, header ...string) *http.Response {
	b.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.site.URL+path, content)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] == "" {
			r.Header.Del(header[i])
			continue
		}
		if http.CanonicalHeaderKey(header[i]) == "Host" { // which net/http sends from another place
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp
}

// Cookie gives the session's cookie as a Cookie header has it, "" for a visitor. It is there also where a browser would
// not send it, as over http while the public address is https.
func (b *Browser) Cookie() string { return b.cookie }
