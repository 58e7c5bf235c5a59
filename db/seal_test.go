package db

import (
	"bytes"
	"errors"
	"testing"

	"boardlink/connection"
)

func TestSealer_gives_back_what_it_took(t *testing.T) {
	s := newTestSealer(t, 1)
	at := place{"connections", 7, "password"}
	for _, text := range []connection.Secret{"x", "päss wörd", connection.Secret(bytes.Repeat([]byte("long"), 1000))} {
		sealed := s.seal(at, text)
		// One character stands in random bytes by chance.
		if len(text) > 4 && bytes.Contains(sealed, []byte(text.Reveal())) {
			t.Error("the sealed form shows the secret")
		}
		if got, err := s.open(at, s.id, sealed); err != nil || got != text {
			t.Errorf("got another text, %v", err)
		}
	}
	if sealed := s.seal(at, ""); len(sealed) != 0 {
		t.Error("nothing became something")
	}
	if bytes.Equal(s.seal(at, "same"), s.seal(at, "same")) {
		t.Error("the same secret sealed twice shows that it is the same")
	}
}

func TestSealer_opens_nothing_that_was_changed_or_moved(t *testing.T) {
	s := newTestSealer(t, 1)
	at := place{"connections", 7, "password"}
	sealed := s.seal(at, "secret")
	for name, other := range map[string]place{
		"another row": {"connections", 8, "password"}, "another column": {"connections", 7, "uplink_key"}, "another table": {"statuses", 7, "password"},
	} {
		if _, err := s.open(other, s.id, sealed); !errors.Is(err, errSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := s.open(at, s.id, changed); !errors.Is(err, errSealed) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := s.open(at, s.id, sealed[:i]); i > 0 && !errors.Is(err, errSealed) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	other := newTestSealer(t, 2)
	if _, err := other.open(at, s.id, sealed); !errors.Is(err, errSealed) {
		t.Errorf("another key: %v", err)
	}
	if _, err := other.open(at, other.id, sealed); !errors.Is(err, errSealed) {
		t.Errorf("another key under its own id: %v", err)
	}
}

func TestNewSealer_wants_32_bytes(t *testing.T) {
	for _, n := range []int{0, 16, 31, 33, 64} {
		if _, err := NewSealer(make([]byte, n)); err == nil {
			t.Errorf("%d bytes were taken", n)
		}
	}
}
