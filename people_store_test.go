package main

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/config"
	"boardlink/connection"
	"boardlink/live"
)

func TestWhat_people_do_is_told_to_open_pages(t *testing.T) {
	a := assembled(t, t.TempDir())
	defer a.release()
	told := a.feed.Subscribe(t.Context())
	if _, err := a.people.SignIn(t.Context(), access.Origin{Address: "192.0.2.7"}, "nobody@example.com", "a guess"); err == nil {
		t.Fatal("nobody signed in")
	}
	heard := func(what string) {
		t.Helper()
		select {
		case changes := <-told:
			if len(changes) != 1 || changes[0].Topic != live.Events {
				t.Errorf("%s: told is %+v", what, changes)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s: nothing was told", what)
		}
	}
	heard("a sign-in")
	o, _, err := a.people.Invite(t.Context(), "ada@example.com", "bob@example.com", access.RoleViewer)
	if err != nil {
		t.Fatal(err)
	}
	heard("an invitation")
	if err := a.people.Remove(t.Context(), "ada@example.com", o.ID, 0); err != nil {
		t.Fatal(err)
	}
	heard("a removal")
}

func TestAdminPassword_is_looked_at_only_where_it_is_used(t *testing.T) {
	cfg := settings(t)
	cfg.AdminEmail, cfg.AdminPassword = "ada@example.com", "password1"
	_, err := assemble(t.Context(), cfg, slog.New(slog.DiscardHandler), surroundings{})
	var usage *config.UsageError
	if !errors.As(err, &usage) || !strings.HasPrefix(err.Error(), "BOARDLINK_ADMIN_EMAIL, BOARDLINK_ADMIN_PASSWORD: This password is among the first") {
		t.Fatalf("the first start: %v", err)
	}
	if entries, err := os.ReadDir(cfg.DataDir); err == nil && len(entries) > 0 {
		t.Errorf("something was opened before: %v", entries)
	}
	cfg.AdminEmail, cfg.AdminPassword = "", ""
	a, err := assemble(t.Context(), cfg, slog.New(slog.DiscardHandler), surroundings{}) // nobody has an account yet
	if err != nil {
		t.Fatal(err)
	}
	a.release()
	cfg.AdminEmail, cfg.AdminPassword = "ada@example.com", "password1"
	if _, err := assemble(t.Context(), cfg, slog.New(slog.DiscardHandler), surroundings{}); !errors.As(err, &usage) {
		t.Fatalf("a start without operators: %v", err)
	}
	for _, password := range []connection.Secret{"four words put together", "password1"} { // the second time it is ignored
		cfg.AdminPassword = password
		a, err := assemble(t.Context(), cfg, slog.New(slog.DiscardHandler), surroundings{})
		if err != nil {
			t.Fatal(err)
		}
		a.release()
	}
}
