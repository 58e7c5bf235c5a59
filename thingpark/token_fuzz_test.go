package thingpark

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// reference computes the Token of an uplink another way: with the standard library's readers of JSON and queries, by the
// words of ThingPark's documentation.
func reference(body, rawQuery, key string) string {
	var document map[string]map[string]any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&document); err != nil {
		return "no JSON"
	}
	member := func(name string) string {
		switch v := document["DevEUI_uplink"][name].(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		}
		return ""
	}
	port := member("FPort")
	if port == "" {
		port = "0"
	}
	var pairs []string
	for _, pair := range strings.Split(rawQuery, "&") {
		name, value, found := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(strings.ReplaceAll(name, "+", "%2B"))
		value, err2 := url.QueryUnescape(strings.ReplaceAll(value, "+", "%2B"))
		if err1 != nil || err2 != nil {
			return "no query"
		}
		if name == "Token" || pair == "" {
			continue
		}
		if found {
			name += "="
		}
		pairs = append(pairs, name+value)
	}
	h := sha256.New()
	for _, part := range []string{member("CustomerID"), member("DevEUI"), port, member("FCntUp"), member("payload_hex"), strings.Join(pairs, "&"), key} {
		h.Write([]byte(part))
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// FuzzVerifyReport has documents signed by the reference: each is taken, and none is any more once a byte of what is
// signed was changed.
func FuzzVerifyReport(f *testing.F) {
	f.Add(uint64(0x20635F0108000496), 17, uint32(18), []byte{3, 0x2c}, "100002167", "TWA_100002167.1111.AS-1-111974", "2021-04-07T08:49:51.551+00:00", "f3203a20a2e8dfaf6686b621f56d05e3", true)
	f.Add(uint64(1), -1, uint32(0), []byte{}, "", "a b+c&d=e%/", "2026-03-01T10:20:30Z", "00112233445566778899AABBCCDDEEFF", false)
	f.Add(uint64(1<<63), 0, uint32(1<<32-1), bytes.Repeat([]byte{255}, 242), "é\"\\", "\x00\u2028", "1970-01-01T00:00:00+0000", "0", true)
	f.Fuzz(func(t *testing.T, eui uint64, port int, frame uint32, payload []byte, customer, infos, at, key string, asTexts bool) {
		if key == "" || !json.Valid([]byte(`"`+customer+`"`)) || len(payload) > 1000 || len(infos)+len(at)+len(customer) > 3000 {
			return
		}
		members := map[string]any{"DevEUI": fmt.Sprintf("%016X", eui), "CustomerID": customer, "payload_hex": fmt.Sprintf("%x", payload), "FCntUp": frame}
		queryPort := "0"
		if port >= 0 && port <= 255 {
			members["FPort"], queryPort = port, fmt.Sprint(port)
		}
		if asTexts { // the content type "JSON untyped"
			for name, v := range members {
				members[name] = fmt.Sprint(v)
			}
		}
		body, err := json.Marshal(map[string]any{"DevEUI_uplink": members})
		if err != nil {
			t.Fatal(err)
		}
		escape := func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), "%2B", "+")
		}
		query := fmt.Sprintf("LrnDevEui=%016X&LrnFPort=%s&LrnInfos=%s&AS_ID=as&Time=%s", eui, queryPort, escape(infos), escape(at))
		token := reference(string(body), query, key)
		d, err := Parse(body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		_, timely := timestamp(at)
		signature, err := VerifyReport(d, query+"&Token="+token, connection.Secret(key))
		if timely != (err == nil) {
			t.Fatalf("Time %q is one: %v; the answer is %v\n%s\n%s", at, timely, err, body, query)
		}
		if err != nil {
			return
		}
		if again, err := VerifyReport(d, "Token="+strings.ToUpper(token)+"&"+query, connection.Secret(key)); err != nil || again.Token != signature.Token || again.ASID != signature.ASID || !again.Time.Equal(signature.Time) {
			t.Fatalf("the Token in front: %+v, %v", again, err)
		}
		i := int(frame) % len(token)
		forged := token[:i] + string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", token[i])+1)%16]) + token[i+1:]
		if _, err := VerifyReport(d, query+"&Token="+forged, connection.Secret(key)); connection.CodeOf(err) != connection.CodeUnauthorized {
			t.Fatalf("a changed Token: %v", err)
		}
		if _, err := VerifyReport(d, query+"&more&Token="+token, connection.Secret(key)); connection.CodeOf(err) != connection.CodeUnauthorized {
			t.Fatalf("a longer query: %v", err)
		}
		if other := connection.Secret(key + "0"); !strings.HasSuffix(key, "0") {
			if _, err := VerifyReport(d, query+"&Token="+token, other); connection.CodeOf(err) != connection.CodeUnauthorized {
				t.Fatalf("another key: %v", err)
			}
		}
	})
}

// FuzzTimestamp reads times of ISO 8601: what is taken has an offset and means the same when it is written anew.
func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{
		"2026-03-01T10:20:30.456+01:00", "2026-03-01T10:20:30Z", "2026-03-01T10:20:30.456789012345+0100", "2026-03-01T10:20:30 01:00", "2026-02-30T10:20:30Z",
		"2026-03-01T24:00:00Z", "2026-03-01T10:20:60Z", "9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59.999Z", "2026-03-01T10:20:30,5Z", "2026-03-01T10:20:30+24:00",
		"20260301T102030Z", "2026-03-01t10:20:30z", "+2026-03-01T10:20:30Z", "2026-03-01T10:20:30−01:00", "", "T", "٢٠٢٦-03-01T10:20:30Z",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, ok := timestamp(s)
		if !ok {
			return
		}
		if at.UnixMilli() < 0 || at.Year() > 9999 {
			t.Fatalf("%q is %v", s, at)
		}
		// Date and time of day stand where they always stand, and the offset behind them.
		var year, month, day, hour, minute, second int
		if n, err := fmt.Sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &day, &hour, &minute, &second); n != 6 || err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if at.Year() != year || int(at.Month()) != month || at.Day() != day || at.Hour() != hour || at.Minute() != minute || at.Second() != second {
			t.Fatalf("%q is %v", s, at)
		}
		if last := s[len(s)-1]; last != 'Z' && (last < '0' || last > '9') || strings.ContainsAny(s, " \t\n") {
			t.Fatalf("%q is taken", s)
		}
		again, ok := timestamp(at.Format(time.RFC3339Nano))
		if !ok || !again.Equal(at) {
			t.Fatalf("%q is %v, and %v when it is written anew", s, at, again)
		}
	})
}
