package gallery

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/views/account"
	"boardlink/views/connections"
	"boardlink/views/dashboard"
	"boardlink/views/devices"
	"boardlink/views/events"
	"boardlink/views/keys"
	"boardlink/views/layout"
	"boardlink/views/parked"
	"boardlink/views/people"
	"boardlink/views/shortcuts"
	"boardlink/views/ui"

	"github.com/a-h/templ"
)

// Specimen is a page of the console in a state that is hard to come by.
type Specimen struct {
	Group string
	Name  string // last part of its address
	Title string
	Draw  func(s layout.Shell, now time.Time) templ.Component
}

// Find gives the specimen of a name.
func Find(name string) (Specimen, bool) {
	for _, s := range Specimens() {
		if s.Name == name {
			return s, true
		}
	}
	return Specimen{}, false
}

// Still is the name under which a test that is under way for ever asks for what is new: there is nothing, ever.
const Still = "still"

// Specimens lists all of them, in the order of the sheet.
func Specimens() []Specimen {
	var all []Specimen
	for _, list := range [][]Specimen{stateSpecimens(), editSpecimens(), trialSpecimens(), listSpecimens(), deviceSpecimens(), onceSpecimens(), aids(), accountSpecimens(), problemSpecimens()} {
		all = append(all, list...)
	}
	return all
}

func details(name string, st connection.Status, now time.Time) connections.Details {
	c := link(name)
	c.Active = st.State != connection.Deactivated
	d := connections.Details{
		Connection: c, Status: st, UplinkURL: "https://boardlink.example.com" + connections.Path(nowhere) + "/uplinks", Events: happenings(now), Now: now,
		Past: connections.Past{Span: "1d", Strip: past("past")},
		Metrics: connections.Metrics{ID: nowhere, Window: "1h", ActiveDevices: 212, Uplinks: 1240, Delivered: 1238, Downlinks: 3,
			Charts: []ui.BarChart{traffic("chart-up", "Uplinks", "Delivered"), traffic("chart-down", "Downlinks", "Refused"),
				traffic("chart-delays", "Half delivered within", "95 % within"), traffic("chart-backlog", "Events waiting", "Oldest waits")}},
	}
	return d
}

func stateSpecimens() []Specimen {
	var all []Specimen
	for _, s := range connection.States {
		all = append(all, Specimen{"A connection in each state", "state-" + strings.ToLower(string(s)), string(s),
			func(shell layout.Shell, now time.Time) templ.Component {
				return connections.DetailsPage(shell, details("North", standing(s, now), now))
			}})
	}
	return append(all,
		Specimen{"A connection in each state", "state-parked", "OPENED, with parked events and refused uplinks", func(shell layout.Shell, now time.Time) templ.Component {
			d := details("North", standing(connection.Opened, now), now)
			d.Status.Parked = 12
			d.Refused = connection.Refusals{Count: 3, LastAt: now.Add(-time.Minute), LastKind: connection.RefusedKey}
			return connections.DetailsPage(shell, d)
		}})
}

func editSpecimens() []Specimen {
	const group = "An edit and its questions"
	username := func(value string) connections.Editor {
		return connections.Editor{ID: nowhere, Version: 4, Star: true, Field: ui.Field{Name: "username", Label: "Username", Value: value}}
	}
	edited := func(e connections.Editor) func(layout.Shell, time.Time) templ.Component {
		return func(shell layout.Shell, now time.Time) templ.Component {
			d := details("North", standing(connection.Opened, now), now)
			d.Editing = &e
			return connections.DetailsPage(shell, d)
		}
	}
	asked := username("other@example.com")
	asked.Question = &connections.Question{
		ConnectionName: "North",
		Facts: []connections.Fact{
			{Label: "Username now", Value: "tenant@example.com"}, {Label: "Username then", Value: "other@example.com"},
			{Label: "Link", Value: "It restarts at once. The last time that took less than a second."}, {Label: "Waiting", Value: "12 events in the queue; none is lost by a restart."},
		},
		Notes: []string{"The stored password is kept."},
	}
	wrong := username("tenant")
	wrong.Field.Error, wrong.Typed = "Write an e-mail address.", true
	return []Specimen{
		{group, "editing", "Editing in place", edited(username("tenant@example.com"))},
		{group, "editing-wrong", "Editing in place, wrong", edited(wrong)},
		{group, "clash", "Somebody else was quicker", func(shell layout.Shell, now time.Time) templ.Component {
			return edited(clashing(happenings(now)[1]))(shell, now)
		}},
		{group, "dialog-update", "The question before an update", edited(asked)},
		{group, "dialog-drop", "The question before parked events are dropped", func(shell layout.Shell, now time.Time) templ.Component {
			m := parkedModel(now)
			return parked.Page(shell, m, &parked.Question{Model: m, Choice: parked.Choice{All: true, Count: 2}})
		}},
		{group, "delete", "The question before a connection is deleted", func(shell layout.Shell, _ time.Time) templ.Component {
			return connections.DeletePage(shell, connections.Delete{ID: nowhere, Name: "North", Waiting: 12, Parked: 2, Typed: "north", Error: "Type North as it stands there."})
		}},
		{group, "purge", "The question before what waits is dropped", func(shell layout.Shell, _ time.Time) templ.Component {
			return connections.PurgePage(shell, connections.Delete{ID: nowhere, Name: "North", Waiting: 12})
		}},
		{group, "person-remove", "The question before oneself is removed", func(shell layout.Shell, _ time.Time) templ.Component {
			return people.QuestionPage(shell, people.Question{Action: people.Remove, Person: people.Person{ID: 1, Email: sampleOperator, Role: "admin", Self: true}})
		}},
	}
}

