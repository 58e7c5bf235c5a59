package connection

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Mask is what stands for a stored secret in every answer, page, log line and event.
const Mask = "*****"

// Secret is a text that must not be seen. Every way of printing it that Go knows gives [Mask] (nothing for an empty
// one); only [Secret.Reveal] gives the text, so that a search for that name finds all the places that use it.
//
// Package fmt cannot ask a field whose name begins in lower case how it wants to be printed. A struct with such a field
// implements [fmt.Formatter] itself. And no secret is a map's key: encoding/json writes keys that are texts as they are.
type Secret string

// Reveal returns the text itself. Call it only to hand the secret to the peer it is meant for, or to seal it.
func (s Secret) Reveal() string { return string(s) }

// IsSet reports whether there is a secret at all.
func (s Secret) IsSet() bool { return s != "" }

// String gives the mask.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Mask
}

// Format gives the mask for every verb, also %q, %x and %#v.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// GoString gives the mask.
func (s Secret) GoString() string { return s.String() }

// MarshalText gives the mask; it serves JSON, XML and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalBinary gives the mask; it serves gob, which does not ask for text.
func (s Secret) MarshalBinary() ([]byte, error) { return []byte(s.String()), nil }

// Value refuses to be an argument of a statement: a secret is sealed before it is stored.
func (s Secret) Value() (driver.Value, error) {
	return nil, errors.New("a secret was to be stored in clear; seal it first")
}

// LogValue gives the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
