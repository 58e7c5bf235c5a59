//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	elsewhere := func() string { return filepath.Join(t.TempDir(), "data") }
	for name, c := range map[string]struct {
		args []string
		env  []string
		code int
		says string
	}{
		"version says what it is":                   {args: []string{"version"}, says: "boardlink "},
		"version takes nothing":                     {args: []string{"version", "--bogus"}, code: 2, says: "--bogus"},
		"an unknown command is named":               {args: []string{"fly"}, code: 2, says: "fly"},
		"an unknown flag is named":                  {args: []string{"--speed", "9"}, code: 2, says: "--speed"},
		"a bad address is named":                    {args: []string{"--addr", "nowhere"}, code: 2, says: "--addr"},
		"an e-mail without a password is refused":   {env: []string{"BOARDLINK_ADMIN_EMAIL=a@example.com"}, code: 2, says: "BOARDLINK_ADMIN_PASSWORD"},
		"a weak password is refused":                {env: []string{"BOARDLINK_ADMIN_EMAIL=a@example.com", "BOARDLINK_ADMIN_PASSWORD=short"}, code: 2, says: "BOARDLINK_ADMIN_PASSWORD"},
		"a short API key is refused":                {env: []string{"BOARDLINK_API_KEY=short"}, code: 2, says: "BOARDLINK_API_KEY"},
		"an unreadable list of hosts is refused":    {env: []string{"BOARDLINK_ALLOW_HOSTS=:::"}, code: 2, says: "BOARDLINK_ALLOW_HOSTS"},
		"reset-link wants an e-mail":                {args: []string{"reset-link"}, code: 2, says: "EMAIL"},
		"reset-link makes no data folder":           {args: []string{"reset-link", "a@example.com"}, code: 1, says: "data"},
		"a key that is too short is never repeated": {env: []string{"BOARDLINK_SECRET_KEY=c4n4ry"}, code: 2, says: "BOARDLINK_SECRET_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			args := c.args
			if len(args) == 0 || args[0] != "version" {
				args = append(append([]string{}, args...), "--data", elsewhere())
			}
			out, code := run(t, c.env, args...)
			if code != c.code || !strings.Contains(out, c.says) {
				t.Errorf("exit %d and %q, want %d and a word on %s", code, out, c.code, c.says)
			}
			if code == 2 && strings.Count(strings.TrimSpace(out), "\n") > 0 {
				t.Errorf("more than one line:\n%s", out)
			}
			if strings.Contains(out, "c4n4ry") {
				t.Error("a secret came out")
			}
		})
	}
}

func TestOneProgramADataFolder(t *testing.T) {
	p := newProgram(t, asAdmin("BOARDLINK_NONSENSE=1")...)
	p.start()
	if !strings.Contains(p.out.String(), "BOARDLINK_NONSENSE") {
		t.Error("an unknown variable is not told of")
	}
	out, code := run(t, nil, "--data", p.data, "--addr", "127.0.0.1:0")
	if code != 1 || !strings.Contains(out, p.addr) {
		t.Errorf("a second program ends with %d and says %q", code, out)
	}
	if out, code := run(t, nil, "--data", filepath.Join(t.TempDir(), "other"), "--addr", p.addr); code != 1 || !strings.Contains(out, "choose another") && !strings.Contains(out, "Choose another address") {
		t.Errorf("on a port that is taken: exit %d, %q", code, out)
	}
	for file, want := range map[string]os.FileMode{".": 0o700, "secret.key": 0o600, "boardlink.db": 0o600, "queue.db": 0o600} {
		info, err := os.Stat(filepath.Join(p.data, file))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has the mode %o, want %o", file, got, want)
		}
	}

	t.Run("reset-link works beside it, once", func(t *testing.T) {
		out, code := run(t, nil, "reset-link", adminEmail, "--data", p.data)
		link := setupLink.FindString(out)
		if code != 0 || !strings.HasPrefix(link, p.base+"/") {
			t.Fatalf("exit %d, %q", code, out)
		}
		resp, err := http.Get(link)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("the link answers %d", resp.StatusCode)
		}
		if out, code := run(t, nil, "reset-link", "nobody@example.com", "--data", p.data); code != 1 || !strings.Contains(out, "nobody@example.com") {
			t.Errorf("for a stranger: exit %d, %q", code, out)
		}
	})

	t.Run("a key that does not open the database is told by its id", func(t *testing.T) {
		p.stop()
		if err := os.WriteFile(filepath.Join(p.data, "secret.key"), []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
			t.Fatal(err)
		}
		out, code := run(t, nil, "--data", p.data, "--addr", "127.0.0.1:0")
		if code != 1 || !strings.Contains(out, "key") {
			t.Errorf("exit %d, %q", code, out)
		}
	})
}
