//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demoProgram is a running `boardlink demo`.
type demoProgram struct {
	base, page, email, password string
	domain, tenantPassword      string // of the sandbox
	downlinks, asID, asKey      string // of the simulated ThingPark
	out                         *output
	stop                        func()
}

var (
	billConsole  = regexp.MustCompile(`Boardlink +(http://\S+)`)
	billPage     = regexp.MustCompile(`The demo's page +(http://\S+)`)
	billEmail    = regexp.MustCompile(`sign in as +(\S+)`)
	billDomain   = regexp.MustCompile(`Domain Name +(\S+)`)
	billTenant   = regexp.MustCompile(`Password +(\S+)`)
	billDownlink = regexp.MustCompile(`Downlink address +(\S+)`)
	billASID     = regexp.MustCompile(`AS ID +(\S+)`)
	billASKey    = regexp.MustCompile(`AS key +(\S+)`)
	billPassword = regexp.MustCompile(`with password +(\S+)`)
)

// startDemo runs the demo on a free port and reads its bill.
func startDemo(t *testing.T, env ...string) *demoProgram {
	t.Helper()
	d := &demoProgram{out: &output{}}
	cmd := exec.Command(binary, "demo", "--addr", "127.0.0.1:0")
	cmd.Env = append(cleanEnvironment(), env...)
	cmd.Stdout, cmd.Stderr = d.out, d.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	d.stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the demo ended with %v:\n%s", err, tail(d.out.String(), 4000))
			}
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Signal(syscall.SIGKILL)
			t.Error("the demo did not end within 20 s of Ctrl-C")
		}
	}
	for end := time.Now().Add(30 * time.Second); !billASKey.MatchString(d.out.String()); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the demo printed no bill:\n%s", d.out.String())
		}
	}
	text := d.out.String()
	d.base, d.page = billConsole.FindStringSubmatch(text)[1], billPage.FindStringSubmatch(text)[1]
	d.email, d.password = billEmail.FindStringSubmatch(text)[1], billPassword.FindStringSubmatch(text)[1]
	for target, pattern := range map[*string]*regexp.Regexp{&d.domain: billDomain, &d.tenantPassword: billTenant, &d.downlinks: billDownlink, &d.asID: billASID, &d.asKey: billASKey} {
		*target = pattern.FindStringSubmatch(text)[1]
	}
	return d
}

// signIn signs in to the demo.
func (d *demoProgram) signIn(b *browser) {
	b.open("/signin")
	b.fill("textbox", "E-mail", d.email)
	b.fill("textbox", "Password", d.password)
	b.click("button", "Sign in")
	b.find("heading", "Dashboard")
}

// TestDemo walks what a newcomer does: sign in, watch uplinks arrive, send a command back to a device.
func TestDemo(t *testing.T) {
	d := startDemo(t)
	defer d.stop()
	b := newBrowser(t, d.base, true)
	d.signIn(b)
	b.open("/connections/1")
	b.find("heading", "Demo ThingsBoard")
	b.see("OPENED")

	b.open(d.page + "/")
	b.find("heading", "The demo's view of ThingsBoard")
	b.until("see telemetry of a device", func() bool { return strings.Contains(b.text(), "temperature 2") })
	b.click("button", "Send the RPC")
	b.see(`"status":"queued"`)
	b.until("see the device receive the command", func() bool { return strings.Contains(b.text(), "1, last 0102ff") })

	b.click("button", "Stop the sandbox")
	b.see("It is stopped")
	b.open(d.base + "/connections/1")
	b.until("see the link lost", func() bool { return strings.Contains(b.text(), "CLOSED") || strings.Contains(b.text(), "OPENING") })
	b.open(d.page + "/")
	b.click("button", "Start the sandbox")
	b.find("button", "Stop the sandbox")
	b.open(d.base + "/connections/1")
	b.until("see the link open again without a reload", func() bool { return strings.Contains(b.text(), "OPENED") })
	b.quiet()
}
