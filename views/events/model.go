// Package events holds the log as people read it: the page with its filters, and the lines that other pages show.
package events

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
)

// Choice is a connection that events can be chosen by.
type Choice struct {
	ID   connection.ID
	Name string
}

// Model is the page of events.
type Model struct {
	Events      []connection.Event
	Names       map[connection.ID]string // of the connections that still are
	Connections []Choice
	Connection  connection.ID    // chosen, 0 for any
	Level       connection.Level // chosen, "" for any
	DevEUI      string           // chosen, "" for any
	Before      int64            // where this page begins, 0 for the newest
	Next        int64            // where the next page begins, 0 for none
	Now         time.Time
}

// Filtered reports whether only a part of the events is shown.
func (m Model) Filtered() bool { return m.Connection != 0 || m.Level != "" || m.DevEUI != "" }

func (m Model) address(before int64, part string) string {
	q := url.Values{}
	if m.Connection != 0 {
		q.Set("connectionId", m.Connection.String())
	}
	if m.Level != "" {
		q.Set("level", string(m.Level))
	}
	if m.DevEUI != "" {
		q.Set("devEUI", m.DevEUI)
	}
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	if part != "" {
		q.Set("part", part)
	}
	if len(q) == 0 {
		return "/events"
	}
	return "/events?" + q.Encode()
}

func levels() []connection.Level {
	return []connection.Level{connection.LevelInfo, connection.LevelWarning, connection.LevelError}
}

// by says who caused an event and from where: "by ann@example.com from 192.0.2.7". Whoever the message names already is left
// out; "" where nobody caused it.
func by(e connection.Event) string {
	var words []string
	if e.Actor != "" && e.Actor != connection.System && !strings.Contains(e.Message, e.Actor) {
		words = append(words, "by "+e.Actor)
	}
	if e.Address != "" && !strings.Contains(e.Message, e.Address) {
		words = append(words, "from "+e.Address)
	}
	return strings.Join(words, " ")
}
