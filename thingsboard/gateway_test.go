package thingsboard

import (
	"fmt"
	"net/http"
	"testing"

	"boardlink/connection"
)

// signedIn returns a server and a client that has signed in to it.
func signedIn(t *testing.T, change func(*rest)) (*rest, *Client) {
	t.Helper()
	server, c := cloud(t)
	if change != nil {
		server.set(change)
	}
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	return server, c
}

// stored returns the server's device of an id.
func (r *rest) stored(t *testing.T, id string) map[string]any {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.devices {
		if deviceID(d) == id {
			return d
		}
	}
	t.Fatalf("no device %s", id)
	return nil
}

func wantInfo(t *testing.T, d map[string]any, want map[string]any) {
	t.Helper()
	info, _ := d["additionalInfo"].(map[string]any)
	for key, value := range want {
		if fmt.Sprint(info[key]) != fmt.Sprint(value) {
			t.Errorf("additionalInfo.%s is %v, want %v", key, info[key], value)
		}
	}
}

func TestGateway_is_made_once_and_found_again(t *testing.T) {
	server, c := signedIn(t, nil)
	g, err := c.Gateway(t.Context(), gatewayName, "")
	if err != nil {
		t.Fatal(err)
	}
	if !g.Created || g.Name != gatewayName || g.Username != canaryToken || g.Password.IsSet() || g.ClientID.IsSet() {
		t.Errorf("got %+v", g)
	}
	d := server.stored(t, g.ID)
	if d["type"] != "default" {
		t.Errorf("its profile is %v", d["type"])
	}
	wantInfo(t, d, map[string]any{"gateway": true, "overwriteActivityTime": true})

	again, err := c.Gateway(t.Context(), gatewayName, "")
	if err != nil || again.Created || again.ID != g.ID {
		t.Errorf("by name: got %+v, %v", again, err)
	}
}

func TestGateway_survives_a_rename(t *testing.T) {
	server, c := signedIn(t, nil)
	g, err := c.Gateway(t.Context(), gatewayName, "")
	if err != nil {
		t.Fatal(err)
	}
	server.set(func(r *rest) { r.devices[0]["name"] = "Our gateway" })
	again, err := c.Gateway(t.Context(), gatewayName, g.ID)
	if err != nil || again.ID != g.ID || again.Name != "Our gateway" || len(server.devices) != 1 {
		t.Errorf("got %+v, %v, %d devices", again, err, len(server.devices))
	}
}

func TestGateway_that_was_deleted_is_made_anew(t *testing.T) {
	for name, known := range map[string]string{
		"an id no longer there": "dddddddd-0000-4000-8000-000000009999",
		"something else":        "../../api/admin",
	} {
		t.Run(name, func(t *testing.T) {
			_, c := signedIn(t, nil)
			if g, err := c.Gateway(t.Context(), gatewayName, known); err != nil || !g.Created {
				t.Errorf("got %+v, %v", g, err)
			}
		})
	}
}

func TestGateway_keeps_what_it_does_not_know(t *testing.T) {
	server, c := signedIn(t, func(r *rest) {
		r.addDevice(map[string]any{
			"name": gatewayName, "type": "default", "label": "cellar", "firmwareId": nil, "futureMember": map[string]any{"a": 1},
			"additionalInfo": map[string]any{"gateway": false, "description": "ours", "lastConnectedGateway": "x"},
		})
	})
	g, err := c.Gateway(t.Context(), gatewayName, "")
	if err != nil {
		t.Fatal(err)
	}
	d := server.stored(t, g.ID)
	wantInfo(t, d, map[string]any{"gateway": true, "overwriteActivityTime": true, "description": "ours", "lastConnectedGateway": "x"})
	if d["label"] != "cellar" || fmt.Sprint(d["futureMember"]) != "map[a:1]" {
		t.Errorf("lost something: %v", d)
	}
}

