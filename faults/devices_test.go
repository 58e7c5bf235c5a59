package faults_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/faults/history"
	"boardlink/thingsboard/sandbox"
)

// putNamed posts an uplink of a device that ThingPark calls by a name.
func putNamed(t *testing.T, l *faults.Link, device int, frame int64, name string) {
	t.Helper()
	at := time.Now().Truncate(time.Millisecond)
	body := fmt.Sprintf(`{"DevEUI_uplink":{"Time":%q,"DevEUI":%q,"FPort":2,"FCntUp":%d,"payload_hex":"01","CustomerID":"100000001",`+
		`"payload":{"temperature":20.5,"seq":%d},"CustomerData":{"name":%q}}}`, at.UTC().Format("2006-01-02T15:04:05.000Z07:00"), l.Devices[device], frame, frame, name)
	if o := l.PostBody(device, frame, at, body); o != history.Accepted {
		t.Fatalf("an uplink was %v", o)
	}
}

// labelled is the label of a device.
func labelled(w *faults.World, l *faults.Link, device int) string {
	d, _ := w.TB().Device(l.Devices[device])
	return d.Label
}

func TestLabel_follows_ThingPark_and_never_a_person(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 2})
	tb, l := w.TB(), w.Links[0]
	w.Start()
	putNamed(t, l, 0, 1, "Cold room 3")
	putNamed(t, l, 1, 1, "Cellar")
	w.Until("the labels", 15*time.Second, func() bool { return labelled(w, l, 0) == "Cold room 3" && labelled(w, l, 1) == "Cellar" })
	if d, _ := tb.Device(l.Devices[0]); d.Info["lastConnectedGateway"] == nil || d.Profile != connection.DefaultDeviceType {
		t.Errorf("the device lost something: %+v", d)
	}

	if err := tb.SetLabel(l.Devices[1], "The boss's wine"); err != nil {
		t.Fatal(err)
	}
	w.Restart() // what is known of labels stands at ThingsBoard, not here
	putNamed(t, l, 0, 2, "Cold room 4")
	putNamed(t, l, 1, 2, "Cellar, left")
	w.Until("the rename", 15*time.Second, func() bool { return labelled(w, l, 0) == "Cold room 4" })
	w.Until("both to be looked at", 15*time.Second, func() bool {
		return calls(tb, http.MethodGet, "/api/tenant/devices?deviceName="+l.Devices[1], 200) >= 2
	})
	w.Finish(15 * time.Second)
	if got := labelled(w, l, 1); got != "The boss's wine" {
		t.Errorf("a person's label became %q", got)
	}
}

func TestLabel_is_not_a_customer_users_to_set(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 2})
	tb, l := w.TB(), w.Links[0]
	tb.AddAccount(sandbox.Account{Email: faults.Account, Password: faults.Password, Authority: sandbox.CustomerUser})
	if _, err := tb.AddDevice("Their gateway", "default", true); err != nil {
		t.Fatal(err)
	}
	if err := tb.Assign("Their gateway"); err != nil {
		t.Fatal(err)
	}
	w.Start()
	w.Until("the opening to be told", 15*time.Second, func() bool { return strings.HasPrefix(l.Events()[0].Message, "Opened") })
	wrote, told := calls(tb, http.MethodPost, "/api/device", 200), len(l.Events())
	putNamed(t, l, 0, 1, "Cold room 3")
	w.Finish(15 * time.Second)
	putNamed(t, l, 1, 1, "Cellar") // by then the first was worked off, for they are taken one by one
	w.Finish(15 * time.Second)
	if label := labelled(w, l, 0); label != "" {
		t.Errorf("the label is %q", label)
	}
	if n := calls(tb, http.MethodPost, "/api/device", 200) - wrote; n != 0 {
		t.Errorf("%d devices were written", n)
	}
	if n := calls(tb, http.MethodGet, "/api/tenant/devices", 0); n != 0 {
		t.Errorf("%d questions that a customer user may not ask", n)
	}
	if events := l.Events(); len(events) != told {
		t.Errorf("it was told: %+v", events)
	}
}

func TestDevices_are_never_made_by_a_link_that_must_not(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 3, Configure: func(_ int, c *connection.Connection) { c.Configuration.CreateDevices = false }})
	tb, l := w.TB(), w.Links[0]
	if _, err := tb.AddDevice(l.Devices[0], "LoRaWAN", false); err != nil {
		t.Fatal(err)
	}
	w.Start()
	w.Backlog(3)
	w.Finish(15 * time.Second)
	w.Restart() // the devices seen lately are connected anew, so that commands reach them
	l.Reaches(connection.Opened, 15*time.Second)
	w.Until("the known device to be connected", 15*time.Second, func() bool { d, _ := tb.Device(l.Devices[0]); return d.Connected })
	for _, device := range l.Devices {
		w.Until("the question for "+device, 15*time.Second, func() bool { return calls(tb, http.MethodGet, "/api/tenant/devices?deviceName="+device, 0) >= 2 })
	}
	w.Backlog(1)
	v := w.Finish(15 * time.Second)
	if v.Figures.Arrived != 4 {
		t.Errorf("%d arrived", v.Figures.Arrived)
	}
	for _, device := range l.Devices[1:] {
		if _, made := tb.Device(device); made {
			t.Errorf("%s was made", device)
		}
		for _, published := range tb.Publishes() {
			if strings.Contains(string(published.Payload), device) {
				t.Errorf("%s was named on %s", device, published.Topic)
			}
		}
	}
}