func trialSpecimens() []Specimen {
	const group = "A test, step by step"
	tried := func(m connections.Trial) func(layout.Shell, time.Time) templ.Component {
		return func(shell layout.Shell, now time.Time) templ.Component {
			d := details("North", standing(connection.Closed, now), now)
			d.Trial = m
			d.Trial.ID = nowhere
			return connections.DetailsPage(shell, d)
		}
	}
	// One under way asks for what is new; this one is led to where there is never anything.
	still := "../../gallery/" + Still
	return []Specimen{
		{group, "trial-begun", "Begun", tried(connections.Trial{Name: still})},
		{group, "trial-running", "Under way", tried(connections.Trial{Name: still, Steps: steps(4, connection.OutcomeOK, connection.ReasonNone)})},
		{group, "trial-passed", "All steps went well", tried(connections.Trial{Done: true, Steps: steps(9, connection.OutcomeOK, connection.ReasonNone)})},
		{group, "trial-remark", "With a remark", tried(connections.Trial{Done: true, Steps: steps(9, connection.OutcomeWarning, connection.ReasonNone)})},
		{group, "trial-failed", "Failed", tried(connections.Trial{Done: true, Steps: steps(6, connection.OutcomeFailed, connection.ReasonAuthRefused)})},
		{group, "trial-broken", "Did not come to its end", tried(connections.Trial{Done: true, Error: "Boardlink is going down."})},
	}
}

func parkedModel(now time.Time) parked.Model {
	return parked.Model{
		ID: nowhere, Name: "North", State: connection.Closed, Total: 2, Listed: 2, Events: refused(now), Now: now,
		Reasons: []connection.ParkedReason{{Code: connection.ReasonBadPayload, Count: 1}, {Code: connection.ReasonTooLarge, Count: 1}},
	}
}

