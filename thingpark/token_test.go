package thingpark

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// vectors are inputs and Tokens that were published; see source.
var vectors = []struct {
	name, body, elements, query, token, source string
	key                                        connection.Secret
}{
	{
		name:     "uplink of Actility",
		body:     `{"DevEUI_uplink":{"DevEUI":"20635F0108000496","FPort":17,"FCntUp":18,"CustomerID":"100002167","payload_hex":"032ce4850919d85d4c9f793ad148d24f32f3c6b5488f5a087cbeb1488f5a998c83ab"}}`,
		elements: "10000216720635F01080004961718032ce4850919d85d4c9f793ad148d24f32f3c6b5488f5a087cbeb1488f5a998c83ab",
		query:    "LrnDevEui=20635F0108000496&LrnFPort=17&LrnInfos=TWA_100002167.1111.AS-1-111974&AS_ID=TWA_100002167.1111.AS&Time=2021-04-07T08:49:51.551+00:00",
		key:      "f3203a20a2e8dfaf6686b621f56d05e3",
		token:    "196c22898bf95fcf48b72be198c89256410660b9b514539651344baa594ad74f",
		source:   "github.com/actility/thingpark-integrations 1_tpNS-AS/AS_python_example/verify_token_in_uplink.py",
	},
	{
		name:     "uplink of KPN",
		body:     `{"DevEUI_uplink":{"DevEUI":"0059AC0000000001","FPort":"1","FCntUp":"1","CustomerID":"100000001","payload_hex":"000102030405"}}`,
		elements: "1000000010059AC000000000111000102030405",
		query:    "LrnDevEui=0059AC0000000001&LrnFPort=1&LrnInfos=TWA_100000001.999.AS-1-12345678&AS_ID=TWA_100000001.999&Time=2018-01-12T10:00:00.000+01:00",
		key:      "c6f5e3b263092120b8766b9aed9c41b4",
		token:    "5b7ec8b0b2c250fc792c76348de3b16ff04e27050baf8a37c891dcc85e88b0d4",
		source:   "github.com/kpn-iot/lora-reference token-verification/php/example-uplink.php",
	},
	{
		name:     "sent downlink of KPN",
		body:     `{"DevEUI_downlink_Sent":{"DevEUI":"0059AC0000000001","FPort":"1","FCntDn":"1","CustomerID":"100000001"}}`,
		elements: "1000000010059AC000000000111",
		query:    "LrnDevEui=0059AC0000000001&LrnFPort=1&LrnInfos=TWA_100000001.999.AS-1-12345678&AS_ID=TWA_100000001.999&Time=2018-01-12T10:00:00.000+01:00",
		key:      "c6f5e3b263092120b8766b9aed9c41b4",
		token:    "345dc204c72a9769441c4700cd0a0fb76c5b356e3931540e891fc7e68f236c98",
		source:   "github.com/kpn-iot/lora-reference token-verification/php/example-downlink_Sent.php",
	},
	{
		name:     "location of KPN, its DevEUI in lower case",
		body:     `{"DevEUI_location":{"DevEUI":"0059AC0000000001","CustomerID":"100000001"}}`,
		elements: "1000000010059ac0000000001",
		query:    "LrnDevEui=0059ac0000000001&LrnFPort=0&LrnInfos=TWA_100000001.999.AS-1-12345678&AS_ID=TWA_100000001.999&Time=2018-01-12T10:00:00.000+01:00",
		key:      "c6f5e3b263092120b8766b9aed9c41b4",
		token:    "d23b3507663d817c77d124cfbe4f1d5a67ba957e91471b39512b8f103fe46a17",
		source:   "github.com/kpn-iot/lora-reference token-verification/php/example-location.php",
	},
	{
		name:     "uplink of Actility's guide, whose key has one capital letter",
		body:     `{"DevEUI_uplink":{"DevEUI":"000000000F1D8693","FPort":"2","FCntUp":"7011","CustomerID":"100000507","payload_hex":"0027bd00"}}`,
		elements: "100000507000000000F1D8693270110027bd00",
		query:    "LrnDevEui=000000000F1D8693&LrnFPort=2&LrnInfos=UPHTTP_LAB_LORA&AS_ID=app1.sample.com&Time=2016-01-11T14:11:11.333+02:00",
		key:      "46ab678cd45df4a4e4b375Eacd096acc",
		token:    "fd0b0b00464aa798a59282d64eaa70813e33bff87682880db49638569d096aad",
		source:   "github.com/actility/thingpark-integrations docs/README.md 2.1.3",
	},
}

