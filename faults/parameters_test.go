package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/faults/history"
	"boardlink/faults/proxy"
	"boardlink/thingsboard/sandbox"
)

// proof shows what one setting does: a connection of its own, whose setting is changed while its link runs. The
// connections of the other settings stand beside it; a link that is restarted for another's setting has a session more
// than it should.
type proof struct {
	*testing.T
	w        *faults.World
	l        *faults.Link
	field    connection.Field
	restarts bool   // a change restarts the link
	host     string // a name that leads nowhere before p.name
	account  string
	heard    *wiretap
	opened   time.Time // when the link last opened
	sessions int       // that the link should have opened
}

// parameter is how one setting is proven. show fails where the setting does nothing.
type parameter struct {
	configure func(p *proof, c *connection.Connection)
	prepare   func(p *proof) // before Boardlink starts
	closed    bool           // the link does not open
	restarts  bool           // a change restarts the link, and nothing else does
	show      func(p *proof)
}

// What the downlinks of these tests are authenticated with.
const (
	downlinkURL  = "https://park.example.com/thingpark/lrc/rest/downlink"
	asID         = "TWA_1.1.AS"
	asKey        = connection.Secret("00112233445566778899aabbccddeeff")
	anotherAsKey = connection.Secret("ffeeddccbbaa99887766554433221100")
)

func withDownlinks(_ *proof, c *connection.Connection) {
	c.Configuration.DownlinkURL, c.Configuration.DownlinkAsID, c.Configuration.DownlinkAsKey = downlinkURL, asID, asKey
}