func listSpecimens() []Specimen {
	const group = "Lists: filled, empty, without a match, not to be had"
	return []Specimen{
		{group, "list", "Connections in all states, a page of several", func(shell layout.Shell, now time.Time) templ.Component {
			m := connections.List{Now: now, After: "10", Next: "20"}
			for i, s := range connection.States {
				c := link("In the state " + string(s))
				c.ID, c.Active = nowhere+connection.ID(i), s != connection.Deactivated
				m.Rows = append(m.Rows, connections.Row{Connection: c, Status: standing(s, now), Hour: connection.Totals{Uplinks: 1240, ActiveDevices: 212}, Day: connection.Totals{Uplinks: 29760, ActiveDevices: 214, Downlinks: 3}})
			}
			return connections.ListPage(shell, m)
		}},
		{group, "list-empty", "No connections yet", func(shell layout.Shell, now time.Time) templ.Component {
			return connections.ListPage(shell, connections.List{Now: now})
		}},
		{group, "list-no-match", "No connection matches", func(shell layout.Shell, now time.Time) templ.Component {
			return connections.ListPage(shell, connections.List{Now: now, Search: "nothing like this"})
		}},
		{group, "list-failed", "Connections that could not be read", func(shell layout.Shell, now time.Time) templ.Component {
			return connections.ListPage(shell, connections.List{Now: now, Failed: "The database is busy. Try again in a moment."})
		}},
		{group, "dashboard", "Dashboard on which somebody is needed", func(shell layout.Shell, now time.Time) templ.Component {
			m := dashboard.Model{Total: 20, LastHour: connection.Totals{Uplinks: 1240, Delivered: 1238, Downlinks: 3}, UplinksPerMinute: 20.7, DownlinksPerMinute: 0.1, Backlog: 2480,
				Parked: 12, OldestAge: 4 * time.Minute, Traffic: traffic("traffic-hour", "Uplinks", "Downlinks"), Waiting: traffic("waiting-hour", "Events waiting", "Oldest waits"), Latest: happenings(now), Names: map[connection.ID]string{nowhere: "North"}, Now: now}
			for i, s := range []connection.State{connection.AuthenticationFailed, connection.Closed, connection.Unreachable} {
				c := link("In the state " + string(s))
				c.ID += connection.ID(i)
				m.Cases = append(m.Cases, dashboard.Case{Connection: c, Status: standing(s, now)})
				m.States = append(m.States, dashboard.StateCount{State: s, Count: 1})
			}
			m.States = append(m.States, dashboard.StateCount{State: connection.Opened, Count: 17})
			return dashboard.Page(shell, m)
		}},
		{group, "dashboard-welcome", "Dashboard of an installation without connections", func(shell layout.Shell, now time.Time) templ.Component {
			return dashboard.Page(shell, dashboard.Model{Now: now})
		}},
		{group, "events", "Events", func(shell layout.Shell, now time.Time) templ.Component {
			return events.Page(shell, events.Model{Events: happenings(now), Names: map[connection.ID]string{nowhere: "North"}, Connections: []events.Choice{{ID: nowhere, Name: "North"}}, Before: 40, Next: 1, Now: now})
		}},
		{group, "event", "One event", func(shell layout.Shell, now time.Time) templ.Component {
			all := happenings(now)
			return events.OnePage(shell, events.One{Event: all[2], Before: all[3:], Names: map[connection.ID]string{nowhere: "North"}, Now: now})
		}},
		{group, "events-no-match", "No event matches", func(shell layout.Shell, now time.Time) templ.Component {
			return events.Page(shell, events.Model{Level: connection.LevelError, Now: now})
		}},
		{group, "parked", "Parked events", func(shell layout.Shell, now time.Time) templ.Component {
			return parked.Page(shell, parkedModel(now), nil)
		}},
		{group, "parked-empty", "Nothing is parked", func(shell layout.Shell, now time.Time) templ.Component {
			return parked.Page(shell, parked.Model{ID: nowhere, Name: "North", State: connection.Opened, Now: now}, nil)
		}},
		{group, "form-wrong", "A form with its summary of errors", func(shell layout.Shell, _ time.Time) templ.Component {
			return inContext(func(ctx context.Context) templ.Component {
				f := connections.Form{Failed: true}
				for _, field := range connection.Fields {
					in := connections.InputOf(ctx, field)
					if field.Mandatory {
						in.Error = "Fill in " + field.Label + "."
					}
					if field.Advanced {
						f.Advanced = append(f.Advanced, in)
					} else {
						f.Basic = append(f.Basic, in)
					}
				}
				return connections.FormPage(shell, f)
			})
		}},
		{group, "people", "People", func(shell layout.Shell, now time.Time) templ.Component {
			return people.ListPage(shell, people.List{Now: now, Next: 4, People: []people.Person{
				{ID: 1, Email: sampleOperator, Role: "admin", Self: true, LastSignIn: now.Add(-time.Hour)},
				{ID: 2, Email: "invited@example.com", Role: "viewer", Invited: true, LinkUntil: now.Add(30 * time.Hour)},
				{ID: 3, Email: "disabled@example.com", Role: "operator", Disabled: true, LastSignIn: now.Add(-400 * 24 * time.Hour)},
			}})
		}},
		{group, "people-alone", "Nobody else yet", func(shell layout.Shell, now time.Time) templ.Component {
			return people.ListPage(shell, people.List{Now: now, People: []people.Person{{ID: 1, Email: sampleOperator, Role: "admin", Self: true, LastSignIn: now}}})
		}},
		{group, "keys", "API keys", func(shell layout.Shell, now time.Time) templ.Component {
			return keys.ListPage(shell, keys.List{Now: now, Environment: true, Keys: []keys.Key{
				{ID: 1, Name: "Reporting", Prefix: "bl_ak_Uw71sgx2", Scopes: []string{"read"}, Owner: sampleOperator, ExpiresAt: now.Add(60 * 24 * time.Hour), LastUsedAt: now.Add(-time.Minute), LastUsedFrom: "192.0.2.7"},
				{ID: 2, Name: "Ends soon", Prefix: "bl_ak_Bq02lmpa", Scopes: []string{"read", "uplinks"}, Networks: []string{"192.0.2.0/24"}, Owner: sampleOperator, ExpiresAt: now.Add(48 * time.Hour)},
				{ID: 3, Name: "Ended", Prefix: "bl_ak_Zz90wert", Scopes: []string{"admin"}, Owner: sampleOperator, ExpiresAt: now.Add(-time.Hour)},
			}})
		}},
		{group, "keys-empty", "No API keys", func(shell layout.Shell, now time.Time) templ.Component {
			return keys.ListPage(shell, keys.List{Now: now})
		}},
	}
}

