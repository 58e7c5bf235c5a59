package connections

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/state"
	"boardlink/views/ui"

	"github.com/a-h/templ"
)

// AlarmsField names the one setting that is no text: the low-rate alarms, edited as JSON.
const AlarmsField = "alarms"

const alarmsExample = `[{"startTime": "2026-01-05T09:00:00+01:00", "endTime": "2026-01-05T18:00:00+01:00", "timezone": "Europe/Paris", ` +
	`"recurrence": [{"frequency": "weekly", "byDays": ["monday"]}], "uplinkRateMinPerHour": 15, "message": "Few uplinks"}]`

// AlarmsText writes alarms the way they are typed in; "" for none.
func AlarmsText(alarms []connection.Alarm) string {
	if len(alarms) == 0 {
		return ""
	}
	b, err := json.MarshalIndent(alarms, "", "  ")
	if err != nil {
		return "" // alarms hold nothing that JSON cannot
	}
	return string(b)
}

// AlarmsInput is the control of the alarms, empty.
func AlarmsInput(ctx context.Context) ui.Field {
	return ui.Field{
		Name: AlarmsField, Label: text.T(ctx, "edit.alarms.label"), Help: text.T(ctx, "edit.alarms.help"), Placeholder: alarmsExample, Kind: ui.KindLines, Mono: true,
	}
}

// InputOf is the control of a setting, empty.
func InputOf(ctx context.Context, f connection.Field) ui.Field {
	in := ui.Field{
		Name: f.Name, Label: Label(ctx, f), Help: help(ctx, f), Mandatory: f.Mandatory, Max: f.Max, Kind: kindOf(f.Control), Mono: machine(f),
	}
	for _, c := range f.Choices {
		in.Options = append(in.Options, ui.Option{Value: c.Value, Label: choice(ctx, f, c)})
	}
	if f.Control == connection.ControlDuration {
		for _, u := range connection.DurationUnits {
			in.Options = append(in.Options, ui.Option{Value: u.Value, Label: choice(ctx, f, u)})
		}
		in.UnitLabel = text.T(ctx, "edit.unit", "setting", in.Label)
		in.Placeholder, in.Unit = connection.SplitDuration(f.Example)
	}
	switch {
	case f.Name == "description":
		in.Placeholder = text.T(ctx, "create.write_here")
	case f.Control == connection.ControlText || f.Control == connection.ControlNumber || f.Name == "caCertificate":
		in.Placeholder = f.Example
	}
	return in
}

// Fill puts a value into the control of a setting. Of certificates a note says what they are. A duration stands there as a number and a unit: the unit is that of the
// value, or where it has none the one that was chosen beside it, or else the one that the control proposes.
func Fill(ctx context.Context, in *ui.Field, value, unit string) {
	in.Value = value
	if in.Name == "caCertificate" {
		in.Note = certificateSentences(ctx, value, time.Now())
	}
	if in.Kind != ui.KindDuration {
		return
	}
	if number, own := connection.SplitDuration(value); own != "" {
		in.Value, in.Unit = number, own
	} else if unit != "" {
		in.Unit = unit
	}
}

func kindOf(c connection.Control) ui.FieldKind {
	switch c {
	case connection.ControlMultiline:
		return ui.KindLines
	case connection.ControlSecret:
		return ui.KindSecret
	case connection.ControlSwitch:
		return ui.KindSwitch
	case connection.ControlChoice:
		return ui.KindChoice
	case connection.ControlNumber:
		return ui.KindNumber
	case connection.ControlDuration:
		return ui.KindDuration
	default:
		return ui.KindText
	}
}

func machine(f connection.Field) bool {
	switch f.Name {
	case "hostName", "restUrl", "mqttHostName", "caCertificate", "downlinkUrl", "downlinkAsId":
		return true
	}
	return false
}

// PropertyOf is a setting as it stands.
func PropertyOf(ctx context.Context, c *connection.Connection, f connection.Field) Property {
	p := Property{
		ID: c.ID, Name: f.Name, Label: Label(ctx, f), Help: help(ctx, f), Value: Shown(ctx, f, f.Get(c)), Star: f.Mandatory,
		Secret: f.Control == connection.ControlSecret, Machine: machine(f) && f.Name != "caCertificate", Empty: text.T(ctx, "edit.not_set"),
	}
	if missing := missingForDownlinks(ctx, c); f.Name == "downlinkEnabled" && c.Configuration.DownlinkEnabled && missing != "" {
		p.Value = text.T(ctx, "edit.on_but", "setting", missing)
	}
	return p
}

