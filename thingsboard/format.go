package thingsboard

import (
	"fmt"
	"io"
)

// What holds a password or a token is printed as its name alone: package fmt would show what is inside.

// Format gives the type's name for every verb.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "thingsboard.Client") }

// Format gives the type's name for every verb.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "thingsboard.Session") }

// Format gives the type's name for every verb.
func (t tokens) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "thingsboard.tokens") }

// Format gives method and path for every verb.
func (r request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.method+" "+r.path) }
