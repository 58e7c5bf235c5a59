package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/web"
	"boardlink/web/webtest"
)

const (
	keysPath = web.Base + "/keys"
	aKey     = `{"name": "Reporting", "scopes": ["uplinks", "read"], "networks": ["127.0.0.1", "2001:db8::/32"], "expiresAt": "2100-01-01T00:00:00+01:00"}`
)

// with asks with a key of one's own.
func (w *world) with(key, method, path, body string, header ...string) webtest.Answer {
	w.t.Helper()
	return w.do(method, path, body, append([]string{"Authorization", "Bearer " + key}, header...)...)
}

// made makes a key with these scopes over the API, and gives its id and the key.
func (w *world) made(name, scopes string) (id, key string) {
	w.t.Helper()
	got := w.do("POST", keysPath, `{"name": "`+name+`", "scopes": `+scopes+`}`)
	if got.Status != http.StatusCreated {
		w.t.Fatalf("%d %s", got.Status, got.Body)
	}
	made := tree(w.t, got)
	return made["id"].(string), made["key"].(string)
}

func TestKeys_are_made_used_changed_and_revoked(t *testing.T) {
	w := newWorld(t)
	w.create()
	got := w.do("POST", keysPath, aKey)
	if got.Status != 201 || got.Header.Get("Location") != keysPath+"/1" || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %s", got.Status, got.Header, got.Body)
	}
	made := tree(t, got)
	key := made["key"].(string)
	prefix := made["prefix"].(string)
	if !strings.HasPrefix(key, prefix+"_") || len(key) != 64 || len(made["warnings"].([]any)) != 0 {
		t.Errorf("made %v", made)
	}
	if got := w.with(key, "GET", web.Base+"/connections", ""); got.Status != 200 {
		t.Errorf("used: %d %s", got.Status, got.Body)
	}
	if got := w.with(key, "POST", "/connections/1/uplinks", uplink); got.Status != 200 {
		t.Errorf("used for uplinks: %d %s", got.Status, got.Body)
	}
	refused(t, w.with(key, "DELETE", web.Base+"/connections/1", ""), 403)
	refused(t, w.with(key, "GET", keysPath, ""), 403)

	read := w.do("GET", keysPath+"/1", "")
	one := tree(t, read)
	if read.Status != 200 || one["name"] != "Reporting" || one["owner"] != "environment" || one["status"] != "active" || one["expiresAt"] != "2099-12-31T23:00:00.000Z" ||
		one["lastUsedAt"] == nil || one["lastUsedFrom"] != "127.0.0.1" || strings.Contains(read.Body, key[15:]) || one["key"] != nil {
		t.Errorf("read %s", read.Body)
	}
	if scopes, _ := json.Marshal(one["scopes"]); string(scopes) != `["read","uplinks"]` {
		t.Errorf("scopes %s", scopes)
	}
	if networks, _ := json.Marshal(one["networks"]); string(networks) != `["127.0.0.1/32","2001:db8::/32"]` {
		t.Errorf("networks %s", networks)
	}

	one["name"], one["expiresAt"], one["networks"] = "Nightly", nil, nil // what is read-only may be sent back
	body, err := json.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	changed := tree(t, w.do("PATCH", keysPath+"/1", string(body), "Content-Type", "application/merge-patch+json"))
	if changed["name"] != "Nightly" || changed["expiresAt"] != nil || len(changed["networks"].([]any)) != 0 || changed["prefix"] != prefix {
		t.Errorf("changed %v", changed)
	}
	if got := w.do("DELETE", keysPath+"/1", ""); got.Status != 204 || got.Body != "" {
		t.Errorf("revoked: %d %s", got.Status, got.Body)
	}
	refused(t, w.with(key, "GET", web.Base+"/connections", ""), 401)
	refused(t, w.with(key, "POST", "/connections/1/uplinks", uplink), 401)
	for _, method := range []string{"GET", "DELETE"} {
		refused(t, w.do(method, keysPath+"/1", ""), 404)
	}
	refused(t, w.do("PATCH", keysPath+"/1", `{"expiresAt": null}`), 404)
	told := strings.Join(w.site.KeyRows.Events(), "\n")
	for _, want := range []string{`environment: The API key "Reporting" (` + prefix + `) was made: scopes read, uplinks;`, `was changed: name now "Nightly"`, `environment: The API key "Nightly" (` + prefix + `) was revoked.`} {
		if !strings.Contains(told, want) {
			t.Errorf("not told: %s\n%s", want, told)
		}
	}
	if strings.Contains(told, key[15:]) || strings.Contains(w.log.b.String(), key[15:]) {
		t.Error("the key stands in the events or in the log")
	}
}

