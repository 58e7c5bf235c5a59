package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"boardlink/connection"
)

const prefix = "BOARDLINK_"

// Bounds of what is kept of the log of events. Below the least nobody could tell what happened last night; a hundred
// million are some 20 GB.
const (
	maxEventsDays = 3650
	minEventsMax  = 1_000
	maxEventsMax  = 100_000_000
)

// minAPIKey is the least length of an API key, in characters.
const minAPIKey = 32

// setting is one row of the table of settings: how it is called, read and shown.
type setting struct {
	flag   string // "addr"; empty: no flag
	env    string // "BOARDLINK_ADDR"
	secret bool   // has a _FILE twin and no flag
	help   string
	set    func(c *Config, value string) error // value is not empty; an error is a sentence that never repeats a secret
	show   func(c *Config) string              // as it may be printed
}

// key is the setting's name in a log line.
func (s setting) key() string { return strings.ToLower(strings.TrimPrefix(s.env, prefix)) }

var settings = []setting{
	{flag: "addr", env: "BOARDLINK_ADDR", help: "where the console and API listen, host:port",
		set:  func(c *Config, v string) error { c.Addr = v; return checkAddr(v) },
		show: func(c *Config) string { return c.Addr }},
	{flag: "data", env: "BOARDLINK_DATA", help: "data folder",
		set:  func(c *Config, v string) error { c.DataDir = v; return checkPath(v) },
		show: func(c *Config) string { return c.DataDir }},
	{flag: "public-url", env: "BOARDLINK_PUBLIC_URL", help: "how browsers and ThingPark reach Boardlink",
		set: func(c *Config, v string) (err error) {
			c.PublicURL, err = cleanPublicURL(v)
			c.PublicURLGiven = true
			return err
		},
		show: func(c *Config) string { return c.PublicURL }},
	{env: "BOARDLINK_UPLINK_URLS", help: "further addresses at which ThingPark reaches Boardlink, beside the public one: comma list of at most 3, shown with each connection (default: none)",
		set:  func(c *Config, v string) (err error) { c.UplinkURLs, err = parseUplinkURLs(v); return err },
		show: func(c *Config) string { return strings.Join(c.UplinkURLs, ",") }},
	{flag: "log-level", env: "BOARDLINK_LOG_LEVEL", help: "debug, info, warn or error",
		set:  func(c *Config, v string) error { c.LogLevel = v; return oneOf(v, "debug", "info", "warn", "error") },
		show: func(c *Config) string { return c.LogLevel }},
	{flag: "log-format", env: "BOARDLINK_LOG_FORMAT", help: "text or json",
		set:  func(c *Config, v string) error { c.LogFormat = v; return oneOf(v, "text", "json") },
		show: func(c *Config) string { return c.LogFormat }},

	{env: "BOARDLINK_SECRET_KEY", secret: true, help: "seals secrets at rest: 32 bytes as base64 or 64 hexadecimal digits (default: the file secret.key in the data folder)",
		set: func(c *Config, v string) error {
			c.SecretKey = connection.Secret(v)
			_, err := ParseKey(c.SecretKey)
			return err
		},
		show: func(c *Config) string { return c.SecretKey.String() }},
	{env: "BOARDLINK_ADMIN_EMAIL", help: "makes the first operator, with BOARDLINK_ADMIN_PASSWORD",
		set:  func(c *Config, v string) error { c.AdminEmail = v; return checkEmail(v) },
		show: func(c *Config) string { return c.AdminEmail }},
	{env: "BOARDLINK_ADMIN_PASSWORD", secret: true, help: "password of the first operator",
		set:  func(c *Config, v string) error { c.AdminPassword = connection.Secret(v); return nil },
		show: func(c *Config) string { return c.AdminPassword.String() }},
	{env: "BOARDLINK_API_KEY", secret: true, help: "an API key with every scope, 32 characters or more",
		set:  func(c *Config, v string) error { c.APIKey = connection.Secret(v); return checkAPIKey(v) },
		show: func(c *Config) string { return c.APIKey.String() }},
	{env: "BOARDLINK_SESSION_IDLE", help: "without a request a browser session ends, 5m to 24h (default: 30m)",
		set: func(c *Config, v string) (err error) {
			c.SessionIdle, err = parseSpan(v, minSessionIdle, maxSessionIdle)
			return err
		},
		show: func(c *Config) string { return showSpan(c.SessionIdle) }},
	{env: "BOARDLINK_SESSION_LIFETIME", help: "after which a browser session ends however much it is used, 15m to 30d (default: 12h)",
		set: func(c *Config, v string) (err error) {
			c.SessionLifetime, err = parseSpan(v, minSessionLifetime, maxSessionLifetime)
			return err
		},
		show: func(c *Config) string { return showSpan(c.SessionLifetime) }},
	{env: "BOARDLINK_ALLOW_HOSTS", help: "extra places that outgoing connections may go: comma list of host, ip, cidr, each with optional :port",
		set:  func(c *Config, v string) error { c.AllowHosts = v; return nil },
		show: func(c *Config) string { return c.AllowHosts }},
	{env: "BOARDLINK_TLS_CERT", help: "PEM file of the certificate with its chain: Boardlink then speaks https by itself; read again when it changes",
		set:  func(c *Config, v string) error { c.TLSCert = v; return checkPath(v) },
		show: func(c *Config) string { return c.TLSCert }},
	{env: "BOARDLINK_TLS_KEY", help: "PEM file of the certificate's key",
		set:  func(c *Config, v string) error { c.TLSKey = v; return checkPath(v) },
		show: func(c *Config) string { return c.TLSKey }},
	{env: "BOARDLINK_TRUSTED_PROXIES", help: "proxies in front whose forwarded headers (X-Forwarded-For, -Proto, -Host, Forwarded) are believed: comma list of addresses and CIDRs (default: none)",
		set:  func(c *Config, v string) (err error) { c.TrustedProxies, err = parseProxies(v); return err },
		show: func(c *Config) string { return joinPrefixes(c.TrustedProxies) }},
	{env: "BOARDLINK_ADDRESS_RATE", help: "requests a second that one address may make without an API key; 0: any number (default: 300; uplinks are not counted)",
		set:  func(c *Config, v string) (err error) { c.AddressRate, err = parseRate(v); return err },
		show: func(c *Config) string { return strconv.Itoa(c.AddressRate) }},
	{env: "BOARDLINK_KEY_RATE", help: "requests a second that one API key may make; 0: any number (default: 1000; uplinks are not counted)",
		set:  func(c *Config, v string) (err error) { c.KeyRate, err = parseRate(v); return err },
		show: func(c *Config) string { return strconv.Itoa(c.KeyRate) }},
	{env: "BOARDLINK_QUEUE_MAX", help: "the queue's bound, in bytes or as 500MiB, 10GiB",
		set:  func(c *Config, v string) (err error) { c.QueueMax, err = parseSize(v); return err },
		show: func(c *Config) string { return strconv.FormatInt(c.QueueMax, 10) }},
	{env: "BOARDLINK_EVENTS_DAYS", help: "for how many days events are kept, 1 to 3650 (default: 30)",
		set: func(c *Config, v string) error {
			n, err := parseCount(v, 1, maxEventsDays)
			c.EventsDays = int(n)
			return err
		},
		show: func(c *Config) string { return strconv.Itoa(c.EventsDays) }},
	{env: "BOARDLINK_EVENTS_MAX", help: "how many events are kept, the latest ones, 1000 to 100000000 (default: 1000000)",
		set: func(c *Config, v string) (err error) {
			c.EventsMax, err = parseCount(v, minEventsMax, maxEventsMax)
			return err
		},
		show: func(c *Config) string { return strconv.FormatInt(c.EventsMax, 10) }},
	{env: "BOARDLINK_METRICS_ADDR", help: "where Prometheus finds /metrics, on a listener of its own, host:port (default: off)",
		set: func(c *Config, v string) error {
			if v == "off" {
				c.MetricsAddr = ""
				return nil
			}
			c.MetricsAddr = v
			return checkAddr(v)
		},
		show: func(c *Config) string { return c.MetricsAddr }},
	{env: "BOARDLINK_DEVELOPMENT", help: "true: offers what only developers need, such as the gallery of controls at /gallery (default: false)",
		set: func(c *Config, v string) error {
			c.Development = v == "true"
			return oneOf(v, "true", "false")
		},
		show: func(c *Config) string { return showTrue(c.Development) }},
}

