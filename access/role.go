package access

// Role is what a person may do. A role may do all that the ones below it may.
type Role string

// The roles, from the least to the most.
const (
	RoleViewer   Role = "viewer"   // looks
	RoleOperator Role = "operator" // changes connections, handles events
	RoleAdmin    Role = "admin"    // also looks after people and keys
)

// Roles lists the roles from the least to the most.
var Roles = []Role{RoleViewer, RoleOperator, RoleAdmin}

// rank is 0 for anything that is no role, so that a misspelt one allows nothing.
func (r Role) rank() int {
	for i, known := range Roles {
		if r == known {
			return i + 1
		}
	}
	return 0
}

// Valid reports whether r is one of [Roles].
func (r Role) Valid() bool { return r.rank() > 0 }

// AtLeast reports whether r may do what least may. An unknown role on either side may nothing.
func (r Role) AtLeast(least Role) bool { return least.Valid() && r.rank() >= least.rank() }

// Scope is what a key may be used for. Scopes do not contain one another: a key has each one that it was given.
type Scope string

// The scopes of keys.
const (
	ScopeRead        Scope = "read"        // read connections, events and figures
	ScopeConnections Scope = "connections" // create, change, restart and delete connections
	ScopeUplinks     Scope = "uplinks"     // hand in uplinks
	ScopeCommands    Scope = "commands"    // send commands to devices
	ScopeAdmin       Scope = "admin"       // people, keys, the program itself
)

// Scopes lists every scope.
var Scopes = []Scope{ScopeRead, ScopeConnections, ScopeUplinks, ScopeCommands, ScopeAdmin}

// Valid reports whether s is one of [Scopes].
func (s Scope) Valid() bool {
	for _, known := range Scopes {
		if s == known {
			return true
		}
	}
	return false
}