// parameters has a row for each of [connection.Fields], and one for active.
var parameters = map[string]parameter{
	"name": {show: func(p *proof) {
		p.arrives(0)
		p.edit(func(c *connection.Connection) { c.Name = "Another name" })
		p.arrives(0)
	}},
	"description": {show: func(p *proof) {
		p.arrives(0)
		p.edit(func(c *connection.Connection) { c.Configuration.Description = "Meters of the north district" })
		p.arrives(0)
	}},

	"active": {show: func(p *proof) {
		p.arrives(0)
		committed, err := p.l.Activate(false)
		if err != nil {
			p.Fatal(err)
		}
		p.until("DEACTIVATED", func() bool { return p.l.Status().State == connection.Deactivated })
		p.until("the session to end", func() bool { return !p.gateway().Connected })
		published := len(p.w.TB().Publishes())
		p.put(0)
		if s := p.l.Status(); s.State != connection.Deactivated || s.Backlog != 1 || s.Since.After(committed.Add(time.Second)) {
			p.Errorf("the status is %+v", s)
		}
		if n := p.publishedSince(published); n != 0 {
			p.Errorf("%d publishes after the deactivation", n)
		}
		received := p.received(0)
		if _, err := p.l.Activate(true); err != nil {
			p.Fatal(err)
		}
		p.sessions++
		p.reopens()
		p.until("what waited", func() bool { return p.received(0) == received+1 })
	}},

	"hostName": {restarts: true, show: func(p *proof) {
		p.heard.name(p.host+":443", p.w.TB().HTTPAddr())
		p.edit(func(c *connection.Connection) { c.Configuration.HostName = p.host + ":443" })
		p.dialled(p.host + ":443")
		p.arrives(0)
	}},
	"username": {restarts: true, show: func(p *proof) {
		p.w.TB().AddAccount(sandbox.Account{Email: "second@example.com", Password: faults.Password})
		p.edit(func(c *connection.Connection) { c.Configuration.Username = "second@example.com" })
		if n := p.w.TB().LoginAttempts("second@example.com"); n != 1 {
			p.Errorf("the other account was signed in with %d times", n)
		}
	}},
	"password": {restarts: true, show: func(p *proof) {
		p.w.TB().SetPassword(p.account, "another password")
		p.edit(func(c *connection.Connection) { c.Configuration.Password = "another password" })
		if n := p.w.TB().LoginAttempts(p.account); n != 2 {
			p.Errorf("%d sign-ins", n)
		}
		p.arrives(0)
	}},
	"restUrl": {restarts: true, show: func(p *proof) {
		p.heard.name(p.host+":443", p.w.TB().HTTPAddr())
		p.edit(func(c *connection.Connection) { c.Configuration.RestURL = "https://" + p.host })
		p.dialled(p.host + ":443")
		p.arrives(0)
	}},
	"mqttHostName": {restarts: true, show: func(p *proof) {
		p.heard.name(p.host+":8883", p.w.TB().MQTTSAddr())
		p.edit(func(c *connection.Connection) { c.Configuration.MQTTHostName = p.host + ":8883" })
		p.dialled(p.host + ":8883")
		p.arrives(0)
	}},
	"protocol": {restarts: true,
		configure: func(p *proof, c *connection.Connection) {
			c.Configuration.HostName, c.Configuration.MQTTHostName = p.host+":443", ""
		},
		prepare: func(p *proof) {
			tb := p.w.TB()
			p.heard.name(p.host+":443", tb.HTTPAddr())
			for _, address := range []string{tb.MQTTAddr(), tb.MQTTSAddr()} { // as ThingsBoard announces them
				p.heard.name(p.host+address[strings.LastIndex(address, ":"):], address)
			}
		},
		show: func(p *proof) {
			if !p.lastSession().TLS {
				p.Error("AUTO opened a session in clear")
			}
			p.edit(func(c *connection.Connection) { c.Configuration.Protocol = connection.ProtocolTCP })
			if p.lastSession().TLS {
				p.Error("TCP opened a session with TLS")
			}
			p.edit(func(c *connection.Connection) { c.Configuration.Protocol = connection.ProtocolSSL })
			if !p.lastSession().TLS {
				p.Error("SSL opened a session in clear")
			}
			p.edit(func(c *connection.Connection) { c.Configuration.Protocol = connection.ProtocolAuto })
		},
	},
	"caCertificate": {restarts: true, show: func(p *proof) {
		stranger, err := sandbox.Start(sandbox.Options{TLS: true})
		if err != nil {
			p.Fatal(err)
		}
		stranger.Close()
		right := string(p.w.TB().CAPEM())
		p.change(func(c *connection.Connection) { c.Configuration.CACertificate = string(stranger.CAPEM()) })
		p.until("the link to be CLOSED by the certificate", func() bool { return p.l.Status().ReasonCode == connection.ReasonTLSUnknownCA })
		p.edit(func(c *connection.Connection) { c.Configuration.CACertificate = right })
		p.arrives(0)
	}},

	"telemetryFormat": {show: func(p *proof) {
		p.keys(0, "DevEUI_uplink")
		p.edit(func(c *connection.Connection) { c.Configuration.TelemetryFormat = connection.FormatMeasurements })
		p.keys(1, "fCntUp", "fPort", "rssi", "seq", "sf", "snr", "temperature")
	}},
	"sendMetadata": {show: func(p *proof) {
		p.keys(0, "DevEUI_uplink")
		p.edit(func(c *connection.Connection) { c.Configuration.SendMetadata = true })
		p.keys(1, "CustomerID", "DevEUI", "FCntUp", "FPort", "LrrRSSI", "LrrSNR", "SpFact", "Time", "payload", "payload_hex")
	}},
	"sendRawDecodedFormat": {show: func(p *proof) {
		p.keys(0, "DevEUI_uplink")
		p.edit(func(c *connection.Connection) { c.Configuration.SendRawDecodedFormat = true })
		p.keys(1, "seq", "temperature")
	}},
	"createDevices": {show: func(p *proof) {
		p.arrives(0)
		p.edit(func(c *connection.Connection) { c.Configuration.CreateDevices = false })
		p.put(1)
		p.told(p.l.Devices[1] + " and Create devices is off: 1 event was skipped.")
		if _, made := p.w.TB().Device(p.l.Devices[1]); made {
			p.Error("the device was made")
		}
		p.arrives(0)
		p.edit(func(c *connection.Connection) { c.Configuration.CreateDevices = true })
		p.arrives(1)
	}},
	"deviceType": {show: func(p *proof) {
		p.arrives(0)
		p.edit(func(c *connection.Connection) { c.Configuration.DeviceType = "Water meter" })
		p.arrives(1)
		for device, want := range []string{connection.DefaultDeviceType, "Water meter"} {
			if d, _ := p.w.TB().Device(p.l.Devices[device]); d.Profile != want {
				p.Errorf("device %d has the profile %q", device, d.Profile)
			}
		}
	}},
	"uplinkTimeValidity": {show: func(p *proof) { // the documents are an hour old
		p.arrives(0)
		p.edit(func(c *connection.Connection) { c.Configuration.UplinkTimeValidity = "30m" })
		p.put(1)
		p.until("the uplink to be dropped", func() bool { return p.l.Status().Backlog == 0 })
		if n := p.received(1); n != 0 {
			p.Errorf("%d arrived", n)
		}
		p.edit(func(c *connection.Connection) { c.Configuration.UplinkTimeValidity = "2h" })
		p.arrives(1)
	}},
	"verifyUplinkToken": {configure: withDownlinks, show: func(p *proof) {
		p.arrives(0)
		p.edit(func(c *connection.Connection) { c.Configuration.VerifyUplinkToken = true })
		if o := p.l.Put(0); o != history.Refused {
			p.Errorf("an uplink without a Token was %v", o)
		}
		p.edit(func(c *connection.Connection) { c.Configuration.VerifyUplinkToken = false })
		p.arrives(0)
	}},

	"downlinkEnabled": {configure: withDownlinks, show: func(p *proof) {
		p.arrives(0)
		p.sends(`{"FPort":3,"payload_hex":"01"}`)
		p.edit(func(c *connection.Connection) { c.Configuration.DownlinkEnabled = false })
		p.refuses(`{"FPort":3,"payload_hex":"02"}`, "switched off")
		p.edit(func(c *connection.Connection) { c.Configuration.DownlinkEnabled = true })
		p.sends(`{"FPort":3,"payload_hex":"03"}`)
	}},
	"downlinkUrl": {configure: withDownlinks, show: func(p *proof) {
		p.arrives(0)
		p.edit(func(c *connection.Connection) { c.Configuration.DownlinkURL = "https://other.example.com/downlink" })
		if got := p.sends(`{"FPort":3,"payload_hex":"01"}`); got.URL != "https://other.example.com/downlink" {
			p.Errorf("posted to %s", got.URL)
		}
		p.edit(func(c *connection.Connection) { c.Configuration.DownlinkURL = "" })
		p.refuses(`{"FPort":3,"payload_hex":"02"}`, "no downlink address")
	}},
	"downlinkAsId": {configure: withDownlinks, show: func(p *proof) {
		p.arrives(0)
		p.edit(func(c *connection.Connection) { c.Configuration.DownlinkAsID = "TWA_2.2.AS" })
		if got := p.sends(`{"FPort":3,"payload_hex":"01"}`); got.AsID != "TWA_2.2.AS" {
			p.Errorf("authenticated as %s", got.AsID)
		}
	}},
	"downlinkAsKey": {configure: withDownlinks, show: func(p *proof) {
		p.arrives(0)
		p.edit(func(c *connection.Connection) { c.Configuration.DownlinkAsKey = anotherAsKey })
		if got := p.sends(`{"FPort":3,"payload_hex":"01"}`); got.AsKey != anotherAsKey {
			p.Error("authenticated with another key")
		}
	}},
	"downlinkPort": {configure: withDownlinks, show: func(p *proof) {
		p.arrives(0)
		p.refuses(`{"payload_hex":"01"}`, "FPort")
		p.edit(func(c *connection.Connection) { c.Configuration.DownlinkPort = 77 })
		if got := p.sends(`{"payload_hex":"02"}`); got.Downlink.FPort != 77 {
			p.Errorf("sent with FPort %d", got.Downlink.FPort)
		}
	}},

	// Two hours after the loss NORMAL tries every hour, CALM every 10 minutes and AGGRESSIVE every 3.
	"reconnectStrategy": {closed: true,
		prepare: func(p *proof) {
			lost := time.Now().Add(-2*time.Hour - time.Minute)
			if err := errors.Join(p.l.REST().Set(proxy.Fault{Refuse: true}), p.l.Saved(connection.Status{State: connection.Closed, Since: lost, LostAt: lost, Attempt: 20})); err != nil {
				p.Fatal(err)
			}
		},
		show: func(p *proof) {
			p.nextTry(50*time.Minute, time.Hour)
			dials := p.l.Dials().Count
			p.edit(func(c *connection.Connection) { c.Configuration.ReconnectStrategy = connection.StrategyCalm })
			p.nextTry(7*time.Minute, 11*time.Minute)
			p.edit(func(c *connection.Connection) { c.Configuration.ReconnectStrategy = connection.StrategyAggressive })
			p.nextTry(time.Minute, 4*time.Minute)
			if n := p.l.Dials().Count; n != dials {
				p.Errorf("%d dials because the plan was changed", n-dials)
			}
		},
	},
}

