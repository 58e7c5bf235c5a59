//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, built once for all journeys.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "boardlink-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "boardlink")
		build := exec.Command("go", "build", "-o", binary, "boardlink")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build boardlink:", err)
			return 1
		}
		http.DefaultTransport = lookout.transport(http.DefaultTransport)
		for _, c := range shared {
			lookout.keep(c)
		}
		code := m.Run()
		if left := lookout.left(); len(left) > 0 { // of hosts that no journey's program is
			fmt.Fprintln(os.Stderr, "secrets where they must not be:", strings.Join(left, "; "))
			return 1
		}
		return code
	}())
}

const (
	adminEmail    = "admin@example.com"
	adminPassword = "correct horse battery staple"
	apiKey        = "e2e-key-0123456789-0123456789-0123456789"
)

// output gathers what the program prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// program is one running boardlink. Its data folder outlives it, so that it can be started again.
type program struct {
	t    testing.TB
	base string // http://localhost:PORT
	data string
	addr string
	env  []string
	wrap []string // what runs the program, in front of its own words
	cmd  *exec.Cmd
	out  *output
	said []*output // of every start
	done chan error
}

// newProgram prepares a program with a data folder and a port of its own.
func newProgram(t testing.TB, env ...string) *program {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(addr)
	p := &program{t: t, addr: addr, base: "http://localhost:" + port, data: filepath.Join(t.TempDir(), "data"), env: env}
	t.Cleanup(func() {
		p.kill()
		p.keptSecrets()
		if t.Failed() && p.out != nil {
			t.Logf("boardlink said:\n%s", tail(p.out.String(), 6000))
		}
	})
	return p
}

// asAdmin lets the program start with an operator.
func asAdmin(env ...string) []string {
	return append(env, "BOARDLINK_ADMIN_EMAIL="+adminEmail, "BOARDLINK_ADMIN_PASSWORD="+adminPassword, "BOARDLINK_API_KEY="+apiKey)
}

func (p *program) start() {
	p.t.Helper()
	p.spawn()
	p.await("be ready", func() bool {
		resp, err := http.Get(p.base + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// spawn starts the program and does not wait until it is ready.
func (p *program) spawn() {
	p.t.Helper()
	p.out, p.done = &output{}, make(chan error, 1)
	p.said = append(p.said, p.out)
	words := append(slices.Clone(p.wrap), binary, "--addr", p.addr, "--data", p.data, "--public-url", p.base)
	p.cmd = exec.Command(words[0], words[1:]...)
	p.cmd.Env = append(append(cleanEnvironment(), "GOTRACEBACK=all"), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func(cmd *exec.Cmd, done chan<- error) { done <- cmd.Wait() }(p.cmd, p.done)
}

func (p *program) await(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("boardlink did not %s within 30 s:\n%s", what, tail(p.out.String(), 6000))
		}
	}
}

// kill ends the program as a power switch would.
func (p *program) kill() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
	p.done <- nil
	p.cmd = nil
}

// stop asks the program to end and returns how long it took.
func (p *program) stop() time.Duration {
	p.t.Helper()
	begun := time.Now()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.done:
		p.done <- nil
		p.cmd = nil
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			p.t.Fatalf("boardlink ended with %v:\n%s", err, tail(p.out.String(), 6000))
		}
	case <-time.After(25 * time.Second):
		p.t.Fatal("boardlink did not end within 25 s of SIGTERM")
	}
	return time.Since(begun)
}

var setupLink = regexp.MustCompile(`http://[^\s"]+/setup\?token=[A-Za-z0-9_-]+`)

// setup returns the path of the set-up link that the program printed.
func (p *program) setup() string {
	p.t.Helper()
	var link string
	p.await("print a set-up link", func() bool { link = setupLink.FindString(p.out.String()); return link != "" })
	return strings.TrimPrefix(link, p.base)
}

// run runs another command of the program and returns what it printed and its exit code.
func run(t *testing.T, env []string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(cleanEnvironment(), env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out), 0
}

// cleanEnvironment is this process's environment without Boardlink's settings.
func cleanEnvironment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "BOARDLINK_") {
			env = append(env, e)
		}
	}
	return env
}

func tail(s string, n int) string {
	if len(s) > n {
		return "… " + s[len(s)-n:]
	}
	return s
}