func deviceSpecimens() []Specimen {
	const group = "Devices and their commands"
	device := func(now time.Time) connection.Device {
		return connection.Device{ConnectionID: nowhere, DevEUI: sampleDevEUI, Name: "Water meter 12", LastUplinkAt: now.Add(-time.Minute), Uplinks: 1240, Downlinks: 3}
	}
	return []Specimen{
		{group, "devices", "Devices", func(shell layout.Shell, now time.Time) templ.Component {
			return devices.ListPage(shell, devices.List{ID: nowhere, Name: "North", Devices: []connection.Device{device(now)}, Next: sampleDevEUI, Now: now})
		}},
		{group, "devices-empty", "No devices yet", func(shell layout.Shell, now time.Time) templ.Component {
			return devices.ListPage(shell, devices.List{ID: nowhere, Name: "North", Now: now})
		}},
		{group, "device", "A device with a command in each state", func(shell layout.Shell, now time.Time) templ.Component {
			m := devices.Device{ConnectionName: "North", Device: device(now), Events: happenings(now)[3:], Now: now,
				Telemetry:  connection.LastTelemetry{ConnectionID: nowhere, DevEUI: sampleDevEUI, TS: now.Add(-time.Minute), SentAt: now.Add(-time.Minute), Size: 61, Document: []byte(`{"temperature":21.4,"batteryVoltage":3.59,"messageType":"HEARTBEAT","leak":false}`)},
				Attributes: []connection.SharedAttribute{{ConnectionID: nowhere, DevEUI: sampleDevEUI, Key: "interval", Value: []byte("600"), UpdatedAt: now.Add(-time.Hour)}}}
			for i, s := range connection.CommandStates {
				m.Commands = append(m.Commands, connection.Command{ID: int64(20 - i), ConnectionID: nowhere, DevEUI: sampleDevEUI, Actor: sampleOperator, FPort: 10, CorrelationID: "FB9293084F386A9D", State: s, CameAt: now.Add(-time.Minute), SettledAt: now.Add(-50 * time.Second)})
			}
			return devices.Page(shell, m)
		}},
		{group, "device-silent", "A device of which nothing is known", func(shell layout.Shell, now time.Time) templ.Component {
			return devices.Page(shell, devices.Device{ConnectionName: "North", Device: connection.Device{ConnectionID: nowhere, DevEUI: sampleDevEUI}, Now: now})
		}},
		{group, "downlink", "A downlink from a connection that cannot send any", func(shell layout.Shell, _ time.Time) templ.Component {
			c := link("North")
			return inContext(func(ctx context.Context) templ.Component {
				return devices.DownlinkPage(shell, devices.NewDownlink(ctx, &c, nil))
			})
		}},
		{group, "downlink-refused", "A downlink that ThingPark refused", func(shell layout.Shell, _ time.Time) templ.Component {
			c := link("North")
			return inContext(func(ctx context.Context) templ.Component {
				d := devices.NewDownlink(ctx, &c, url.Values{"devEUI": {sampleDevEUI}, "payload_hex": {"01ff"}, "FPort": {"10"}})
				d.Outcome, d.Problem = connection.CommandRefused, "ThingPark refused it: DevEUI not found (350)."
				return devices.DownlinkPage(shell, d)
			})
		}},
	}
}

func onceSpecimens() []Specimen {
	const group = "What is shown once"
	return []Specimen{
		{group, "invitation", "An invitation", func(shell layout.Shell, now time.Time) templ.Component {
			return people.LinkPage(shell, people.Link{Person: people.Person{ID: 2, Email: "invited@example.com", Role: "viewer", Invited: true}, URL: "https://boardlink.example.com/setup?token=made-up", ExpiresAt: now.Add(72 * time.Hour), Now: now})
		}},
		{group, "key-made", "An API key", func(shell layout.Shell, _ time.Time) templ.Component {
			return keys.MadePage(shell, keys.Made{Key: keys.Key{ID: 1, Name: "Reporting", Scopes: []string{"read"}}, Text: "bl_ak_made-up", Curl: "curl -sS -H 'Authorization: Bearer bl_ak_made-up' 'https://boardlink.example.com/api/v1/connections'"})
		}},
		{group, "uplink-key", "An uplink key beside the old one", func(shell layout.Shell, now time.Time) templ.Component {
			d := details("North", standing(connection.Opened, now), now)
			d.UplinkKey, d.OldUplinkKey, d.Connection.OldUplinkKeyUntil = "made-up-and-new", "made-up-and-old", now.Add(24*time.Hour)
			return connections.DetailsPage(shell, d)
		}},
	}
}