func TestGateway_without_additional_information_gets_some(t *testing.T) {
	server, c := signedIn(t, func(r *rest) { r.addDevice(map[string]any{"name": gatewayName, "additionalInfo": nil}) })
	g, err := c.Gateway(t.Context(), gatewayName, "")
	if err != nil {
		t.Fatal(err)
	}
	wantInfo(t, server.stored(t, g.ID), map[string]any{"gateway": true, "overwriteActivityTime": true})
}

func TestGateway_update_respects_somebody_elses(t *testing.T) {
	server, c := signedIn(t, func(r *rest) {
		r.addDevice(map[string]any{"name": gatewayName, "additionalInfo": map[string]any{}})
		r.conflicts = 1
	})
	g, err := c.Gateway(t.Context(), gatewayName, "")
	if err != nil {
		t.Fatal(err)
	}
	if d := server.stored(t, g.ID); d["label"] != "changed meanwhile" {
		t.Errorf("somebody else's change was lost: %v", d)
	}
	server.set(func(r *rest) {
		r.devices[0]["additionalInfo"] = map[string]any{}
		r.conflicts = 99
	})
	_, err = c.Gateway(t.Context(), gatewayName, g.ID)
	wantCode(t, err, connection.ReasonProtocol, Config)
}

func TestGateway_made_by_two_at_once_is_one(t *testing.T) {
	server, c := signedIn(t, nil)
	server.set(func(r *rest) {
		first := true
		r.override["/api/tenant/devices"] = func(w http.ResponseWriter, _ *http.Request) {
			if first { // somebody makes it right after we looked
				first = false
				r.addDevice(map[string]any{"name": gatewayName, "additionalInfo": map[string]any{"gateway": true, "overwriteActivityTime": true}})
				refuse(w, 404, 32, "Requested item wasn't found!")
				return
			}
			answer(w, 200, r.devices[0])
		}
	})
	g, err := c.Gateway(t.Context(), gatewayName, "")
	if err != nil || g.Created || len(server.devices) != 1 {
		t.Errorf("got %+v, %v, %d devices", g, err, len(server.devices))
	}
}

func TestGateway_tells_why_it_cannot_be_made(t *testing.T) {
	for _, test := range []struct {
		status, errorCode int
		code              connection.ReasonCode
		kind              Kind
	}{
		{403, 41, connection.ReasonQuota, Config},
		{403, 40, connection.ReasonQuota, Config},
		{403, 20, connection.ReasonPermission, Config},
		{500, 2, connection.ReasonServerError, Transient},
		{429, 33, connection.ReasonRateLimited, Throttled},
		{400, 31, connection.ReasonProtocol, Config},
	} {
		server, c := signedIn(t, nil)
		server.set(func(r *rest) {
			r.override["/api/device"] = func(w http.ResponseWriter, _ *http.Request) { refuse(w, test.status, test.errorCode, "no") }
		})
		_, err := c.Gateway(t.Context(), gatewayName, "")
		wantCode(t, err, test.code, test.kind)
	}
}