func TestReportToken_reproduces_every_published_vector(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			if got := ReportToken(v.elements, v.query, v.key); got != v.token {
				t.Errorf("token %s, want %s (%s)", got, v.token, v.source)
			}
		})
	}
}

func TestDownlinkToken_reproduces_the_published_vector(t *testing.T) {
	const query = "DevEUI=000000000F1D8693&FPort=1&Payload=00&AS_ID=app1.sample.com&Time=2016-01-11T14:28:00.333+02:00"
	const want = "ea8f31d2299cbece8e180a3012766c4df15fe3cf2e142d9fdf4035b5894ec886" // actility/thingpark-integrations docs/README.md 2.1.3
	if got := DownlinkToken(query, "46ab678cd45df4a4e4b375Eacd096acc"); got != want {
		t.Errorf("token %s, want %s", got, want)
	}
	at := time.Date(2016, 1, 11, 14, 28, 0, 333e6, time.FixedZone("", 2*3600))
	p, _ := Downlink{DevEUI: "000000000F1D8693", FPort: 1, PayloadHex: "00"}.query("app1.sample.com", "k", at)
	if got := strings.Replace(p.plain(), "12:28:00.333+00:00", "14:28:00.333+02:00", 1); !strings.HasPrefix(got, query+"&Token=") {
		t.Errorf("query %s", got)
	}
}

func TestVerifyReport_accepts_the_published_reports(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			d := mustParse(t, v.body)
			if elements, signed := ReportElements(d); elements != v.elements || !signed {
				t.Fatalf("elements %s, want %s", elements, v.elements)
			}
			for form, query := range map[string]string{
				"raw":                      v.query + "&Token=" + v.token,
				"percent-encoded":          strings.NewReplacer(":", "%3A", "+", "%2B").Replace(v.query) + "&Token=" + v.token,
				"with the Token in front":  "Token=" + v.token + "&" + v.query,
				"with a Token in capitals": v.query + "&Token=" + strings.ToUpper(v.token),
				"after the key":            "key=abc%2Fdef&" + v.query + "&Token=" + v.token,
			} {
				s, err := VerifyReport(d, query, v.key)
				if err != nil {
					t.Errorf("%s: %v", form, err)
				} else if s.Time.IsZero() || s.ASID == "" || fmt.Sprintf("%x", s.Token) != v.token {
					t.Errorf("%s: %+v", form, s)
				}
			}
		})
	}
}

func TestVerifyReport_accepts_a_key_kept_in_capitals(t *testing.T) {
	v := vectors[0]
	if _, err := VerifyReport(mustParse(t, v.body), v.query+"&Token="+v.token, connection.Secret(strings.ToUpper(v.key.Reveal()))); err != nil {
		t.Error(err)
	}
}

func TestVerifyReport_accepts_a_query_signed_with_the_key_in_it(t *testing.T) {
	const key = "00112233445566778899aabbccddeeff"
	d := mustParse(t, `{"DevEUI_notification":{"DevEUI":"A1B2C3D4E5F60718","CustomerID":"1","Type":"join"}}`)
	query := "key=abc&LrnDevEui=A1B2C3D4E5F60718&LrnFPort=0&LrnInfos=x&AS_ID=y&Time=2026-03-01T10:20:30.456+01:00"
	if _, err := VerifyReport(d, query+"&Token="+ReportToken("1A1B2C3D4E5F60718", query, key), key); err != nil {
		t.Error(err)
	}
}

