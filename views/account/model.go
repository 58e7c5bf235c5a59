// Package account holds the pages of whoever is not signed in yet (signing in, the set-up of the first operator) and those
// of the signed-in person's own account.
package account

import "boardlink/views/ui"

// SignIn is the sign-in form.
type SignIn struct {
	Email string // as typed
	Next  string // where to go on afterwards: a path of this console
	Error string // one sentence for the whole form: which of the two is wrong is not told
	Note  string // one that is no error: nobody can sign in yet

	EmailError, PasswordError string // what is not filled in
}

// passwordNext reports whether the password is what is to be typed next.
func (m SignIn) passwordNext() bool {
	return m.EmailError == "" && (m.Error != "" || m.PasswordError != "")
}

// Confirm is the form that asks for the password once more.
type Confirm struct {
	Next  string // where to go on afterwards: a path of this console
	Error string
}

// SetUp is the form of the first operator.
type SetUp struct {
	Token  string // from the link
	Reset  bool   // the link sets a new password of an operator that is there already
	Fields []ui.Field
}

// HasErrors reports whether anything is wrong with the form.
func (m SetUp) HasErrors() bool {
	for _, f := range m.Fields {
		if f.Error != "" {
			return true
		}
	}
	return false
}

func (m SetUp) title() string {
	if m.Reset {
		return "Set a new password"
	}
	return "Set up Boardlink"
}

func (m SetUp) lead() string {
	if m.Reset {
		return "You sign in with it from now on. Whoever is signed in as you elsewhere is signed out."
	}
	return "Make the first operator. You sign in with this e-mail address and password from now on."
}

func (m SetUp) button() string {
	if m.Reset {
		return "Set the password"
	}
	return "Create the operator"
}