func TestGateway_credentials(t *testing.T) {
	basic := func(value string) map[string]any {
		return map[string]any{"credentialsType": "MQTT_BASIC", "credentialsId": "hash", "credentialsValue": value}
	}
	for _, test := range []struct {
		name       string
		credential map[string]any
		want       Gateway
		fails      bool
	}{
		{"an access token", map[string]any{"credentialsType": "ACCESS_TOKEN", "credentialsId": "tok"}, Gateway{Username: "tok"}, false},
		{"basic, all three", basic(`{"clientId":"c","userName":"u","password":"p"}`), Gateway{ClientID: "c", Username: "u", Password: "p"}, false},
		{"basic, client id alone", basic(`{"clientId":"c","userName":null,"password":null}`), Gateway{ClientID: "c"}, false},
		{"basic, user alone", basic(`{"userName":"u","password":"p"}`), Gateway{Username: "u", Password: "p"}, false},
		{"basic with nothing", basic(`{}`), Gateway{}, true},
		{"basic that cannot be read", basic(`clientId`), Gateway{}, true},
		{"the provisioning user", basic(`{"userName":"provision"}`), Gateway{}, true},
		{"the provisioning client", basic(`{"clientId":"provision","userName":"u"}`), Gateway{}, true},
		{"an empty token", map[string]any{"credentialsType": "ACCESS_TOKEN", "credentialsId": ""}, Gateway{}, true},
		{"a certificate", map[string]any{"credentialsType": "X509_CERTIFICATE", "credentialsId": "x", "credentialsValue": "PEM"}, Gateway{}, true},
		{"LwM2M", map[string]any{"credentialsType": "LWM2M_CREDENTIALS", "credentialsId": "x"}, Gateway{}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, c := signedIn(t, func(r *rest) { r.credential = test.credential })
			g, err := c.Gateway(t.Context(), gatewayName, "")
			if test.fails {
				wantCode(t, err, connection.ReasonGatewayCredentials, Config)
				return
			}
			if err != nil || g.ClientID != test.want.ClientID || g.Username != test.want.Username || g.Password != test.want.Password {
				t.Errorf("got %q %q %q, %v", g.ClientID.Reveal(), g.Username.Reveal(), g.Password.Reveal(), err)
			}
		})
	}
}

func customer(r *rest) {
	r.authority = CustomerUser
	for i := range 2*pageSize + 3 {
		r.addDevice(map[string]any{"name": fmt.Sprintf("meter %d", i), "additionalInfo": nil})
	}
}

func gatewayInfo() map[string]any {
	return map[string]any{"gateway": true, "overwriteActivityTime": true}
}

func TestGateway_of_a_customer_user(t *testing.T) {
	t.Run("is found on a later page", func(t *testing.T) {
		_, c := signedIn(t, func(r *rest) {
			customer(r)
			r.addDevice(map[string]any{"name": "their gateway", "additionalInfo": gatewayInfo()})
		})
		g, err := c.Gateway(t.Context(), gatewayName, "")
		if err != nil || g.Name != "their gateway" || g.Created {
			t.Errorf("got %+v, %v", g, err)
		}
	})
	t.Run("is the one of our name where there are several", func(t *testing.T) {
		_, c := signedIn(t, func(r *rest) {
			r.addDevice(map[string]any{"name": "another gateway", "additionalInfo": gatewayInfo()})
			customer(r)
			r.addDevice(map[string]any{"name": gatewayName, "additionalInfo": gatewayInfo()})
		})
		if g, err := c.Gateway(t.Context(), gatewayName, ""); err != nil || g.Name != gatewayName {
			t.Errorf("got %+v, %v", g, err)
		}
	})
	t.Run("is the one known from last time", func(t *testing.T) {
		var known string
		_, c := signedIn(t, func(r *rest) {
			r.addDevice(map[string]any{"name": gatewayName, "additionalInfo": gatewayInfo()})
			known = r.addDevice(map[string]any{"name": "renamed", "additionalInfo": gatewayInfo()})
			r.authority = CustomerUser
		})
		if g, err := c.Gateway(t.Context(), gatewayName, known); err != nil || g.ID != known {
			t.Errorf("got %+v, %v", g, err)
		}
	})
	t.Run("is missing", func(t *testing.T) {
		server, c := signedIn(t, customer)
		_, err := c.Gateway(t.Context(), gatewayName, "")
		wantCode(t, err, connection.ReasonNoGateway, Config)
		for _, call := range server.called() {
			if call == "POST /api/device" {
				t.Error("tried to make one")
			}
		}
	})
	t.Run("is used as it is where it may not be changed", func(t *testing.T) {
		_, c := signedIn(t, func(r *rest) {
			r.addDevice(map[string]any{"name": "theirs", "additionalInfo": map[string]any{"gateway": true}})
			r.authority = CustomerUser
			r.override["/api/device"] = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, 20, "no permission") }
		})
		if g, err := c.Gateway(t.Context(), gatewayName, ""); err != nil || g.Name != "theirs" {
			t.Errorf("got %+v, %v", g, err)
		}
	})
}