func TestParameter_does_what_it_says_to_a_running_link_and_to_no_other(t *testing.T) {
	names := slices.Sorted(maps.Keys(parameters))
	proofs, heard, hosts := map[string]*proof{}, tap(map[string]string{}), []string{}
	for _, name := range names {
		p := &proof{restarts: parameters[name].restarts, heard: heard, sessions: 1, host: strings.ToLower(name) + ".example.com", account: strings.ToLower(name) + "@example.com"}
		p.field, _ = connection.FieldByName(name)
		proofs[name], hosts = p, append(hosts, p.host)
	}
	w := faults.New(t, faults.Options{Links: len(names), Devices: 2, Dial: heard.dial, Sandbox: sandbox.Options{Hosts: hosts},
		Configure: func(i int, c *connection.Connection) {
			p := proofs[names[i]]
			c.Configuration.Username, c.Configuration.TelemetryFormat = p.account, connection.FormatOriginal
			if configure := parameters[names[i]].configure; configure != nil {
				configure(p, c)
			}
		}})
	for i, name := range names {
		p := proofs[name]
		p.T, p.w, p.l = t, w, w.Links[i]
		w.TB().AddAccount(sandbox.Account{Email: p.account, Password: faults.Password})
		if prepare := parameters[name].prepare; prepare != nil {
			prepare(p)
		}
	}
	w.Start()
	t.Run("of", func(t *testing.T) {
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := proofs[name]
				p.T = t
				if p.field.Restarts != p.restarts {
					t.Errorf("the dialog says of a restart: %v", p.field.Restarts)
				}
				if parameters[name].closed {
					p.sessions = 0
				} else {
					p.reopens()
				}
				parameters[name].show(p)
			})
		}
	})
	for _, name := range names {
		p := proofs[name]
		if n := p.connects(); n != p.sessions {
			t.Errorf("%s: the link opened %d sessions instead of %d", name, n, p.sessions)
		}
		never(t, w, p.l, faults.Password, "another password", asKey.Reveal(), anotherAsKey.Reveal())
	}
}

