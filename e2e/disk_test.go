//go:build e2e && linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"boardlink/faults/history"
)

// TestDiskFull gives the program a disk of 24 MB and fills it: first with uplinks that cannot be delivered, up to the
// queue's bound, then with a file of somebody else's, to the last byte. Uplinks are refused with 503, whoever looks
// after it can still sign in and look, nothing that was accepted is lost, and it recovers by itself.
func TestDiskFull(t *testing.T) {
	r := newLedger(t)
	p := r.program
	p.wrap = onSmallDisk(t, p.data, "24m")
	p.start()
	r.connect()
	r.tb.Pause()

	client := &http.Client{Timeout: 30 * time.Second}
	frame := int64(0)
	post := func() (status int, retryAfter string) {
		status, retryAfter = r.postLarge(client, frame)
		frame++
		return status, retryAfter
	}
	accepted, status, retryAfter := 0, http.StatusOK, ""
	for accepted = 0; accepted < 2000; accepted++ {
		if status, retryAfter = post(); status != http.StatusOK {
			break
		}
	}
	if accepted < 100 || status != http.StatusServiceUnavailable || retryAfter == "" {
		t.Fatalf("after %d uplinks: status %d, Retry-After %q", accepted, status, retryAfter)
	}
	p.signsIn("at the queue's bound")

	filler := filepath.Join(fmt.Sprintf("/proc/%d/root", p.cmd.Process.Pid), p.data, "filler")
	if err := fill(filler); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if status, _ := post(); status != http.StatusServiceUnavailable {
			t.Fatalf("on a full disk: status %d", status)
		}
	}
	if shown := p.resource(r.id); shown["status"].(map[string]any)["backlog"] != float64(accepted) {
		t.Errorf("on a full disk the API shows %v, with %d accepted", shown["status"], accepted)
	}
	if err := r.tb.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.await("take uplinks again", func() bool { status, _ := post(); return status == http.StatusOK })
	p.signsIn("after it recovered")
	v := r.finish(time.Minute)
	t.Logf("%d uplinks of 30 KB fitted; %d repeats", accepted, v.Figures.Repeats)
}

// onSmallDisk returns what runs a program with a file system of its own, of that size, at its data folder.
func onSmallDisk(t *testing.T, data, size string) []string {
	t.Helper()
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	unshare := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		unshare = []string{"unshare", "--user", "--map-root-user", "--mount"}
	}
	wrap := append(unshare, "sh", "-c", `mount -t tmpfs -o size="$1",mode=700 tmpfs "$2" && shift 2 && exec "$@"`, "sh", size, data)
	try := append(append([]string{}, wrap...), "true")
	if out, err := exec.Command(try[0], try[1:]...).CombinedOutput(); err != nil {
		t.Skipf("No file system can be mounted here: %v %s", err, out)
	}
	return wrap
}

// fill writes a file until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for block := make([]byte, 4096); ; {
		switch _, err := f.Write(block); {
		case errors.Is(err, syscall.ENOSPC):
			return nil
		case err != nil:
			return err
		}
	}
}

// postLarge posts an uplink with a payload of 15,000 bytes.
func (l *ledger) postLarge(client *http.Client, frame int64) (status int, retryAfter string) {
	l.t.Helper()
	name, at := "02B0A2D1000E0001", l.epoch.Add(time.Duration(frame)*time.Second)
	body := bytes.Replace(uplinkOf(name, int(frame), at), []byte(`"0102"`), []byte(`"`+strings.Repeat("a5", 15_000)+`"`), 1)
	post := l.history.Post(l.link, name, frame, at)
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, l.program.base+"/connections/"+l.id+"/uplinks", bytes.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		post.Answered(history.Unknown)
		return 0, err.Error()
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		post.Answered(history.Accepted)
	} else {
		post.Answered(history.Refused)
	}
	return resp.StatusCode, resp.Header.Get("Retry-After")
}

// signsIn signs the operator in and opens the dashboard.
func (p *program) signsIn(when string) {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	resp, err := client.PostForm(p.base+"/signin", url.Values{"email": {adminEmail}, "password": {adminPassword}})
	if err != nil {
		p.t.Fatal(err)
	}
	page, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/" || !bytes.Contains(page, []byte("Dashboard")) {
		p.t.Errorf("%s signing in led to %s, status %d", when, resp.Request.URL.Path, resp.StatusCode)
	}
}
