// Package parked holds the page of the events that ThingsBoard would not take: why, what they say, and what can be done
// about them.
package parked

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/ui"

	"github.com/a-h/templ"
)

// Path is the address of a connection's parked events.
func Path(id connection.ID) string { return "/connections/" + id.String() + "/parked" }

// Waiting goes on after the number of parked events on other pages.
func Waiting(n int64) string {
	if n == 1 {
		return ": ThingsBoard would not take it, and it waits for somebody."
	}
	return ": ThingsBoard would not take them, and they wait for somebody."
}

// Model is the page of a connection's parked events.
type Model struct {
	ID      connection.ID
	Name    string
	State   connection.State
	Total   int64                     // all that are parked now
	Listed  int64                     // all that were when the list was drawn
	Reasons []connection.ParkedReason // the most frequent first
	Events  []connection.ParkedEvent  // of this page
	Reason  connection.ReasonCode     // only these are shown; empty: all
	After   int64                     // where this page begins, 0 for the first
	Next    int64                     // where the next page begins, 0 for none
	Checked map[int64]bool            // events that were chosen before
	Error   string                    // what is wrong with the form that was sent
	Focus   bool                      // the list takes the focus: something was done with it just now
	Now     time.Time
}

// Choice is what a form means: the events with the ids, those with the reason, or all.
type Choice struct {
	IDs    []int64
	Reason connection.ReasonCode
	All    bool
	Count  int64 // how many that are
}

// Question is asked before events are dropped.
type Question struct {
	Model  Model // the page that it stands on
	Choice Choice
	More   bool // it was asked before, and meanwhile there are more
}

// Address is that of the page as it stands.
func (m Model) Address() string { return m.address(m.Reason, m.After) }

// address gives the address of the events with a reason, beginning after one of them.
func (m Model) address(code connection.ReasonCode, after int64) string {
	q := url.Values{}
	if code != connection.ReasonNone {
		q.Set("reason", string(code))
	}
	if after > 0 {
		q.Set("after", strconv.FormatInt(after, 10))
	}
	if len(q) == 0 {
		return Path(m.ID)
	}
	return Path(m.ID) + "?" + q.Encode()
}

// countAddress is that of the live part. It bears the count that the list was drawn with.
func (m Model) countAddress() string {
	q := url.Values{"part": {"count"}, "shown": {number(m.Listed)}}
	if m.Reason != connection.ReasonNone {
		q.Set("reason", string(m.Reason))
	}
	return Path(m.ID) + "?" + q.Encode()
}

// waits says what becomes of events that are put back while the link is not open, "" where they go out at once.
func (m Model) waits(ctx context.Context) string {
	if m.State == connection.Opened {
		return ""
	}
	return text.T(ctx, "parked.link_waits", "state", string(m.State))
}

// selecting is what the box is called by which an event is chosen.
func selecting(ctx context.Context, e connection.ParkedEvent) string {
	if e.DevEUI == "" {
		return text.T(ctx, "parked.select_no_device", "time", ui.Exact(e.ReceivedAt))
	}
	return text.T(ctx, "parked.select", "device", e.DevEUI, "time", ui.Exact(e.ReceivedAt))
}

// showing is what opens the document of an event.
func showing(ctx context.Context, e connection.ParkedEvent) string {
	if e.DevEUI == "" {
		return text.T(ctx, "parked.show_of_no_device")
	}
	return text.T(ctx, "parked.show_of", "device", e.DevEUI)
}

func (m Model) devicePath(devEUI string) string {
	return "/connections/" + m.ID.String() + "/devices/" + url.PathEscape(devEUI)
}

// behind puts a sentence behind the words of a button, for those who do not see what it stands beside.
func behind(ctx context.Context, sentence string) string {
	if sentence == "" {
		return ""
	}
	return text.T(ctx, "parked.because", "reason", sentence)
}

// dialog is the question that lies over the page, if one is asked.
func dialog(q *Question) templ.Component {
	if q == nil {
		return nil
	}
	return Dialog(*q, false)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func (q Question) which(ctx context.Context) string {
	switch {
	case q.Choice.All:
		return text.T(ctx, "parked.all_meant")
	case q.Choice.Reason != connection.ReasonNone:
		return text.T(ctx, "parked.reason_meant", "reason", q.Choice.Reason.Text().Sentence)
	}
	return ""
}
