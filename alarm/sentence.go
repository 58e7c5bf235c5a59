package alarm

import (
	"fmt"
	"strings"

	"boardlink/connection"
)

// How the sentences of an alarm's events begin.
const (
	saysLow  = "Low uplink rate: "
	saysBack = "The uplink rate is back: "
)

// mark ends every sentence about an alarm, and tells it from the connection's other alarms.
func mark(a connection.Alarm, s schedule) string {
	text := fmt.Sprintf("; the minimum is %d an hour (%s, %s).", a.UplinkRateMinPerHour, s.describe(), s.zone)
	if message := connection.Clean(a.Message); message != "" {
		text += ` "` + message + `"`
	}
	return text
}

// describe says when windows are open, in the time of their zone.
func (s schedule) describe() string {
	const clock, day = "15:04", "2006-01-02 15:04"
	switch {
	case !s.recurs:
		return s.start.Format(day) + " to " + s.end.Format(day)
	case s.daysOpen == 0:
		return s.start.Format(clock) + " to " + s.end.Format(clock)
	case s.daysOpen == 1:
		return s.start.Format(clock) + " to " + s.end.Format(clock) + " the next day"
	}
	return fmt.Sprintf("%s to %s, %d days later", s.start.Format(clock), s.end.Format(clock), s.daysOpen)
}

func sentence(begin string, uplinks int64, over span, s schedule, mark string) string {
	counted := fmt.Sprintf("%d uplinks", uplinks)
	switch uplinks {
	case 0:
		counted = "no uplinks"
	case 1:
		counted = "1 uplink"
	}
	return fmt.Sprintf("%s%s from %s to %s%s", begin, counted, over.from.In(s.zone).Format("15:04"), over.to.In(s.zone).Format("15:04"), mark)
}

// said reads back what an event says about the alarm with this mark.
func said(message, mark string) (low, about bool) {
	if !strings.HasSuffix(message, mark) {
		return false, false
	}
	low = strings.HasPrefix(message, saysLow)
	return low, low || strings.HasPrefix(message, saysBack)
}
