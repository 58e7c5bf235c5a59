package thingsboard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/eclipse/paho.golang/packets"

	"boardlink/connection"
)

// wantNoSecret looks for the canaries in everything that an error tells, down to its causes.
func wantNoSecret(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Error("no error at all")
	}
	for ; err != nil; err = errors.Unwrap(err) {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			for _, canary := range []string{canaryPassword, canaryToken, "canary-refresh", "e30."} {
				if strings.Contains(text, canary) {
					t.Errorf("%q stands in %q", canary, text)
				}
			}
		}
	}
}

func TestErrors_hold_no_secret_that_a_server_sends_back(t *testing.T) {
	echo := func(status, code int) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			refuse(w, status, code, fmt.Sprintf("You sent %s with %s.", body, q.Header.Get("X-Authorization")))
		}
	}
	for _, status := range []int{400, 401, 403, 404, 409, 429, 500} {
		server, c := cloud(t)
		server.set(func(r *rest) { r.override["/api/auth/login"] = echo(status, 10) })
		_, err := c.SignIn(t.Context())
		wantNoSecret(t, err)

		server, c = signedIn(t, nil)
		server.set(func(r *rest) {
			r.override["/api/tenant/devices"] = echo(status, 20)
			r.override["/api/device"] = echo(status, 20)
		})
		_, err = c.Gateway(t.Context(), gatewayName, "")
		wantNoSecret(t, err)
	}
}

func TestErrors_hold_no_secret_of_an_answer_that_is_no_HTTP(t *testing.T) {
	var book bytes.Buffer
	server, c := cloud(t)
	c.log = slog.New(slog.NewTextHandler(&book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server.set(func(r *rest) {
		r.override["/api/auth/login"] = func(w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = conn.Write(append(append([]byte("HELLO "), body...), "\r\n\r\n"...))
			_ = conn.Close()
		}
	})
	_, err := c.SignIn(t.Context())
	wantCode(t, err, connection.ReasonProtocol, Transient)
	wantNoSecret(t, err)
	if strings.Contains(book.String(), canaryPassword) {
		t.Error("the log holds the password")
	}
}

func TestErrors_hold_no_token_that_a_broker_sends_back(t *testing.T) {
	b := &broker{}
	inBubble(t, b, func(t *testing.T, s *Session) {
		b.lastPeer().disconnect(0x87, "not you, "+canaryToken)
		<-s.Done()
		wantNoSecret(t, s.Err())
		wantNoSecret(t, s.Telemetry(t.Context(), "d", reading(1)))
	})
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		(&broker{connack: func(*packets.Connect) byte { return 0x86 }}).serve(t, n.pipe(plainEndpoint.address()))
		_, err := plainClient(t, n).Connect(t.Context(), plainEndpoint, testGateway)
		wantNoSecret(t, err)
	})
}

func TestErrors_show_the_peers_words_cleaned_and_bounded(t *testing.T) {
	server, c := cloud(t)
	server.set(func(r *rest) {
		r.override["/api/auth/login"] = func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, 401, 10, "Invalid \u202e\x1b[31m"+strings.Repeat("x", 5000))
		}
	})
	_, err := c.SignIn(t.Context())
	text := fmt.Sprint(err)
	if !strings.Contains(text, "ThingsBoard said: Invalid") || strings.ContainsAny(text, "\u202e\x1b") || len(text) > 1000 {
		t.Errorf("got %q", text)
	}
}

func TestGateway_prints_no_credentials(t *testing.T) {
	g := Gateway{ID: "id", Name: "n", ClientID: canaryToken, Username: canaryToken, Password: canaryPassword}
	var book bytes.Buffer
	slog.New(slog.NewJSONHandler(&book, nil)).Info("x", "g", g)
	if text := fmt.Sprintf("%v %+v %#v ", g, g, g) + book.String(); strings.Contains(text, "canary") {
		t.Error(text)
	}
}
