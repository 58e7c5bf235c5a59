package thingpark

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
)

// ReportToken computes the Token of a report: the SHA-256, in lower-case hexadecimal digits, of what is signed of the
// body, the query without its Token (percent-decoded, with every + kept) and the AS key as text, put together without
// separators (actility/thingpark-integrations, docs/README.md 2.1.3.1).
//
// It is no HMAC and does not tell where one element ends and the next begins; see [VerifyReport] for what is checked
// beside it.
func ReportToken(elements, query string, asKey connection.Secret) string {
	sum := tokenSum(elements, query, asKey)
	return hex.EncodeToString(sum[:])
}

// DownlinkToken computes the Token of a downlink from its query as sent but not encoded, without Token.
func DownlinkToken(query string, asKey connection.Secret) string {
	return ReportToken("", query, asKey)
}

func tokenSum(elements, query string, asKey connection.Secret) [sha256.Size]byte {
	return sha256.Sum256([]byte(elements + query + asKey.Reveal()))
}

// ReportElements returns what ThingPark signs of a document's body. signed is false for the kinds of which no rule is
// published (rejected downlinks, multicast summaries, alarms): their Token cannot be checked.
func ReportElements(d Document) (elements string, signed bool) {
	eui := d.Text("DevEUI")
	switch d.Kind {
	case KindUplink:
		return d.CustomerID + eui + fPortText(d) + d.Text("FCntUp") + d.Text("payload_hex"), true
	case KindDownlinkSent:
		return d.CustomerID + eui + fPortText(d) + d.Text("FCntDn"), true
	case KindLocation:
		return d.CustomerID + strings.ToLower(eui), true
	case KindNotification:
		return d.CustomerID + eui, true
	}
	return "", false
}

// fPortText writes a missing FPort as 0, as the reference of KPN does (kpn-iot/lora-reference, token-verification).
func fPortText(d Document) string {
	if s := d.Text("FPort"); s != "" {
		return s
	}
	return "0"
}

// Signature is what a verified report was signed with. Whoever keeps Tokens, so that none is taken twice, keeps Token
// alone: a copy whose digits were moved from one element to another bears the same one. The same Token always comes with
// the same Time, for nothing can be moved between the body's elements and the query.
type Signature struct {
	Token [sha256.Size]byte
	Time  time.Time // when ThingPark signed
	ASID  string
}

// VerifyReport checks the Token in the query of a report against its body and the connection's AS key, which may be
// written in upper or lower case. The error is a [connection.Failure]: CodeUnauthorized where the Token is missing or
// wrong, CodeInvalid where the query cannot be read, lacks one of ThingPark's parameters, holds one twice, or does not
// belong to the body.
//
// Since the Token leaves open where its elements begin, the query must name the device and the port of the body, and
// numbers must be written in the one way that has no leading zeros. What the Token does not cover (Time of the body,
// payload, CustomerData) is not vouched for.
func VerifyReport(d Document, rawQuery string, asKey connection.Secret) (Signature, error) {
	q, err := parseQuery(rawQuery)
	if err != nil {
		return Signature{}, err
	}
	elements, signed := ReportElements(d)
	if !signed {
		return Signature{}, connection.Fail(connection.CodeInvalid, "No rule is known to check the Token of such a document.")
	}
	if _, there := q.values["Token"]; !there {
		return Signature{}, connection.Fail(connection.CodeUnauthorized, "The Token is missing: this connection takes signed documents only.")
	}
	for _, name := range queryParameters {
		if _, there := q.values[name]; !there {
			return Signature{}, connection.Fail(connection.CodeInvalid, "The query parameter %s is missing: ThingPark adds it where its AS authentication is on.", name)
		}
	}
	made, ok := timestamp(q.values["Time"])
	if !ok {
		return Signature{}, connection.Fail(connection.CodeInvalid, "The query parameter Time is written by ISO 8601 with its offset.")
	}
	if err := checkCanonical(d, q); err != nil {
		return Signature{}, err
	}
	wrong := connection.Fail(connection.CodeUnauthorized, "The Token does not fit the document and the AS key of this connection.")
	token, err := hex.DecodeString(q.values["Token"])
	if err != nil || len(token) != sha256.Size || !asKey.IsSet() {
		return Signature{}, wrong
	}
	lower := connection.Secret(strings.ToLower(asKey.Reveal()))
	match := 0
	for _, query := range q.signed() {
		for _, key := range []connection.Secret{asKey, lower} {
			sum := tokenSum(elements, query, key)
			match |= subtle.ConstantTimeCompare(sum[:], token)
		}
	}
	if match != 1 {
		return Signature{}, wrong
	}
	return Signature{Token: [sha256.Size]byte(token), Time: made, ASID: q.values["AS_ID"]}, nil
}

// checkCanonical pins the elements that the Token runs together.
func checkCanonical(d Document, q reportQuery) error {
	fail := func(what string) error {
		return connection.Fail(connection.CodeInvalid, "The query does not belong to the document: %s.", what)
	}
	if !strings.EqualFold(q.values["LrnDevEui"], d.DevEUI) {
		return fail("LrnDevEui is not its DevEUI")
	}
	if d.Kind != KindUplink && d.Kind != KindDownlinkSent {
		return nil
	}
	if q.values["LrnFPort"] != fPortText(d) {
		return fail("LrnFPort is not its FPort")
	}
	for _, counter := range []string{"FPort", "FCntUp", "FCntDn"} {
		if raw := d.Member(counter); !absent(raw) && !canonical(raw) {
			return fail(counter + " is not written as a plain number")
		}
	}
	if hexText := d.Text("payload_hex"); len(hexText)%2 != 0 || !isHex(hexText) {
		return fail("payload_hex is not hexadecimal")
	}
	return nil
}

// canonical reports whether a whole number is written in its one plain form.
func canonical(raw json.RawMessage) bool {
	s, ok := text(raw)
	n, err := strconv.ParseUint(s, 10, 32)
	return ok && err == nil && strconv.FormatUint(n, 10) == s
}
