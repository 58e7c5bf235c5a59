package handlers

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/connections"
)

// maxAlarmRows bounds the windows that a form may hold; connections have fewer.
const maxAlarmRows = 40

// readAlarmRows reads the windows as they were typed; ok is false where the form has none of their inputs.
func readAlarmRows(values url.Values) (rows []connections.AlarmRow, ok bool) {
	count, err := strconv.Atoi(values.Get("alarmRows"))
	if err != nil {
		return nil, false
	}
	for n := range min(count, maxAlarmRows) {
		get := func(part string) string { return strings.TrimSpace(values.Get(connections.AlarmInput(n, part))) }
		rows = append(rows, connections.AlarmRow{
			Opens: get("opens"), Closes: get("closes"), Zone: get("zone"), Least: get("least"), Message: get("message"),
			Days: values[connections.AlarmInput(n, "days")], Remove: get("remove") == "true", Wrong: map[string]string{},
		})
	}
	return rows, true
}

// alarmsOf makes alarms of rows. at tells for each which row it stands in. What cannot be read is said in the row.
func alarmsOf(ctx context.Context, rows []connections.AlarmRow) (alarms []connection.Alarm, at []int, wrong bool) {
	for n := range rows {
		row := &rows[n]
		if row.Remove || row.Empty() {
			continue
		}
		refuse := func(part, message string) {
			row.Wrong[part] = message
			wrong = true
		}
		a := connection.Alarm{Timezone: row.Zone, Message: row.Message}
		zone, err := time.LoadLocation(row.Zone)
		if err != nil || row.Zone == "" || row.Zone == "Local" {
			refuse("zone", text.T(ctx, "edit.wrong.zone"))
			zone = time.UTC
		}
		var ok bool
		if a.StartTime, ok = connections.ParseWall(row.Opens, zone); !ok {
			refuse("opens", text.T(ctx, "edit.wrong.opens"))
		}
		if a.EndTime, ok = connections.ParseWall(row.Closes, zone); !ok {
			refuse("closes", text.T(ctx, "edit.wrong.closes"))
		}
		if a.UplinkRateMinPerHour, err = strconv.Atoi(row.Least); err != nil {
			refuse("least", text.T(ctx, "edit.wrong.least"))
		}
		if len(row.Days) > 0 {
			a.Recurrence = []connection.Recurrence{{Frequency: "weekly", ByDays: row.Days}}
		}
		alarms, at = append(alarms, a), append(at, n)
	}
	return alarms, at, wrong
}

// partOf names the input of a row that a path of an alarm is typed into.
func partOf(path string) string {
	for prefix, part := range map[string]string{"startTime": "opens", "endTime": "closes", "timezone": "zone", "uplinkRateMinPerHour": "least", "message": "message", "recurrence": "days"} {
		if strings.HasPrefix(path, prefix) {
			return part
		}
	}
	return ""
}

// isAlarmInput reports whether that is the name of an input of some window.
func isAlarmInput(name string) bool {
	rest, found := strings.CutPrefix(name, "alarm-")
	n, part, _ := strings.Cut(rest, "-")
	index, err := strconv.Atoi(n)
	return found && err == nil && index >= 0 && connections.AlarmInput(index, part) == name && slices.Contains([]string{"opens", "closes", "zone", "least", "message", "days", "remove"}, part)
}

// refuseRows puts what the rules complain of beside the inputs, and returns what belongs to none of them.
func refuseRows(rows []connections.AlarmRow, at []int, byPath map[string]string) (rest string) {
	for path, message := range byPath {
		var n int
		index, member, _ := strings.Cut(strings.TrimPrefix(path, connections.AlarmsField), ".")
		if _, err := fmt.Sscanf(index, "[%d]", &n); err != nil || n >= len(at) || partOf(member) == "" {
			rest = message
			continue
		}
		rows[at[n]].Wrong[partOf(member)] = message
	}
	return rest
}

// rowsOf gives alarms as rows, and for each the row that it stands in: its own.
func rowsOf(alarms []connection.Alarm) (rows []connections.AlarmRow, at []int) {
	rows = connections.AlarmRows(alarms)
	for n := range rows {
		rows[n].Wrong = map[string]string{}
		at = append(at, n)
	}
	return rows, at
}

// readAlarms reads the low-rate alarms of the form: windows with fields of their own, or one text as programs send it.
func (in *input) readAlarms(ctx context.Context) {
	if rows, ok := readAlarmRows(in.values); ok {
		in.rows = rows
		in.connection.Alarms, in.rowAt, _ = alarmsOf(ctx, in.rows)
		return
	}
	alarms, message := parseAlarms(in.values.Get(connections.AlarmsField))
	if message != "" {
		in.wrong[connections.AlarmsField], in.unread = message, true
		return
	}
	in.connection.Alarms = alarms
	in.rows, in.rowAt = rowsOf(alarms)
}

// refuseAlarms puts what the rules complain of in the alarms beside their inputs. A window that cannot be read as it is was
// not understood: what the rules say of it counts for nothing.
func (in *input) refuseAlarms(byPath map[string]string) {
	ofAlarms := map[string]string{}
	for path, message := range byPath {
		if strings.HasPrefix(path, connections.AlarmsField) {
			ofAlarms[path] = message
		}
	}
	unclear := map[int]bool{}
	for n, row := range in.rows {
		unclear[n] = len(row.Wrong) > 0
	}
	for path := range ofAlarms {
		var n int
		if _, err := fmt.Sscanf(strings.TrimPrefix(path, connections.AlarmsField), "[%d]", &n); err == nil && n < len(in.rowAt) && unclear[in.rowAt[n]] {
			delete(ofAlarms, path)
		}
	}
	if rest := refuseRows(in.rows, in.rowAt, ofAlarms); rest != "" {
		in.wrong[connections.AlarmsField] = rest
	}
}

// rowsWithNew gives the rows and an empty one below them.
func rowsWithNew(rows []connections.AlarmRow) []connections.AlarmRow {
	zone := "UTC"
	if n := len(rows); n > 0 && rows[n-1].Zone != "" {
		zone = rows[n-1].Zone
	}
	return append(rows, connections.AlarmRow{Zone: zone, Focus: "opens"})
}
