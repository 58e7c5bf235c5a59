package layout

import (
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
	Toasts []ui.Toast // what happened just before this page
	Here   string     // address of the page, to come back to; empty: the dashboard

	// How the reader likes the console; the browser remembers it.
	Theme       string // "light", "dark", or "" to follow the system
	NoShortcuts bool   // no single key does anything
	Paused      bool   // live parts stay as they came

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

// scheme tells the browser, before the stylesheet has come, which colours to begin with.
func (s Shell) scheme() string {
	if s.Theme == "" {
		return "light dark"
	}
	return s.Theme
}

// htmxConfig keeps htmx within the page's content security policy (no inline style, no eval, no other host), keeps no copies
// of pages in the browser's storage, and shows the answers that hold a corrected form.
const htmxConfig = `{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true,"historyCacheSize":0,` +
	`"refreshOnHistoryMiss":true,"defaultSwapStyle":"outerHTML","responseHandling":[{"code":"204","swap":false},` +
	`{"code":"[23]..","swap":true},{"code":"409|422","swap":true},{"code":"[45]..","swap":false,"error":true}]}`

type navRow struct {
	Name, Href string // its label is the message layout.nav.<name>
	Icon       ui.Icon
	Sub        bool // stands below the row before it
	Admin      bool // is for admins
}

// navRows are the rows that the reader may follow.
func (s Shell) navRows() []navRow {
	all := []navRow{
		{Name: NavDashboard, Href: "/", Icon: ui.IconDashboard},
		{Name: NavConnections, Href: "/connections", Icon: ui.IconConnections},
		{Name: NavCreate, Href: "/connections/new", Icon: ui.IconPlus, Sub: true},
		{Name: NavEvents, Href: "/events", Icon: ui.IconEvents},
		{Name: NavPeople, Href: "/people", Icon: ui.IconPeople, Admin: true},
		{Name: NavKeys, Href: "/keys", Icon: ui.IconKey, Admin: true},
		{Name: NavAPI, Href: "/api/docs", Icon: ui.IconCode},
	}
	return slices.DeleteFunc(all, func(r navRow) bool { return r.Admin && !s.Admin })
}
