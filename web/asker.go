package web

import (
	"mime"
	"net/http"
	"strings"
)

// Base is where the API stands.
const Base = "/api/v1"

// KeyHeader carries the credential of an uplink where Authorization cannot be set.
const KeyHeader = "X-Boardlink-Key"

// whoIsAsking tells programs from browsers and leads programs that use the short paths, as the original's documentation
// shows them, to the API. The error is a refusal.
func whoIsAsking(v *visit, r *http.Request) error {
	v.program = isProgram(r)
	if err := shapeOf(r); err != nil {
		return err
	}
	if !v.program && r.Method == http.MethodPost && !isForm(r) {
		v.program = true // no browser sends such a form, so its answer is no page
		return NewProblem(http.StatusUnsupportedMediaType, "Send JSON with Content-Type application/json, or a form.")
	}
	if v.program && sharesPath(r.URL.Path) {
		r.URL.Path = Base + r.URL.Path
		if r.URL.RawPath != "" {
			r.URL.RawPath = Base + r.URL.RawPath
		}
	}
	return nil
}

// isProgram applies the rules in the contract's "Who is asking". What stands under the API's base is a program's whatever
// it accepts, and so are uplinks.
func isProgram(r *http.Request) bool {
	switch r.Method {
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	}
	h := r.Header
	path := r.URL.Path
	return h.Get("Authorization") != "" || isJSON(h.Get("Content-Type")) ||
		prefersJSON(h.Values("Accept")) ||
		path == "/api" || strings.HasPrefix(path, "/api/") || isUplinksPath(path)
}

// isUplinksPath reports whether the path is "/connections/{id}/uplinks".
func isUplinksPath(path string) bool {
	rest, ok := strings.CutPrefix(path, "/connections/")
	if !ok {
		return false
	}
	_, last, _ := strings.Cut(rest, "/")
	return last == "uplinks"
}

// sharesPath reports whether the API answers at the path too, beside a page.
func sharesPath(path string) bool {
	switch path {
	case "/connections", "/connectors", "/events":
		return true
	}
	return strings.HasPrefix(path, "/connections/")
}

func isJSON(contentType string) bool {
	media := mediaType(contentType)
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

func isForm(r *http.Request) bool {
	return mediaType(r.Header.Get("Content-Type")) == "application/x-www-form-urlencoded"
}

// mediaType gives the type without parameters, in lower case. A type that cannot be read is taken up to its semicolon: it
// is compared with what is known and nothing else.
func mediaType(contentType string) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(contentType, ";")
	}
	return strings.ToLower(strings.TrimSpace(media))
}
