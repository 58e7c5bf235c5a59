package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"boardlink/connection"
	"boardlink/views/connections"
)

// byField turns messages by JSON path into messages by the name of the input they stand at. Those of alarms are one: they
// are typed into one input. A path that no input has comes under "".
func byField(byPath map[string]string) map[string]string {
	byName := map[string]string{}
	for _, f := range connection.Fields {
		if message, ok := byPath[f.Path]; ok {
			byName[f.Name] = message
		}
	}
	var alarms []string
	for path, message := range byPath {
		if strings.HasPrefix(path, connections.AlarmsField) {
			if at := strings.TrimPrefix(path, connections.AlarmsField); at != "" {
				message = alarmPlace(at) + message
			}
			alarms = append(alarms, message)
		} else if !known(path) {
			byName[""] = message
		}
	}
	if len(alarms) > 0 {
		byName[connections.AlarmsField] = joinSorted(alarms)
	}
	return byName
}

func known(path string) bool {
	for _, f := range connection.Fields {
		if f.Path == path {
			return true
		}
	}
	return false
}

// alarmPlace turns "[0].endTime" into "Alarm 1, endTime: ".
func alarmPlace(path string) string {
	var n int
	rest := ""
	if _, err := fmt.Sscanf(path, "[%d]", &n); err == nil {
		if i := strings.IndexByte(path, '.'); i >= 0 {
			rest = ", " + path[i+1:]
		}
	}
	return fmt.Sprintf("Alarm %d%s: ", n+1, rest)
}

// parseAlarms reads the alarms as they are typed in; message is a sentence where they cannot be read.
func parseAlarms(text string) (alarms []connection.Alarm, message string) {
	if strings.TrimSpace(text) == "" {
		return nil, ""
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&alarms)
	if err == nil {
		if _, err = d.Token(); err == nil {
			return nil, "Write one list and nothing after it."
		} else if errors.Is(err, io.EOF) {
			return alarms, ""
		}
	}
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		line := 1 + strings.Count(text[:min(int(syntax.Offset), len(text))], "\n")
		return nil, fmt.Sprintf("This is no JSON: look at line %d.", line)
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return nil, fmt.Sprintf("The field %s does not hold what belongs there.", wrongType.Field)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, "The JSON ends too early: a bracket is not closed."
	case strings.Contains(err.Error(), "unknown field"):
		return nil, "There is a field that alarms do not have: use startTime, endTime, timezone, recurrence, uplinkRateMinPerHour and message."
	}
	return nil, "Write a list of alarms as JSON, times like 2026-01-31T09:00:00+01:00."
}

func joinSorted(sentences []string) string {
	slices.Sort(sentences)
	return strings.Join(sentences, " ")
}