// A new setting comes with its row here.
func TestParameters_are_all_proven(t *testing.T) {
	var named []string
	for _, f := range connection.Fields {
		named = append(named, strings.ToLower(f.Name))
		if _, proven := parameters[f.Name]; !proven {
			t.Errorf("nothing shows what %s does", f.Name)
		}
	}
	for name := range parameters {
		if _, known := connection.FieldByName(name); !known && name != "active" {
			t.Errorf("there is no setting %s", name)
		}
	}
	for member := range reflect.TypeFor[connection.Configuration]().Fields() {
		if !slices.Contains(named, strings.ToLower(member.Name)) {
			t.Errorf("%s is no field that a form, the API and these tests know", member.Name)
		}
	}
}

// until waits for a condition and ends the test where it does not come true.
func (p *proof) until(what string, cond func() bool) {
	p.Helper()
	if !p.w.Within(15*time.Second, cond) {
		p.Fatalf("%s: not within 15 s. The link: %+v\nEvents: %+v", what, p.l.Status(), p.l.Events())
	}
}

// change changes the connection.
func (p *proof) change(f func(c *connection.Connection)) {
	p.Helper()
	if _, err := p.l.Edit(f); err != nil {
		p.Fatal(err)
	}
}

// edit changes the connection and waits until the link has taken that over: at once, or with a restart where the
// setting is one of those.
func (p *proof) edit(f func(c *connection.Connection)) {
	p.Helper()
	p.change(f)
	if p.restarts {
		p.sessions++
		p.reopens()
		return
	}
	if !p.l.TakenOver(15 * time.Second) {
		p.Fatal("the link did not read its settings")
	}
}

// reopens waits until the link has opened, again where it was open before.
func (p *proof) reopens() {
	p.Helper()
	p.until("the link to open", func() bool {
		s := p.l.Status()
		return s.State == connection.Opened && s.StartupTime.After(p.opened)
	})
	p.opened = p.l.Status().StartupTime
}

func (p *proof) put(device int) {
	p.Helper()
	if o := p.l.Put(device); o != history.Accepted {
		p.Fatalf("an uplink was %v", o)
	}
}

