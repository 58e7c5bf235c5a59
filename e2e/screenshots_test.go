//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demoProgram is a running `boardlink demo`.
type demoProgram struct {
	base, page, email, password string
	out                         *output
	stop                        func()
}

var (
	billConsole  = regexp.MustCompile(`Boardlink +(http://\S+)`)
	billPage     = regexp.MustCompile(`The demo's page +(http://\S+)`)
	billEmail    = regexp.MustCompile(`sign in as +(\S+)`)
	billPassword = regexp.MustCompile(`with password +(\S+)`)
)

// startDemo runs the demo on a free port and reads its bill.
func startDemo(t *testing.T) *demoProgram {
	t.Helper()
	d := &demoProgram{out: &output{}}
	cmd := exec.Command(binary, "demo", "--addr", "127.0.0.1:0")
	cmd.Env = cleanEnvironment()
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
	for end := time.Now().Add(30 * time.Second); !billPassword.MatchString(d.out.String()); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the demo printed no bill:\n%s", d.out.String())
		}
	}
	text := d.out.String()
	d.base, d.page = billConsole.FindStringSubmatch(text)[1], billPage.FindStringSubmatch(text)[1]
	d.email, d.password = billEmail.FindStringSubmatch(text)[1], billPassword.FindStringSubmatch(text)[1]
	return d
}

// TestDemo walks what a newcomer does: sign in, watch uplinks arrive, send a command back to a device.
func TestDemo(t *testing.T) {
	d := startDemo(t)
	defer d.stop()
	b := newBrowser(t, d.base, true)
	b.open("/signin")
	b.fill("textbox", "E-mail", d.email)
	b.fill("textbox", "Password", d.password)
	b.click("button", "Sign in")
	b.find("heading", "Dashboard")
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

// documented are the pictures that the documents show; with BOARDLINK_VARIANTS set every page is taken, in light and dark
// and on a phone's screen, to be looked at.
var documented = map[string]bool{"details": true}

// TestScreenshots makes the pictures of the documents: `make screenshots`.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("BOARDLINK_SCREENSHOTS")
	if dir == "" {
		t.Skip("BOARDLINK_SCREENSHOTS names no folder")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	all := os.Getenv("BOARDLINK_VARIANTS") != ""
	d := startDemo(t)
	defer d.stop()
	b := newBrowser(t, d.base, true)
	picture := func(name string) {
		if all || documented[name] {
			b.picture(filepath.Join(dir, name+".png"))
		}
	}
	variants := func(name string) {
		picture(name)
		if !all {
			return
		}
		b.scheme("dark")
		picture(name + "-dark")
		b.size(320, 640)
		picture(name + "-phone-dark")
		b.scheme("light")
		picture(name + "-phone")
		b.size(1280, 900)
	}
	take := func(name, path, heading string) {
		b.open(path)
		b.find("heading", heading)
		variants(name)
	}
	b.scheme("light")
	take("signin", "/signin", "Sign in")
	b.fill("textbox", "E-mail", d.email)
	b.fill("textbox", "Password", d.password)
	b.click("button", "Sign in")
	b.find("heading", "Dashboard")
	time.Sleep(trafficTime()) // a picture wants something to show; nothing is judged by it
	take("dashboard", "/", "Dashboard")
	take("connections", "/connections", "Connections")
	take("create", "/connections/new?type=actility-thingsboard-iot", "Set your connection")
	take("details", "/connections/1", "Demo ThingsBoard")
	take("edit", "/connections/1/edit/username", "Demo ThingsBoard")
	take("parked", "/connections/1/parked", "Parked events")
	take("devices", "/connections/1/devices", "Devices")
	take("events", "/events", "Events")
	take("delete", "/connections/1/delete", "Delete the connection*")
	take("people-alone", "/people", "People")
	take("invite", "/people/invite", "Invite somebody")
	for _, person := range []string{"nora.lindqvist@demo.example", "sam@demo.example"} {
		b.open("/people/invite")
		b.fill("textbox", "E-mail", person)
		b.click("button", "Invite")
		b.find("heading", "Invitation for "+person)
	}
	variants("invitation")
	b.open("/people/3/disable")
	b.click("button", "Disable")
	b.see("is shut out")
	take("people", "/people", "People")
	take("person", "/people/2/role", "Change the role*")
	take("account", "/account", "Account")
	take("password", "/account/password", "Change your password")
	take("missing", "/connections/999", "*")
	take("demo", d.page+"/", "The demo's view of ThingsBoard")
	b.open("/connections/1")
	b.click("button", "Edit Username")
	b.awaitFocus("textbox Username")
	b.fill("textbox", "Username", "other@demo.example")
	b.click("button", "Confirm")
	b.find("dialog", "Confirmation")
	variants("confirmation")
	b.click("button", "Cancel")
	b.open("/people")
	b.click("DisclosureTriangle", "Change nora*")
	variants("person-menu")
	b.click("button", "Disable")
	b.find("dialog", "*")
	variants("person-dialog")
}

// trafficTime is how long the fleet sends before pictures are taken: BOARDLINK_TRAFFIC, or a minute and a half.
func trafficTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("BOARDLINK_TRAFFIC")); err == nil {
		return d
	}
	return 90 * time.Second
}
