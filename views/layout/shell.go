package layout

import (
	"net/http"
	"slices"

	"boardlink/views/ui"

	"github.com/a-h/templ"
)

// Shell is the frame that every page of the console stands in.
type Shell struct {
	Title  string     // of the document: "Connections"
	User   string     // e-mail of who is signed in; empty: no navigation is shown
	Admin  bool       // the navigation has also what is for admins
	Active string     // row of the navigation that is lit: one of the constants below, or ""
	Theme  string     // "light", "dark", or "" to follow the system
	Toasts []ui.Toast // what happened just before this page

	// LiveURL is the address of the stream of changes, "" for pages without live parts.
	LiveURL string

	// Dialog lies over the page, which is inert meanwhile. Nil: none. It serves browsers without JavaScript; with it, a
	// dialog comes as a fragment and opens as a modal one.
	Dialog templ.Component
}

// The rows of the navigation.
const (
	NavDashboard   = "dashboard"
	NavConnections = "connections"
	NavCreate      = "create"
	NavEvents      = "events"
	NavPeople      = "people"
	NavAccount     = "account" // not in the navigation but in the bar above it
	NavKeys        = "keys"
	NavAPI         = "api" // a page outside of the console's frame
)

// htmxConfig keeps htmx within the page's content security policy (no inline style, no eval, no other host), keeps no copies
// of pages in the browser's storage, and shows the answers that hold a corrected form.
const htmxConfig = `{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true,"historyCacheSize":0,` +
	`"refreshOnHistoryMiss":true,"defaultSwapStyle":"outerHTML","responseHandling":[{"code":"204","swap":false},` +
	`{"code":"[23]..","swap":true},{"code":"409|422","swap":true},{"code":"[45]..","swap":false,"error":true}]}`

// Problem is what a page says when there is nothing else to show.
type Problem struct {
	Status    int    // 404
	Title     string // "Page not found"
	Text      string // what happened and what can be done, in a sentence or two
	RequestID string // to be found in the log; empty: not shown
	BackURL   string // where to go on; empty: the dashboard
	BackLabel string
}

func (p Problem) back() (string, string) {
	if p.BackURL == "" {
		return "/", "Go to the dashboard"
	}
	return p.BackURL, p.BackLabel
}

// way is something that can be done about a problem.
type way struct{ Text, Href, Label string }

// ways says what can be done, beyond going back. user is who is signed in, "" for nobody.
func (p Problem) ways(user string) []way {
	if user == "" {
		return nil
	}
	switch p.Status {
	case http.StatusForbidden:
		return []way{
			{"You are signed in as " + user + ". Your role lets you look, and not change this: an administrator can give you another one.", "", ""},
			{"Nothing was changed. What you can see stands here:", "/connections", "All connections"},
		}
	case http.StatusNotFound:
		return []way{
			{"The address may have a typing error.", "/connections", "Search all connections"},
			{"The events tell what was deleted, when and by whom.", "/events", "Look at the events"},
		}
	case http.StatusConflict:
		return []way{{"Nothing of yours was saved. Open the page again to see how it stands now, and change it there.", "/connections", "All connections"}}
	case http.StatusInternalServerError:
		return []way{
			{"Nothing you typed was at fault. Go back and try again; if it stays so, give the request's name to whoever runs Boardlink: the log tells the rest.", "", ""},
			{"Links go on meanwhile, and what happened to them is in the events.", "/events", "Look at the events"},
		}
	case http.StatusServiceUnavailable:
		return []way{{"Boardlink is busy, starting or going down. Wait a few seconds, then go back and try again. Uplinks that were accepted are safe on disk.", "", ""}}
	}
	return nil
}

type navRow struct {
	Name, Label, Href string
	Icon              ui.Icon
	Sub               bool // stands below the row before it
	Admin             bool // is for admins
}

// navRows are the rows that the reader may follow.
func (s Shell) navRows() []navRow {
	all := []navRow{
		{Name: NavDashboard, Label: "Dashboard", Href: "/", Icon: ui.IconDashboard},
		{Name: NavConnections, Label: "Connections", Href: "/connections", Icon: ui.IconConnections},
		{Name: NavCreate, Label: "Create", Href: "/connections/new", Icon: ui.IconPlus, Sub: true},
		{Name: NavEvents, Label: "Events", Href: "/events", Icon: ui.IconEvents},
		{Name: NavPeople, Label: "People", Href: "/people", Icon: ui.IconPeople, Admin: true},
		{Name: NavKeys, Label: "Keys", Href: "/keys", Icon: ui.IconKey, Admin: true},
		{Name: NavAPI, Label: "API", Href: "/api/docs", Icon: ui.IconCode},
	}
	return slices.DeleteFunc(all, func(r navRow) bool { return r.Admin && !s.Admin })
}
