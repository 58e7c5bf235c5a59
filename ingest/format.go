package ingest

import (
	"fmt"
	"io"
)

// Format gives the type's name for every verb: package fmt would show the keys inside.
func (r *Registry) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "ingest.Registry") }

// Format gives the type's name for every verb.
func (e entry) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "ingest.entry") }
