package handlers

import (
	"strings"
	"testing"
	"time"
)

func TestPending(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	p := newPending(func() time.Time { return now })
	sealed := p.seal(1, "password", "alice@example.com", "typed-secret")

	if strings.Contains(sealed, "typed") || sealed == p.seal(1, "password", "alice@example.com", "typed-secret") {
		t.Error("the seal tells something of the secret")
	}
	if got, ok := p.open(1, "password", "alice@example.com", sealed); !ok || got.Reveal() != "typed-secret" {
		t.Errorf("opened is %q, %v", got.Reveal(), ok)
	}
	for what, opened := range map[string]func() bool{
		"for another connection": func() bool { _, ok := p.open(2, "password", "alice@example.com", sealed); return ok },
		"for another field":      func() bool { _, ok := p.open(1, "downlinkAsKey", "alice@example.com", sealed); return ok },
		"for another person":     func() bool { _, ok := p.open(1, "password", "bob@example.com", sealed); return ok },
		"by another process": func() bool {
			_, ok := newPending(time.Now).open(1, "password", "alice@example.com", sealed)
			return ok
		},
		"with another end": func() bool {
			_, ok := p.open(1, "password", "alice@example.com", "B"+sealed[1:])
			return ok
		},
		"cut short": func() bool { _, ok := p.open(1, "password", "alice@example.com", sealed[:8]); return ok },
	} {
		if opened() {
			t.Errorf("it opens %s", what)
		}
	}
	now = now.Add(pendingLife + time.Second)
	if _, ok := p.open(1, "password", "alice@example.com", sealed); ok {
		t.Error("it opens too late")
	}
}
