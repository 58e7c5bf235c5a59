package api_test

import (
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation/operationtest"
	"boardlink/web"
)

const (
	downlinks = web.Base + "/connections/1/downlinks"
	command   = `{"devEUI": "20635f0108000e09", "FPort": 1, "payload_hex": "01ff", "Confirmed": 1}`
)

func withPark(t *testing.T) (*world, *operationtest.Park) {
	t.Helper()
	w := newWorld(t)
	w.create()
	return w, w.Park.Instead.(parsing).Park
}

func TestDownlinks_are_answered_with_what_ThingPark_said(t *testing.T) {
	w, park := withPark(t)
	got := w.do("POST", downlinks, command)
	if got.Status != 200 || strings.TrimSpace(got.Body) != `{"status":"queued","correlationId":"0102030405060708"}` {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	whole := w.do("POST", "/connections/1/downlinks", `{"DevEUI_downlink": {"DevEUI": "20635F0108000E09", "FPort": 1, "payload_hex": "9e1c4852"}}`)
	if whole.Status != 200 {
		t.Errorf("the whole document: %d %s", whole.Status, whole.Body)
	}
	want := []string{
		` 1 20635f0108000e09 {"FPort":1,"payload_hex":"01ff","Confirmed":1}`,
		` 1  {"DevEUI_downlink":{"DevEUI": "20635F0108000E09", "FPort": 1, "payload_hex": "9e1c4852"}}`,
	}
	for i, sent := range park.Sent() {
		actor, ok := strings.CutSuffix(sent, want[i])
		if !ok || actor == "" {
			t.Errorf("sent %q, want %q", sent, want[i])
		}
	}
	if n := len(park.Sent()); n != 2 {
		t.Errorf("%d sent", n)
	}
	for state, status := range map[connection.CommandState]int{connection.CommandRefused: 422, connection.CommandNotSent: 502, connection.CommandUnknown: 502} {
		park.Says = connection.Posting{State: state, Code: "why", CorrelationID: "00000000000000AA", Sentence: "ThingPark said no."}
		a := w.do("POST", downlinks, command)
		refused(t, a, status)
		if p := tree(t, a); p["outcome"] != string(state) || p["code"] != "why" || p["correlationId"] != "00000000000000AA" || p["detail"] != "ThingPark said no." {
			t.Errorf("%s: %s", state, a.Body)
		}
	}
	park.Says, park.Fail = connection.Posting{}, connection.Fail(connection.CodeConflict, "Downlinks are switched off for this connection.")
	refused(t, w.do("POST", downlinks, command), 409)
	park.Fail = connection.Fail(connection.CodeUnavailable, "Too many downlinks are under way; this one was not sent.")
	if a := w.do("POST", downlinks, command); a.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
}

func TestDownlinks_are_checked_at_the_field_and_echo_no_value(t *testing.T) {
	w, park := withPark(t)
	for body, field := range map[string]string{
		`{"devEUI": "canary-1", "FPort": 1, "payload_hex": "01"}`:                                "devEUI",
		`{"devEUI": 7, "FPort": 1, "payload_hex": "01"}`:                                         "devEUI",
		`{"devEUI": "20635F0108000E09", "FPort": "canary-2", "payload_hex": "01"}`:               "FPort",
		`{"devEUI": "20635F0108000E09", "FPort": 1, "payload_hex": "canary-3"}`:                  "payload_hex",
		`{"devEUI": "20635F0108000E09", "FPort": 1, "payload_hex": "01", "Confirmed": "canary"}`: "Confirmed",
		`{"devEUI": "20635F0108000E09", "FPort": 1, "payload_hex": "01", "colour": "canary"}`:    "colour",
	} {
		a := w.do("POST", downlinks, body)
		if errs := refused(t, a, 422); errs[field] == "" || strings.Contains(a.Body, "canary") {
			t.Errorf("%s: %s", body, a.Body)
		}
	}
	refused(t, w.do("POST", downlinks, `{"devEUI": "20635F0108000E09", "FPort": 1, "FPort": 2}`), 400)
	refused(t, w.do("POST", web.Base+"/connections/2/downlinks", `{`), 404)
	if sent := park.Sent(); len(sent) != 0 {
		t.Errorf("sent %q", sent)
	}
}

func TestDownlinks_are_for_operators(t *testing.T) {
	w, _ := withPark(t)
	for role, want := range map[access.Role]int{access.RoleViewer: 403, access.RoleOperator: 200, access.RoleAdmin: 200} {
		if got := w.site.Operator(role).Do("POST", downlinks, command, "Content-Type", "application/json"); got.Status != want {
			t.Errorf("%s: %d %s", role, got.Status, got.Body)
		}
	}
}
