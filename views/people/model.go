// Package people holds the pages of whoever looks after people: the list, the invitation, the questions asked before
// somebody is changed, and the page that shows a one-time link.
package people

import (
	"strconv"
	"strings"
	"time"

	"boardlink/views/ui"
)

// Path is the address of the list.
const Path = "/people"

// Action is what can be done about somebody; it is the last part of its address.
type Action string

// The actions.
const (
	ChangeRole Action = "role"
	Disable    Action = "disable"
	Enable     Action = "enable"
	NewLink    Action = "link"
	Remove     Action = "remove"
)

// Person is somebody as the pages show them.
type Person struct {
	ID         int64
	Email      string
	Role       string // "viewer"
	Invited    bool   // has no password yet
	Disabled   bool
	LinkUntil  time.Time // when the open one-time link ends; zero: none is open
	LastSignIn time.Time // zero: never
	Version    int64
	Self       bool // it is who looks at the page
}

// RoleField is the choice of a role.
func RoleField(value, message string) ui.Field {
	return ui.Field{
		Name: "role", Label: "Role", Kind: ui.KindChoice, Mandatory: true, Value: value, Error: message,
		// A list that is closed shows what fits into a phone's width, so what a role may stands below.
		Options: []ui.Option{{Value: "viewer", Label: "Viewer"}, {Value: "operator", Label: "Operator"}, {Value: "admin", Label: "Admin"}},
		Note:    "A viewer sees all but secrets. An operator also changes connections, handles parked events and sends commands. An admin also looks after people, keys and settings.",
	}
}

// title writes a role as a label.
func title(role string) string {
	if role == "" {
		return ""
	}
	return strings.ToUpper(role[:1]) + role[1:]
}

// path is the address of an action on the person.
func (p Person) path(a Action) string {
	return Path + "/" + strconv.FormatInt(p.ID, 10) + "/" + string(a)
}

// rowID names the person's row, so that the focus can go back to it.
func (p Person) rowID() string { return "person-" + strconv.FormatInt(p.ID, 10) }

// Back is the address of the list that leads to the person's row.
func (p Person) Back() string { return Path + "#" + p.rowID() }

// actions are those that make sense for how the person stands.
func (p Person) actions() []Action {
	if p.Disabled {
		return []Action{ChangeRole, Enable, Remove}
	}
	return []Action{ChangeRole, NewLink, Disable, Remove}
}

func (p Person) label(a Action) string {
	switch a {
	case ChangeRole:
		return "Change role"
	case Disable:
		return "Disable"
	case Enable:
		return "Enable"
	case NewLink:
		if p.Invited {
			return "New invitation link"
		}
		return "New password link"
	default:
		return "Remove"
	}
}

func icon(a Action) ui.Icon {
	switch a {
	case ChangeRole:
		return ui.IconPencil
	case Disable:
		return ui.IconPause
	case Enable:
		return ui.IconPlay
	case NewLink:
		return ui.IconLink
	default:
		return ui.IconTrash
	}
}

// List is the page of all people.
type List struct {
	People []Person
	After  int64 // where the page began, 0 for the first
	Next   int64 // where the next one begins, 0 for none
	Now    time.Time
}

// alone reports whether the reader is the only one there is.
func (l List) alone() bool { return len(l.People) == 1 && l.People[0].Self && l.After == 0 }

func (l List) address(after int64) string {
	if after == 0 {
		return Path
	}
	return Path + "?after=" + strconv.FormatInt(after, 10)
}

// Invite is the form of an invitation.
type Invite struct{ Email, Role ui.Field }

func (f Invite) fields() []ui.Field { return []ui.Field{f.Email, f.Role} }

func (f Invite) failed() bool { return f.Email.Error != "" || f.Role.Error != "" }

// Link is the page that shows a one-time link, this once.
type Link struct {
	Person    Person
	URL       string
	ExpiresAt time.Time
	Now       time.Time
}

func (l Link) title() string {
	if l.Person.Invited {
		return "Invitation for " + l.Person.Email
	}
	return "New password link for " + l.Person.Email
}

// Question is asked before somebody is changed.
type Question struct {
	Action Action
	Person Person
	Role   ui.Field // of [ChangeRole]
	Error  string   // why it was not done a moment ago
}

// Title is what is asked.
func (q Question) Title() string {
	switch q.Action {
	case ChangeRole:
		return "Change the role of " + q.Person.Email + "?"
	case Disable:
		return "Disable " + q.Person.Email + "?"
	case Enable:
		return "Enable " + q.Person.Email + "?"
	case NewLink:
		if q.Person.Invited {
			return "Make a new invitation link for " + q.Person.Email + "?"
		}
		return "Make a new password link for " + q.Person.Email + "?"
	default:
		return "Remove " + q.Person.Email + "?"
	}
}

// warning is said where the reader changes themselves.
func (q Question) warning() string {
	if !q.Person.Self {
		return ""
	}
	switch q.Action {
	case ChangeRole:
		return "This is you. You are signed out, and with a lesser role you cannot give yourself this one back: another admin must."
	case Disable:
		return "This is you. You are signed out and cannot come back until another admin enables you."
	case Remove:
		return "This is you. You are signed out and cannot come back unless another admin invites you."
	}
	return ""
}

// follows says what follows.
func (q Question) follows() []string {
	switch q.Action {
	case ChangeRole:
		if q.Person.Invited {
			return []string{"The invitation link stays as it is."}
		}
		return []string{"Their sessions end: they sign in again, with the new role."}
	case Disable:
		list := []string{"They cannot sign in until somebody enables them."}
		if !q.Person.LinkUntil.IsZero() {
			list = append(list, "The one-time link that is open for them ends.")
		}
		if !q.Person.Invited {
			list = append(list, "Their sessions end at once.")
		}
		return append(list, "What they did stays in the events, under their name.")
	case Enable:
		if q.Person.Invited {
			return []string{"They have no password yet: make a new invitation link afterwards."}
		}
		return []string{"They sign in again with the password that they had, as " + q.Person.Role + ".", "If somebody else may know that password, make a new password link afterwards."}
	case NewLink:
		list := []string{"It works once, for 24 hours. Whoever has it sets the password.", "The password they have now works until then. Once the link is used, their sessions end."}
		if q.Person.Invited {
			list = []string{"It works once, for 3 days. Whoever has it sets the password."}
		}
		if !q.Person.LinkUntil.IsZero() {
			list = append(list, "The link that was made before stops working.")
		}
		return list
	default:
		return []string{"Their sessions end at once, and a link that is open for them.", "What they did stays in the events, under their name.", "This cannot be undone; they can be invited again."}
	}
}

func (q Question) button() string {
	switch q.Action {
	case ChangeRole:
		return "Change role"
	case NewLink:
		return "Make link"
	default:
		return q.Person.label(q.Action)
	}
}

func (q Question) dangerous() bool { return q.Action == Disable || q.Action == Remove }
