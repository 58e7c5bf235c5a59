package access

import (
	_ "embed" // the list below
	"strings"
)

// commonPasswords are the common ones of 8 characters and more, in lower case, one a line: 8,354 of the 20,000 in Django 5.2.19
// (django/contrib/auth/common-passwords.txt.gz, BSD licence in common/LICENSE), which Royce Williams gathered.
//
//go:embed common/passwords.txt
var commonPasswords string

// isCommon reports whether a password in lower case is in the list.
func isCommon(password string) bool {
	return !strings.Contains(password, "\n") && (strings.HasPrefix(commonPasswords, password+"\n") || strings.Contains(commonPasswords, "\n"+password+"\n"))
}
