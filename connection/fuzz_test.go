package connection

import (
	"crypto/x509"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// FuzzCheckPEM holds our reader of pasted certificates against the one that uses them: what is taken adds a trust root, and
// no private key is ever taken.
func FuzzCheckPEM(f *testing.F) {
	f.Add(fuzzCertificate)
	f.Add(strings.Replace(fuzzCertificate, "-----\n", "-----\nNote: a header\n\n", 1))
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	f.Add("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	f.Add("text before -----BEGIN")
	f.Fuzz(func(t *testing.T, text string) {
		if checkPEM(text) != "" {
			return
		}
		if !x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
			t.Errorf("taken, and adds no trust root: %q", text)
		}
		if strings.Contains(text, "-----BEGIN PRIVATE KEY-----\n") {
			t.Errorf("a private key was taken: %q", text)
		}
	})
}

// fuzzCertificate is of a test authority; nobody trusts it.
const fuzzCertificate = `-----BEGIN CERTIFICATE-----
MIIBdDCCARmgAwIBAgIUINmm79Z0/4uj0BgFJF5KesNJnAYwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEZnV6ejAeFw0yNjExMjQxMjEzNDhaFw0zNjExMjExMjEzNDha
MA8xDTALBgNVBAMMBGZ1enowWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASkAj5U
tp3FboEI0MohU7umAl3S6DyOjIFi9OQhPPAXT8PRO+MF3Lr1hLJLs8mplL9Hq28O
CbNaK/I9M99bFLaVo1MwUTAdBgNVHQ4EFgQUaBNzABdgzdwkvtPVP/d5BXTo9iIw
HwYDVR0jBBgwFoAUaBNzABdgzdwkvtPVP/d5BXTo9iIwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNJADBGAiEAwSlaKkfAkEV76WWr020LYsZpoJORVcxcVD85
OpbfToYCIQCNMNSFV+zzV1ej5Krz8ZTkbckf9ipaw1dZUD/pjtHZ7Q==
-----END CERTIFICATE-----`

// FuzzValidate checks whole connections of any content: no message repeats a secret, there are never so many that they are
// an attack themselves, and what passes can be used (host, port, zone).
func FuzzValidate(f *testing.F) {
	f.Add("tb.example.com:443", "a@example.com", "https://tp.example.com/x", "1.2.3.4:1883", []byte(`[{"startTime":"2026-01-05T09:00:00Z","endTime":"2026-01-05T18:00:00Z","timezone":"Europe/Paris","recurrence":[{"frequency":"weekly","byDays":["monday"]}],"uplinkRateMinPerHour":15,"message":"m"}]`))
	f.Add("[::1]:443", "\"a\"@b", "http://user@x/?a#b", "x", []byte(`[{"timezone":"../../etc/passwd"},{"recurrence":[{},{},{"byDays":["",""]}]}]`))
	f.Add("0x7f.1:1", "a@b\r\nBcc: x", "https://[fe80::1%25eth0]/", "a:b:c", []byte(`null`))
	f.Fuzz(func(t *testing.T, host, username, downlink, mqtt string, alarms []byte) {
		c := Connection{ConnectorID: ConnectorID, Name: "n", Configuration: DefaultConfiguration()}
		cfg := &c.Configuration
		cfg.HostName, cfg.Username, cfg.DownlinkURL, cfg.MQTTHostName, cfg.Password = host, username, downlink, mqtt, "hunter2-hunter2"
		if json.Unmarshal(alarms, &c.Alarms) != nil {
			return
		}
		errs := Validate(c)
		if len(errs) > 1000 {
			t.Errorf("%d complaints", len(errs))
		}
		for _, e := range errs {
			if strings.Contains(e.Message, "hunter2") {
				t.Errorf("%s: %s", e.Path, e.Message)
			}
		}
		if len(errs) > 0 {
			return
		}
		name, port, _ := SplitHostPort(cfg.HostName)
		if _, err := netip.ParseAddr(name); err != nil && (name == "" || strings.ContainsAny(name, " /\\@:%\r\n")) || port < 1 {
			t.Errorf("host %q, port %d", name, port)
		}
		if strings.ContainsAny(cfg.Username+cfg.DownlinkURL, "\r\n") {
			t.Errorf("a line ends in %q or %q", cfg.Username, cfg.DownlinkURL)
		}
		for _, a := range c.Alarms {
			if _, err := time.LoadLocation(a.Timezone); err != nil || strings.Contains(a.Timezone, "..") {
				t.Errorf("zone %q: %v", a.Timezone, err)
			}
		}
	})
}
