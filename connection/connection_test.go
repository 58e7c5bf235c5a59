package connection

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const canary = "c4n4ry-in-clear"

func valid() Connection {
	cfg := DefaultConfiguration()
	cfg.HostName, cfg.Username, cfg.Password = "myhostname.com:8883", "tenant@example.com", canary
	return Connection{ConnectorID: ConnectorID, Name: "North", Active: true, Configuration: cfg}
}

func TestASecretIsNeverPrinted(t *testing.T) {
	s := Secret(canary)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "in", struct{ P Secret }{s})
	jsonText, err := json.Marshal(map[string]any{"a": s, "b": &s, "c": []Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{
		fmt.Sprint(s), fmt.Sprintf("%s %v %q %x %X %d %+v %#v %T", s, s, s, s, s, s, s, s, s), fmt.Sprintf("%v %+v %#v", valid(), valid(), valid()),
		log.String(), string(jsonText), fmt.Sprint(&s),
	} {
		if strings.Contains(printed, canary) || strings.Contains(strings.ToLower(printed), fmt.Sprintf("%x", canary)) {
			t.Errorf("a secret came out: %s", printed)
		}
	}
	if s.Reveal() != canary || Secret("").String() != "" {
		t.Error("Reveal gives the text, and an unset secret is empty")
	}
}

func TestParseID(t *testing.T) {
	for in, want := range map[string]ID{"1": 1, "4339": 4339, "8388607": maxID} {
		if got, err := ParseID(in); err != nil || got != want {
			t.Errorf("ParseID(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "0", "-1", "+1", "01", "1.0", " 1", "8388608", "99999999999999999999", "x"} {
		if _, err := ParseID(in); err == nil {
			t.Errorf("ParseID(%q) is accepted", in)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"30s": 30 * time.Second, "5m": 5 * time.Minute, "72h": 72 * time.Hour, "7d": 7 * day, "365d": 365 * day, "1s": time.Second, "": 0} {
		if got, err := ParseDuration(in); err != nil || got.Span() != want {
			t.Errorf("ParseDuration(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"s", "0s", "366d", "1", "1w", "-1s", "1.5h", "1h30m", " 1s", "1 s", "9999999999s", "+1s", "١s"} {
		if _, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) is accepted", in)
		}
	}
	t.Run("what was written is kept", func(t *testing.T) {
		for in, want := range map[string]Duration{"72h": "72h", "3d": "3d", "90s": "90s", "007m": "7m"} {
			if got, err := ParseDuration(in); err != nil || got != want {
				t.Errorf("%s is kept as %s", in, got)
			}
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	f.Add("7d")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil || d == "" {
			return
		}
		if back, err := ParseDuration(string(d)); err != nil || back != d || d.Span() < minDuration || d.Span() > maxDuration {
			t.Fatalf("%q is kept as %q, which lasts %v", s, d, d.Span())
		}
	})
}

func TestSplitHostPort(t *testing.T) {
	for in, want := range map[string]struct {
		host string
		port int
	}{
		"thingsboard.cloud:443": {"thingsboard.cloud", 443}, "cloud.thingsboard.io:1883": {"cloud.thingsboard.io", 1883}, "myhostname.com:8883": {"myhostname.com", 8883},
		"192.0.2.7:1": {"192.0.2.7", 1}, "[2001:db8::1]:65535": {"2001:db8::1", 65535}, "localhost:8080": {"localhost", 8080}, "a_b.example:80": {"a_b.example", 80},
	} {
		host, port, message := SplitHostPort(in)
		if message != "" || host != want.host || port != want.port {
			t.Errorf("%s is %q, %d, %q", in, host, port, message)
		}
	}
	for in, word := range map[string]string{
		"": "port", "example.com": "443", "example.com:": "port", "example.com:0": "65535", "example.com:65536": "65535", "example.com:+1": "65535", "example.com:08": "65535",
		"https://example.com:443": "scheme", "example.com:443/x": "path", "a b:1": "spaces", "me@example.com:1": "account", "2001:db8::1:443": "brackets",
		"[2001:db8::1]": "port", "[2001:db8::1": "bracket", "[192.0.2.1]:1": "IPv6", "[fe80::1%eth0]:1": "IPv6", "-a.com:1": "host name", "a..b:1": "host name", "256.1.1.1:1": "host name", ":443": "host name", "exämple.com:1": "host name",
	} {
		if _, _, message := SplitHostPort(in); !strings.Contains(message, word) {
			t.Errorf("%q gives %q, want a word on %q", in, message, word)
		}
	}
}

func FuzzSplitHostPort(f *testing.F) {
	f.Add("[2001:db8::1]:443")
	f.Add("example.com:1")
	f.Fuzz(func(t *testing.T, s string) {
		host, port, message := SplitHostPort(s)
		if message == "" && (host == "" || port < 1 || port > 65535 || strings.ContainsAny(host, " /@?#\n")) {
			t.Fatalf("%q is accepted as %q, %d", s, host, port)
		}
	})
}

func TestValidate(t *testing.T) {
	t.Run("a good connection has no errors", func(t *testing.T) {
		if errs := Validate(valid()); len(errs) != 0 {
			t.Fatal(errs)
		}
	})
	wrong := map[string]struct {
		change func(*Connection)
		path   string
	}{
		"another connector":             {func(c *Connection) { c.ConnectorID = "x" }, "connectorId"},
		"no name":                       {func(c *Connection) { c.Name = "" }, "name"},
		"a name over 255 characters":    {func(c *Connection) { c.Name = strings.Repeat("é", 256) }, "name"},
		"a name on two lines":           {func(c *Connection) { c.Name = "a\nb" }, "name"},
		"a name that turns the reading": {func(c *Connection) { c.Name = "a\u202eb" }, "name"},
		"no host":                       {func(c *Connection) { c.Configuration.HostName = "" }, "configuration.hostName"},
		"a host without port":           {func(c *Connection) { c.Configuration.HostName = "a.com" }, "configuration.hostName"},
		"a user who is no e-mail":       {func(c *Connection) { c.Configuration.Username = "tenant" }, "configuration.username"},
		"a user with a display name":    {func(c *Connection) { c.Configuration.Username = "T <t@example.com>" }, "configuration.username"},
		"no password":                   {func(c *Connection) { c.Configuration.Password = "" }, "configuration.password"},
		"the mask as password":          {func(c *Connection) { c.Configuration.Password = Mask }, "configuration.password"},
		"an AS key that is too short":   {func(c *Connection) { c.Configuration.DownlinkAsKey = "00112233445566778899aabbccddeef" }, "configuration.downlinkAsKey"},
		"an AS key that is too long":    {func(c *Connection) { c.Configuration.DownlinkAsKey = "00112233445566778899aabbccddeeff0" }, "configuration.downlinkAsKey"},
		"an AS key of other letters":    {func(c *Connection) { c.Configuration.DownlinkAsKey = "0011223344556677g899aabbccddeeff" }, "configuration.downlinkAsKey"},
		"the mask as AS key":            {func(c *Connection) { c.Configuration.DownlinkAsKey = Mask }, "configuration.downlinkAsKey"},
		"a long description":            {func(c *Connection) { c.Configuration.Description = strings.Repeat("x", 1001) }, "configuration.description"},
		"an unknown strategy":           {func(c *Connection) { c.Configuration.ReconnectStrategy = "FAST" }, "configuration.reconnectStrategy"},
		"no device type":                {func(c *Connection) { c.Configuration.DeviceType = "" }, "configuration.deviceType"},
		"MEASUREMENTS with metadata": {func(c *Connection) {
			c.Configuration.TelemetryFormat, c.Configuration.SendMetadata = FormatMeasurements, true
		}, "configuration.telemetryFormat"},
		"FPort 225":                         {func(c *Connection) { c.Configuration.DownlinkPort = 225 }, "configuration.downlinkPort"},
		"an http REST address without TCP":  {func(c *Connection) { c.Configuration.RestURL = "http://a.com" }, "configuration.restUrl"},
		"a REST address with an account":    {func(c *Connection) { c.Configuration.RestURL = "https://u:p@a.com" }, "configuration.restUrl"},
		"a downlink address that is no URL": {func(c *Connection) { c.Configuration.DownlinkURL = "a.com" }, "configuration.downlinkUrl"},
		"an MQTT host with a path":          {func(c *Connection) { c.Configuration.MQTTHostName = "a.com/x" }, "configuration.mqttHostName"},
		"a certificate that is none":        {func(c *Connection) { c.Configuration.CACertificate = "x" }, "configuration.caCertificate"},
		"token checks without a key":        {func(c *Connection) { c.Configuration.VerifyUplinkToken = true }, "configuration.verifyUplinkToken"},
		"an alarm that ends before it opens": {func(c *Connection) {
			c.Alarms = []Alarm{{StartTime: time.Unix(9, 0), EndTime: time.Unix(1, 0), Timezone: "Europe/Paris", UplinkRateMinPerHour: 1}}
		}, "alarms[0].endTime"},
		"an alarm in no zone": {func(c *Connection) {
			c.Alarms = []Alarm{{StartTime: time.Unix(1, 0), EndTime: time.Unix(9, 0), Timezone: "Mars", UplinkRateMinPerHour: 1}}
		}, "alarms[0].timezone"},
	}
	for name, w := range wrong {
		t.Run(name+" is refused at its field", func(t *testing.T) {
			c := valid()
			w.change(&c)
			errs := Validate(c)
			if len(errs) != 1 || errs[0].Path != w.path {
				t.Fatalf("errors %v, want one at %s", errs, w.path)
			}
			if strings.Contains(errs[0].Message, canary) {
				t.Error("the message repeats a secret")
			}
		})
	}
	t.Run("an MQTT host goes with and without a port", func(t *testing.T) {
		for _, host := range []string{"mqtt.example.com", "mqtt.example.com:1883", "[2001:db8::1]:8883"} {
			c := valid()
			c.Configuration.MQTTHostName = host
			if errs := Validate(c); len(errs) != 0 {
				t.Errorf("%s: %v", host, errs)
			}
		}
	})
}

func TestFieldsReadWhatTheyWrote(t *testing.T) {
	samples := map[string]string{"caCertificate": "x\ny", "uplinkTimeValidity": "7d", "downlinkPort": "12", "telemetryFormat": "MEASUREMENTS", "protocol": "TCP", "reconnectStrategy": "CALM"}
	for _, f := range Fields {
		var c Connection
		sample, ok := samples[f.Name]
		if !ok {
			sample = "sample"
		}
		if f.Control == ControlSwitch {
			sample = "true"
		}
		if message := f.Set(&c, sample); message != "" {
			t.Errorf("%s refuses %q: %s", f.Name, sample, message)
		}
		want := sample
		if f.Control == ControlSecret {
			want = Mask
		}
		if got := f.Get(&c); got != want {
			t.Errorf("%s was set to %q and reads %q", f.Name, sample, got)
		}
		if f.Label == "" || f.Help == "" {
			t.Errorf("%s has no label or help", f.Name)
		}
		if found, ok := FieldByName(f.Name); !ok || found.Path != f.Path {
			t.Errorf("%s is not found by its name", f.Name)
		}
	}
}

func TestWhatRestartsALink(t *testing.T) {
	restarts := map[string]bool{"hostName": true, "username": true, "password": true, "protocol": true, "restUrl": true, "mqttHostName": true, "caCertificate": true}
	for _, f := range Fields {
		from, to := valid(), valid()
		switch f.Control {
		case ControlSwitch:
			value := "true"
			if f.Get(&to) == "true" {
				value = "false"
			}
			f.Set(&to, value)
		case ControlNumber:
			f.Set(&to, "9")
		case ControlDuration:
			f.Set(&to, "9h")
		default:
			f.Set(&to, "something-else")
		}
		if got := RestartsLink(from, to); got != restarts[f.Name] || got != f.Restarts {
			t.Errorf("changing %s restarts the link: %v", f.Name, got)
		}
	}
}

func TestReasonsAreComplete(t *testing.T) {
	for code, text := range Reasons {
		if text.Sentence == "" || !strings.HasSuffix(text.Sentence, ".") {
			t.Errorf("%q has the sentence %q", code, text.Sentence)
		}
		if text.Hint != "" && !strings.HasSuffix(text.Hint, ".") && !strings.HasSuffix(text.Hint, "?") {
			t.Errorf("%q has the hint %q", code, text.Hint)
		}
	}
	if ReasonCode("new").Text().Sentence == "" {
		t.Error("an unknown code has no sentence")
	}
}

func TestClean(t *testing.T) {
	if got := Clean("a\x1b[31mb\r\nc\u202ed "); got != "a [31mb  c d" {
		t.Errorf("cleaned to %q", got)
	}
	if got := Clean(strings.Repeat("é", 600)); len([]rune(got)) != 513 || !strings.HasSuffix(got, "…") {
		t.Errorf("a long text keeps %d characters", len([]rune(got)))
	}
}

func TestFailureCarriesItsCode(t *testing.T) {
	err := fmt.Errorf("read: %w", Fail(CodeNotFound, "No connection has the id %d.", 7))
	if CodeOf(err) != CodeNotFound || CodeOf(errors.New("x")) != "" {
		t.Error("the code is lost")
	}
}

func TestCredentialTries(t *testing.T) {
	if (CredentialTries{Tries: 3}).Left() || !(CredentialTries{Tries: 3, Allowance: 1}).Left() || !(CredentialTries{Tries: 2}).Left() {
		t.Error("three tries, and one more for each that a person grants")
	}
}

func TestEndSentence_adds_the_stop_that_is_missing(t *testing.T) {
	for text, want := range map[string]string{"": "", "No": "No.", "No.": "No.", "Who?": "Who?", "No!": "No!", "And so …": "And so …", "é": "é."} {
		if got := EndSentence(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestMessages_name_choices_as_the_page_does(t *testing.T) {
	c := valid()
	c.Configuration.TelemetryFormat, c.Configuration.SendMetadata = FormatMeasurements, true
	errs := Validate(c)
	if len(errs) != 1 || errs[0].Message != "'Measurements' goes with neither Send metadata nor Send decoded payload only. Choose 'Original document' first." {
		t.Errorf("got %+v", errs)
	}
	for _, f := range Fields {
		for _, choice := range f.Choices {
			if short := choice.Short(); short == "" || len(short) > 20 || strings.ContainsAny(short, ":,") {
				t.Errorf("%s: %q is called %q", f.Name, choice.Label, short)
			}
		}
	}
}

func TestValidate_takes_the_AS_key_as_ThingPark_shows_it(t *testing.T) {
	for _, key := range []Secret{"", "00112233445566778899aabbccddeeff", "00112233445566778899AABBCCDDEEFf"} {
		c := valid()
		c.Configuration.DownlinkAsKey = key
		if errs := Validate(c); len(errs) != 0 {
			t.Errorf("got %+v", errs)
		}
	}
}
