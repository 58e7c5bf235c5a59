package web

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzWhoIsAsking tells programs from browsers by any headers and path: a path is only ever led below the API's base, and
// what bears a key is a program's.
func FuzzWhoIsAsking(f *testing.F) {
	f.Add("GET", "/connections/5", "text/html, application/json;q=0.9", "", "")
	f.Add("POST", "/connections", "*/*", "application/json; charset=\"", "Bearer x")
	f.Add("POST", "/connections/../api/v1/connections", ",,;q=,a/b;q=2", "multipart/form-data; boundary", "basic")
	f.Fuzz(func(t *testing.T, method, path, accept, content, authorization string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.URL.Path = method, path
		r.Header["Accept"], r.Header["Content-Type"], r.Header["Authorization"] = []string{accept}, []string{content}, []string{authorization}
		v := &visit{}
		_ = whoIsAsking(v, r) // a refusal, or none
		if r.URL.Path != path && (r.URL.Path != Base+path || !v.program) {
			t.Errorf("%q is led to %q", path, r.URL.Path)
		}
		if authorization != "" && !v.program {
			t.Error("a browser bears a key")
		}
		key, presented := presentedKey(r)
		if presented != (authorization != "") || key != strings.TrimSpace(key) {
			t.Errorf("key %q, presented %v", key, presented)
		}
	})
}
