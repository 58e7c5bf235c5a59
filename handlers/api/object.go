package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"boardlink/connection"
	"boardlink/web"
)

// member is one name and value of a JSON object, in the order in which they came.
type member struct {
	name string
	raw  json.RawMessage
}

// unreadable answers a body that is no JSON. Where it stands in the body helps; what stands there is not repeated.
func unreadable(what string) error { return web.NewProblem(http.StatusBadRequest, what) }

// parse checks a body: it must be one JSON object in UTF-8 in which, at any depth, no name comes twice.
func parse(body []byte) (json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, unreadable("The body is not in UTF-8.")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, unreadable("The body is empty: send a JSON object.")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, unreadable(fmt.Sprintf("The body is no JSON: it cannot be read from byte %d on.", syntax.Offset))
		}
		return nil, unreadable("The body is no JSON.")
	}
	if kindOf(raw) != '{' {
		return nil, unreadable("The body is not a JSON object.")
	}
	if name := repeatedName(raw); name != "" {
		return nil, unreadable("The name " + quoted(name) + " comes twice in one object.")
	}
	return raw, nil
}

// repeatedName finds a name that comes twice in one object, at any depth; "" where there is none.
func repeatedName(raw json.RawMessage) string {
	type level struct {
		names map[string]bool // nil in an array
		value bool            // the next token of an object is a value
	}
	var stack []level
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil { // io.EOF: it was parsed before
			return ""
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if top := len(stack) - 1; top >= 0 && stack[top].names != nil {
			if !stack[top].value {
				name, _ := token.(string)
				if stack[top].names[name] {
					return name
				}
				stack[top].names[name], stack[top].value = true, true
				continue
			}
			stack[top].value = false
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}

// members takes an object apart. The raw text was parsed before.
func members(raw json.RawMessage) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	var list []member
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read object: %w", err)
		}
		m := member{}
		m.name, _ = token.(string)
		if err := d.Decode(&m.raw); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read object: %w", err)
		}
		list = append(list, m)
	}
	return list, nil
}

// kindOf tells a value's type by its first letter: { [ " t f n or 0 for a number.
func kindOf(raw json.RawMessage) byte {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return 0
	}
	switch c := raw[0]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return c
	}
	return '0'
}

func isNull(raw json.RawMessage) bool { return kindOf(raw) == 'n' }

// asText reads a JSON string.
func asText(raw json.RawMessage) (string, bool) {
	var s string
	if kindOf(raw) != '"' || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// asBool reads true or false.
func asBool(raw json.RawMessage) (value, ok bool) {
	k := kindOf(raw)
	return k == 't', k == 't' || k == 'f'
}

// asInt reads a number that is written as a whole one.
func asInt(raw json.RawMessage) (int, bool) {
	n, err := strconv.Atoi(string(bytes.TrimSpace(raw)))
	return n, err == nil
}

// maxName bounds how much of a name that a sender made up is repeated to him, in characters.
const maxName = 64

func quoted(name string) string {
	name = connection.Clean(name)
	if r := []rune(name); len(r) > maxName {
		name = string(r[:maxName]) + "…"
	}
	return `"` + name + `"`
}

// unknown refuses a member by its name, and tells the nearest known one where one is near.
func unknown(at, name string, known []string) connection.FieldError {
	e := connection.FieldError{Path: at + strings.Trim(quoted(name), `"`), Message: "There is no such field."}
	e.Example = nearest(name, known)
	switch {
	case e.Example == "":
	case strings.EqualFold(e.Example, name):
		e.Message = "There is no such field; letter case counts."
	default:
		e.Message = "There is no such field; perhaps " + e.Example + " is meant."
	}
	return e
}
