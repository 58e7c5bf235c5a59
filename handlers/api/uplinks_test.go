package api_test

import (
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web/webtest"
)

const uplink = `{"DevEUI_uplink": {"DevEUI": "0018B20000000B20", "FPort": 1}}`

func TestUplinks_are_taken_with_any_credential(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		header []string
		status int
	}{
		"the uplink key as bearer":              {"/connections/1/uplinks", []string{"Authorization", "Bearer uplink-key-1"}, 200},
		"the uplink key in the header":          {"/connections/1/uplinks", []string{"X-Boardlink-Key", "uplink-key-1"}, 200},
		"the uplink key in the query":           {"/connections/1/uplinks?LrnDevEui=1&key=uplink-key-1", nil, 200},
		"an API key":                            {"/connections/1/uplinks", []string{"Authorization", "Bearer " + webtest.Key}, 200},
		"an API key in the query":               {"/connections/1/uplinks?key=" + webtest.Key, nil, 200},
		"under the base":                        {"/api/v1/connections/1/uplinks", []string{"Authorization", "Bearer uplink-key-1"}, 200},
		"nothing":                               {"/connections/1/uplinks", nil, 401},
		"a wrong key":                           {"/connections/1/uplinks", []string{"Authorization", "Bearer nonsense"}, 401},
		"a wrong bearer beside a right query":   {"/connections/1/uplinks?key=uplink-key-1", []string{"Authorization", "Bearer nonsense"}, 401},
		"two keys in the query":                 {"/connections/1/uplinks?key=uplink-key-1&key=x", nil, 400},
		"an empty key":                          {"/connections/1/uplinks?key=", nil, 401},
		"another connection with an uplink key": {"/connections/2/uplinks", []string{"Authorization", "Bearer uplink-key-1"}, 401},
		"no connection with an API key":         {"/connections/2/uplinks", []string{"Authorization", "Bearer " + webtest.Key}, 404},
		"no connection's id with an API key":    {"/connections/x/uplinks", []string{"Authorization", "Bearer " + webtest.Key}, 404},
		"no connection's id with anything else": {"/connections/x/uplinks", []string{"Authorization", "Bearer nonsense"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got := w.site.Visitor().Do("POST", test.path, uplink, append(test.header, "Content-Type", "application/json")...)
			if test.status != 200 {
				refused(t, got, test.status)
				if len(w.uplinks.got) != 0 {
					t.Error("it was taken")
				}
				if test.status == 401 && got.Header.Get("WWW-Authenticate") != "Bearer" {
					t.Error("no WWW-Authenticate")
				}
				return
			}
			_, query, _ := strings.Cut(test.path, "?")
			if got.Status != 200 || got.Body != `{"accepted":1}` || !strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") {
				t.Errorf("%d %q", got.Status, got.Body)
			}
			if len(w.uplinks.got) != 1 || w.uplinks.got[0] != "1 "+query+" "+uplink {
				t.Errorf("taken %q", w.uplinks.got)
			}
		})
	}
}

func TestUplinks_take_no_cookie(t *testing.T) {
	w := newWorld(t)
	b := w.site.Operator(access.RoleAdmin)
	refused(t, b.Do("POST", "/connections/1/uplinks", uplink, "Content-Type", "application/json"), 401)
	// Nor does it matter from where a request with a key was sent.
	got := b.Do("POST", "/connections/1/uplinks?key=uplink-key-1", uplink, "Content-Type", "application/json", "Sec-Fetch-Site", "cross-site")
	if got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestUplinks_come_in_any_type_but_XML(t *testing.T) {
	w := newWorld(t)
	for kind, status := range map[string]int{
		"application/json": 200, "": 200, "text/plain": 200, "application/x-www-form-urlencoded": 200, "nonsense": 200,
		"application/xml": 415, "text/xml; charset=utf-8": 415, "Application/SOAP+XML": 415,
	} {
		if got := w.do("POST", "/connections/1/uplinks", uplink, "Content-Type", kind); got.Status != status {
			t.Errorf("%q: %d, want %d", kind, got.Status, status)
		}
	}
	refused(t, w.do("POST", "/connections/1/uplinks", uplink, "Content-Encoding", "gzip"), 415)
	refused(t, w.do("POST", "/connections/1/uplinks", uplink, "Content-Encoding", "identity"), 415)
	if w.uplinks.bad != 5 {
		t.Errorf("%d counted as unreadable, want 5", w.uplinks.bad)
	}
}

func TestUplinks_are_bounded(t *testing.T) {
	w := newWorld(t)
	refused(t, w.do("POST", "/connections/1/uplinks", strings.Repeat("x", 256<<10+1)), 413)
	if got := w.do("POST", "/connections/1/uplinks", strings.Repeat("x", 256<<10)); got.Status != 200 {
		t.Errorf("at the bound: %d", got.Status)
	}
	refused(t, w.site.Visitor().Do("POST", "/connections/1/uplinks", strings.Repeat("x", 256<<10+1)), 401)
}

func TestUplinks_that_are_refused_say_why(t *testing.T) {
	w := newWorld(t)
	w.uplinks.fail = connection.Fail(connection.CodeInvalid, "The document nests too deep.")
	refused(t, w.do("POST", "/connections/1/uplinks", uplink), 400)
	w.uplinks.fail = &connection.Failure{Code: connection.CodeInvalid, Message: "No document of ThingPark.", Fields: []connection.FieldError{{Path: "DevEUI_uplink.DevEUI", Message: "Missing."}}}
	if wrong := refused(t, w.do("POST", "/connections/1/uplinks", uplink), 422); wrong["DevEUI_uplink.DevEUI"] == "" {
		t.Errorf("wrong %v", wrong)
	}
	w.uplinks.fail = connection.Fail(connection.CodeUnavailable, "The queue is full.")
	got := w.do("POST", "/connections/1/uplinks", uplink)
	refused(t, got, 503)
	if got.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	refused(t, w.do("GET", "/connections/1/uplinks", ""), 405)
}