func TestKeys_are_listed_by_pages(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.made(name, `["read"]`)
	}
	first := tree(t, w.do("GET", keysPath+"?limit=2", ""))
	rest := tree(t, w.do("GET", keysPath+"?limit=2&cursor="+first["nextCursor"].(string), ""))
	if len(first["items"].([]any)) != 2 || len(rest["items"].([]any)) != 1 || rest["nextCursor"] != nil {
		t.Errorf("first %v\nrest %v", first, rest)
	}
	refused(t, w.do("GET", keysPath+"?limit=1001", ""), 422)
}

func TestKeys_that_are_wrong_are_refused_by_name(t *testing.T) {
	w := newWorld(t)
	w.made("Taken", `["read"]`)
	for body, path := range map[string]string{
		`{"scopes": ["read"]}`:                                                   "name",
		`{"name": 7, "scopes": ["read"]}`:                                        "name",
		`{"name": "taken", "scopes": ["read"]}`:                                  "name",
		`{"name": "ann@example.com", "scopes": ["read"]}`:                        "name",
		`{"name": "x"}`:                                                          "scopes",
		`{"name": "x", "scopes": []}`:                                            "scopes",
		`{"name": "x", "scopes": "read"}`:                                        "scopes",
		`{"name": "x", "scopes": ["read", "everything"]}`:                        "scopes",
		`{"name": "x", "scopes": [null]}`:                                        "scopes[0]",
		`{"name": "x", "scopes": ["read"], "networks": ["10.0.0.0/8", "here"]}`:  "networks[1]",
		`{"name": "x", "scopes": ["read"], "networks": [1]}`:                     "networks[0]",
		`{"name": "x", "scopes": ["read"], "expiresAt": "tomorrow"}`:             "expiresAt",
		`{"name": "x", "scopes": ["read"], "expiresAt": 1}`:                      "expiresAt",
		`{"name": "x", "scopes": ["read"], "expiresAt": "2001-01-01T00:00:00Z"}`: "expiresAt",
		`{"name": "x", "scopes": ["read"], "Networks": []}`:                      "Networks",
		`{"name": "x", "scopes": ["read"], "ownerId": 1}`:                        "ownerId",
	} {
		if wrong := refused(t, w.do("POST", keysPath, body), 422); len(wrong) != 1 || wrong[path] == "" {
			t.Errorf("%s: %v, want %s", body, wrong, path)
		}
	}
	if n := len(w.site.KeyRows.All()); n != 1 {
		t.Errorf("%d keys were made", n)
	}
}

func TestKeys_without_an_end_come_with_a_warning_and_the_others_end_in_time(t *testing.T) {
	w := newWorld(t)
	never := tree(t, w.do("POST", keysPath, `{"name": "a", "scopes": ["read"], "expiresAt": null}`))
	if never["expiresAt"] != nil || len(never["warnings"].([]any)) != 1 {
		t.Errorf("made %v", never)
	}
	left := tree(t, w.do("POST", keysPath, `{"name": "b", "scopes": ["read"]}`))
	at, err := time.Parse(time.RFC3339, left["expiresAt"].(string))
	if days := time.Until(at).Hours() / 24; err != nil || days < 89.9 || days > 90 {
		t.Errorf("left out, it ends in %v days, %v", days, err)
	}
}

// An answer is kept for a day in the database. The key must not be kept with it.
func TestIdempotencyKey_keeps_no_API_key(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boardlink.db")
	d := remembering(t, path, nil)
	w := withOnce(t, d)
	first := w.do("POST", keysPath, aKey, onceKey, "k-1")
	key := tree(t, first)["key"].(string)
	again := w.do("POST", keysPath, aKey, onceKey, "k-1")
	if first.Status != 201 || again.Status != 201 || again.Header.Get("Location") != first.Header.Get("Location") ||
		again.Body != strings.Replace(first.Body, key, "*****", 1) || again.Header.Get("Content-Type") != first.Header.Get("Content-Type") {
		t.Errorf("first %d %s\nagain %d %s", first.Status, first.Body, again.Status, again.Body)
	}
	if n := len(w.site.KeyRows.All()); n != 1 {
		t.Errorf("%d keys were made", n)
	}
	if got := w.with(key, "GET", web.Base+"/connectors", ""); got.Status != 200 {
		t.Errorf("the key of the first answer: %d", got.Status)
	}
	for _, file := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(key[15:])) {
			t.Errorf("%s holds the key", filepath.Base(file))
		}
	}
}

