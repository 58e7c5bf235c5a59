package ui

import (
	"context"

	"boardlink/text"

	"github.com/a-h/templ"
)

// FieldKind says which control a [Field] draws.
type FieldKind string

// The kinds of fields. The zero value is a line of text.
const (
	KindText     FieldKind = ""
	KindEmail    FieldKind = "email"
	KindSecret   FieldKind = "secret"
	KindLines    FieldKind = "lines"
	KindNumber   FieldKind = "number"
	KindChoice   FieldKind = "choice"
	KindSwitch   FieldKind = "switch"
	KindDuration FieldKind = "duration" // a number, and its unit as a choice beside it
	KindMoment   FieldKind = "moment"   // day and time by some clock
	KindPassword FieldKind = "password" // of a person: managers may fill it in
)

// Option is one value of a choice.
type Option struct{ Value, Label string }

// Field is one control of a form with its label, help and error.
type Field struct {
	Name        string // also its id
	Label       string
	Help        string // what goes in; empty: no info button
	Placeholder string
	Value       string // never a stored secret
	Kind        FieldKind
	Options     []Option // of a choice, or the units of a duration
	UnitLabel   string   // of a duration: what the choice of its unit is called
	Unit        string   // of a duration: the one that is chosen
	Mandatory   bool
	Max         int    // most characters, 0: no limit
	Note        string // always in sight, below the control; empty: none
	Error       string // a sentence; empty: nothing is wrong
	Valid       bool   // checked and found good: a tick
	Autofocus   bool
	Complete    string // autocomplete, "off" where empty
	Mono        bool   // text that machines read
}

func (f Field) helpID() string  { return f.Name + "-help" }
func (f Field) noteID() string  { return f.Name + "-note" }
func (f Field) errorID() string { return f.Name + "-error" }

// describedBy names the elements that explain the control; the error's stands there also while it is empty, so that a
// script can fill it.
func (f Field) describedBy() string {
	ids := f.errorID()
	if f.Note != "" {
		ids = f.noteID() + " " + ids
	}
	if f.Help != "" {
		ids = f.helpID() + " " + ids
	}
	return ids
}

func (f Field) complete() string {
	switch {
	case f.Complete != "":
		return f.Complete
	case f.Kind == KindSecret:
		return "new-password" // so that no manager puts the visitor's own password here
	default:
		return "off"
	}
}

func (f Field) inputType() string {
	switch f.Kind {
	case KindSecret, KindPassword:
		return "password"
	case KindEmail:
		return "email"
	case KindMoment:
		return "datetime-local"
	default:
		return "text"
	}
}

// UnitName is the name of the input that holds the unit of a duration's number.
func UnitName(name string) string { return name + "-unit" }

func (f Field) rows() string {
	if f.Mono {
		return "6"
	}
	return "3"
}

// options gives those of a switch as well, so that both are drawn alike.
func (f Field) options(ctx context.Context) []Option {
	if f.Kind == KindSwitch {
		return []Option{{"true", text.T(ctx, "ui.on")}, {"false", text.T(ctx, "ui.off")}}
	}
	return f.Options
}

// attributes are those that every control but the switch bears.
func attributes(f Field) templ.Attributes {
	a := templ.Attributes{"aria-describedby": f.describedBy()}
	if f.Mandatory {
		a["aria-required"] = "true"
	}
	if f.Error != "" {
		a["aria-invalid"] = "true"
	}
	if f.Autofocus {
		a["autofocus"] = true
	}
	if f.Kind == KindNumber || f.Kind == KindDuration {
		a["inputmode"] = "numeric"
	}
	if f.Kind == KindSecret {
		a["data-1p-ignore"] = true
		a["data-lpignore"] = "true"
	}
	return a
}
