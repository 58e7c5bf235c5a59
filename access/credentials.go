package access

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"boardlink/connection"
)

const (
	minPassword = 8
	maxPassword = 256
	maxEmail    = 254 // RFC 5321, 4.5.3.1.3, less the angle brackets
)

// NormalEmail gives the one form of an e-mail address that is stored and compared: without surrounding space, in lower
// case. The error is a [connection.Failure] that names the field "email".
func NormalEmail(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	wrong := func(message string) (string, error) {
		return "", invalid(connection.FieldError{Path: "email", Message: message, Example: "you@example.com"})
	}
	if s == "" {
		return wrong("Fill in your e-mail address.")
	}
	if len(s) > maxEmail || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return wrong("Write an e-mail address like you@example.com.")
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return wrong("Write an e-mail address like you@example.com.")
	}
	return s, nil
}

// CheckPassword checks a new password of the person with that e-mail: 8 to 256 characters of any kind, and not the
// e-mail itself. The error is a [connection.Failure] that names the field "password".
func CheckPassword(password connection.Secret, email string) error {
	message := ""
	switch n := utf8.RuneCountInString(password.Reveal()); {
	case n == 0:
		message = "Fill in a password."
	case n < minPassword:
		message = "Use at least 8 characters."
	case n > maxPassword:
		message = "Use at most 256 characters."
	case !utf8.ValidString(password.Reveal()):
		message = "Use text in UTF-8."
	case strings.EqualFold(strings.TrimSpace(password.Reveal()), strings.TrimSpace(email)):
		message = "Do not use your e-mail address as the password."
	default:
		return nil
	}
	return invalid(connection.FieldError{Path: "password", Message: message})
}

// CheckCredentials checks both fields of a new operator and names every wrong one. It returns the normal e-mail.
func CheckCredentials(email string, password connection.Secret) (string, error) {
	normal, err := NormalEmail(email)
	fields := fieldsOf(err)
	fields = append(fields, fieldsOf(CheckPassword(password, email))...)
	if len(fields) > 0 {
		return "", invalid(fields...)
	}
	return normal, nil
}

func invalid(fields ...connection.FieldError) *connection.Failure {
	return &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields need another look.", Fields: fields}
}