// aids are what lies beside the work itself.
func aids() []Specimen {
	return []Specimen{{"Aids", "shortcuts", "The sheet of shortcuts", func(shell layout.Shell, _ time.Time) templ.Component { return shortcuts.Page(shell) }}}
}

func accountSpecimens() []Specimen {
	const group = "Before and around a sign-in"
	stranger := layout.Shell{Title: "Gallery"}
	return []Specimen{
		{group, "signin", "Sign in, where nobody can yet", func(layout.Shell, time.Time) templ.Component {
			return account.SignInPage(stranger, account.SignIn{Next: "/", Note: "Nobody can sign in yet. Open the set-up link that Boardlink printed when it started."})
		}},
		{group, "signin-refused", "Sign in, refused", func(layout.Shell, time.Time) templ.Component {
			return account.SignInPage(stranger, account.SignIn{Next: "/", Email: sampleOperator, Error: "E-mail or password is wrong."})
		}},
		{group, "setup", "Set up, with errors", func(layout.Shell, time.Time) templ.Component {
			return account.SetUpPage(stranger, account.SetUp{Token: "made-up", Fields: []ui.Field{
				{Name: "email", Label: "E-mail", Kind: ui.KindEmail, Mandatory: true, Value: "ann", Error: "Write an e-mail address."},
				{Name: "password", Label: "Password", Kind: ui.KindPassword, Mandatory: true, Note: "At least 8 characters.", Error: "Use at least 8 characters."},
			}})
		}},
		{group, "confirm", "The own password once more", func(shell layout.Shell, _ time.Time) templ.Component {
			return account.ConfirmPage(shell, account.Confirm{Next: "/gallery", Error: "The password is wrong."})
		}},
		{group, "account", "The own account", func(shell layout.Shell, now time.Time) templ.Component {
			return account.OwnPage(shell, account.Own{Email: sampleOperator, Role: "admin", Now: now, Sessions: []account.Session{
				{ID: "1", Browser: "Firefox on Linux", Address: "192.0.2.7", StartedAt: now.Add(-time.Hour), LastSeenAt: now, Current: true},
				{ID: "2", Browser: "Safari on iPhone", StartedAt: now.Add(-20 * time.Hour), LastSeenAt: now.Add(-2 * time.Hour)},
			}})
		}},
	}
}

func problemSpecimens() []Specimen {
	const group = "Pages that say why there is nothing else"
	var all []Specimen
	for _, p := range []layout.Problem{
		{Status: http.StatusForbidden, Title: "Forbidden", Text: "Your role is viewer; this takes operator."},
		{Status: http.StatusNotFound, Title: "Not found", Text: "There is no such connection.", BackURL: "/connections", BackLabel: "All connections"},
		{Status: http.StatusConflict, Title: "Conflict", Text: "Somebody else changed it meanwhile."},
		{Status: http.StatusTooManyRequests, Title: "Too many requests", Text: "Wait a minute, then try again."},
		{Status: http.StatusInternalServerError, Title: "Internal server error", Text: "Something went wrong.", RequestID: "01J8Z2S9F3"},
		{Status: http.StatusServiceUnavailable, Title: "Service unavailable", Text: "Boardlink is going down."},
	} {
		all = append(all, Specimen{group, "problem-" + strconv.Itoa(p.Status), p.Title, func(shell layout.Shell, _ time.Time) templ.Component { return layout.ProblemPage(shell, p) }})
	}
	return append(all, Specimen{group, "problem-stranger", "Not found, for whoever is not signed in", func(layout.Shell, time.Time) templ.Component {
		return layout.ProblemPage(layout.Shell{Title: "Not found"}, layout.Problem{Status: http.StatusNotFound, Title: "Not found", Text: "There is nothing at this address."})
	}})
}

// inContext draws what takes its words from the language of the page.
func inContext(draw func(context.Context) templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error { return draw(ctx).Render(ctx, w) })
}
