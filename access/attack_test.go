package access

import "testing"

// An actor of events is known by the e-mail address: none may look like that of somebody else.
func TestAttack_addresses_that_look_like_anothers(t *testing.T) {
	for _, email := range []string{
		"ada\u202emoc.elpmaxe@evil", "ada\u200b@example.com", "a\u2066da@example.com", "ada@example.com\u200e", "ada\u00ad@example.com", "ada\r\nBcc: x@example.com", "ada\x00@example.com", "\ufeffada@example.com",
	} {
		if got, err := NormalEmail(email); err == nil {
			t.Errorf("%q is taken as %q", email, got)
		}
	}
}