// Dependents are the settings that may read otherwise once this one has changed, as they stand.
func Dependents(ctx context.Context, c *connection.Connection, name string) []Property {
	if !slices.Contains(neededForDownlinks, name) {
		return nil
	}
	f, _ := connection.FieldByName("downlinkEnabled")
	p := PropertyOf(ctx, c, f)
	p.Aside = true
	return []Property{p}
}

// neededForDownlinks are the settings without which no downlink can be sent.
var neededForDownlinks = []string{"downlinkUrl", "downlinkAsId", "downlinkAsKey"}

// missingForDownlinks names the setting without which no downlink can be sent, "" where nothing is missing.
func missingForDownlinks(ctx context.Context, c *connection.Connection) string {
	for _, name := range neededForDownlinks {
		if f, ok := connection.FieldByName(name); ok && f.Get(c) == "" {
			return Label(ctx, f)
		}
	}
	return ""
}

// AlarmsProperty is the alarms as they stand.
func AlarmsProperty(ctx context.Context, c *connection.Connection) Property {
	p := Property{ID: c.ID, Name: AlarmsField, Label: text.T(ctx, "edit.alarms.label"), Help: text.T(ctx, "edit.alarms.help"), Empty: text.T(ctx, "edit.alarms.none")}
	p.Value = AlarmSentences(ctx, c.Alarms)
	return p
}

// Shown writes a value the way people read it.
func Shown(ctx context.Context, f connection.Field, value string) string {
	switch f.Control {
	case connection.ControlSwitch:
		if value == "true" {
			return text.T(ctx, "edit.on")
		}
		return text.T(ctx, "edit.off")
	case connection.ControlChoice:
		for _, c := range f.Choices {
			if c.Value == value {
				return choice(ctx, f, c)
			}
		}
	}
	if f.Name == "caCertificate" && value != "" {
		if said := certificateSentences(ctx, value, time.Now()); said != "" {
			return said
		}
	}
	return value
}

// basic gives the settings that every connection must have, but for those of the page's head.
func (d Details) basic(ctx context.Context) []Property {
	var list []Property
	for _, f := range connection.Fields {
		if !f.Advanced && f.Name != "name" && f.Name != "description" {
			list = append(list, PropertyOf(ctx, &d.Connection, f))
		}
	}
	return list
}

// group is a part of the advanced settings.
type group struct {
	Title      string
	Properties []Property
}

func (d Details) advanced(ctx context.Context) []group {
	var groups []group
	for _, title := range advancedGroups {
		g := group{Title: title}
		for _, f := range connection.Fields {
			if f.Advanced && groupOf(f.Name) == title {
				g.Properties = append(g.Properties, PropertyOf(ctx, &d.Connection, f))
			}
		}
		if groupOf(AlarmsField) == title {
			g.Properties = append(g.Properties, AlarmsProperty(ctx, &d.Connection))
		}
		groups = append(groups, g)
	}
	return groups
}

// advancedGroups are the parts of the advanced settings, in the order of the page.
var advancedGroups = []string{uplinksGroup, "Commands", "Link"}

const uplinksGroup = "Uplinks"

// groupOf names the part of the advanced settings that a setting stands in.
func groupOf(field string) string {
	switch {
	case strings.HasPrefix(field, "downlink"):
		return "Commands"
	case field == "reconnectStrategy" || field == "protocol" || field == "restUrl" || field == "mqttHostName" || field == "caCertificate":
		return "Link"
	}
	return uplinksGroup
}

// head gives the property of the name or the description.
func (d Details) head(ctx context.Context, name string) Property {
	f, ok := connection.FieldByName(name)
	if !ok {
		return Property{}
	}
	return PropertyOf(ctx, &d.Connection, f)
}

func (d Details) live(topic string) string { return topic + ":" + d.Connection.ID.String() }

func (d Details) part(name string) string { return Path(d.Connection.ID) + "?part=" + name }

func (d Details) editingAdvanced() bool {
	if d.Editing == nil {
		return false
	}
	f, ok := connection.FieldByName(d.Editing.Field.Name)
	return !ok || f.Advanced
}

// remedy is the button that helps now.
func (d Details) remedy() (state.Action, bool) {
	return state.Remedy(d.Connection.Active, d.Status.State)
}

// fixes are the settings to correct where the link cannot help itself, the likeliest first.
func (d Details) fixes() []state.Fix {
	if !d.Status.State.NeedsPerson() {
		return nil
	}
	return state.FixesOf(d.Status.ReasonCode)
}