// Validate checks what no single setting can: those that go together. The error is a [*UsageError].
func (c Config) Validate() error {
	switch {
	case c.AdminEmail != "" && !c.AdminPassword.IsSet():
		return &UsageError{"BOARDLINK_ADMIN_PASSWORD", "is missing: BOARDLINK_ADMIN_EMAIL needs it. Set both or neither."}
	case c.AdminEmail == "" && c.AdminPassword.IsSet():
		return &UsageError{"BOARDLINK_ADMIN_EMAIL", "is missing: BOARDLINK_ADMIN_PASSWORD needs it. Set both or neither."}
	case c.TLSCert != "" && c.TLSKey == "":
		return &UsageError{"BOARDLINK_TLS_KEY", "is missing: BOARDLINK_TLS_CERT needs it. Set both or neither."}
	case c.TLSCert == "" && c.TLSKey != "":
		return &UsageError{"BOARDLINK_TLS_CERT", "is missing: BOARDLINK_TLS_KEY needs it. Set both or neither."}
	case slices.Contains(c.UplinkURLs, c.PublicURL):
		return &UsageError{Setting: "BOARDLINK_UPLINK_URLS", Message: "leave out " + c.PublicURL + ", which is the public address already"}
	case c.TLS() && !strings.HasPrefix(c.PublicURL, "https://"):
		return &UsageError{"BOARDLINK_PUBLIC_URL", "must begin with https:// where BOARDLINK_TLS_CERT is set."}
	case c.SessionLifetime < c.SessionIdle:
		return &UsageError{"BOARDLINK_SESSION_LIFETIME", "is shorter than BOARDLINK_SESSION_IDLE."}
	case c.MetricsAddr != "" && c.MetricsAddr == c.Addr && !strings.HasSuffix(c.Addr, ":0"):
		return &UsageError{"BOARDLINK_METRICS_ADDR", "must differ from the address of the console."}
	}
	return nil
}

