package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// BenchmarkPages asks for the console's pages with 10,000 connections, 100 of them busy for a day, and tells the 95th
// percentile of the time that the server takes.
func BenchmarkPages(b *testing.B) {
	cfg := settings(b)
	cfg.AddressRate = 0
	a, err := assemble(b.Context(), cfg, slog.New(slog.DiscardHandler), surroundings{})
	if err != nil {
		b.Fatal(err)
	}
	defer a.release()
	const connections, busy = 10_000, 100
	for i := range connections {
		c := connection.Connection{ConnectorID: connection.ConnectorID, Name: "Connection " + connection.ID(i).String(), UplinkKey: "an uplink key", Configuration: connection.DefaultConfiguration()}
		c.Configuration.HostName, c.Configuration.Username, c.Configuration.Password = "tb.example.com:443", "tenant@example.com", "a password"
		if _, err := a.db.CreateConnection(b.Context(), c, connection.Event{Level: connection.LevelInfo, Kind: connection.KindCreated, Message: "Made."}); err != nil {
			b.Fatal(err)
		}
	}
	for back := range 24 * 60 {
		at := time.Now().Add(-time.Duration(back) * time.Minute)
		var minutes []connection.Minute
		for i := range busy {
			m := connection.Minute{ConnectionID: connection.ID(i + 1), Start: at, Uplinks: 5, Delivered: 5}
			m.Delays.Note(30 * time.Millisecond)
			minutes = append(minutes, m)
		}
		if err := a.db.AddFigures(b.Context(), minutes); err != nil {
			b.Fatal(err)
		}
	}
	signedIn := httptest.NewRecorder()
	form := url.Values{"email": {"ada@example.com"}, "password": {canaryAdmin}}
	r := httptest.NewRequest(http.MethodPost, a.public+"/signin", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a.server.ServeHTTP(signedIn, r)
	cookies := signedIn.Result().Cookies()
	if len(cookies) == 0 {
		b.Fatalf("sign in: %d", signedIn.Code)
	}
	for _, path := range []string{"/", "/?part=traffic", "/connections", "/connections?q=0077", "/connections?state=OPENING", "/connections/7", "/connections/7?window=1d", "/connections/7?part=metrics", "/events"} {
		b.Run(path, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, a.public+path, nil)
				for _, c := range cookies {
					r.AddCookie(c)
				}
				w := httptest.NewRecorder()
				began := time.Now()
				a.server.ServeHTTP(w, r)
				took = append(took, time.Since(began))
				if _, err := io.Copy(io.Discard, w.Body); err != nil || w.Code != http.StatusOK {
					b.Fatalf("%d, %v", w.Code, err)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
