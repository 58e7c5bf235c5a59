package access

import (
	"log/slog"
	"slices"

	"boardlink/connection"
)

// IdentityKind says what sort of asker an [Identity] is.
type IdentityKind string

// The kinds of identities.
const (
	Nobody       IdentityKind = ""         // not known: no credential, or a wrong one
	OperatorKind IdentityKind = "operator" // a person, by a session
	KeyKind      IdentityKind = "key"      // a program, by an API key
)

// Identity is who asks. The zero value is nobody and may nothing.
type Identity struct {
	Kind   IdentityKind
	ID     int64  // of the operator; 0 for a key that no row holds
	Name   string // e-mail of a person, name of a key
	Role   Role   // of a person
	Scopes []Scope
}

// Known reports whether the asker is somebody at all. Asked first: who is not known gets 401, who is but may not, 403.
func (i Identity) Known() bool { return i.Kind == OperatorKind || i.Kind == KeyKind }

// Allows reports whether the asker may use what people need at least the role least for and keys the scope. An empty
// least lets no person in, an empty scope no key.
func (i Identity) Allows(least Role, scope Scope) bool {
	return i.AllowsRole(least) || i.AllowsScope(scope)
}

// AllowsRole reports whether the asker is a person of at least that role.
func (i Identity) AllowsRole(least Role) bool {
	return i.Kind == OperatorKind && i.Role.AtLeast(least)
}

// AllowsScope reports whether the asker is a key with that scope.
func (i Identity) AllowsScope(scope Scope) bool {
	return i.Kind == KeyKind && scope.Valid() && slices.Contains(i.Scopes, scope)
}

// MakesAdmins reports whether the asker may let somebody be an admin, or make a link by which an admin's password is set: an
// admin at a browser, and the key of the environment, which whoever installs gives and takes. A key that somebody made may
// not, with whatever scope: it would leave a person behind who goes on when the key has ended.
func (i Identity) MakesAdmins() bool {
	return i.AllowsRole(RoleAdmin) || i.AllowsScope(ScopeAdmin) && i.ID == 0
}

// Actor is the name that events bear; [connection.System] for nobody.
func (i Identity) Actor() string {
	if !i.Known() || i.Name == "" {
		return connection.System
	}
	return i.Name
}

// LogValue gives what a log line may say of an asker.
func (i Identity) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kind", string(i.Kind)), slog.String("name", i.Actor()))
}
