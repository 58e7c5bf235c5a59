// Package connections holds the pages of connections: the list, the form of a new one, the details with every setting
// editable in its place, and the questions asked before something ends.
package connections

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"boardlink/connection"
	"boardlink/views/state"
	"boardlink/views/ui"
)

// Path is the address of a connection's page.
func Path(id connection.ID) string { return "/connections/" + id.String() }

// Row is one line of the list.
type Row struct {
	Connection connection.Connection
	Status     connection.Status
	Hour, Day  connection.Totals
}

func (r Row) target(back string) state.Target {
	return state.Target{ID: r.Connection.ID, Name: r.Connection.Name, Active: r.Connection.Active, State: r.Status.State, Back: back}
}

// Sort is an order of the list.
type Sort struct {
	Value string // in the address; "" for the one that nobody chose
	Label string
	Key   string // what the operations call it
	Desc  bool
}

// Sorts lists the orders, the first being the one that nobody chose: those that need a person come first.
var Sorts = []Sort{
	{"", "Worst first", "state", false},
	{"name", "By name", "name", false},
	{"backlog", "Largest backlog first", "backlog", true},
	{"delivery", "Longest without a delivery first", "lastDeliveredAt", false},
	{"newest", "Newest first", "", true},
	{"oldest", "Oldest first", "", false},
}

// SortOf reads an order from an address; an unknown one is the first.
func SortOf(value string) Sort {
	for _, s := range Sorts {
		if s.Value == value {
			return s
		}
	}
	return Sorts[0]
}

// List is the page of all connections, or of those that a filter leaves.
type List struct {
	Rows   []Row
	Search string
	State  connection.State // "" for any
	Sort   Sort
	Next   string // where the next page begins, "" for none
	After  string // where this one began
	Failed string // why there are no rows to show: a sentence
	Now    time.Time
}

// Filtered reports whether the list shows a part only because of what was searched for.
func (l List) Filtered() bool { return l.Search != "" || l.State != "" }

// address gives the address of the list with the same filter and order, beginning after a place.
func (l List) address(after, part string) string {
	q := url.Values{}
	for name, value := range map[string]string{"q": l.Search, "state": string(l.State), "sort": l.Sort.Value, "after": after, "part": part} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "/connections"
	}
	return "/connections?" + q.Encode()
}

// unfiltered is the address of all connections in the same order.
func (l List) unfiltered() string { return List{Sort: l.Sort}.address("", "") }

// sorted is what a column's head says of the order.
func (l List) sorted(key string) string {
	switch {
	case l.Sort.Key != key || key == "":
		return "none"
	case l.Sort.Desc:
		return "descending"
	}
	return "ascending"
}

// pair writes the figures of the last hour and the last day as the list shows them.
func pair(hour, day int64) string { return ui.Count(hour) + " / " + ui.Count(day) }

func pairWords(hour, day int64) string {
	return fmt.Sprintf("%s in the last hour, %s in the last 24 hours", ui.Count(hour), ui.Count(day))
}

// Form is the form of a new connection.
type Form struct {
	Basic    []ui.Field
	Advanced []ui.Field
	Rows     []AlarmRow // the low-rate alarms
	Unread   bool       // the alarms were sent as one text that cannot be read, and are typed as one text
	Removed  bool       // a window was removed just now: the focus goes on there
	Typed    bool       // it holds what was typed
	Open     bool       // the advanced part is open
	Failed   bool       // it was sent and something is wrong
	Inactive bool       // whoever sent it wants the connection deactivated
	Sealed   []Sealed
	Trial    Trial
	Examples []Example
}

// Example is what ThingsBoard receives of an uplink under one way of writing telemetry.
type Example struct {
	Way string // "original", "metadata", "decoded" or "measurements": the stylesheet shows the one that is chosen
	connection.Example
}

// Sealed is a secret that was typed, in a form that only this server reads: it does not come back to the browser in clear.
type Sealed struct{ Name, Text string }

// SealedPrefix stands before the name of a setting whose value is sealed.
const SealedPrefix = "sealed-"

// Wrong gives the fields with an error, in the order of the page.
func (f Form) Wrong() []ui.Field {
	var wrong []ui.Field
	for _, field := range append(append([]ui.Field{}, f.Basic...), f.Advanced...) {
		if field.Error != "" {
			wrong = append(wrong, field)
		}
	}
	return append(wrong, wrongOf(f.Rows)...)
}

// Forgive takes back what is said of wrong fields: the person is not done yet.
func (f *Form) Forgive() {
	f.Failed = false
	for _, list := range [][]ui.Field{f.Basic, f.Advanced} {
		for i := range list {
			list[i].Error = ""
		}
	}
	for i := range f.Rows {
		f.Rows[i].Wrong = nil
	}
}

