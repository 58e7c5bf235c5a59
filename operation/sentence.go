package operation

import (
	"encoding/json"
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
		list = append(list, "Connector changed")
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
	if !sameAlarms(from.Alarms, to.Alarms) {
		list = append(list, "Alarms changed")
	}
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
	switch f.Control {
	case connection.ControlSecret:
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
	case connection.ControlMultiline: // pages of text say nothing in a line
		if f.Get(from) != f.Get(to) {
			return f.Label + " changed"
		}
		return ""
	}
	before, after := f.Get(from), f.Get(to)
	if before == after {
		return ""
	}
	if after == "" {
		return f.Label + " removed"
	}
	clause := f.Label + " changed from " + shown(f, before) + " to " + shown(f, after)
	if before == "" {
		clause = f.Label + " set to " + shown(f, after)
	}
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
	case utf8.RuneCountInString(value) > maxShown:
		return string([]rune(value)[:maxShown]) + "…"
	}
	return value
}

func sameAlarms(a, b []connection.Alarm) bool {
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	before, err1 := json.Marshal(a)
	after, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(before) == string(after)
}

// sentence tells the whole change: "Domain Name changed from a:1 to b:2; Password changed."
func (p Proposal) sentence() string { return strings.Join(p.changes, "; ") + "." }
