package handlers_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
)

// TestPreview serves the console with made-up connections in every state, for eyes and screenshots:
//
//	BOARDLINK_PREVIEW=127.0.0.1:8099 go test ./handlers -run TestPreview -timeout 0
//
// Whoever comes is signed in. It ends with the interrupt key.
func TestPreview(t *testing.T) {
	address := os.Getenv("BOARDLINK_PREVIEW")
	if address == "" {
		t.Skip("BOARDLINK_PREVIEW names no address")
	}
	c := newConsole(t)
	fixtures(c)
	cookies := sessionCookies(c)
	site, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(site)
		r.Out.Header.Del("Cookie")
		if r.In.URL.Path != "/signin" && r.In.URL.Path != "/setup" {
			for _, k := range cookies {
				r.Out.AddCookie(k)
			}
		}
	}, ModifyResponse: func(r *http.Response) error { r.Header.Del("Set-Cookie"); return nil }}
	fmt.Println("serving on http://" + address)
	server := &http.Server{Addr: address, Handler: proxy, ReadHeaderTimeout: time.Second}
	t.Fatal(server.ListenAndServe())
}

// fixtures makes a connection in each state, with figures and events.
func fixtures(c *console) {
	at := func(d time.Duration) time.Time { return now.Add(-d) }
	state := func(s connection.State, code connection.ReasonCode, since time.Duration) connection.Status {
		return connection.Status{State: s, Since: at(since), ReasonCode: code, StartupTime: at(since + 26*time.Hour)}
	}
	main := opened()
	main.StartupTime = at(4 * 24 * time.Hour)
	main.Since = main.StartupTime
	id := c.add("Thingsboard - Official", main, func(x *connection.Connection) {
		x.Configuration.Description = "Meters and trackers of the north district"
		x.Configuration.TelemetryFormat = connection.FormatMeasurements
	})
	closed := state(connection.Closed, connection.ReasonTCPTimeout, 12*time.Minute)
	closed.Reason = "The host did not answer in time: dial tcp 203.0.113.7:8883: i/o timeout."
	closed.Hint = connection.ReasonTCPTimeout.Text().Hint
	closed.Attempt, closed.NextAttemptAt, closed.Backlog, closed.OldestAge = 9, now.Add(184*time.Second), 1284, 12*time.Minute
	closed.LastDeliveredAt = at(12 * time.Minute)
	c.add("Harbour cranes", closed, nil)
	failed := state(connection.AuthenticationFailed, connection.ReasonAuthRefused, 3*time.Minute)
	failed.Attempt, failed.Backlog = 3, 17
	c.add("Water board, staging", failed, nil)
	opening := state(connection.Opening, connection.ReasonStarting, 2*time.Second)
	opening.Attempt = 2
	c.add("Greenhouses", opening, nil)
	c.add("Cold chain", state(connection.Authenticating, connection.ReasonStarting, time.Second), nil)
	c.add("Street lights", state(connection.Closing, connection.ReasonEdited, time.Second), nil)
	c.add("Parking sensors, a rather long name that does not fit on one line of a narrow screen", state(connection.Unreachable, connection.ReasonTimeout, 40*time.Second), nil)
	c.add("Old pilot", state(connection.Deactivated, connection.ReasonDeactivated, 30*24*time.Hour), func(x *connection.Connection) { x.Active = false })

	random := rand.New(rand.NewPCG(1, 2))
	for i := range 24 * 60 {
		c.store.minutes = append(c.store.minutes, connection.Minute{
			ConnectionID: id, Start: now.Truncate(time.Minute).Add(-time.Duration(i) * time.Minute),
			Uplinks: 20 + int64(random.IntN(30)), Downlinks: int64(random.IntN(5)),
		})
	}
	for i := range connection.ID(8) {
		c.store.totals[id+i] = connection.Totals{ActiveDevices: 14, Uplinks: int64(random.IntN(4000)), Delivered: int64(random.IntN(4000)), Downlinks: int64(random.IntN(60))}
	}
	for i, e := range []connection.Event{
		{Level: connection.LevelInfo, Kind: connection.KindState, Message: "OPENED: Connected to ThingsBoard."},
		{Level: connection.LevelWarning, Kind: connection.KindUplink, DevEUI: "70B3D57ED0000001", Message: "3 uplinks were older than 72h and were not sent."},
		{Level: connection.LevelInfo, Kind: connection.KindUpdated, Actor: "alice@example.com", Message: "Username changed from old@example.com to tenant@example.com."},
		{Level: connection.LevelError, Kind: connection.KindState, Message: "CLOSED: The host did not answer in time: dial tcp 203.0.113.7:8883: i/o timeout."},
		{Level: connection.LevelError, Kind: connection.KindDownlink, DevEUI: "70B3D57ED0000002", Message: "A downlink was refused: 350 Downlink counter value already used."},
	} {
		e.Time, e.ConnectionID = at(time.Duration(5-i)*7*time.Minute), id+connection.ID(i%2)
		if e.Actor == "" {
			e.Actor = connection.System
		}
		c.store.tell(e)
	}
}

// sessionCookies gives the cookies of a signed-in operator.
func sessionCookies(c *console) []*http.Cookie {
	r := httptest.NewRequest(http.MethodGet, c.URL, nil)
	w := httptest.NewRecorder()
	session, err := c.Sessions().Get(r, access.SessionName)
	if err == nil {
		err = c.Sessions().Renew(r, w, session, c.People.Add(access.RoleAdmin))
	}
	if err != nil {
		c.t.Fatalf("sign in: %v", err)
	}
	return w.Result().Cookies()
}
