// Package events holds the log as people read it: the page with its filters, and the lines that other pages show.
package events

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/text"
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
	Kind        connection.Kind  // chosen, "" for any
	From, To    string           // chosen, as the browser writes a time of day in UTC: "2026-11-24T09:30"; "" for any
	DevEUI      string           // chosen, "" for any
	Before      int64            // where this page begins, 0 for the newest
	Next        int64            // where the next page begins, 0 for none
	Now         time.Time
}

// Filtered reports whether only a part of the events is shown.
func (m Model) Filtered() bool {
	return m.Connection != 0 || m.Level != "" || m.Kind != "" || m.From != "" || m.To != "" || m.DevEUI != ""
}

func (m Model) address(before int64, part string) string {
	q := url.Values{}
	if m.Connection != 0 {
		q.Set("connectionId", m.Connection.String())
	}
	if m.Level != "" {
		q.Set("level", string(m.Level))
	}
	for name, chosen := range map[string]string{"kind": string(m.Kind), "from": m.From, "to": m.To, "devEUI": m.DevEUI} {
		if chosen != "" {
			q.Set(name, chosen)
		}
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
func by(ctx context.Context, e connection.Event) string {
	who := e.Actor != "" && e.Actor != connection.System && !strings.Contains(e.Message, e.Actor)
	from := e.Address != "" && !strings.Contains(e.Message, e.Address)
	switch {
	case who && from:
		return text.T(ctx, "events.line.by_from", "who", e.Actor, "address", e.Address)
	case who:
		return text.T(ctx, "events.line.by", "who", e.Actor)
	case from:
		return text.T(ctx, "events.line.from", "address", e.Address)
	}
	return ""
}

// Path is the address of one event.
func Path(id int64) string { return "/events/" + strconv.FormatInt(id, 10) }

func levelName(ctx context.Context, l connection.Level) string {
	return text.T(ctx, "events.level."+string(l))
}

func kindName(ctx context.Context, k connection.Kind) string {
	return text.T(ctx, "events.kind."+string(k))
}