// down reports whether the link was lost and is not up again: then it counts since when, not how long the present try takes.
func (d Details) down() bool {
	switch d.Status.State {
	case connection.Closed, connection.Opening, connection.Authenticating:
		return !d.Status.LostAt.IsZero()
	}
	return false
}

// waitsForUplinks reports whether the link is up and nothing ever came for it.
func (d Details) waitsForUplinks() bool {
	s := d.Status
	return s.State == connection.Opened && s.LastDeliveredAt.IsZero() && s.Backlog == 0 && s.Parked == 0 && d.Refused.Count == 0
}

// remedyClass makes the button of the remedy the primary one where there is no setting to correct first.
func (d Details) remedyClass() string {
	if len(d.fixes()) > 0 {
		return ""
	}
	return "btn-primary"
}

// cardTarget leads back to the card of the state: the button that was pressed is gone then.
func (d Details) cardTarget() state.Target {
	t := d.target()
	t.Focus = "state-title"
	return t
}

// oldValidFor asks how long the key in use is accepted once it is renewed. While the one before is, it can only end at once:
// there are two keys at most.
func (d Details) oldValidFor() ui.Field {
	f := ui.Field{
		Name: "oldValidFor", Label: "The key in use ends", Kind: ui.KindChoice, Value: "0s",
		Options: []ui.Option{{Value: "0s", Label: "At once"}, {Value: "1h", Label: "In 1 hour"}, {Value: "24h", Label: "In 24 hours"}, {Value: "7d", Label: "In 7 days"}},
		Note:    "Until then both are accepted, so that ThingPark can be changed without a loss. Where it ends at once, uplinks are refused until ThingPark sends the new one.",
	}
	if d.Connection.OldUplinkKey.IsSet() {
		f.Options = f.Options[:1]
		f.Note = "Both keys end, and uplinks are refused until ThingPark sends the new one. To let the key in use overlap, end the old one first."
	}
	return f
}

func (d Details) version() string { return strconv.FormatInt(d.Connection.Version, 10) }

// within says in what time a share of the deliveries was made.
func (m Metrics) within(share float64) string {
	if m.Delays.Count() == 0 {
		return "-"
	}
	return ui.Took(m.Delays.Within(share))
}

func (m Metrics) address(window, part string) string {
	a := Path(m.ID) + "?window=" + window
	if part != "" {
		a += "&part=" + part
	}
	return a
}

// past is the address of the page, or of its part, with the given span of the link's past.
func (d Details) past(span, part string) string {
	a := Path(d.Connection.ID) + "?past=" + span
	if part != "" {
		a += "&part=" + part
	}
	return a
}

func (d Delete) input(ctx context.Context) ui.Field {
	return ui.Field{
		Name: "confirmName", Label: text.T(ctx, "edit.confirm_name"), Value: d.Typed, Mandatory: true, Autofocus: true, Error: d.Error,
	}
}

// dialog is the question of the field that is being edited, if it asks one.
func (d Details) dialog() templ.Component {
	if d.Editing == nil || d.Editing.Question == nil {
		return nil
	}
	return QuestionDialog(*d.Editing, false)
}

// fate says what becomes of the events that are not delivered yet.
func (d Delete) fate(ctx context.Context) string {
	waiting, parked := text.N(ctx, "edit.delete.waiting", d.Waiting), text.N(ctx, "edit.delete.parked", d.Parked)
	switch {
	case d.Waiting > 0 && d.Parked > 0:
		return text.T(ctx, "edit.delete.both", "waiting", waiting, "parked", parked)
	case d.Waiting > 0:
		return text.T(ctx, "edit.delete.waiting_only", "waiting", waiting)
	case d.Parked > 0:
		return text.T(ctx, "edit.delete.parked_only", "parked", parked)
	default:
		return text.T(ctx, "edit.delete.nothing")
	}
}

// waiting says what a purge drops.
func (d Delete) waiting(ctx context.Context) string {
	if d.Waiting == 0 {
		return text.T(ctx, "edit.purge.nothing")
	}
	return text.N(ctx, "edit.purge.waiting", d.Waiting)
}

// local reports whether the uplink address names this machine, which ThingPark cannot reach.
func (d Details) local() bool {
	u, err := url.Parse(d.UplinkURL)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// keyed is an address that bears the key itself.
func (d Details) keyed(address string) string {
	return address + "?key=" + url.QueryEscape(d.UplinkKey)
}
