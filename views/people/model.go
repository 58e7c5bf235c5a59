// Package people holds the pages of whoever looks after people: the list, the invitation, the questions asked before
// somebody is changed, and the page that shows a one-time link.
package people

import (
	"context"
	"strconv"
	"time"

	"boardlink/text"
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
func RoleField(ctx context.Context, value, message string) ui.Field {
	return ui.Field{
		Name: "role", Label: text.T(ctx, "people.list.role"), Kind: ui.KindChoice, Mandatory: true, Value: value, Error: message,
		// A list that is closed shows what fits into a phone's width, so what a role may stands below.
		Options: []ui.Option{
			{Value: "viewer", Label: text.T(ctx, "people.role.viewer")}, {Value: "operator", Label: text.T(ctx, "people.role.operator")},
			{Value: "admin", Label: text.T(ctx, "people.role.admin")},
		},
		Note: text.T(ctx, "people.role.note"),
	}
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

func (p Person) label(ctx context.Context, a Action) string {
	return text.T(ctx, "people.action."+p.message(a))
}

// message is the last part of the ids of what is said about an action.
func (p Person) message(a Action) string {
	switch {
	case a == NewLink && p.Invited:
		return "invitation_link"
	case a == NewLink:
		return "password_link"
	}
	return string(a)
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

func (l Link) title(ctx context.Context) string {
	if l.Person.Invited {
		return text.T(ctx, "people.link.invitation", "email", l.Person.Email)
	}
	return text.T(ctx, "people.link.password", "email", l.Person.Email)
}

// Question is asked before somebody is changed.
type Question struct {
	Action Action
	Person Person
	Role   ui.Field // of [ChangeRole]
	Error  string   // why it was not done a moment ago
}

// Title is what is asked.
func (q Question) Title(ctx context.Context) string {
	return text.T(ctx, "people.ask."+q.Person.message(q.Action), "email", q.Person.Email)
}

// warning is said where the reader changes themselves.
func (q Question) warning(ctx context.Context) string {
	if !q.Person.Self {
		return ""
	}
	switch q.Action {
	case ChangeRole, Disable, Remove:
		return text.T(ctx, "people.self."+string(q.Action))
	}
	return ""
}

// follows says what follows.
func (q Question) follows(ctx context.Context) (list []string) {
	for _, what := range q.consequences() {
		list = append(list, text.T(ctx, "people.follows."+what, "role", q.Person.Role))
	}
	return list
}

func (q Question) consequences() []string {
	switch q.Action {
	case ChangeRole:
		if q.Person.Invited {
			return []string{"link_stays"}
		}
		return []string{"new_role"}
	case Disable:
		list := []string{"shut_out"}
		if !q.Person.LinkUntil.IsZero() {
			list = append(list, "link_ends")
		}
		if !q.Person.Invited {
			list = append(list, "sessions_end")
		}
		return append(list, "name_stays")
	case Enable:
		if q.Person.Invited {
			return []string{"no_password"}
		}
		return []string{"as_before", "known_password"}
	case NewLink:
		list := []string{"for_a_day", "until_used"}
		if q.Person.Invited {
			list = []string{"for_three_days"}
		}
		if !q.Person.LinkUntil.IsZero() {
			list = append(list, "former_link")
		}
		return list
	default:
		return []string{"all_ends", "name_stays", "for_good"}
	}
}

func (q Question) button(ctx context.Context) string {
	if q.Action == NewLink {
		return text.T(ctx, "people.action.make_link")
	}
	return q.Person.label(ctx, q.Action)
}

func (q Question) dangerous() bool { return q.Action == Disable || q.Action == Remove }
