package thingsboard

import (
	"net/http"
	"testing"

	"boardlink/connection"
)

func TestFindDevice(t *testing.T) {
	for _, authority := range []string{TenantAdmin, CustomerUser} {
		t.Run(authority, func(t *testing.T) {
			var want string
			_, c := signedIn(t, func(r *rest) {
				customer(r)
				want = r.addDevice(map[string]any{"name": "0018B20000000B20"})
				r.authority = authority
			})
			if id, found, err := c.FindDevice(t.Context(), "0018B20000000B20"); err != nil || !found || id != want {
				t.Errorf("got %q, %v, %v", id, found, err)
			}
			if _, found, err := c.FindDevice(t.Context(), "0018B20000000B21"); err != nil || found {
				t.Errorf("an unknown device: got %v, %v", found, err)
			}
		})
	}
}

func TestSendTelemetry_over_REST(t *testing.T) {
	const id = "dddddddd-0000-4000-8000-000000000001"
	path := "/api/plugins/telemetry/DEVICE/" + id + "/timeseries/ANY"
	entries := []Entry{{TS: 1, Values: []byte(`{"a":1}`)}}
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for _, test := range []struct {
		status int
		code   connection.ReasonCode
		kind   Kind
	}{
		{200, "", 0},
		{400, connection.ReasonBadPayload, Poison},
		{403, connection.ReasonPermission, Config},
		{404, connection.ReasonRefused, Device},
		{413, connection.ReasonTooLarge, Poison},
		{503, connection.ReasonServerError, Transient},
	} {
		_, c := signedIn(t, func(r *rest) { r.override[path] = text(test.status, "bare text") })
		err := c.SendTelemetry(t.Context(), id, entries)
		if test.code == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantCode(t, err, test.code, test.kind)
	}
	_, c := signedIn(t, nil)
	wantCode(t, c.SendTelemetry(t.Context(), id, nil), connection.ReasonBadPayload, Poison)
	wantCode(t, c.SendTelemetry(t.Context(), "../x", entries), connection.ReasonInternal, Device)
}
