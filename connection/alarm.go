package connection

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // windows are wall-clock in their own zone, also on machines without a zone database
)

// Alarm is a low-rate alarm: in a window that may recur each week, uplinks per hour are compared with a minimum.
type Alarm struct {
	StartTime            time.Time    `json:"startTime"`
	EndTime              time.Time    `json:"endTime"`
	Timezone             string       `json:"timezone"`
	Recurrence           []Recurrence `json:"recurrence,omitempty"`
	UplinkRateMinPerHour int          `json:"uplinkRateMinPerHour" minimum:"1" maximum:"1000000"`
	Message              string       `json:"message" maxLength:"1000"`
}

// Recurrence says on which days the window opens again.
type Recurrence struct {
	Frequency string   `json:"frequency" enum:"weekly"`
	ByDays    []string `json:"byDays" enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday" minItems:"1" nullable:"false"`
}

const (
	maxAlarms       = 20
	maxRecurrences  = 20
	maxAlarmMessage = 1000
	maxAlarmRate    = 1_000_000
)

var weekdays = map[string]time.Weekday{
	"monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday, "thursday": time.Thursday,
	"friday": time.Friday, "saturday": time.Saturday, "sunday": time.Sunday,
}

func validateAlarms(alarms []Alarm) []FieldError {
	if len(alarms) > maxAlarms {
		return []FieldError{{Path: "alarms", Message: fmt.Sprintf("At most %d alarms can be set.", maxAlarms)}}
	}
	var errs []FieldError
	for i, a := range alarms {
		at := fmt.Sprintf("alarms[%d].", i)
		wrong := func(field, message, example string) {
			errs = append(errs, FieldError{Path: at + field, Message: message, Example: example})
		}
		if a.StartTime.IsZero() {
			wrong("startTime", "Give the time at which the window opens.", "2026-01-31T09:00:00+01:00")
		}
		if !a.EndTime.After(a.StartTime) {
			wrong("endTime", "The window must close after it opens.", "2026-01-31T18:00:00+01:00")
		} else if a.EndTime.Sub(a.StartTime) > 7*day {
			wrong("endTime", "A window lasts at most 7 days.", "2026-01-31T18:00:00+01:00")
		}
		if _, err := time.LoadLocation(a.Timezone); err != nil || a.Timezone == "" || a.Timezone == "Local" {
			wrong("timezone", "Name a time zone of the IANA database.", "Europe/Paris")
		}
		if a.UplinkRateMinPerHour < 1 || a.UplinkRateMinPerHour > maxAlarmRate {
			wrong("uplinkRateMinPerHour", "Give a number from 1 to 1,000,000.", "15")
		}
		if len([]rune(a.Message)) > maxAlarmMessage {
			wrong("message", fmt.Sprintf("Use at most %d characters.", maxAlarmMessage), "")
		}
		if len(a.Recurrence) > maxRecurrences {
			wrong("recurrence", fmt.Sprintf("At most %d recurrences can be set.", maxRecurrences), "")
			continue
		}
		for j, r := range a.Recurrence {
			if r.Frequency != "weekly" {
				wrong(fmt.Sprintf("recurrence[%d].frequency", j), `The only frequency is "weekly".`, "weekly")
			}
			if len(r.ByDays) == 0 || len(r.ByDays) > len(weekdays) {
				wrong(fmt.Sprintf("recurrence[%d].byDays", j), "Name one to seven days.", "monday")
				continue
			}
			for _, d := range r.ByDays {
				if _, ok := weekdays[strings.ToLower(d)]; !ok || strings.ToLower(d) != d {
					wrong(fmt.Sprintf("recurrence[%d].byDays", j), "Days are English names in lower case.", "monday")
				}
			}
		}
	}
	return errs
}
