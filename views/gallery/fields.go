package gallery

import (
	"strings"

	"boardlink/connection"
	"boardlink/views/connections"
	"boardlink/views/ui"
)

// fieldRow is one control in each of its states.
type fieldRow struct {
	Kind   string
	Fields []ui.Field
}

// fieldRows are all kinds of controls, each empty, filled, found good and found wrong.
func fieldRows() []fieldRow {
	choices := []ui.Option{{Value: "", Label: "Choose"}, {Value: "NORMAL", Label: "Normal"}, {Value: "CALM", Label: "Calm"}}
	kinds := []struct {
		name  string
		field ui.Field
		value string
	}{
		{"Text", ui.Field{Placeholder: "ThingsBoard production", Help: "An explanation that the button beside the label opens."}, "North"},
		{"Text that machines read", ui.Field{Placeholder: "myhostname.com:8883", Mono: true}, "thingsboard.example.com:443"},
		{"E-mail", ui.Field{Kind: ui.KindEmail}, sampleOperator},
		{"Number", ui.Field{Kind: ui.KindNumber, Placeholder: "1"}, "17"},
		{"Secret", ui.Field{Kind: ui.KindSecret, Help: "A secret that is typed and never comes back."}, "typed just now"},
		{"Password", ui.Field{Kind: ui.KindPassword, Note: "At least 8 characters."}, "typed just now"},
		{"Duration", ui.Field{Kind: ui.KindDuration, Placeholder: "72", Options: []ui.Option{{Value: "m", Label: "minutes"}, {Value: "h", Label: "hours"}, {Value: "d", Label: "days"}}, Unit: "h", UnitLabel: "Unit of the duration"}, "90"},
		{"Moment", ui.Field{Kind: ui.KindMoment}, "2026-01-05T09:00"},
		{"Choice", ui.Field{Kind: ui.KindChoice, Options: choices}, "NORMAL"},
		{"Switch", ui.Field{Kind: ui.KindSwitch}, "true"},
		{"Lines", ui.Field{Kind: ui.KindLines, Placeholder: "Write here..."}, "The meters of the old town.\nTwo lines."},
	}
	var rows []fieldRow
	for _, k := range kinds {
		row := fieldRow{Kind: k.name}
		for _, state := range []string{"empty", "filled", "valid", "invalid"} {
			f := k.field
			f.Label, f.Name = k.name+", "+state, "field-"+strings.ToLower(strings.ReplaceAll(k.name, " ", "-"))+"-"+state
			switch state {
			case "filled":
				f.Value, f.Mandatory = k.value, true
			case "valid":
				f.Value, f.Valid = k.value, true
			case "invalid":
				f.Value, f.Error = k.value, "A sentence that says what is wrong, and how it is put right."
			}
			row.Fields = append(row.Fields, f)
		}
		rows = append(rows, row)
	}
	return rows
}

// readOnly are settings as they stand: nothing of them can be typed into before the pencil is pressed.
func readOnly() []connections.Property {
	help := "What goes in here, in a sentence."
	return []connections.Property{
		{ID: nowhere, Name: "read-text", Label: "Set", Help: help, Value: "tenant@example.com", Star: true},
		{ID: nowhere, Name: "read-machine", Label: "Set, for machines", Value: "thingsboard.example.com:443", Machine: true},
		{ID: nowhere, Name: "read-secret", Label: "Secret, set", Value: "set", Secret: true},
		{ID: nowhere, Name: "read-empty", Label: "Not set", Empty: "Not set"},
		{ID: nowhere, Name: "read-long", Label: "Long", Value: "https://a-rather-long-name.of-a-server.in-a-rather-long-domain.example.com:8443/thingpark/lrc/rest/downlink", Machine: true},
	}
}

// editors are settings while they are edited: pencil gone, Confirm and Cancel there.
func editors() []connections.Editor {
	editor := func(name string, f ui.Field) connections.Editor {
		f.Name = "edit-" + name
		return connections.Editor{ID: nowhere, Field: f, Version: 4}
	}
	lines := ui.Field{Label: "Editing lines", Kind: ui.KindLines, Value: "-----BEGIN CERTIFICATE-----", Mono: true}
	return []connections.Editor{
		editor("plain", ui.Field{Label: "Editing", Value: "tenant@example.com", Help: "What goes in here, in a sentence."}),
		editor("wrong", ui.Field{Label: "Editing, wrong", Value: "tenant", Error: "Write an e-mail address."}),
		editor("secret", ui.Field{Label: "Editing a secret", Kind: ui.KindSecret}),
		editor("choice", ui.Field{Label: "Editing a choice", Kind: ui.KindChoice, Value: "b", Options: []ui.Option{{Value: "a", Label: "One"}, {Value: "b", Label: "The other"}}}),
		editor("switch", ui.Field{Label: "Editing a switch", Kind: ui.KindSwitch, Value: "true"}),
		editor("lines", lines),
	}
}

// clashing is an editor whose setting somebody else changed meanwhile.
func clashing(change connection.Event) connections.Editor {
	return connections.Editor{
		ID: nowhere, Version: 5, Field: ui.Field{Name: "username", Label: "Username"},
		Clash: &connections.Clash{Theirs: "theirs@example.com", Yours: "mine@example.com", Value: "mine@example.com", Change: change, Now: change.Time},
	}
}
