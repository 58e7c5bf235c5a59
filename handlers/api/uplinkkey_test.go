package api_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"boardlink/access"
)

const uplinkKeyPath = "/api/v1/connections/1/uplink-key"

func TestUplinkKey_is_renewed_with_the_old_one_good_for_a_while(t *testing.T) {
	w := newWorld(t)
	w.create()
	if got := tree(t, w.do("GET", uplinkKeyPath, "")); got["key"] != "*****" || got["oldKey"] != nil {
		t.Errorf("at first %v", got)
	}
	renewed := tree(t, w.do("POST", uplinkKeyPath, `{"oldValidFor": "24h"}`))
	old, _ := renewed["oldKey"].(map[string]any)
	if renewed["key"] != "uplink-key-2" || old["validUntil"] != "2026-11-24T10:08:08.309Z" || old["lastUsedAt"] != nil {
		t.Errorf("renewed %v", renewed)
	}
	read := w.do("GET", "/connections/1/uplink-key", "")
	if strings.Contains(read.Body, "uplink-key-") || tree(t, read)["oldKey"] == nil {
		t.Errorf("read %s", read.Body)
	}
	refused(t, w.do("POST", uplinkKeyPath, `{"oldValidFor": "1h"}`), 409)
	if got := w.do("DELETE", uplinkKeyPath+"/old", ""); got.Status != 204 {
		t.Errorf("ended: %d %s", got.Status, got.Body)
	}
	refused(t, w.do("DELETE", uplinkKeyPath+"/old", ""), 404)
	for _, body := range []string{"", "{}", `{"oldValidFor": null}`, `{"oldValidFor": "0s"}`} {
		if got := tree(t, w.do("POST", uplinkKeyPath, body)); got["oldKey"] != nil || !strings.HasPrefix(got["key"].(string), "uplink-key-") {
			t.Errorf("%q: %v", body, got)
		}
	}
	for body, path := range map[string]string{`{"oldValidFor": "8d"}`: "oldValidFor", `{"oldValidFor": 24}`: "oldValidFor", `{"validFor": "1h"}`: "validFor"} {
		if wrong := refused(t, w.do("POST", uplinkKeyPath, body), 422); wrong[path] == "" {
			t.Errorf("%s: %v", body, wrong)
		}
	}
	reading := w.site.KeyFor(access.ScopeRead)
	refused(t, w.with(reading, "POST", uplinkKeyPath, ""), 403)
	refused(t, w.with(reading, "DELETE", uplinkKeyPath+"/old", ""), 403)
	refused(t, w.site.Operator(access.RoleViewer).Do("POST", uplinkKeyPath, "{}", "Content-Type", "application/json"), 403)
}

func TestIdempotencyKey_keeps_no_uplink_key(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boardlink.db")
	w := withOnce(t, remembering(t, path, nil))
	w.create()
	first := w.do("POST", uplinkKeyPath, `{"oldValidFor": "24h"}`, onceKey, "k-1")
	again := w.do("POST", uplinkKeyPath, `{"oldValidFor": "24h"}`, onceKey, "k-1")
	if first.Status != 200 || again.Status != 200 || again.Body != strings.Replace(first.Body, "uplink-key-2", "*****", 1) {
		t.Errorf("first %s\nagain %s", first.Body, again.Body)
	}
	for _, file := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("uplink-key-2")) {
			t.Errorf("%s holds the uplink key", filepath.Base(file))
		}
	}
}