// TestKeys_open_what_their_scope_names_and_nothing_else walks every route with a key of each scope and with none that works.
func TestKeys_open_what_their_scope_names_and_nothing_else(t *testing.T) {
	w, all := newTable(t)
	rows := map[string]web.Route{}
	for _, route := range w.site.Routes() {
		rows[route.Method+" "+strings.Replace(route.Path, ":id", "1", 1)] = route
	}
	keys := map[access.Scope]string{}
	for _, s := range access.Scopes {
		keys[s] = w.site.KeyFor(s)
	}
	looked := 0
	for path, methods := range all {
		for _, method := range methods {
			route := rows[method+" "+path]
			if route.Public || route.OwnCredential || strings.HasSuffix(path, web.StreamPath) {
				continue
			}
			looked++
			for s, key := range keys {
				got := w.with(key, method, path, bodyFor(method, path))
				refused := got.Status == 403 && !strings.Contains(got.Body, "outlive the key") // which no scope allows
				if allowed := s == route.Scope; allowed == refused || got.Status == 401 || got.Status >= 500 {
					t.Errorf("%s %s with the scope %s: %d", method, path, s, got.Status)
				}
			}
			// A wrong key is not made good by anything beside it, and a key counts in the one header alone.
			good := keys[route.Scope]
			for name, ask := range map[string]func() webtest.Answer{
				"a mistyped key": func() webtest.Answer { return w.with(good[:63]+"!", method, path, bodyFor(method, path)) },
				"a key in the query": func() webtest.Answer {
					return w.site.Visitor().Do(method, path+"?key="+good, bodyFor(method, path), "Content-Type", "application/json")
				},
				"a key in the header of uplinks": func() webtest.Answer {
					return w.site.Visitor().Do(method, path, bodyFor(method, path), "Content-Type", "application/json", web.KeyHeader, good)
				},
				"the connection's uplink key": func() webtest.Answer { return w.with("uplink-key-1", method, path, bodyFor(method, path)) },
				"basic authentication": func() webtest.Answer {
					return w.do(method, path, bodyFor(method, path), "Authorization", "Basic "+good)
				},
			} {
				// After many wrong ones the address is told to wait.
				if got := ask(); got.Status != 429 && (got.Status != 401 || got.Header.Get("WWW-Authenticate") != "Bearer") {
					t.Errorf("%s %s with %s: %d", method, path, name, got.Status)
				}
			}
		}
	}
	if looked < 25 {
		t.Errorf("only %d routes were walked", looked)
	}
	for s, key := range keys {
		got := w.with(key, "POST", "/connections/1/uplinks", uplink)
		if (got.Status == 200) != (s == access.ScopeUplinks) || s != access.ScopeUplinks && got.Status != 403 {
			t.Errorf("an uplink with the scope %s: %d", s, got.Status)
		}
	}
	if strings.Contains(w.log.b.String(), keys[access.ScopeAdmin][15:]) || strings.Contains(w.log.b.String(), keys[access.ScopeRead][15:]) {
		t.Error("a key stands in the log")
	}
}

func TestKeys_give_nobody_more_than_he_may(t *testing.T) {
	w := newWorld(t)
	_, key := w.made("provisioning", `["admin", "read"]`)
	for body, path := range map[string]string{
		`{"name": "x", "scopes": ["commands"]}`:                "scopes",
		`{"name": "x", "scopes": ["read"], "expiresAt": null}`: "expiresAt",
	} {
		if wrong := refused(t, w.with(key, "POST", keysPath, body), 422); wrong[path] == "" {
			t.Errorf("%s: %v", body, wrong)
		}
	}
	if wrong := refused(t, w.with(key, "PATCH", keysPath+"/1", `{"scopes": ["read", "admin", "commands"]}`), 422); wrong["scopes"] == "" {
		t.Errorf("it changed itself: %v", wrong)
	}
	for _, role := range []access.Role{access.RoleViewer, access.RoleOperator} {
		refused(t, w.site.Operator(role).Do("POST", keysPath, aKey, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"), 403)
	}
	if n := len(w.site.KeyRows.All()); n != 1 {
		t.Errorf("%d keys", n)
	}
}

func TestKeys_of_who_is_gone_are_refused_like_unknown_ones(t *testing.T) {
	w := newWorld(t)
	key := w.site.KeyFor(access.ScopeRead)
	if got := w.with(key, "GET", web.Base+"/connections", ""); got.Status != 200 {
		t.Fatal(got.Status)
	}
	w.site.People.Remove(w.site.KeyRows.All()[0].OwnerID)
	w.site.Keys.OwnersChanged()
	gone := w.with(key, "GET", web.Base+"/connections", "")
	unknown := w.with(key[:15]+strings.Repeat("0", 49), "GET", web.Base+"/connections", "")
	refused(t, gone, 401)
	if gone.Body != unknown.Body {
		t.Errorf("of who is gone %s\nunknown %s", gone.Body, unknown.Body)
	}
}