// maxRate bounds what can be set as a rate, in requests a second.
const maxRate = 1_000_000

func parseRate(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > maxRate {
		return 0, errors.New("write a whole number of requests a second, from 1 to 1000000, or 0 for any number")
	}
	return n, nil
}

// showTrue shows a switch that is off by default only where it is on.
func showTrue(on bool) string {
	if on {
		return "true"
	}
	return ""
}

func oneOf(v string, choices ...string) error {
	for _, c := range choices {
		if v == c {
			return nil
		}
	}
	return errors.New("use one of " + strings.Join(choices, ", "))
}

func checkPath(v string) error {
	if strings.ContainsRune(v, 0) {
		return errors.New("is not a path")
	}
	return nil
}

func checkAddr(v string) error {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return errors.New("write host:port, for example 127.0.0.1:8080")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return errors.New("the port must be a number from 0 to 65535")
	}
	if _, err := netip.ParseAddr(host); err != nil && strings.ContainsFunc(host, func(r rune) bool { return !hostRune(r) }) {
		return errors.New("write host:port, for example 127.0.0.1:8080")
	}
	return nil
}

func hostRune(r rune) bool {
	return r == '.' || r == '-' || r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

func cleanPublicURL(v string) (string, error) {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" {
		return "", errors.New("write http:// or https:// and a host, for example https://boardlink.example.com")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(v, "#") || strings.Trim(u.Path, "/") != "" {
		return "", errors.New("write only scheme, host and port, without account, path or query")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return "", errors.New("the port must be a number from 1 to 65535")
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return "", errors.New("the port must be a number from 1 to 65535")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

func checkEmail(v string) error {
	at := strings.LastIndexByte(v, '@')
	if at < 1 || at == len(v)-1 || strings.ContainsFunc(v, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return errors.New("write an e-mail address like you@example.com")
	}
	return nil
}

func checkAPIKey(v string) error {
	if utf8.RuneCountInString(v) < minAPIKey {
		return fmt.Errorf("use at least %d characters", minAPIKey)
	}
	if strings.ContainsFunc(v, unicode.IsControl) || strings.TrimSpace(v) != v {
		return errors.New("a key travels in a header: remove control characters and the space around it")
	}
	return nil
}

// parseCount reads a whole number as people write it: digits alone.
func parseCount(v string, low, high int64) (int64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 63)
	if err != nil || int64(n) < low || int64(n) > high {
		return 0, fmt.Errorf("write a whole number from %d to %d, digits alone", low, high)
	}
	return int64(n), nil
}

// sizeUnits are binary: GiB and what people mean by G. GB is told apart, so that nobody gets 7 % less than was written.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40}, {"B", 1},
}

func parseSize(v string) (int64, error) {
	bad := errors.New("write a size like 10GiB, at least 1MiB")
	number, unit := strings.TrimSpace(v), int64(1)
	for _, u := range sizeUnits {
		if len(number) > len(u.suffix) && strings.EqualFold(number[len(number)-len(u.suffix):], u.suffix) {
			number, unit = strings.TrimSpace(number[:len(number)-len(u.suffix)]), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || n > math.MaxInt64/uint64(unit) {
		return 0, bad
	}
	if size := int64(n) * unit; size >= 1<<20 {
		return size, nil
	}
	return 0, bad
}
