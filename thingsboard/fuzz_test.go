package thingsboard

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"boardlink/connection"
)

const fuzzSecret connection.Secret = "hunter2-hunter2"

// fitToBeShown complains of a sentence that a person must not be shown.
func fitToBeShown(t *testing.T, sentence string) {
	t.Helper()
	if strings.Contains(sentence, fuzzSecret.Reveal()) {
		t.Errorf("a secret stands in %q", sentence)
	}
	if !utf8.ValidString(sentence) || utf8.RuneCountInString(sentence) > 1000 {
		t.Errorf("%d characters, valid %v", utf8.RuneCountInString(sentence), utf8.ValidString(sentence))
	}
	for _, r := range sentence {
		if unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 {
			t.Errorf("%U is left in %q", r, sentence)
		}
	}
}

// FuzzAnswer reads answers of the REST API with any status, header and body: what comes of them can be shown, and never
// asks to wait for less than nothing or more than an hour.
func FuzzAnswer(f *testing.F) {
	f.Add(401, "application/json", "", `{"status":401,"message":"Invalid username or password","errorCode":10}`)
	f.Add(429, "application/json;charset=UTF-8", "30", `{"message":"Too many\u202e requests for hunter2-hunter2"}`)
	f.Add(429, "", "9300000000", "")
	f.Add(400, "text/plain", "-1", "<script>alert(1)</script>\x1b[31m")
	f.Add(200, "text/html", "99999999999", "<html>")
	f.Add(302, "", "x", "")
	f.Add(200, "application/json", "", `{"token":1}`)
	f.Fuzz(func(t *testing.T, status int, kind, wait, body string) {
		if status < 200 || status > 599 {
			return
		}
		resp := &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {kind}, "Retry-After": {wait}},
			Body: io.NopCloser(strings.NewReader(body)), Request: httptest.NewRequest(http.MethodGet, "https://tb.example.com/api", nil),
		}
		var pair tokenPair
		err := readAnswer(resp, &pair)
		if err == nil {
			return
		}
		c := &Client{}
		c.account.Password = fuzzSecret
		if answer, ok := asAnswer(err); ok {
			e := c.answered(answer)
			fitToBeShown(t, e.Message)
			fitToBeShown(t, e.Err.Error())
			if e.RetryAfter < 0 || e.RetryAfter > time.Hour {
				t.Errorf("waits for %v", e.RetryAfter)
			}
		} else {
			fitToBeShown(t, err.Error())
		}
	})
}

// FuzzReason maps each MQTT reason code with any words: there is always a sentence, and it can be shown.
func FuzzReason(f *testing.F) {
	f.Add(byte(0x87), true, "not authorized")
	f.Add(byte(0x97), false, "quota of hunter2-hunter2 \u2066")
	f.Add(byte(0xff), true, "\x00\xff")
	f.Fuzz(func(t *testing.T, reason byte, ended bool, words string) {
		verdicts := map[string]verdict{"CONNACK": connackVerdict(reason), "DISCONNECT": disconnectVerdict(reason)}
		if v, refused := pubackVerdict(reason, ended); refused {
			verdicts["PUBACK"] = v
		} else if reason >= 0x80 {
			t.Errorf("0x%02X counts as a success", reason)
		}
		for packet, v := range verdicts {
			if _, told := connection.Reasons[v.code]; !told {
				t.Errorf("%s 0x%02X becomes %q, of which nothing is told", packet, reason, v.code)
			}
			e := mqttError("mqtts://tb.example.com:8883", v, packet, reason, words, []connection.Secret{fuzzSecret})
			fitToBeShown(t, e.Message)
			fitToBeShown(t, e.Err.Error())
		}
	})
}

// FuzzLimits reads any answer to the question for the session's limits: they never grow beyond what is safe without it.
func FuzzLimits(f *testing.F) {
	f.Add([]byte(`{"maxPayloadSize":65536,"maxInflightMessages":100,"gatewayRateLimits":{"messages":"20:1,600:60"}}`))
	f.Add([]byte(`{"maxPayloadSize":-1,"maxInflightMessages":0,"gatewayRateLimits":{"messages":"0:0,:,-1:1,9:99999999999"}}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		l := defaultLimits()
		l.read(payload)
		if l.MaxPayload < 1 || l.MaxPayload > maxPayload || l.MaxInflight < 1 || l.MaxInflight > defaultInflight {
			t.Errorf("limits %+v", l)
		}
		for _, rates := range [][]Rate{l.Messages, l.TelemetryMessages, l.DataPoints} {
			for _, r := range rates {
				if r.Count < 1 || r.Per < time.Second {
					t.Errorf("rate %+v", r)
				}
			}
		}
	})
}
