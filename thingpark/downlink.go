package thingpark

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
)

// MaxPayload is the longest downlink payload in bytes: the most that any LoRaWAN region lets a frame carry.
const MaxPayload = 242

// Downlink is one command to a device.
type Downlink struct {
	DevEUI        string // 16 hexadecimal digits in upper case
	FPort         int    // 1 to 224
	PayloadHex    string // an even number of hexadecimal digits, at most [MaxPayload] bytes
	Confirmed     *bool  // nil: as ThingPark does by default, unconfirmed
	Flush         *bool  // empties the device's queue at ThingPark first; nil: no
	ValidityTime  string // a time by ISO 8601, or a number of seconds; empty: without limit
	FCntDn        *int64 // only where the payload is encrypted already
	CorrelationID string // 16 hexadecimal digits; empty: one is made when the downlink is sent
}

// MarshalJSON writes the downlink as the DevEUI_downlink document of ThingPark X IoT Flow.
func (d Downlink) MarshalJSON() ([]byte, error) {
	type inner struct {
		DevEUI             string `json:"DevEUI"`
		FPort              int    `json:"FPort"`
		PayloadHex         string `json:"payload_hex"`
		Confirmed          *int   `json:"Confirmed,omitempty"`
		FlushDownlinkQueue *int   `json:"FlushDownlinkQueue,omitempty"`
		ValidityTime       string `json:"ValidityTime,omitempty"`
		FCntDn             *int64 `json:"FCntDn,omitempty"`
		CorrelationID      string `json:"CorrelationID,omitempty"`
	}
	return json.Marshal(map[string]inner{kindCommand: {
		d.DevEUI, d.FPort, d.PayloadHex, bit(d.Confirmed), bit(d.Flush), d.ValidityTime, d.FCntDn, d.CorrelationID,
	}})
}

// NewCorrelationID makes 64 random bits as 16 hexadecimal digits, by which a later delivery report is recognised.
func NewCorrelationID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return strings.ToUpper(hex.EncodeToString(b[:]))
}

// timeForm writes milliseconds and the offset, as the published examples do.
const timeForm = "2006-01-02T15:04:05.000-07:00"

// parameters are the query of a downlink in the order sent, which is the order signed.
type parameters [][2]string

func (p *parameters) add(name, value string) {
	if value != "" {
		*p = append(*p, [2]string{name, value})
	}
}

// plain is the form that is signed.
func (p parameters) plain() string { return p.join(func(s string) string { return s }) }

// encoded is the form that is sent.
func (p parameters) encoded() string { return p.join(percentEncode) }

func (p parameters) join(value func(string) string) string {
	var b strings.Builder
	for i, pair := range p {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(pair[0])
		b.WriteByte('=')
		b.WriteString(value(pair[1]))
	}
	return b.String()
}

// query puts the parameters of a downlink in the order of ThingPark's own example (actility/thingpark-integrations,
// send_downlink_with_token.js). With a key it is signed, the Token last.
func (d Downlink) query(asID string, asKey connection.Secret, now time.Time) (p parameters, token string) {
	p.add("DevEUI", d.DevEUI)
	p.add("FPort", strconv.Itoa(d.FPort))
	p.add("Payload", d.PayloadHex)
	if d.FCntDn != nil {
		p.add("FCntDn", strconv.FormatInt(*d.FCntDn, 10))
	}
	p.add("Confirmed", digit(d.Confirmed))
	p.add("FlushDownlinkQueue", digit(d.Flush))
	p.add("ValidityTime", d.ValidityTime)
	p.add("AS_ID", asID)
	if asKey.IsSet() {
		p.add("Time", now.UTC().Format(timeForm))
	}
	p.add("CorrelationID", d.CorrelationID)
	if asKey.IsSet() {
		token = DownlinkToken(p.plain(), asKey)
		p.add("Token", token)
	}
	return p, token
}

// percentEncode encodes everything that is not unreserved in a URI (RFC 3986, 2.3), a colon and a plus above all.
func percentEncode(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}

// bit writes a flag as 0 or 1, the form of ThingPark.
func bit(flag *bool) *int {
	if flag == nil {
		return nil
	}
	n := 0
	if *flag {
		n = 1
	}
	return &n
}

func digit(flag *bool) string {
	if n := bit(flag); n != nil {
		return strconv.Itoa(*n)
	}
	return ""
}
