package api

import (
	"encoding/json"
	"strconv"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/web"
)

// readOnly are the members that a program may send back as it has read them; they are ignored.
var readOnly = []string{"id", "state", "startupTime", "status", "uplinkUrl", "version"}

// sent is a connection as a program has sent it.
type sent struct {
	connection connection.Connection
	id         json.RawMessage         // as sent; nil where it is absent
	keep       operation.Secrets       // secrets that were left out or sent as the mask
	errs       []connection.FieldError // at most [maxComplaints]
}

// maxComplaints bounds the answer to a body of which everything is wrong: it must not be many times as long as the body.
const maxComplaints = 100

// decode reads the whole resource. What is left out has its default. An error is a problem of the body as a whole; what
// is wrong with single fields stands in errs.
func decode(body []byte) (*sent, error) {
	raw, err := parse(body)
	if err != nil {
		return nil, err
	}
	return decodeOnto(blank(), raw)
}

// blank is a connection in which everything has its default.
func blank() connection.Connection {
	return connection.Connection{Active: true, Configuration: connection.DefaultConfiguration()}
}

// decodeOnto lets a body's members replace those of a connection. A null resets a member to its default.
func decodeOnto(c connection.Connection, raw json.RawMessage) (*sent, error) {
	s := &sent{connection: c, keep: operation.Secrets{Password: true, DownlinkAsKey: true}}
	list, err := members(raw)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if err := s.member(m); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *sent) member(m member) (err error) {
	switch m.name {
	case "connectorId":
		if isNull(m.raw) {
			s.connection.ConnectorID = ""
		}
		s.text(m, "connectorId", connection.ConnectorID, func(v string) string { s.connection.ConnectorID = v; return "" })
	case "name":
		f, _ := connection.FieldByName("name")
		s.field(f, m)
	case "active":
		if active, ok := asBool(m.raw); ok || isNull(m.raw) {
			s.connection.Active = active || isNull(m.raw)
		} else {
			s.wrong("active", giveBool, "true")
		}
	case "alarms":
		s.connection.Alarms, err = s.alarms(m.raw)
	case "configuration":
		err = s.configuration(m.raw)
	case "id":
		s.id = m.raw
	default:
		for _, name := range readOnly {
			if m.name == name {
				return nil
			}
		}
		s.complain(unknown("", m.name, append([]string{"connectorId", "name", "active", "alarms", "configuration"}, readOnly...)))
	}
	return err
}

func (s *sent) configuration(raw json.RawMessage) error {
	if isNull(raw) { // every setting goes, secrets too
		s.connection.Configuration, s.keep = connection.DefaultConfiguration(), operation.Secrets{}
		return nil
	}
	if kindOf(raw) != '{' {
		s.wrong("configuration", "Give an object.", "")
		return nil
	}
	list, err := members(raw)
	if err != nil {
		return err
	}
	fields := configurationFields()
	for _, m := range list {
		known := false
		for _, f := range fields {
			if f.Name == m.name {
				s.field(f, m)
				known = true
			}
		}
		if !known {
			names := make([]string, len(fields))
			for i, f := range fields {
				names[i] = f.Name
			}
			s.complain(unknown("configuration.", m.name, names))
		}
	}
	return nil
}

const (
	giveText = "Give a text, in quotes."
	giveBool = "Give true or false."
	giveInt  = "Give a whole number, without quotes."
)

// field reads one setting by its row in the table of fields.
func (s *sent) field(f connection.Field, m member) {
	if f.Control == connection.ControlSecret {
		s.secret(f, m)
		return
	}
	if isNull(m.raw) {
		standard := blank()
		f.Set(&s.connection, f.Get(&standard))
		return
	}
	set := func(value string) string { return f.Set(&s.connection, value) }
	switch f.Control {
	case connection.ControlSwitch:
		value, ok := asBool(m.raw)
		if !ok {
			s.wrong(f.Path, giveBool, "true")
			return
		}
		set(strconv.FormatBool(value))
	case connection.ControlNumber:
		value, ok := asInt(m.raw)
		if !ok {
			s.wrong(f.Path, giveInt, f.Example)
			return
		}
		if message := set(strconv.Itoa(value)); message != "" {
			s.wrong(f.Path, message, f.Example)
		}
	default:
		s.text(m, f.Path, f.Example, set)
	}
}

// secret reads a write-only setting. Left out or sent as the mask, the stored one is meant; null and the empty text
// remove it.
func (s *sent) secret(f connection.Field, m member) {
	value, ok := asText(m.raw)
	if !ok && !isNull(m.raw) {
		s.wrong(f.Path, giveText, "")
		return
	}
	f.Set(&s.connection, value)
	masked := value == connection.Mask
	if f.Name == "downlinkAsKey" {
		s.keep.DownlinkAsKey = masked
	} else {
		s.keep.Password = masked
	}
}

func (s *sent) text(m member, path, example string, set func(string) string) {
	if isNull(m.raw) {
		return
	}
	value, ok := asText(m.raw)
	if !ok {
		s.wrong(path, giveText, example)
		return
	}
	if message := set(value); message != "" {
		s.wrong(path, message, example)
	}
}

func (s *sent) wrong(path, message, example string) {
	s.complain(connection.FieldError{Path: path, Message: message, Example: example})
}

func (s *sent) complain(e connection.FieldError) {
	if len(s.errs) < maxComplaints {
		s.errs = append(s.errs, e)
	}
}

// check gives what is wrong with the fields, in reading and by the rules; nil where they may go on to the operation.
// stored secrets stand in for those that are kept.
func (s *sent) check(stored connection.Configuration) error {
	if len(s.errs) == 0 {
		return nil // the operation applies the rules
	}
	c := s.connection
	if s.keep.Password {
		c.Configuration.Password = stored.Password
	}
	if s.keep.DownlinkAsKey {
		c.Configuration.DownlinkAsKey = stored.DownlinkAsKey
	}
	seen := map[string]bool{}
	var fields []web.FieldProblem
	for _, e := range append(s.errs, connection.Validate(c)...) {
		if !seen[e.Path] {
			seen[e.Path] = true
			fields = append(fields, web.FieldProblem(e))
		}
	}
	return web.NewProblem(422, someWrong, fields...)
}
