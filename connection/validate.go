package connection

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxFPort is the last FPort an application may use.
const MaxFPort = 224

// Validate checks a whole connection and returns what is wrong with it, field by field, in the order of [Fields]. A
// connection without errors can be stored and run. No message repeats a value.
func Validate(c Connection) []FieldError {
	var errs []FieldError
	if c.ConnectorID != ConnectorID {
		errs = append(errs, FieldError{"connectorId", "The only connector is " + ConnectorID + ".", ConnectorID})
	}
	for _, f := range Fields {
		if message := checkField(f, &c); message != "" {
			errs = append(errs, FieldError{f.Path, message, f.Example})
		}
	}
	return append(errs, validateAlarms(c.Alarms)...)
}

// checkField returns what is wrong with one field, or "".
func checkField(f Field, c *Connection) string {
	value := f.Get(c)
	if f.Control == ControlSecret {
		return checkSecret(f, c)
	}
	if value == "" {
		if f.Mandatory || f.Name == "deviceType" {
			return "Fill in " + f.Label + "."
		}
		return ""
	}
	if message := checkText(f, value); message != "" {
		return message
	}
	if f.Control == ControlChoice {
		for _, choice := range f.Choices {
			if choice.Value == value {
				return checkTogether(f, c)
			}
		}
		return "Choose one of " + choiceList(f) + "."
	}
	return checkTogether(f, c)
}

// checkTogether holds the rules of single fields, with what other fields they depend on.
func checkTogether(f Field, c *Connection) string {
	cfg := &c.Configuration
	switch f.Name {
	case "hostName":
		_, _, message := SplitHostPort(cfg.HostName)
		return message
	case "username":
		if a, err := mail.ParseAddress(cfg.Username); err != nil || a.Address != cfg.Username {
			return "Write an e-mail address, like tenant@example.com."
		}
	case "telemetryFormat":
		if cfg.TelemetryFormat == FormatMeasurements && (cfg.SendMetadata || cfg.SendRawDecodedFormat) {
			return "'Measurements' goes with neither Send metadata nor Send decoded payload only. Choose 'Original document' first."
		}
	case "downlinkPort":
		if cfg.DownlinkPort > MaxFPort || cfg.DownlinkPort < 0 {
			return "Give a whole number from 1 to 224, or leave it empty."
		}
	case "downlinkUrl":
		return checkURL(cfg.DownlinkURL)
	case "restUrl":
		if message := checkURL(cfg.RestURL); message != "" {
			return message
		}
		if strings.HasPrefix(strings.ToLower(cfg.RestURL), "http:") && cfg.Protocol != ProtocolTCP {
			return "An http address sends the password in clear: use https, or set the protocol to TCP."
		}
	case "mqttHostName":
		if _, _, message := SplitHostPort(cfg.MQTTHostName); message != "" {
			if _, _, message = SplitHostPort(cfg.MQTTHostName + ":1"); message != "" {
				return "Write a host name, or host:port."
			}
		}
	case "verifyUplinkToken":
		if cfg.VerifyUplinkToken && !cfg.DownlinkAsKey.IsSet() {
			return "Checking tokens needs the AS key: fill in AS key first."
		}
	case "caCertificate":
		return checkPEM(cfg.CACertificate)
	}
	return ""
}

func checkText(f Field, value string) string {
	if !utf8.ValidString(value) {
		return "Use text in UTF-8."
	}
	if f.Max > 0 && utf8.RuneCountInString(value) > f.Max {
		return fmt.Sprintf("Use at most %d characters.", f.Max)
	}
	for _, r := range value {
		if r == '\n' || r == '\t' {
			if f.Control == ControlMultiline {
				continue
			}
			return "Write it on one line."
		}
		if unicode.IsControl(r) || bidiControl(r) {
			return "Remove the control characters."
		}
	}
	return ""
}

// bidiControl reports the characters that make a text read in another order than it is written.
func bidiControl(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x200E || r == 0x200F || r == 0x061C
}

