package config

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

const (
	testHexKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	testAPIKey = "an-api-key-of-exactly-32-letters"
)

func load(t *testing.T, args, environ []string) Config {
	t.Helper()
	c, err := Load(args, environ, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoad_gives_the_documented_defaults(t *testing.T) {
	want := Config{Addr: "127.0.0.1:8080", DataDir: "./data", PublicURL: "http://localhost:8080", QueueMax: 10 << 30, EventsDays: 30, EventsMax: 1_000_000, LogLevel: "info", LogFormat: "text"}
	want.SessionIdle, want.SessionLifetime = 30*time.Minute, 12*time.Hour
	want.AddressRate, want.KeyRate = 300, 1000
	if got := load(t, nil, nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestLoad_takes_every_setting_from_the_environment(t *testing.T) {
	got := load(t, nil, []string{
		"PATH=/bin", "BOARDLINK_ADDR=0.0.0.0:9000", "BOARDLINK_DATA=/var/lib/boardlink", "BOARDLINK_PUBLIC_URL=https://Boardlink.Example.com/",
		"BOARDLINK_UPLINK_URLS=https://Second.example.com/, http://192.0.2.7:8080",
		"BOARDLINK_SECRET_KEY=" + testHexKey, "BOARDLINK_ADMIN_EMAIL=ada@example.com", "BOARDLINK_ADMIN_PASSWORD=correct horse",
		"BOARDLINK_API_KEY=" + testAPIKey, "BOARDLINK_ALLOW_HOSTS=localhost:8883,[::1]:1883", "BOARDLINK_QUEUE_MAX=500 MiB",
		"BOARDLINK_EVENTS_DAYS=365", "BOARDLINK_EVENTS_MAX=5000000",
		"BOARDLINK_METRICS_ADDR=127.0.0.1:9100", "BOARDLINK_LOG_LEVEL=debug", "BOARDLINK_LOG_FORMAT=json",
		"BOARDLINK_TLS_CERT=cert.pem", "BOARDLINK_TLS_KEY=key.pem", "BOARDLINK_TRUSTED_PROXIES=10.0.0.5",
		"BOARDLINK_SESSION_IDLE=15m", "BOARDLINK_SESSION_LIFETIME=2d",
		"BOARDLINK_ADDRESS_RATE=7", "BOARDLINK_KEY_RATE=0", "BOARDLINK_DEVELOPMENT=false",
	})
	want := Config{
		Addr: "0.0.0.0:9000", DataDir: "/var/lib/boardlink", PublicURL: "https://boardlink.example.com", PublicURLGiven: true, UplinkURLs: []string{"https://second.example.com", "http://192.0.2.7:8080"},
		SecretKey: testHexKey, AdminEmail: "ada@example.com", AdminPassword: "correct horse", APIKey: testAPIKey,
		AllowHosts: "localhost:8883,[::1]:1883", QueueMax: 500 << 20, EventsDays: 365, EventsMax: 5_000_000, MetricsAddr: "127.0.0.1:9100", LogLevel: "debug", LogFormat: "json",
		TLSCert: "cert.pem", TLSKey: "key.pem", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32")},
		AddressRate: 7, KeyRate: 0,
	}
	want.SessionIdle, want.SessionLifetime = 15*time.Minute, 48*time.Hour
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestLoad_warns_of_development(t *testing.T) {
	got := load(t, nil, []string{"BOARDLINK_DEVELOPMENT=true"})
	if !got.Development || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "BOARDLINK_DEVELOPMENT") {
		t.Errorf("development %v, warnings %q", got.Development, got.Warnings)
	}
	if _, err := Load(nil, []string{"BOARDLINK_DEVELOPMENT=yes"}, io.Discard); err == nil || !strings.Contains(err.Error(), "true, false") {
		t.Errorf("yes: %v", err)
	}
}

func TestLoad_lets_a_flag_win_over_the_environment(t *testing.T) {
	got := load(t, []string{"--addr", ":9001", "-data=elsewhere", "--log-level=warn", "--log-format", "json"},
		[]string{"BOARDLINK_ADDR=127.0.0.1:9000", "BOARDLINK_DATA=here", "BOARDLINK_LOG_LEVEL=debug"})
	if got.Addr != ":9001" || got.DataDir != "elsewhere" || got.LogLevel != "warn" || got.LogFormat != "json" || got.PublicURL != "http://localhost:9001" {
		t.Errorf("got %+v", got)
	}
}

func TestLoad_takes_an_empty_variable_for_none(t *testing.T) {
	got := load(t, nil, []string{"BOARDLINK_ADDR=", "BOARDLINK_API_KEY=", "BOARDLINK_API_KEY_FILE=", "BOARDLINK_ADMIN_EMAIL="})
	if !reflect.DeepEqual(got, load(t, nil, nil)) {
		t.Errorf("got %+v", got)
	}
}

func TestLoad_reads_secrets_from_files(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got := load(t, nil, []string{
		"BOARDLINK_SECRET_KEY_FILE=" + file("key", testHexKey+"\n"), "BOARDLINK_ADMIN_EMAIL=ada@example.com",
		"BOARDLINK_ADMIN_PASSWORD_FILE=" + file("password", " spaces stay \r\n"), "BOARDLINK_API_KEY_FILE=" + file("api", testAPIKey),
	})
	if got.SecretKey != testHexKey || got.AdminPassword != " spaces stay " || got.APIKey != testAPIKey {
		t.Errorf("got %q, %q, %q", got.SecretKey.Reveal(), got.AdminPassword.Reveal(), got.APIKey.Reveal())
	}
	for name, environ := range map[string][]string{
		"BOARDLINK_API_KEY_FILE: set it or BOARDLINK_API_KEY, not both":                {"BOARDLINK_API_KEY=" + testAPIKey, "BOARDLINK_API_KEY_FILE=" + file("api", testAPIKey)},
		"BOARDLINK_API_KEY_FILE: the file cannot be read: no such file or directory":   {"BOARDLINK_API_KEY_FILE=" + filepath.Join(dir, "nowhere")},
		"BOARDLINK_API_KEY_FILE: the file cannot be read: is a directory":              {"BOARDLINK_API_KEY_FILE=" + dir},
		"BOARDLINK_API_KEY_FILE: the file is empty":                                    {"BOARDLINK_API_KEY_FILE=" + file("empty", "\n")},
		"BOARDLINK_API_KEY_FILE: the file is too large for a secret":                   {"BOARDLINK_API_KEY_FILE=" + file("large", strings.Repeat("x", maxSecretFile+1))},
		"BOARDLINK_SECRET_KEY_FILE: write 32 bytes as base64 or 64 hexadecimal digits": {"BOARDLINK_SECRET_KEY_FILE=" + file("key", "short")},
	} {
		if _, err := Load(nil, environ, io.Discard); err == nil || err.Error() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

func TestLoad_refuses_in_one_line_that_names_it(t *testing.T) {
	for name, test := range map[string]struct {
		args, environ []string
	}{
		"--nope":                   {args: []string{"--nope", "1"}},
		"--no?pe":                  {args: []string{"--no\npe"}},
		"--addr":                   {args: []string{"--addr"}},
		"--data":                   {args: []string{"--data="}},
		"--log-level":              {args: []string{"--log-level", "loud"}},
		"--log-format":             {args: []string{"--log-format=xml"}},
		"--api-key":                {args: []string{"--api-key", testAPIKey}}, // secrets are no flags
		"extra":                    {args: []string{"extra"}},
		"BOARDLINK_ADDR":           {environ: []string{"BOARDLINK_ADDR=8080"}},
		"BOARDLINK_METRICS_ADDR":   {environ: []string{"BOARDLINK_METRICS_ADDR=127.0.0.1:8080"}}, // the console's
		"BOARDLINK_ADMIN_PASSWORD": {environ: []string{"BOARDLINK_ADMIN_EMAIL=ada@example.com"}},
		"BOARDLINK_ADMIN_EMAIL":    {environ: []string{"BOARDLINK_ADMIN_PASSWORD=correct horse"}},
		"BOARDLINK_TLS_KEY":        {environ: []string{"BOARDLINK_TLS_CERT=cert.pem"}},
		"BOARDLINK_TLS_CERT":       {environ: []string{"BOARDLINK_TLS_KEY=key.pem"}},
		"BOARDLINK_PUBLIC_URL":     {environ: []string{"BOARDLINK_TLS_CERT=cert.pem", "BOARDLINK_TLS_KEY=key.pem", "BOARDLINK_PUBLIC_URL=http://boardlink.example.com"}},
		"BOARDLINK_API_KEY":        {environ: []string{"BOARDLINK_API_KEY=" + testAPIKey[1:]}},
		"BOARDLINK_SECRET_KEY":     {environ: []string{"BOARDLINK_SECRET_KEY=0123"}},
		"BOARDLINK_QUEUE_MAX":      {environ: []string{"BOARDLINK_QUEUE_MAX=lots"}},
		"BOARDLINK_EVENTS_DAYS":    {environ: []string{"BOARDLINK_EVENTS_DAYS=a month"}},
		"BOARDLINK_EVENTS_MAX":     {environ: []string{"BOARDLINK_EVENTS_MAX=0"}},
		"BOARDLINK_ADDRESS_RATE":   {environ: []string{"BOARDLINK_ADDRESS_RATE=-1"}},
		"BOARDLINK_KEY_RATE":       {environ: []string{"BOARDLINK_KEY_RATE=1e3"}},
		"BOARDLINK_LOG_LEVEL":      {environ: []string{"BOARDLINK_LOG_LEVEL=loud"}},
	} {
		_, err := Load(test.args, test.environ, io.Discard)
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, name+": ") || strings.ContainsAny(text, "\n\r") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func TestLoad_never_repeats_a_secret_that_it_refuses(t *testing.T) {
	for _, line := range []string{"BOARDLINK_API_KEY=too-short-canary", "BOARDLINK_SECRET_KEY=not-a-key-canary", "BOARDLINK_ADMIN_PASSWORD=lonely-canary"} {
		if _, err := Load(nil, []string{line}, io.Discard); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
	}
}

func TestLoad_warns_of_variables_that_mean_nothing(t *testing.T) {
	got := load(t, nil, []string{"BOARDLINK_SERVICE_HOST=10.0.0.1", "BOARDLINK_ADDR_FILE=x", "BOARDLINK_PORT=tcp://10.0.0.1", "NOT_BOARDLINK_X=1", "BOARDLINK_API_KEY_FILE="})
	if len(got.Warnings) != 3 || !strings.Contains(got.Warnings[0], "BOARDLINK_ADDR_FILE") || !strings.Contains(got.Warnings[1], "BOARDLINK_PORT") || !strings.Contains(got.Warnings[2], "BOARDLINK_SERVICE_HOST") {
		t.Errorf("warnings %q", got.Warnings)
	}
	if strings.Contains(fmt.Sprint(got.Warnings), "10.0.0.1") {
		t.Error("a value is shown")
	}
}

func TestLoad_helps(t *testing.T) {
	for _, arg := range []string{"-h", "--help", "-help"} {
		var out bytes.Buffer
		if _, err := Load([]string{arg}, nil, &out); !errors.Is(err, ErrHelp) {
			t.Errorf("%s: %v", arg, err)
		}
		for _, word := range []string{"--public-url", "BOARDLINK_API_KEY[_FILE]", "reset-link EMAIL", "127.0.0.1:8080",
			"BOARDLINK_TRUSTED_PROXIES\n", "BOARDLINK_TLS_CERT\n", "BOARDLINK_ADDRESS_RATE\n", "BOARDLINK_KEY_RATE\n", "BOARDLINK_TLS_KEY\n"} {
			if !strings.Contains(out.String(), word) {
				t.Errorf("the help lacks %s", word)
			}
		}
	}
}

func TestLoadFor_takes_a_commands_arguments(t *testing.T) {
	for _, args := range [][]string{{"ada@example.com", "--data", "x"}, {"--data", "x", "ada@example.com"}, {"--data=x", "--", "ada@example.com"}} {
		c, values, err := LoadFor([]string{"EMAIL"}, args, nil, io.Discard)
		if err != nil || c.DataDir != "x" || len(values) != 1 || values[0] != "ada@example.com" {
			t.Errorf("%v: %v, %v", args, values, err)
		}
	}
	for want, args := range map[string][]string{"EMAIL: is missing": nil, "b: is one argument too many": {"a", "b"}} {
		if _, _, err := LoadFor([]string{"EMAIL"}, args, nil, io.Discard); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestCommand_is_serve_where_none_is_named(t *testing.T) {
	for line, want := range map[string]string{"": "serve []", "--addr x": "serve [--addr x]", "demo --addr x": "demo [--addr x]", "reset-link a@b": "reset-link [a@b]"} {
		name, rest := Command(strings.Fields(line))
		if got := fmt.Sprint(name, " ", rest); got != want {
			t.Errorf("%q: got %s, want %s", line, got, want)
		}
	}
}

func TestPublicURL(t *testing.T) {
	for input, want := range map[string]string{
		"http://localhost:8080": "http://localhost:8080", "https://Example.com/": "https://example.com", "https://[::1]:8443": "https://[::1]:8443",
		"example.com": "", "ftp://example.com": "", "https://": "", "https://example.com/path": "", "https://example.com?x=1": "", "https://example.com?": "",
		"https://example.com#": "", "https://ada:pw@example.com": "", "https://example.com:": "", "https://example.com:0": "", "https://example.com:99999": "", "https:example.com": "",
	} {
		c, err := Load([]string{"--public-url", input}, nil, io.Discard)
		if (err == nil) != (want != "") || err == nil && (c.PublicURL != want || c.PublicURLFor("127.0.0.1:1") != want) {
			t.Errorf("%s: %q, %v", input, c.PublicURL, err)
		}
	}
	if got := load(t, []string{"--addr", "127.0.0.1:0"}, nil).PublicURLFor("127.0.0.1:43210"); got != "http://localhost:43210" {
		t.Errorf("from the listener: %s", got)
	}
}

func TestPublicURL_is_https_where_the_server_speaks_TLS(t *testing.T) {
	tls := []string{"BOARDLINK_TLS_CERT=cert.pem", "BOARDLINK_TLS_KEY=key.pem"}
	c := load(t, []string{"--addr", "0.0.0.0:0"}, tls)
	if got := c.PublicURLFor("0.0.0.0:43210"); c.PublicURL != "https://localhost:0" || got != "https://localhost:43210" || !c.TLS() {
		t.Errorf("%s, then %s", c.PublicURL, got)
	}
	c = load(t, nil, append(tls, "BOARDLINK_PUBLIC_URL=https://boardlink.example.com"))
	if got := c.PublicURLFor("0.0.0.0:43210"); got != "https://boardlink.example.com" {
		t.Errorf("given: %s", got)
	}
}

func TestAddr(t *testing.T) {
	for input, good := range map[string]bool{
		"127.0.0.1:8080": true, ":8080": true, "[::1]:8080": true, "localhost:0": true, "[fe80::1%eth0]:80": true,
		"8080": false, "127.0.0.1": false, "::1:8080": false, "localhost:http": false, "localhost:65536": false, "localhost:-1": false, "localhost:080": false, "local host:80": false, "http://x:80": false,
	} {
		if _, err := Load([]string{"--addr", input}, nil, io.Discard); (err == nil) != good {
			t.Errorf("%s: %v", input, err)
		}
	}
}

func TestUplinkURLs(t *testing.T) {
	for input, want := range map[string]string{
		"https://b.example.com": "https://b.example.com", "https://b.example.com, http://C.example.com:8080/,": "https://b.example.com,http://c.example.com:8080", "": "",
		"b.example.com": "!", "https://b.example.com/path": "!", "https://b.example.com,https://B.example.com": "!", "https://a.example.com": "!",
		"http://1.example.com,http://2.example.com,http://3.example.com,http://4.example.com": "!",
	} {
		c, err := Load(nil, []string{"BOARDLINK_PUBLIC_URL=https://a.example.com", "BOARDLINK_UPLINK_URLS=" + input}, io.Discard)
		if got := strings.Join(c.UplinkURLs, ","); (err == nil) != (want != "!") || err == nil && got != want {
			t.Errorf("%s: %s, %v", input, got, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "BOARDLINK_UPLINK_URLS: ") {
			t.Errorf("%s: %v", input, err)
		}
	}
}

func TestTrustedProxies(t *testing.T) {
	for input, want := range map[string]string{
		"10.0.0.5": "10.0.0.5/32", "10.0.0.0/8, fd00::/8,::1": "10.0.0.0/8,fd00::/8,::1/128", "::ffff:10.0.0.5": "10.0.0.5/32", "10.0.0.5,": "10.0.0.5/32",
		"proxy.example.com": "", "10.0.0.5/33": "", "0.0.0.0/0": "", "::/0": "", "10.0.0.5/8": "", "10.0.0.5:80": "", "10.0.0": "", "::ffff:10.0.0.0/104": "",
	} {
		c, err := Load(nil, []string{"BOARDLINK_TRUSTED_PROXIES=" + input}, io.Discard)
		if (err == nil) != (want != "") || joinPrefixes(c.TrustedProxies) != want {
			t.Errorf("%s: %v, %v", input, c.TrustedProxies, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "BOARDLINK_TRUSTED_PROXIES: ") {
			t.Errorf("%s: %v", input, err)
		}
	}
}

func TestQueueMax(t *testing.T) {
	for input, want := range map[string]int64{
		"1048576": 1 << 20, "10GiB": 10 << 30, "10 gib": 10 << 30, "10G": 10 << 30, "2GB": 2e9, "1TiB": 1 << 40, "5000000B": 5e6,
		"0": 0, "1023KiB": 0, "-1GiB": 0, "1.5GiB": 0, "GiB": 0, "10PiB": 0, "9999999TiB": 0, "99999999999999999999": 0,
	} {
		if got, err := parseSize(input); got != want || (err == nil) != (want != 0) {
			t.Errorf("%s: %d, %v", input, got, err)
		}
	}
}

func TestEvents_kept(t *testing.T) {
	for line, want := range map[string]int64{
		"DAYS=1": 1, "DAYS=3650": 3650, "DAYS= 7 ": 7, "MAX=1000": 1000, "MAX=100000000": 100_000_000,
		"DAYS=0": 0, "DAYS=3651": 0, "DAYS=-1": 0, "DAYS=+7": 0, "DAYS=1.5": 0, "DAYS=7d": 0, "DAYS=99999999999999999999": 0,
		"MAX=999": 0, "MAX=100000001": 0, "MAX=1e6": 0, "MAX=1_000_000": 0, "MAX=1,000": 0,
	} {
		c, err := Load(nil, []string{"BOARDLINK_EVENTS_" + line}, io.Discard)
		got := int64(c.EventsDays)
		if strings.HasPrefix(line, "MAX") {
			got = c.EventsMax
		}
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%s: %d, %v", line, got, err)
		}
	}
}

func TestParseKey(t *testing.T) {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(i * 37)
	}
	for _, text := range []string{
		fmt.Sprintf("%x", raw), fmt.Sprintf("%X", raw), base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	} {
		if got, err := ParseKey(connection.Secret(text)); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []connection.Secret{"", "short", connection.Secret(testHexKey[1:]), testHexKey + "00", connection.Secret(base64.StdEncoding.EncodeToString(raw[:31])), connection.Secret(base64.StdEncoding.EncodeToString(append(raw, 1)))} {
		if _, err := ParseKey(text); err == nil {
			t.Errorf("%s was taken", text.Reveal())
		}
	}
}

func TestConfig_shows_no_secret_however_it_is_printed(t *testing.T) {
	c := load(t, nil, []string{"BOARDLINK_SECRET_KEY=" + testHexKey, "BOARDLINK_ADMIN_EMAIL=ada@example.com", "BOARDLINK_ADMIN_PASSWORD=canary-password", "BOARDLINK_API_KEY=" + testAPIKey})
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb+"\n", c)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("Settings", "config", c)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("Settings", "config", c)
	_ = json.NewEncoder(&out).Encode(c)
	for _, secret := range []string{testHexKey, "canary-password", testAPIKey} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%s is in %s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), "config.addr=127.0.0.1:8080") || !strings.Contains(out.String(), "config.api_key=*****") {
		t.Errorf("the log line says %s", out.String())
	}
}

func TestLogger_follows_the_settings(t *testing.T) {
	var out bytes.Buffer
	log := load(t, []string{"--log-level", "warn", "--log-format", "json"}, nil).Logger(&out)
	log.Info("Not this")
	log.Warn("But this")
	if got := out.String(); !strings.Contains(got, `"msg":"But this"`) || strings.Contains(got, "Not this") {
		t.Error(got)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("--addr", "127.0.0.1:1", "https://x/", "10GiB")
	f.Fuzz(func(t *testing.T, flag, addr, public, size string) {
		c, err := Load([]string{flag, addr}, []string{"BOARDLINK_PUBLIC_URL=" + public, "BOARDLINK_QUEUE_MAX=" + size}, io.Discard)
		if err == nil {
			if c.QueueMax < 1<<20 || strings.HasSuffix(c.PublicURL, "/") {
				t.Errorf("took %+v", c)
			}
			return
		}
		var usage *UsageError
		if !errors.As(err, &usage) && !errors.Is(err, ErrHelp) || strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("error %q", err)
		}
	})
}
