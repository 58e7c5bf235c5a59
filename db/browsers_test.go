package db

import (
	"fmt"
	"testing"
	"time"

	"boardlink/access"
)

func TestBrowsers_are_known_to_one_operator_for_a_while(t *testing.T) {
	d, c := newTestDB(t)
	ada, err := d.CreateOperator(t.Context(), newOperator("ada@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	bob, err := d.CreateOperator(t.Context(), newOperator("bob@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	keep := func(name string, o access.Operator) {
		t.Helper()
		c.advance(time.Minute)
		if err := d.KeepBrowser(t.Context(), access.DigestOf(name), o.ID, c.at, 3); err != nil {
			t.Fatal(err)
		}
	}
	knows := func(name string, o access.Operator, want bool) {
		t.Helper()
		if got, err := d.KnownBrowser(t.Context(), access.DigestOf(name), o.ID, c.at.Add(-access.BrowserLife)); err != nil || got != want {
			t.Errorf("%s of %s is known: %v, %v", name, o.Email, got, err)
		}
	}
	keep("office", ada)
	keep("phone", ada)
	keep("bob's", bob)
	knows("office", ada, true)
	knows("office", bob, false)
	knows("bob's", bob, true)
	knows("another", ada, false)
	keep("office", ada) // used again
	for n := range 2 {
		keep(fmt.Sprint(n), ada)
	}
	knows("phone", ada, false) // it was not used for longest
	knows("office", ada, true)
	knows("bob's", bob, true)
	c.advance(access.BrowserLife)
	knows("office", ada, false)
	keep("new", ada)
	if _, err := d.PruneSessions(t.Context(), c.at, c.at); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := d.read.QueryRow(`SELECT COUNT(*) FROM known_browsers`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d browsers are left, %v", n, err)
	}
}
