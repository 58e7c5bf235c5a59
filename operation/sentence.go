package operation

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"boardlink/connection"
)

// maxShown bounds how much of a value stands in an event, in characters.
const maxShown = 120

// changes tells what differs between two versions of a connection, one clause for each setting, without secrets.
func changes(from, to connection.Connection) []string {
	var list []string
	if from.ConnectorID != to.ConnectorID {
		list = append(list, "Connector changed from "+short(from.ConnectorID)+" to "+short(to.ConnectorID))
	}
	for _, f := range connection.Fields {
		if clause := changed(f, &from, &to); clause != "" {
			list = append(list, clause)
		}
	}
	if from.Active != to.Active {
		if to.Active {
			list = append(list, "Connection activated")
		} else {
			list = append(list, "Connection deactivated")
		}
	}
	list = append(list, alarmChanges(from.Alarms, to.Alarms)...)
	switch {
	case from.UplinkKey != to.UplinkKey && to.OldUplinkKey.IsSet():
		list = append(list, "Uplink key renewed, the old one is accepted until "+exact(to.OldUplinkKeyUntil))
	case from.UplinkKey != to.UplinkKey:
		list = append(list, "Uplink key renewed, the old one ended at once")
	case from.OldUplinkKey != to.OldUplinkKey:
		list = append(list, "Old uplink key ended")
	}
	return list
}

func changed(f connection.Field, from, to *connection.Connection) string {
	if f.Control == connection.ControlSecret {
		before, after := secret(f, from), secret(f, to)
		switch {
		case before == after:
			return ""
		case !after.IsSet():
			return f.Label + " removed"
		case !before.IsSet():
			return f.Label + " set"
		}
		return f.Label + " changed"
	}
	before, after := f.Get(from), f.Get(to)
	switch {
	case before == after:
		return ""
	case after == "":
		return f.Label + " removed (it was " + shown(f, before) + ")"
	case before == "":
		return f.Label + " set to " + shown(f, after)
	}
	clause := f.Label + " changed from " + shown(f, before) + " to " + shown(f, after)
	if f.Name == "hostName" && from.Configuration.Password == to.Configuration.Password {
		clause += " (the stored password was kept)"
	}
	return clause
}

// secret gives the stored text of a secret field; the table of fields only knows its mask.
func secret(f connection.Field, c *connection.Connection) connection.Secret {
	if f.Name == "downlinkAsKey" {
		return c.Configuration.DownlinkAsKey
	}
	return c.Configuration.Password
}

func shown(f connection.Field, value string) string {
	for _, c := range f.Choices {
		if c.Value == value {
			return c.Short()
		}
	}
	switch {
	case f.Control == connection.ControlSwitch && value == "true":
		return "on"
	case f.Control == connection.ControlSwitch:
		return "off"
	case f.Name == "caCertificate":
		return fingerprint(value)
	case f.Control == connection.ControlMultiline:
		return strconv.Quote(short(strings.Join(strings.Fields(value), " ")))
	}
	return short(value)
}

// short makes a value fit into a sentence.
func short(value string) string {
	value = connection.Clean(value)
	if utf8.RuneCountInString(value) > maxShown {
		return string([]rune(value)[:maxShown]) + "…"
	}
	return value
}

// fingerprint tells certificates apart by the beginning of the first one's SHA-256, as openssl x509 -fingerprint has it.
// The text itself stays out: people paste more than the certificate.
func fingerprint(text string) string {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return "a text without a certificate"
	}
	sum := sha256.Sum256(block.Bytes)
	return fmt.Sprintf("the certificate with SHA-256 % X", sum[:8])
}

// sentence tells the whole change: "Domain Name changed from a:1 to b:2; Password changed."
func (p Proposal) sentence() string { return strings.Join(p.changes, "; ") + "." }
