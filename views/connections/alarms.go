package connections

import (
	"context"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/ui"
)

// Weekdays are the days of a week as alarms name them, in the order of the form.
var Weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// AlarmRow is one low-rate alarm as it is typed in: wall-clock times of its zone.
type AlarmRow struct {
	Opens, Closes, Zone, Least, Message string
	Days                                []string
	Remove                              bool
	Focus                               string            // the part whose input takes the focus, "" for none
	Wrong                               map[string]string // by the last part of the input's name: "opens"
}

// Empty reports whether nothing was typed that would make an alarm.
func (r AlarmRow) Empty() bool {
	return r.Opens == "" && r.Closes == "" && r.Least == "" && r.Message == "" && len(r.Days) == 0
}

// The forms of wall-clock times in inputs.
const (
	wallMinutes = "2006-01-02T15:04"
	wallSeconds = "2006-01-02T15:04:05"
)

// ParseWall reads a wall-clock time as browsers send it.
func ParseWall(text string, zone *time.Location) (time.Time, bool) {
	for _, form := range []string{wallMinutes, wallSeconds} {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func wall(t time.Time) string {
	if t.Second() != 0 {
		return t.Format(wallSeconds)
	}
	return t.Format(wallMinutes)
}

// AlarmRows writes alarms the way they are typed in.
func AlarmRows(alarms []connection.Alarm) []AlarmRow {
	var rows []AlarmRow
	for _, a := range alarms {
		opens, closes := inZone(a)
		rows = append(rows, AlarmRow{
			Opens: wall(opens), Closes: wall(closes), Zone: a.Timezone, Least: strconv.Itoa(a.UplinkRateMinPerHour), Message: a.Message, Days: daysOf(a),
		})
	}
	return rows
}

// inZone gives the begin and the end of a window by the clock of its zone.
func inZone(a connection.Alarm) (opens, closes time.Time) {
	zone, err := time.LoadLocation(a.Timezone)
	if err != nil {
		return a.StartTime, a.EndTime // never stored
	}
	return a.StartTime.In(zone), a.EndTime.In(zone)
}

// daysOf gives the days on which a window opens again, each once, in the order of the week.
func daysOf(a connection.Alarm) (days []string) {
	for _, day := range Weekdays {
		for _, r := range a.Recurrence {
			found := false
			for _, d := range r.ByDays {
				found = found || d == day
			}
			if found {
				days = append(days, day)
				break
			}
		}
	}
	return days
}

// AlarmSentence says what an alarm watches: "Mon, Tue 09:00 to 18:00, Europe/Paris: at least 15 uplinks an hour".
func AlarmSentence(ctx context.Context, a connection.Alarm) string {
	opens, closes := inZone(a)
	when := opens.Format("2006-01-02 15:04")
	if days := daysOf(a); len(days) == len(Weekdays) {
		when = text.T(ctx, "edit.alarms.daily", "time", opens.Format("15:04"))
	} else if len(days) > 0 {
		short := make([]string, len(days))
		for i, d := range days {
			short[i] = shortDay(ctx, d)
		}
		when = strings.Join(short, ", ") + " " + opens.Format("15:04")
	}
	least := int64(a.UplinkRateMinPerHour)
	if opens.Format(time.DateOnly) != closes.Format(time.DateOnly) {
		return text.N(ctx, "edit.alarms.lasting", least, "when", when, "span", ui.Span(a.EndTime.Sub(a.StartTime)), "zone", a.Timezone)
	}
	return text.N(ctx, "edit.alarms.until", least, "when", when, "until", closes.Format("15:04"), "zone", a.Timezone)
}

// shortDay is a day of the week in three letters or so.
func shortDay(ctx context.Context, day string) string { return text.T(ctx, "edit.day."+day) }

// AlarmSentences says all of them, one on a line.
func AlarmSentences(ctx context.Context, alarms []connection.Alarm) string {
	lines := make([]string, len(alarms))
	for i, a := range alarms {
		lines[i] = AlarmSentence(ctx, a)
	}
	return strings.Join(lines, "\n")
}

// alarmParts are the inputs of a row in their order on the page.
var alarmParts = []string{"opens", "closes", "zone", "least", "message", "days"}

// wrongOf gives the inputs of rows with an error.
func wrongOf(rows []AlarmRow) (wrong []ui.Field) {
	for n, row := range rows {
		for _, part := range alarmParts {
			if row.Wrong[part] != "" {
				wrong = append(wrong, ui.Field{Name: AlarmInput(n, part), Error: row.Wrong[part]})
			}
		}
	}
	return wrong
}

// FocusWrong lets the first input with an error take the focus.
func FocusWrong(rows []AlarmRow) {
	for n, row := range rows {
		for _, part := range alarmParts {
			if row.Wrong[part] != "" {
				rows[n].Focus = part
				return
			}
		}
	}
}

// field draws one input of a row.
func (r AlarmRow) field(ctx context.Context, n int, part string) ui.Field {
	f := ui.Field{Name: AlarmInput(n, part), Error: r.Wrong[part], Autofocus: r.Focus == part}
	switch part {
	case "opens":
		f.Label, f.Kind, f.Value, f.Help = text.T(ctx, "edit.window.opens"), ui.KindMoment, r.Opens, text.T(ctx, "edit.window.opens_help")
	case "closes":
		f.Label, f.Kind, f.Value = text.T(ctx, "edit.window.closes"), ui.KindMoment, r.Closes
	case "zone":
		f.Label, f.Value, f.Placeholder, f.Help = text.T(ctx, "edit.window.zone"), r.Zone, "Europe/Paris", text.T(ctx, "edit.window.zone_help")
	case "least":
		f.Label, f.Kind, f.Value, f.Placeholder, f.Help = text.T(ctx, "edit.window.least"), ui.KindNumber, r.Least, "15", text.T(ctx, "edit.window.least_help")
	case "message":
		f.Label, f.Value, f.Placeholder = text.T(ctx, "edit.window.message"), r.Message, text.T(ctx, "edit.window.message_example")
	}
	return f
}

// AlarmInput is the name of an input of the window with that number, counted from 0.
func AlarmInput(n int, part string) string { return "alarm-" + strconv.Itoa(n) + "-" + part }

func (r AlarmRow) on(day string) bool {
	for _, d := range r.Days {
		if d == day {
			return true
		}
	}
	return false
}
