package operation

import (
	"fmt"
	"reflect"
	"strings"

	"boardlink/connection"
)

// maxAlarmClauses bounds how many alarms an event tells of one by one.
const maxAlarmClauses = 5

// alarmChanges tells what differs between two lists of alarms, by their places in the list.
func alarmChanges(from, to []connection.Alarm) []string {
	var list []string
	for i := range max(len(from), len(to)) {
		switch n := i + 1; {
		case i >= len(from):
			list = append(list, fmt.Sprintf("Alarm %d added: %s", n, alarmText(to[i])))
		case i >= len(to):
			list = append(list, fmt.Sprintf("Alarm %d removed: %s", n, alarmText(from[i])))
		case !sameAlarm(from[i], to[i]):
			list = append(list, fmt.Sprintf("Alarm %d changed from %s to %s", n, alarmText(from[i]), alarmText(to[i])))
		}
	}
	if more := len(list) - maxAlarmClauses; more > 0 {
		list = append(list[:maxAlarmClauses], fmt.Sprintf("%d more alarms changed", more))
	}
	return list
}

// sameAlarm compares moments and not how they are written.
func sameAlarm(a, b connection.Alarm) bool {
	if !a.StartTime.Equal(b.StartTime) || !a.EndTime.Equal(b.EndTime) || len(a.Recurrence) != len(b.Recurrence) {
		return false
	}
	for i := range a.Recurrence {
		if a.Recurrence[i].Frequency != b.Recurrence[i].Frequency || strings.Join(a.Recurrence[i].ByDays, ",") != strings.Join(b.Recurrence[i].ByDays, ",") {
			return false
		}
	}
	a.StartTime, a.EndTime, a.Recurrence = b.StartTime, b.EndTime, b.Recurrence
	return reflect.DeepEqual(a, b)
}

// alarmText tells an alarm in a line: "fewer than 15 uplinks an hour, 2026-01-31T09:00:00+01:00 to …, weekly on monday".
func alarmText(a connection.Alarm) string {
	const layout = "2006-01-02T15:04:05Z07:00"
	text := fmt.Sprintf("fewer than %d uplinks an hour, %s to %s %s", a.UplinkRateMinPerHour, a.StartTime.Format(layout), a.EndTime.Format(layout), short(a.Timezone))
	for _, r := range a.Recurrence {
		text += ", " + short(r.Frequency) + " on " + short(strings.Join(r.ByDays, " "))
	}
	if a.Message != "" {
		text += fmt.Sprintf(", %q", short(a.Message))
	}
	return "(" + text + ")"
}