// alarms is the control of the alarms, which says what is wrong with all of them.
func (f Form) alarms(ctx context.Context) ui.Field {
	for _, field := range f.Advanced {
		if field.Name == AlarmsField {
			return field
		}
	}
	return AlarmsInput(ctx)
}

func (f Form) advancedWrong() bool {
	for _, field := range f.Advanced {
		if field.Error != "" {
			return true
		}
	}
	return len(wrongOf(f.Rows)) > 0
}

// Metrics are the figures of one window.
type Metrics struct {
	ID                                connection.ID
	Window                            string // "1h" or "1d"
	ActiveDevices, Uplinks, Downlinks int64
	Delivered                         int64
	Rejected, Parked, Expired         int64
	Delays                            connection.Delays
	Charts                            []ui.BarChart // what goes up and down, how long that takes, and what waits
}

// Past is how a link fared.
type Past struct {
	Span  string // "1d" or "30d"
	Strip ui.Strip
}

// Details is the page of one connection.
type Details struct {
	Connection connection.Connection
	Status     connection.Status
	UplinkURL  string
	// MoreUplinkURLs are those at further addresses of the installation.
	MoreUplinkURLs []string
	UplinkKey      string // shown only to who has just asked for it
	OldUplinkKey   string // likewise, while there is one
	KeyAsked       bool   // the key was shown or hidden just now: the focus stays there
	Refused        connection.Refusals
	Metrics        Metrics
	Events         []connection.Event
	Past           Past
	Example        connection.Example
	Curl           string  // the command that makes the connection anew; "" for none
	Editing        *Editor // the one field that is being edited, nil for none
	Trial          Trial
	Now            time.Time
}

func (d Details) target() state.Target {
	return state.Target{ID: d.Connection.ID, Name: d.Connection.Name, Active: d.Connection.Active, State: d.Status.State, Back: Path(d.Connection.ID)}
}

// Property is one setting as the details page shows it.
type Property struct {
	ID      connection.ID
	Name    string // JSON name
	Label   string
	Help    string
	Value   string // as people read it; dots for a secret
	Secret  bool   // Value only says whether one is set
	Machine bool   // a text that machines read
	Star    bool
	Focus   bool   // the pencil takes the focus: the field was being edited just now
	Empty   string // what stands there when nothing is set
	Aside   bool   // drawn beside the answer to an edit of another setting, which it depends on
}

// scrolls reports whether the value may be too long for its box on a narrow screen: whoever has no mouse must reach it
// then.
func (p Property) scrolls() bool { return len(p.Value) > 80 }

// Question is what a person is asked before a setting changes.
type Question struct {
	ConnectionName string
	Facts          []Fact
	Notes          []string
	Pending        string // the typed secret, sealed: it does not come back to the browser in clear
}

// Fact is a line of a question: "Domain Name now", "Link".
type Fact struct{ Label, Value string }

// Clash is what is shown where somebody else was quicker.
type Clash struct {
	Theirs, Yours string // as people read them
	Value         string // yours, as it was typed
	Secret        bool   // neither is shown
	Pending       string // as in [Question]

	Change connection.Event // the latest edit; zero where the log has none
	Now    time.Time
}

// Editor is one setting being edited.
type Editor struct {
	ID       connection.ID
	Field    ui.Field
	Version  int64
	Star     bool
	Heading  string     // of the page, while its visible one is being edited; else empty
	Question *Question  // asked now; nil: not yet
	Clash    *Clash     // somebody else was quicker; nil: nobody
	FocusOK  bool       // the focus belongs on Confirm: the person came back from the question
	Typed    bool       // it holds what was typed, not what is stored
	Rows     []AlarmRow // of the alarms, typed in fields of their own; nil: as one text
}

func (e Editor) formID() string   { return "form-" + e.Field.Name }
func (e Editor) cancelID() string { return "cancel-" + e.Field.Name }
func (e Editor) boxID() string    { return "f-" + e.Field.Name }

// typed tells the script that the editor must not be closed as one in which nothing was typed.
func (e Editor) typed() string {
	if e.Typed {
		return "typed"
	}
	return ""
}

func (e Editor) action() string { return editPath(e.ID, e.Field.Name) }

func editPath(id connection.ID, field string) string { return Path(id) + "/edit/" + field }

// readPath gives the fragment of a setting as it stands.
func readPath(id connection.ID, field string) string { return Path(id) + "/field/" + field }

// Delete is the question before a connection is deleted.
type Delete struct {
	ID      connection.ID
	Name    string
	Waiting int64
	Parked  int64
	Typed   string
	Error   string
}