// arrives posts an uplink of a device and waits until ThingsBoard has it.
func (p *proof) arrives(device int) {
	p.Helper()
	before := p.received(device)
	p.put(device)
	p.until("the uplink", func() bool { return p.received(device) == before+1 })
}

func (p *proof) received(device int) int {
	d, _ := p.w.TB().Device(p.l.Devices[device])
	return d.Received
}

// keys posts the first uplink of a device and compares what it became.
func (p *proof) keys(device int, want ...string) {
	p.Helper()
	p.arrives(device)
	var got []string
	for key := range p.w.TB().Latest(p.l.Devices[device]) {
		got = append(got, key)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		p.Errorf("the keys are %q, not %q", got, want)
	}
}

// told waits for an event.
func (p *proof) told(text string) {
	p.Helper()
	p.until("the event "+text, func() bool {
		return slices.ContainsFunc(p.l.Events(), func(e connection.Event) bool { return strings.Contains(e.Message, text) })
	})
}

// call sends a command to the first device and returns the answer.
func (p *proof) call(params string) (status, message string) {
	p.Helper()
	said, err := p.w.TB().SendRPC(context.Background(), p.l.Devices[0], "downlink", json.RawMessage(params), sandbox.RPCOptions{})
	if err != nil {
		p.Fatal(err)
	}
	var got struct{ Status, Message string }
	if err := json.Unmarshal(said, &got); err != nil {
		p.Fatal(err)
	}
	return got.Status, got.Message
}

// postings are the downlinks to the connection's devices.
func (p *proof) postings() (posted []faults.Posting) {
	for _, posting := range p.w.Park.Postings() {
		if slices.Contains(p.l.Devices, posting.Downlink.DevEUI) {
			posted = append(posted, posting)
		}
	}
	return posted
}

// sends sends a command and returns how it was posted to ThingPark.
func (p *proof) sends(params string) faults.Posting {
	p.Helper()
	before := len(p.postings())
	status, message := p.call(params)
	for range 5 { // a machine under load has a database that is slow, and what was not written down was not sent
		if !strings.Contains(message, "did not take the command down in time") {
			break
		}
		status, message = p.call(params)
	}
	if status != "queued" {
		p.Fatalf("the command is %s: %s", status, message)
	}
	posted := p.postings()
	if len(posted) != before+1 {
		p.Fatalf("%d downlinks were posted", len(posted)-before)
	}
	return posted[before]
}

// refuses sends a command that must be refused with an answer that says a text.
func (p *proof) refuses(params, says string) {
	p.Helper()
	before := len(p.postings())
	if status, message := p.call(params); status == "queued" || !strings.Contains(message, says) {
		p.Errorf("the command is %s: %s", status, message)
	}
	if n := len(p.postings()); n != before {
		p.Errorf("%d downlinks were posted", n-before)
	}
}

// nextTry waits until the next try is planned within bounds.
func (p *proof) nextTry(from, to time.Duration) {
	p.Helper()
	p.until("the next try to be in "+from.String()+" to "+to.String(), func() bool {
		wait := time.Until(p.l.Status().NextAttemptAt)
		return wait > from && wait < to
	})
}

// dialled fails the test where nothing was sent to an address.
func (p *proof) dialled(address string) {
	p.Helper()
	if !p.heard.spokeTo(address) {
		p.Errorf("nothing was sent to %s", address)
	}
}

// gateway is the link's gateway device.
func (p *proof) gateway() (g sandbox.Device) {
	for _, d := range p.w.TB().Devices() {
		if d.Gateway && strings.HasSuffix(d.Name, " "+p.l.ID.String()) {
			g = d
		}
	}
	return g
}

// connects counts the sessions that the link opened.
func (p *proof) connects() (n int) {
	for _, c := range p.w.TB().Connects() {
		if name := p.gateway().Name; name != "" && c.Device == name && c.Code == 0 {
			n++
		}
	}
	return n
}

// lastSession is the last that the link opened.
func (p *proof) lastSession() (last sandbox.Connect) {
	for _, c := range p.w.TB().Connects() {
		if c.Device == p.gateway().Name {
			last = c
		}
	}
	return last
}

// publishedSince counts the link's publishes after so many of all.
func (p *proof) publishedSince(n int) (count int) {
	for _, published := range p.w.TB().Publishes()[n:] {
		if published.Device == p.gateway().Name {
			count++
		}
	}
	return count
}