func checkSecret(f Field, c *Connection) string {
	secret := c.Configuration.Password
	if f.Name == "downlinkAsKey" {
		secret = c.Configuration.DownlinkAsKey
	}
	switch {
	case !secret.IsSet() && f.Mandatory:
		return "Fill in " + f.Label + "."
	case secret == Mask:
		return "Type the " + f.Label + " itself; stars only stand for one that is stored."
	case utf8.RuneCountInString(secret.Reveal()) > f.Max:
		return fmt.Sprintf("Use at most %d characters.", f.Max)
	case !utf8.ValidString(secret.Reveal()) || strings.ContainsFunc(secret.Reveal(), unicode.IsControl):
		return "Remove the control characters."
	case f.Name == "downlinkAsKey" && secret.IsSet() && !hexDigits(secret.Reveal(), 32):
		return "Write the 32 hexadecimal digits that ThingPark shows."
	}
	return ""
}

func hexDigits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func choiceList(f Field) string {
	values := make([]string, len(f.Choices))
	for i, c := range f.Choices {
		values[i] = c.Value
	}
	return strings.Join(values, ", ")
}

// SplitHostPort takes "host:port" apart: host is a name, an IPv4 or an IPv6 address (in brackets, which are removed),
// port 1 to 65535. message is a sentence for whoever typed it, empty where all is well.
func SplitHostPort(s string) (host string, port int, message string) {
	if strings.Contains(s, "://") {
		return "", 0, "Enter only host:port, without http:// or another scheme."
	}
	if strings.ContainsAny(s, "/?#") {
		return "", 0, "Enter only host:port, without a path."
	}
	if strings.ContainsAny(s, " \t\r\n") {
		return "", 0, "Remove the spaces: enter only host:port."
	}
	if strings.Contains(s, "@") {
		return "", 0, "Enter only host:port; the account goes into Username and Password."
	}
	const noPort = "Add the port: 443 for ThingsBoard's web address, 1883 or 8883 for MQTT."
	var portText string
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, "Close the bracket of the IPv6 address: [2001:db8::1]:443."
		}
		address, err := netip.ParseAddr(s[1:end])
		if err != nil || !address.Is6() || address.Zone() != "" {
			return "", 0, "Write an IPv6 address in the brackets: [2001:db8::1]:443."
		}
		host = s[1:end]
		rest := s[end+1:]
		if !strings.HasPrefix(rest, ":") {
			return "", 0, noPort
		}
		portText = rest[1:]
	} else {
		i := strings.LastIndexByte(s, ':')
		if i < 0 {
			return "", 0, noPort
		}
		host, portText = s[:i], s[i+1:]
		if strings.Contains(host, ":") {
			return "", 0, "Put an IPv6 address in brackets: [2001:db8::1]:443."
		}
		if message := checkHost(host); message != "" {
			return "", 0, message
		}
	}
	if portText == "" {
		return "", 0, noPort
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < 1 || port > 65535 || strconv.Itoa(port) != portText {
		return "", 0, "The port is a whole number from 1 to 65535."
	}
	return host, port, ""
}

func checkHost(host string) string {
	const bad = "Write a host name like myhostname.com, or an address."
	if host == "" || len(host) > 253 {
		return bad
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" {
		if _, err := netip.ParseAddr(host); err != nil {
			return bad // digits at the end are an IPv4 address or nothing
		}
		return ""
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return bad
		}
		for _, r := range l {
			if !(r == '-' || r == '_' || r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r))) {
				return bad
			}
		}
	}
	return ""
}

func checkURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" {
		return "Write a web address that begins with https://."
	}
	if u.User != nil {
		return "Remove the account from the address."
	}
	if u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(s, "?#") {
		return "Remove everything from the ? or # on."
	}
	return ""
}

func checkPEM(s string) string {
	const bad = "Paste certificates as PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."
	rest := []byte(s)
	found := 0
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return "Paste certificates only, no keys."
		}
		if len(block.Headers) > 0 { // x509 passes over such a one when trust is made of it
			return bad
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return bad
		}
		found++
	}
	if found == 0 || strings.TrimSpace(string(rest)) != "" {
		return bad
	}
	return ""
}
