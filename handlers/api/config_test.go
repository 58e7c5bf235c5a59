package api_test

import (
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"boardlink/connection"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"
)

// words has a real shell take a line apart, as it does before it runs the command; curl is stood in for.
func words(t *testing.T, line string) []string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", `curl() { printf '%s\0' "$@"; }; `+line)
	c.Env = []string{"BOARDLINK_API_KEY=" + webtest.Key}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// run sends what a curl line says.
func (w *world) run(line string) webtest.Answer {
	w.t.Helper()
	args := words(w.t, line)
	var method, url, body string
	var header []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-sS":
		case "-X":
			i++
			method = args[i]
		case "-H":
			i++
			name, value, _ := strings.Cut(args[i], ": ")
			header = append(header, name, value)
		case "--data-raw":
			i++
			body = args[i]
		default:
			if url != "" {
				w.t.Fatalf("a word too much: %q", args[i])
			}
			url = args[i]
		}
	}
	path, ok := strings.CutPrefix(url, operationtest.PublicURL)
	if !ok {
		w.t.Fatalf("address %q", url)
	}
	return w.site.Visitor().Do(method, path, body, header...)
}

func TestConfig_as_a_curl_line_makes_the_connection_anew(t *testing.T) {
	for _, name := range []string{
		"plain", `it's "so"`, "$(touch canary) `id` $HOME \\ \\' !! ; & | > < * ?", "'; rm -rf ~; '", "'\\''", "@/etc/passwd", "日本 \u2028 é <b>", "-x",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := operationtest.Valid()
			c.Name, c.Active = name, false
			c.Configuration.Description = name
			c.Configuration.DownlinkAsKey = "00112233445566778899aabbccddeeff"
			c.Configuration.UplinkTimeValidity = "72h"
			if _, err := w.Create(t.Context(), "ann", c); err != nil {
				t.Fatal(err)
			}
			got := w.do("GET", "/connections/1/config?format=curl", "")
			if got.Status != 200 || got.Header.Get("Content-Type") != "text/plain; charset=utf-8" || got.Header.Get("ETag") != `"1"` || strings.Count(got.Body, "\n") != 1 {
				t.Fatalf("%d %v %s", got.Status, got.Header, got.Body)
			}
			for _, secret := range []string{operationtest.Password, "00112233445566778899aabbccddeeff", webtest.Key, "uplink-key", connection.Mask} {
				if strings.Contains(got.Body, secret) {
					t.Errorf("%s is told", secret)
				}
			}
			refused(t, w.run(strings.Replace(got.Body, `"<password>"`, `"*****"`, 1)), 422)
			line := strings.NewReplacer(`"<password>"`, `"`+operationtest.Password+`"`, `"<downlinkAsKey>"`, `"00112233445566778899aabbccddeeff"`).Replace(got.Body)
			if a := w.run(line); a.Status != 201 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			one, err := w.Store.Connection(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			two, err := w.Store.Connection(t.Context(), 2)
			if err != nil {
				t.Fatal(err)
			}
			two.ID, two.UplinkKey, two.Alarms = one.ID, one.UplinkKey, one.Alarms // none in both
			if !reflect.DeepEqual(one, two) {
				t.Errorf("made %+v\nlike %+v", two, one)
			}
		})
	}
}

func TestConfig_as_JSON_is_the_body_of_a_creation(t *testing.T) {
	w := newWorld(t)
	w.create()
	got := w.do("GET", web.Base+"/connections/1/config", "")
	if got.Status != 200 || got.Header.Get("Content-Type") != "application/json" || !strings.Contains(got.Body, `"password":"<password>"`) || strings.Contains(got.Body, `"id"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if a := w.do("POST", "/connections", strings.Replace(got.Body, "<password>", "secret-2", 1)); a.Status != 201 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	a := w.do("GET", "/connections/1/config?format=canary", "")
	if wrong := refused(t, a, 422); wrong["format"] == "" || strings.Contains(a.Body, "canary") {
		t.Error(a.Body)
	}
	refused(t, w.do("GET", "/connections/3/config", ""), 404)
}
