package api_test

import (
	"strings"
	"testing"

	"boardlink/connection"
	"boardlink/operation/operationtest"
	"boardlink/web/webtest"
)

// original is the connection of the original's documentation, as a program reads it there. The password is a mask in it,
// which a creation must bring.
const original = `{
  "id": "4339",
  "connectorId": "actility-thingsboard-iot",
  "name": "Thingsboard - Official",
  "active": true,
  "state": "OPENED",
  "startupTime": "2026-11-23T10:08:08.309Z",
  "alarms": [],
  "configuration": {
    "description": "", "hostName": "thingsboard.cloud:443", "username": "tpx-iot-flow@actility.com", "password": "*****",
    "createDevices": true, "sendMetadata": false, "sendRawDecodedFormat": false,
    "downlinkEnabled": true, "reconnectStrategy": "NORMAL"
  }
}`

func TestTheOriginalsBody_creates_a_connection_at_the_originals_address(t *testing.T) {
	w := newWorld(t)
	// As curl sends it with --data and a key, and a type for JSON.
	send := func(body string) webtest.Answer {
		return w.site.Visitor().Do("POST", "/connections", body, "Authorization", "Bearer "+webtest.Key, "Content-Type", "application/json", "Accept", "*/*", "User-Agent", "curl/8.5.0")
	}
	if wrong := refused(t, send(original), 422); len(wrong) != 1 || wrong["configuration.password"] == "" {
		t.Errorf("with the mask: %v", wrong)
	}
	got := send(strings.Replace(original, connection.Mask, operationtest.Password, 1))
	made := tree(t, got)
	settings, _ := made["configuration"].(map[string]any)
	if got.Status != 201 || got.Header.Get("Location") != "/connections/1" || made["id"] != "1" || made["name"] != "Thingsboard - Official" || made["active"] != true ||
		settings["hostName"] != "thingsboard.cloud:443" || settings["username"] != "tpx-iot-flow@actility.com" || settings["password"] != connection.Mask ||
		settings["createDevices"] != true || settings["reconnectStrategy"] != "NORMAL" || settings["telemetryFormat"] != "ORIGINAL" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if c, err := w.Store.Connection(t.Context(), 1); err != nil || c.Configuration.Password.Reveal() != operationtest.Password {
		t.Errorf("stored %+v, %v", c, err)
	}
	if back := w.do("GET", got.Header.Get("Location"), ""); back.Status != 200 {
		t.Errorf("where it should stand: %d", back.Status)
	}
}
