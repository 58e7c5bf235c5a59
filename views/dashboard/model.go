// Package dashboard holds the first page: how many connections are in each state, who needs a person and why, what flows,
// what waits, what happened lately.
package dashboard

import (
	"strconv"
	"time"

	"boardlink/connection"
	"boardlink/views/state"
	"boardlink/views/ui"
)

// StateCount says how many connections are in a state.
type StateCount struct {
	State connection.State
	Count int
}

// Case is a connection that needs a person.
type Case struct {
	Connection connection.Connection
	Status     connection.Status
	Refused    connection.Refusals
}

// Model is the dashboard.
type Model struct {
	Total  int
	States []StateCount
	Cases  []Case // worst first

	LastHour                             connection.Totals
	UplinksPerMinute, DownlinksPerMinute float64
	Backlog, Parked                      int64
	OldestAge                            time.Duration
	Traffic, Waiting                     ui.BarChart // uplinks and downlinks of the last hour, and what waited

	Latest []connection.Event
	Names  map[connection.ID]string
	Now    time.Time
}

// shownCases bounds the cases on the page; the list has the rest.
const shownCases = 8

func (m Model) shown() []Case { return m.Cases[:min(len(m.Cases), shownCases)] }

func (m Model) donut() ui.Donut {
	d := ui.Donut{Total: int64(m.Total), Unit: "connections"}
	if m.Total == 1 {
		d.Unit = "connection"
	}
	for _, s := range m.States {
		d.Slices = append(d.Slices, ui.Slice{Label: state.Title(s.State), Count: int64(s.Count), Tone: state.ToneOf(s.State)})
	}
	return d
}

// rate writes a rate with one decimal below ten, none above.
func rate(perMinute float64) string {
	if perMinute >= 10 || perMinute == 0 {
		return ui.Count(int64(perMinute + 0.5))
	}
	return strconv.FormatFloat(perMinute, 'f', 1, 64)
}

func (c Case) target() state.Target {
	return state.Target{ID: c.Connection.ID, Name: c.Connection.Name, Active: c.Connection.Active, State: c.Status.State, Back: "/", Focus: "cases-title"}
}

// Since is when the link went down; where that is not known, when its state began.
func (c Case) Since() time.Time {
	if !c.Status.LostAt.IsZero() {
		return c.Status.LostAt
	}
	return c.Status.Since
}

func path(id connection.ID) string { return "/connections/" + id.String() }
