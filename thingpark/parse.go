package thingpark

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"boardlink/connection"
)

// Limits of a document.
const (
	MaxBody  = 256 << 10 // bytes
	MaxDepth = 32        // objects and arrays within each other, the root included
	MaxNames = 4096      // members of all its objects together
)

// ErrTooLarge is the cause of the refusal of a document longer than [MaxBody].
var ErrTooLarge = errors.New("document too large")

// Parse reads one document. Its error is a [connection.Failure] with [connection.CodeInvalid] that names the wrong
// member and never repeats a value; the cause of one for the size is [ErrTooLarge].
//
// A kind that is not documented is read leniently: of its members only a DevEUI must be right where there is one.
func Parse(body []byte) (Document, error) {
	if len(body) > MaxBody {
		return Document{}, &connection.Failure{Code: connection.CodeInvalid, Message: "A document has at most 256 KiB.", Err: ErrTooLarge}
	}
	switch beyond(body) {
	case tooDeep:
		return Document{}, connection.Fail(connection.CodeInvalid, "A document nests at most %d objects and arrays.", MaxDepth)
	case tooMany:
		return Document{}, connection.Fail(connection.CodeInvalid, "A document has at most %d members.", MaxNames)
	}
	d, err := split(body)
	if err != nil {
		return Document{}, syntaxFailure(err)
	}
	if d.Kind == kindCommand {
		return Document{}, connection.Fail(connection.CodeInvalid, "DevEUI_downlink is a command for a device; this address takes what devices send.")
	}
	if wrong := d.read(); len(wrong) > 0 {
		return Document{}, &connection.Failure{Code: connection.CodeInvalid, Message: "The document is not one of ThingPark's.", Fields: wrong}
	}
	return d, nil
}

// split takes root and inner object apart in one pass.
func split(body []byte) (Document, error) {
	s := newScanner(body)
	if err := s.open(); err != nil {
		return Document{}, shape(err)
	}
	if s.dec.PeekKind() == jsontext.KindEndObject {
		return Document{}, errShape
	}
	kind, err := s.name(nil)
	if err != nil {
		return Document{}, err
	}
	if s.dec.PeekKind() != jsontext.KindBeginObject {
		_, err := s.dec.ReadValue()
		return Document{}, errors.Join(err, errShape)
	}
	members, err := s.object(newCaseGuard())
	if err != nil {
		return Document{}, err
	}
	end := int(s.dec.InputOffset()) // of the inner object, which was opened last
	if s.dec.PeekKind() != jsontext.KindEndObject {
		if _, err := s.dec.ReadValue(); err != nil {
			return Document{}, err
		}
		return Document{}, errShape // the root's names cannot differ in case only where there is just one
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return Document{}, err
	}
	if err := s.end(); err != nil {
		return Document{}, err
	}
	return Document{Kind: kind, Members: members, Object: body[s.opened:end:end], Body: body}, nil
}

// read fills the fields that Boardlink works with and returns what is wrong with them.
func (d *Document) read() []connection.FieldError {
	var wrong []connection.FieldError
	known := Known(d.Kind)
	refuse := func(name, message, example string) {
		wrong = append(wrong, connection.FieldError{Path: pathOf(d.Kind) + "." + name, Message: message, Example: example})
	}

	if raw := d.Member("DevEUI"); !absent(raw) {
		eui, ok := text(raw)
		if d.DevEUI = strings.ToUpper(eui); !ok || raw[0] != '"' || !ValidDevEUI(d.DevEUI) {
			refuse("DevEUI", "A DevEUI has 16 hexadecimal digits.", "0102030405060708")
		}
	} else if ofDevice(d.Kind) {
		refuse("DevEUI", "A document of this kind names its device.", "0102030405060708")
	}

	if raw := d.Member("Time"); !absent(raw) {
		s, _ := text(raw)
		if t, ok := timestamp(s); ok {
			d.Time = t
		} else if known {
			refuse("Time", "Time is written by ISO 8601 with its offset.", "2026-01-31T09:00:00.123+01:00")
		}
	}

	for _, number := range []struct {
		name   string
		limit  int64
		field  **int64
		advice string
	}{
		{"FPort", maxFPortField, &d.FPort, "An FPort is a whole number from 0 to 255."},
		{"FCntUp", maxFCnt, &d.FCntUp, "A frame counter is a whole number of 32 bits."},
		{"FCntDn", maxFCnt, &d.FCntDn, "A frame counter is a whole number of 32 bits."},
	} {
		n, ok := integer(d.Member(number.name), number.limit)
		if !ok && known {
			refuse(number.name, number.advice, "1")
		}
		*number.field = n
	}

	d.CustomerID = d.Text("CustomerID")
	d.Name = deviceName(d.Member("CustomerData"))
	if payload := d.Member("payload"); string(payload) != "null" {
		d.Payload = payload
	}
	return wrong
}

// deviceName returns the name under which ThingPark knows the device.
func deviceName(customerData json.RawMessage) string {
	s, _ := text(Find(Object(customerData), "name"))
	return connection.Clean(s)
}

// Object returns the members of a value that is an object, or a text that holds one, as "JSON untyped" writes them. Of
// anything else it returns none.
func Object(raw json.RawMessage) []Member {
	if len(raw) > 2 && raw[0] == '"' {
		s, _ := text(raw)
		raw = json.RawMessage(s)
		if beyond(raw) != within {
			return nil
		}
	}
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	members, err := Members(raw)
	if err != nil {
		return nil
	}
	return members
}

// ValidDevEUI reports whether s is a DevEUI as Boardlink writes it: 16 hexadecimal digits in upper case. Such a text
// is safe in an MQTT topic and in an address.
func ValidDevEUI(s string) bool {
	return len(s) == 16 && isHex(s) && strings.ToUpper(s) == s
}

// errShape tells that the root is not an object with exactly one member that is an object.
var errShape = errors.New("root shape")

func shape(err error) error {
	if errors.Is(err, errNotObject) {
		return errShape
	}
	return err
}

// syntaxFailure says what is wrong with a text that is no document, by place, without repeating any of it.
func syntaxFailure(err error) error {
	fail := func(format string, args ...any) error {
		return connection.Fail(connection.CodeInvalid, format, args...)
	}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		if errors.As(err, &syntax) {
			return fail("A member occurs twice in one object, near byte %d.", syntax.ByteOffset)
		}
		return fail("A member occurs twice in one object.")
	case errors.Is(err, errCaseVariant):
		return fail("Two members of the document differ in upper and lower case only.")
	case errors.As(err, &syntax):
		return fail("The body is not valid JSON in UTF-8, near byte %d.", syntax.ByteOffset)
	case errors.Is(err, errShape):
		return fail("The body must be a JSON object with exactly one member that is an object, such as DevEUI_uplink.")
	case errors.Is(err, errTrailing):
		return fail("Something follows the document.")
	}
	return fail("The body is not valid JSON in UTF-8.")
}

// pathOf returns the kind as the begin of a path in an error: only a documented one is repeated.
func pathOf(kind string) string {
	if Known(kind) {
		return kind
	}
	return "document"
}