func TestVerifyReport_refuses(t *testing.T) {
	v := vectors[4] // the one whose digits can be moved
	signed := v.query + "&Token=" + v.token
	body := func(fPort, fCntUp, payload string) string {
		return fmt.Sprintf(`{"DevEUI_uplink":{"DevEUI":"000000000F1D8693","FPort":%s,"FCntUp":%s,"CustomerID":"100000507","payload_hex":%q}}`, fPort, fCntUp, payload)
	}
	for name, c := range map[string]struct {
		body, query string
		key         connection.Secret
		code        connection.Code
	}{
		"no Token":                         {v.body, v.query, v.key, connection.CodeUnauthorized},
		"no query":                         {v.body, "", v.key, connection.CodeUnauthorized},
		"another key":                      {v.body, signed, "00", connection.CodeUnauthorized},
		"no key":                           {v.body, signed, "", connection.CodeUnauthorized},
		"a short Token":                    {v.body, signed[:len(signed)-2], v.key, connection.CodeUnauthorized},
		"a Token of other characters":      {v.body, signed[:len(signed)-1] + "z", v.key, connection.CodeUnauthorized},
		"another payload":                  {body(`2`, `7011`, "0027bd01"), signed, v.key, connection.CodeUnauthorized},
		"another time":                     {v.body, strings.Replace(signed, "11.333", "12.333", 1), v.key, connection.CodeUnauthorized},
		"parameters in another order":      {v.body, "AS_ID=app1.sample.com&" + strings.Replace(signed, "&AS_ID=app1.sample.com", "", 1), v.key, connection.CodeUnauthorized},
		"digits moved to a long payload":   {body(`2`, `70`, "110027bd00"), signed, v.key, ""},
		"digits moved to the counter":      {body(`2`, `701100`, "27bd00"), signed, v.key, ""},
		"digits moved to the port":         {body(`27`, `0`, "110027bd00"), signed, v.key, connection.CodeInvalid},
		"a leading zero":                   {body(`2`, `"07011"`, "0027bd00"), signed, v.key, connection.CodeInvalid},
		"an odd payload":                   {body(`2`, `70110`, "027bd00"), signed, v.key, connection.CodeInvalid},
		"a query of another device":        {v.body, strings.Replace(signed, "LrnDevEui=0", "LrnDevEui=1", 1), v.key, connection.CodeInvalid},
		"a query without its device":       {v.body, strings.Replace(signed, "LrnDevEui=000000000F1D8693&", "", 1), v.key, connection.CodeInvalid},
		"a parameter twice":                {v.body, signed + "&AS_ID=app1.sample.com", v.key, connection.CodeInvalid},
		"two Tokens":                       {v.body, signed + "&Token=" + v.token, v.key, connection.CodeInvalid},
		"a parameter twice, once encoded":  {v.body, signed + "&AS%5FID=x", v.key, connection.CodeInvalid},
		"a query that cannot be decoded":   {v.body, signed + "&x=%zz", v.key, connection.CodeInvalid},
		"a kind of which no rule is known": {`{"DevEUI_alarm":{"DevEUI":"000000000F1D8693"}}`, signed, v.key, connection.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := VerifyReport(mustParse(t, c.body), c.query, c.key)
			if got := connection.CodeOf(err); got != c.code {
				t.Errorf("%q: %v, want %q", got, err, c.code)
			}
			if err != nil && (strings.Contains(err.Error(), v.token) || strings.Contains(err.Error(), v.key.Reveal())) {
				t.Error("the error tells a secret")
			}
		})
	}
}

func FuzzQuery(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.query + "&Token=" + v.token)
	}
	f.Add("a=%2B+&&=&Token")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if err != nil {
			if connection.CodeOf(err) != connection.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		// The reference decodes each pair as a path does, so that a + stays.
		var want []string
		for _, pair := range strings.Split(raw, "&") {
			decoded, _ := url.PathUnescape(pair)
			if name, _, _ := strings.Cut(decoded, "="); pair != "" && name != "Token" {
				want = append(want, decoded)
			}
		}
		if got := q.signed()[0]; got != strings.Join(want, "&") {
			t.Fatalf("signed %q, want %q", got, strings.Join(want, "&"))
		}
	})
}
