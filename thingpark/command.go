package thingpark

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"boardlink/connection"
)

// ParseCommand reads the parameters of ThingsBoard's RPC "downlink": a DevEUI_downlink document, or the members that
// would stand in one. defaultPort is the connection's FPort for commands that name none, 0 where there is none.
//
// DevEUI may be missing; [Downlink.ForDevice] settles which device is meant. Time, DriverCfg, AS_ID, AS_KEY and Token
// are accepted and not used: a downlink is dated and signed when it is sent, with what the connection holds. A member
// of another name is refused, since a typing error must not silently change what a device does. Errors are a
// [connection.Failure] with [connection.CodeInvalid].
func ParseCommand(params json.RawMessage, defaultPort int) (Downlink, error) {
	members, err := commandMembers(params)
	if err != nil {
		return Downlink{}, err
	}
	c := command{d: Downlink{FPort: defaultPort}}
	for _, m := range members {
		c.read(m)
	}
	c.complete()
	if len(c.wrong) > 0 {
		return Downlink{}, &connection.Failure{Code: connection.CodeInvalid, Message: "The command is not a downlink", Fields: c.wrong}
	}
	return c.d, nil
}

// ForDevice returns the downlink addressed to the device that a command came for. A command that names another one is
// refused.
func (d Downlink) ForDevice(devEUI string) (Downlink, error) {
	if !ValidDevEUI(devEUI) {
		return Downlink{}, connection.Fail(connection.CodeInvalid, "The device is not named by a DevEUI, so no downlink can be addressed to it.")
	}
	if d.DevEUI != "" && d.DevEUI != devEUI {
		return Downlink{}, connection.Fail(connection.CodeInvalid, "The command names another DevEUI than that of its device.")
	}
	d.DevEUI = devEUI
	return d, nil
}

// commandMembers takes the parameters apart, without the envelope where there is one.
func commandMembers(params json.RawMessage) ([]Member, error) {
	if len(params) > MaxBody || beyond(params) != within {
		return nil, connection.Fail(connection.CodeInvalid, "The command is too large.")
	}
	members, err := Members(params)
	if err == nil {
		if len(members) != 1 || members[0].Name != kindCommand {
			return members, nil
		}
		members, err = Members(members[0].Value)
	}
	if err != nil {
		return nil, connection.Fail(connection.CodeInvalid, `The parameters of a downlink are a JSON object, such as {"FPort": 1, "payload_hex": "01ff"}.`)
	}
	return members, nil
}

// command gathers a downlink and what is wrong with it.
type command struct {
	d     Downlink
	port  bool // FPort was named
	hex   bool // payload_hex was named
	wrong []connection.FieldError
}

func (c *command) refuse(path, message, example string) {
	c.wrong = append(c.wrong, connection.FieldError{Path: path, Message: message, Example: example})
}

// read takes one member. A member that says nothing counts as left out.
func (c *command) read(m Member) {
	if absent(m.Value) && commandName(m.Name) {
		return
	}
	switch m.Name {
	case "DevEUI":
		s, _ := text(m.Value)
		if c.d.DevEUI = strings.ToUpper(s); !ValidDevEUI(c.d.DevEUI) {
			c.refuse(m.Name, "A DevEUI has 16 hexadecimal digits.", "0102030405060708")
		}
	case "FPort":
		c.port = true
		n, ok := integer(m.Value, connection.MaxFPort)
		if !ok || n == nil || *n < 1 {
			c.refuse(m.Name, "An FPort is a whole number from 1 to 224.", "1")
			return
		}
		c.d.FPort = int(*n)
	case "payload_hex":
		c.hex = true
		s, ok := text(m.Value)
		switch {
		case !ok || m.Value[0] != '"' || !isHex(s) || len(s)%2 != 0:
			c.refuse(m.Name, "A payload is an even number of hexadecimal digits.", "01ff")
		case len(s) > 2*MaxPayload:
			c.refuse(m.Name, "A payload has at most 242 bytes.", "01ff")
		}
		c.d.PayloadHex = s
	case "payload":
		c.refuse(m.Name, "A payload to be encoded needs a driver, which this connection does not have; send payload_hex.", "")
	case "Confirmed":
		c.d.Confirmed = c.flag(m)
	case "FlushDownlinkQueue":
		c.d.Flush = c.flag(m)
	case "ValidityTime":
		s, ok := text(m.Value)
		if !ok || !validityTime(s) {
			c.refuse(m.Name, "A validity is a time by ISO 8601 with its offset, or a number of seconds.", "3600")
		}
		c.d.ValidityTime = s
	case "FCntDn":
		n, ok := integer(m.Value, maxFCnt)
		if !ok {
			c.refuse(m.Name, "A frame counter is a whole number of 32 bits.", "1")
		}
		c.d.FCntDn = n
	case "CorrelationID":
		s, ok := text(m.Value)
		if !ok || len(s) != 16 || !isHex(s) {
			c.refuse(m.Name, "A correlation id has 16 hexadecimal digits.", "0102030405060708")
		}
		c.d.CorrelationID = s
	case "Time", "DriverCfg", "AS_ID", "AS_KEY", "Token":
	default:
		c.refuse(unknownName(m.Name), "A downlink has no such member.", "")
	}
}

// complete checks what only the whole can tell.
func (c *command) complete() {
	if !c.port && (c.d.FPort < 1 || c.d.FPort > connection.MaxFPort) {
		c.refuse("FPort", "Name an FPort from 1 to 224, or set one for the connection.", "1")
	}
	if !c.hex && len(c.wrong) == 0 {
		c.refuse("payload_hex", "Give the payload as hexadecimal digits.", "01ff")
	}
}

// flag reads 0 or 1, as a number, a text or a truth value.
func (c *command) flag(m Member) *bool {
	s, ok := text(m.Value)
	if !ok {
		s = string(m.Value)
	}
	value := s == "1" || s == "true"
	if !value && s != "0" && s != "false" {
		c.refuse(m.Name, "Give 0 or 1.", "1")
	}
	return &value
}

// validityTime reports whether s is a time or a number of seconds.
func validityTime(s string) bool {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return n > 0 && strconv.FormatUint(n, 10) == s
	}
	_, ok := timestamp(s)
	return ok
}

// commandName reports the names that a command may hold.
func commandName(name string) bool {
	switch name {
	case "DevEUI", "FPort", "payload_hex", "payload", "Confirmed", "FlushDownlinkQueue", "ValidityTime", "FCntDn",
		"CorrelationID", "Time", "DriverCfg", "AS_ID", "AS_KEY", "Token":
		return true
	}
	return false
}

// unknownName makes a name fit to be told: it came from outside.
func unknownName(name string) string {
	const most = 64
	name = connection.Clean(name)
	if utf8.RuneCountInString(name) > most {
		name = string([]rune(name)[:most]) + "…"
	}
	if name == "" {
		return "(empty name)"
	}
	return name
}
