package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"boardlink/db"
)

func sealerOfByte(t *testing.T, b byte) (key string, id string) {
	t.Helper()
	raw := bytes.Repeat([]byte{b}, 32)
	s, err := db.NewSealer(raw)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw), s.KeyID()
}

// runOnce runs the program until it ends or serves, and then ends it.
func runOnce(t *testing.T, environ []string, args ...string) (code int, said string) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped := &stopAt{cancel: cancel, words: []byte("Boardlink starts"), to: &errs}
	code = run(ctx, args, environ, &out, stopped)
	return code, errs.String()
}

// stopAt cancels once words were written.
type stopAt struct {
	cancel context.CancelFunc
	words  []byte
	to     *bytes.Buffer
}

func (s *stopAt) Write(p []byte) (int, error) {
	if bytes.Contains(p, s.words) {
		s.cancel()
	}
	return s.to.Write(p)
}

func TestStart_is_refused_without_the_key_that_the_database_needs_and_names_it(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	args := []string{"--addr", "127.0.0.1:0", "--data", data}
	right, rightID := sealerOfByte(t, 7)
	wrong, wrongID := sealerOfByte(t, 8)
	if code, said := runOnce(t, []string{"BOARDLINK_SECRET_KEY=" + right}, args...); code != exitOK {
		t.Fatalf("first start: %d %s", code, said)
	}
	refused := func(name string, environ []string, command []string, want ...string) {
		t.Helper()
		code, said := runOnce(t, environ, append(command, args...)...)
		lines := strings.Split(strings.TrimSpace(said), "\n")
		last := lines[len(lines)-1]
		if code != exitFailed || !strings.HasPrefix(last, "boardlink: ") {
			t.Errorf("%s: code %d, %s", name, code, said)
		}
		for _, w := range want {
			if !strings.Contains(last, w) {
				t.Errorf("%s: %q lacks %q", name, last, w)
			}
		}
		if strings.Contains(said, right) || strings.Contains(said, wrong) {
			t.Errorf("%s: a key is told", name)
		}
	}
	refused("another key", []string{"BOARDLINK_SECRET_KEY=" + wrong}, nil, "need the key "+rightID, "brought the key "+wrongID, "BOARDLINK_SECRET_KEY")
	refused("another key, another command", []string{"BOARDLINK_SECRET_KEY=" + wrong}, []string{"reset-link", "ada@example.com"}, "need the key "+rightID)
	refused("no key", nil, nil, "not its key file secret.key", "the key "+rightID)
	if _, err := os.Stat(filepath.Join(data, "secret.key")); !os.IsNotExist(err) {
		t.Errorf("a key was made beside the database: %v", err)
	}
	if err := os.WriteFile(filepath.Join(data, "secret.key"), []byte(wrong+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("another key file", nil, nil, "need the key "+rightID, "brought the key "+wrongID)
	if err := os.WriteFile(filepath.Join(data, "secret.key"), []byte(right+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := runOnce(t, nil, args...); code != exitOK {
		t.Errorf("the key file put back: %d %s", code, said)
	}
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(rightID) {
		t.Errorf("the key is named %s", rightID)
	}
}
