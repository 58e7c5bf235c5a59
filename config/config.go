// Package config reads the settings of Boardlink from flags and the environment, checks them and nothing else: it opens
// no file but those that a _FILE variable names.
package config

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"boardlink/connection"
)

// DefaultQueueMax is the queue's bound where none is set, in bytes.
const DefaultQueueMax = 10 << 30

// What is kept of the log of events where nothing is set.
const (
	DefaultEventsDays = 30
	DefaultEventsMax  = 1_000_000
)

// Config holds every setting. Printing it shows no secret.
type Config struct {
	Addr    string // host:port where console and API listen; port 0 takes a free one
	DataDir string

	// PublicURL is how browsers and ThingPark reach Boardlink: scheme and host, without a slash at the end.
	PublicURL string
	// PublicURLGiven tells that somebody set it; otherwise it was made from Addr, and [Config.PublicURLFor] makes it anew
	// once the port is known.
	PublicURLGiven bool

	// UplinkURLs are further addresses at which ThingPark reaches Boardlink, written like PublicURL; none of them is it.
	UplinkURLs []string

	// AddressRate and KeyRate are how many requests a second one address, and one API key, may make; 0: any number. Uplinks
	// are not counted.
	AddressRate, KeyRate int
	// TLSCert and TLSKey name the PEM files of the server's certificate and its key; both or neither. Empty: Boardlink speaks
	// plain HTTP.
	TLSCert, TLSKey string

	SecretKey     connection.Secret // empty: from the key file
	AdminEmail    string            // empty: no first operator from the environment
	AdminPassword connection.Secret
	APIKey        connection.Secret // empty: none
	AllowHosts    string            // comma list; its grammar is the dialler's
	QueueMax      int64             // bytes; the disk may allow less
	EventsDays    int               // how long events are kept, 1 to 3650
	EventsMax     int64             // how many events are kept, 1,000 to 100,000,000
	MetricsAddr   string            // host:port; empty: off
	// TrustedProxies are the proxies whose forwarded headers are believed.
	TrustedProxies []netip.Prefix
	LogLevel       string // debug, info, warn or error
	LogFormat      string // text or json

	SessionIdle     time.Duration // without a request a browser session ends, 5 min to 24 h
	SessionLifetime time.Duration // after which it ends however much it is used, 15 min to 30 d, not below SessionIdle

	// Development offers what only developers need: the gallery of controls, the accented words. Not for an installation that
	// people rely on.
	Development bool

	// Warnings are lines for the log: variables that begin with BOARDLINK_ and mean nothing here, and settings that are not for
	// an installation that people rely on.
	Warnings []string
}

// Default returns the settings that hold where nothing is set.
func Default() Config {
	return Config{
		Addr:       "127.0.0.1:8080",
		DataDir:    "./data",
		PublicURL:  "http://localhost:8080",
		QueueMax:   DefaultQueueMax,
		EventsDays: DefaultEventsDays,
		EventsMax:  DefaultEventsMax,
		LogLevel:   "info",
		LogFormat:  "text",

		SessionIdle:     DefaultSessionIdle,
		SessionLifetime: DefaultSessionLifetime,

		AddressRate: 300,
		KeyRate:     1000,
	}
}

// PublicURLFor gives the public address once the listener's own is known.
func (c Config) PublicURLFor(listener string) string {
	if c.PublicURLGiven {
		return c.PublicURL
	}
	_, port, err := net.SplitHostPort(listener)
	if err != nil {
		return c.PublicURL
	}
	return c.localURL(port)
}

// TLS reports whether the server speaks TLS by itself.
func (c Config) TLS() bool { return c.TLSCert != "" }

// localURL is the public address where nobody gave one.
func (c Config) localURL(port string) string {
	scheme := "http"
	if c.TLS() {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort("localhost", port)
}

// Logger makes the logger that the settings ask for.
func (c Config) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// LogValue gives the settings for a log line; secrets are masked.
func (c Config) LogValue() slog.Value {
	attrs := []slog.Attr{}
	for _, s := range settings {
		if v := s.show(&c); v != "" {
			attrs = append(attrs, slog.String(s.key(), v))
		}
	}
	return slog.GroupValue(attrs...)
}

// UsageError says what is wrong with how the program was called. Its text is one line, and the program ends with code 2.
type UsageError struct {
	Setting string // what it names: "--addr", "BOARDLINK_API_KEY", or an argument
	Message string
}

func (e *UsageError) Error() string {
	if e.Setting == "" {
		return oneLine(e.Message)
	}
	return oneLine(e.Setting + ": " + e.Message)
}

// oneLine keeps what somebody typed from breaking the line that names it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
