package datadir

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"boardlink/connection"
)

func openFolder(t *testing.T, path string) Folder {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func makeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

func wantFailure(t *testing.T, err error, words ...string) {
	t.Helper()
	if connection.CodeOf(err) != connection.CodeUnavailable {
		t.Errorf("error is %v", err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q lacks %q", err, word)
		}
	}
}

func TestOpen_makes_a_private_folder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "data")
	f := openFolder(t, path)
	if got := modeOf(t, path); got != 0o700 {
		t.Errorf("mode is %v", got)
	}
	if f.Path() != path || f.Database() != filepath.Join(path, "boardlink.db") || f.Queue() != filepath.Join(path, "queue.db") || f.Backups() != filepath.Join(path, "backup") {
		t.Errorf("places are wrong in %+v", f)
	}
}

func TestOpen_closes_a_folder_of_ours_and_no_other(t *testing.T) {
	for name, want := range map[string]os.FileMode{"": 0o700, "boardlink.db": 0o700, "lock": 0o700, "holiday.jpg": 0o755} {
		path := t.TempDir()
		if name != "" {
			makeFile(t, filepath.Join(path, name), "", 0o600)
		}
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		openFolder(t, path)
		if got := modeOf(t, path); got != want {
			t.Errorf("with %q: mode is %v", name, got)
		}
	}
}

func TestOpen_refuses_what_is_no_folder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	makeFile(t, path, "", 0o600)
	_, err := Open(path)
	wantFailure(t, err, path, "--data")
}

func TestOpenExisting_makes_nothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	_, err := OpenExisting(path)
	wantFailure(t, err, path, "--data")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("a folder was made")
	}
	f := openFolder(t, path)
	makeFile(t, f.Database(), "", 0o600)
	if got, err := OpenExisting(path); err != nil || got != f {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestKey_is_made_once_and_private(t *testing.T) {
	f := openFolder(t, t.TempDir())
	first, made, err := f.Key("")
	if err != nil || !made || len(first) != 32 {
		t.Fatalf("made %v, %v", made, err)
	}
	if got := modeOf(t, filepath.Join(f.Path(), "secret.key")); got != 0o600 {
		t.Errorf("mode is %v", got)
	}
	again, made, err := f.Key("")
	if err != nil || made || !bytes.Equal(first, again) {
		t.Errorf("another key, made %v, %v", made, err)
	}
	other, _, err := openFolder(t, t.TempDir()).Key("")
	if err != nil || bytes.Equal(first, other) {
		t.Errorf("two folders have one key, %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(f.Path(), "secret.key.*")); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}

func TestKey_of_the_settings_wins_and_leaves_no_file(t *testing.T) {
	f := openFolder(t, t.TempDir())
	key, made, err := f.Key(connection.Secret(strings.Repeat("ab", 32)))
	if err != nil || made || !bytes.Equal(key, bytes.Repeat([]byte{0xab}, 32)) {
		t.Errorf("made %v, %v", made, err)
	}
	if _, err := os.Stat(filepath.Join(f.Path(), "secret.key")); !os.IsNotExist(err) {
		t.Error("a file was made")
	}
	if _, _, err := f.Key("short"); connection.CodeOf(err) != connection.CodeInvalid {
		t.Errorf("error is %v", err)
	}
}

func TestKey_file_must_be_private_and_whole(t *testing.T) {
	good := strings.Repeat("0f", 32)
	for name, test := range map[string]struct {
		content string
		mode    os.FileMode
		words   string
	}{
		"readable by the group": {good, 0o640, "chmod 600"}, "readable by others": {good, 0o604, "0604"},
		"empty": {"", 0o600, "does not hold a key"}, "cut": {good[:40], 0o600, "does not hold a key"}, "endless": {strings.Repeat("0", 5000), 0o600, "does not hold a key"},
	} {
		f := openFolder(t, t.TempDir())
		path := filepath.Join(f.Path(), "secret.key")
		makeFile(t, path, test.content, test.mode)
		_, made, err := f.Key("")
		if made {
			t.Errorf("%s: made anew", name)
		}
		wantFailure(t, err, path, test.words)
		if test.content != "" && strings.Contains(err.Error(), test.content) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
	f := openFolder(t, t.TempDir())
	makeFile(t, filepath.Join(f.Path(), "secret.key"), good+"\n", 0o400)
	if key, made, err := f.Key(""); err != nil || made || len(key) != 32 {
		t.Errorf("a read-only key file: made %v, %v", made, err)
	}
}

func TestKey_is_not_made_beside_a_database(t *testing.T) {
	f := openFolder(t, t.TempDir())
	makeFile(t, f.Database(), "", 0o600)
	_, made, err := f.Key("")
	if made {
		t.Error("made")
	}
	wantFailure(t, err, "BOARDLINK_SECRET_KEY", "secret.key")
}

func TestLock_lets_one_in_and_tells_the_other_who(t *testing.T) {
	f := openFolder(t, t.TempDir())
	held, err := f.Lock("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := held.SetAddr("127.0.0.1:43210"); err != nil {
		t.Fatal(err)
	}
	if got := modeOf(t, filepath.Join(f.Path(), "lock")); got != 0o600 {
		t.Errorf("mode is %v", got)
	}
	_, err = f.Lock("127.0.0.1:1")
	wantFailure(t, err, fmt.Sprintf("process %d", os.Getpid()), "127.0.0.1:43210", f.Path())
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	next, err := f.Lock("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestLock_of_an_unknown_holder(t *testing.T) {
	f := openFolder(t, t.TempDir())
	held, err := f.Lock("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Release() }()
	makeFile(t, filepath.Join(f.Path(), "lock"), "\x1b[2Jrubbish", 0o600)
	_, err = f.Lock("127.0.0.1:1")
	wantFailure(t, err, "in use by another process")
}

func TestQueueMax_leaves_a_tenth_of_the_disk(t *testing.T) {
	f := openFolder(t, t.TempDir())
	size, err := f.DiskSize()
	if err != nil || size <= 0 {
		t.Fatalf("disk of %d bytes, %v", size, err)
	}
	for wanted, want := range map[int64]int64{1 << 20: min(1<<20, size/10*9), 1 << 62: size / 10 * 9} {
		if got, err := f.QueueMax(wanted); err != nil || got != want {
			t.Errorf("%d became %d, %v", wanted, got, err)
		}
	}
}
