package api

import (
	"encoding/json"
	"fmt"
	"time"

	"boardlink/connection"
)

// maxElements bounds the lists that are read; the rules for how many make sense are stricter.
const maxElements = 100

// elements takes an array apart; nil and a complaint where it is none.
func (s *sent) elements(raw json.RawMessage, path string) []json.RawMessage {
	var list []json.RawMessage
	switch {
	case isNull(raw):
	case kindOf(raw) != '[' || json.Unmarshal(raw, &list) != nil:
		s.wrong(path, "Give a list.", "")
	case len(list) > maxElements:
		s.wrong(path, fmt.Sprintf("Give at most %d.", maxElements), "")
		return nil
	}
	return list
}

// object takes an object apart and hands each member to read, which says whether it knows the name.
func (s *sent) object(raw json.RawMessage, at string, known []string, read func(m member) bool) error {
	if kindOf(raw) != '{' {
		s.wrong(at, "Give an object.", "")
		return nil
	}
	list, err := members(raw)
	if err != nil {
		return err
	}
	for _, m := range list {
		if !read(m) {
			s.complain(unknown(at+".", m.name, known))
		}
	}
	return nil
}

var (
	alarmMembers      = []string{"startTime", "endTime", "timezone", "recurrence", "uplinkRateMinPerHour", "message"}
	recurrenceMembers = []string{"frequency", "byDays"}
)

func (s *sent) alarms(raw json.RawMessage) ([]connection.Alarm, error) {
	var alarms []connection.Alarm
	for i, element := range s.elements(raw, "alarms") {
		a, err := s.alarm(element, fmt.Sprintf("alarms[%d]", i))
		if err != nil {
			return nil, err
		}
		alarms = append(alarms, a)
	}
	return alarms, nil
}

func (s *sent) alarm(raw json.RawMessage, at string) (a connection.Alarm, err error) {
	moment := func(m member, to *time.Time) {
		text, ok := asText(m.raw)
		t, err := time.Parse(time.RFC3339, text)
		if !ok || err != nil {
			s.wrong(at+"."+m.name, "Give a time as RFC 3339 has it.", "2026-01-31T09:00:00+01:00")
			return
		}
		*to = t
	}
	var inner error
	err = s.object(raw, at, alarmMembers, func(m member) bool {
		switch m.name {
		case "startTime":
			moment(m, &a.StartTime)
		case "endTime":
			moment(m, &a.EndTime)
		case "timezone":
			s.text(m, at+".timezone", "Europe/Paris", func(v string) string { a.Timezone = v; return "" })
		case "message":
			s.text(m, at+".message", "", func(v string) string { a.Message = v; return "" })
		case "uplinkRateMinPerHour":
			n, ok := asInt(m.raw)
			if !ok {
				s.wrong(at+".uplinkRateMinPerHour", giveInt, "15")
			}
			a.UplinkRateMinPerHour = n
		case "recurrence":
			a.Recurrence, inner = s.recurrence(m.raw, at+".recurrence")
		default:
			return false
		}
		return true
	})
	if err == nil {
		err = inner
	}
	return a, err
}

func (s *sent) recurrence(raw json.RawMessage, path string) ([]connection.Recurrence, error) {
	var list []connection.Recurrence
	for i, element := range s.elements(raw, path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		var r connection.Recurrence
		err := s.object(element, at, recurrenceMembers, func(m member) bool {
			switch m.name {
			case "frequency":
				s.text(m, at+".frequency", "weekly", func(v string) string { r.Frequency = v; return "" })
			case "byDays":
				for _, day := range s.elements(m.raw, at+".byDays") {
					s.text(member{raw: day}, at+".byDays", "monday", func(v string) string { r.ByDays = append(r.ByDays, v); return "" })
				}
			default:
				return false
			}
			return true
		})
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}
