package connection

import (
	"errors"
	"fmt"
	"strings"
)

// Code classifies an error that a person or a program is to be told.
type Code string

// The codes of a [Failure]. web/ maps each to one HTTP status.
const (
	CodeInvalid      Code = "invalid"
	CodeNotFound     Code = "not_found"
	CodeConflict     Code = "conflict" // somebody else changed it since it was read
	CodeUnauthorized Code = "unauthorized"
	CodeForbidden    Code = "forbidden"
	CodeUnavailable  Code = "unavailable" // try again later
)

// Failure is an error with a sentence for whoever asked. Everything that is not a Failure is internal: it is logged,
// and the asker reads that something went wrong.
type Failure struct {
	Code    Code
	Message string
	Fields  []FieldError // for [CodeInvalid]
	Err     error        // cause; logged, never shown
}

func (f *Failure) Error() string {
	var b strings.Builder
	b.WriteString(f.Message)
	for _, e := range f.Fields {
		fmt.Fprintf(&b, "; %s: %s", e.Path, e.Message)
	}
	if f.Err != nil {
		fmt.Fprintf(&b, ": %v", f.Err)
	}
	return b.String()
}

func (f *Failure) Unwrap() error { return f.Err }

// FieldError says what is wrong with one field. It never repeats the rejected value.
type FieldError struct {
	Path    string // JSON path from the resource's root: "configuration.hostName"
	Message string // a sentence for people
	Example string // a value that would do; may be empty
}

// Fail makes a [Failure] with a formatted sentence.
func Fail(code Code, format string, args ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of the first [Failure] in err's chain, or "" where there is none.
func CodeOf(err error) Code {
	var f *Failure
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}
