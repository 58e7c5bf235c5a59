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

	productName = "boardlink" // whoever tries passwords on a Boardlink tries it first
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
	if len(s) > maxEmail || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsSpace) || connection.Clean(s) != s { // what nobody can see makes one look like another
		return wrong("Write an e-mail address like you@example.com.")
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return wrong("Write an e-mail address like you@example.com.")
	}
	return s, nil
}

// CheckPassword checks a new password of the person with that e-mail: 8 to 256 characters of any kind (in the form in which
// a [Hasher] hashes them), not a common one, and not made of the e-mail or of this product's name. The error is a
// [connection.Failure] that names the field "password".
func CheckPassword(password connection.Secret, email string) error {
	if message := wrongPassword(normal(password), email); message != "" {
		return invalid(connection.FieldError{Path: "password", Message: message})
	}
	return nil
}

func wrongPassword(password, email string) string {
	email = strings.ToLower(strings.TrimSpace(email))
	local, _, _ := strings.Cut(email, "@")
	plain := strings.ToLower(strings.TrimSpace(password))
	switch n := utf8.RuneCountInString(password); {
	case n == 0:
		return "Fill in a password."
	case n < minPassword:
		return "Use at least 8 characters."
	case n > maxPassword:
		return "Use at most 256 characters."
	case !utf8.ValidString(password):
		return "Use text in UTF-8."
	case plain == email && email != "", plain == local && local != "", madeOf(plain, local):
		return "Do not use your e-mail address as the password."
	case madeOf(plain, productName):
		return "Do not use the name of this product as the password."
	case isCommon(plain), strings.Count(password, string([]rune(password)[:1])) == n:
		return "This password is among the first that strangers try. Use another one, best a few words that only you would put together."
	}
	return ""
}

// madeOf reports whether a password is a name with nothing but digits and signs before and behind it.
func madeOf(password, name string) bool {
	noLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	name = strings.TrimFunc(name, noLetter)
	return len(name) >= 3 && strings.TrimFunc(password, noLetter) == name
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
