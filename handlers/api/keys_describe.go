package api

import (
	"net/http"
	"strconv"

	"boardlink/access"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

const exampleNetwork = "192.0.2.0/24"

// scope is what a key may be used for.
type scope string

// Schema implements [huma.SchemaProvider].
func (scope) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, known := range access.Scopes {
		s.Enum = append(s.Enum, string(known))
		if s.Description != "" {
			s.Description += " "
		}
		s.Description += string(known) + ": " + known.Sentence()
	}
	return s
}

// network is an address or a network.
type network string

// Schema implements [huma.SchemaProvider].
func (network) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: "An address, or a network by its first address and its length.", Examples: []any{exampleNetwork, "2001:db8::/32"}}
}

// Looking after keys is for admins. What makes a key good for more asks people for their password.
var (
	keysSeen    = web.Route{Least: access.RoleAdmin, Scope: access.ScopeAdmin}
	keysChanged = web.Route{Least: access.RoleAdmin, Scope: access.ScopeAdmin, Fresh: true}
)

func (a *api) describeKeys() {
	const path, one = "/keys", "/keys/{id}"
	id := func() *huma.Param {
		return &huma.Param{Name: "id", In: "path", Required: true, Description: "The key's id.", Schema: text(), Example: "7"}
	}
	handle(a, a.operation("list-keys", http.MethodGet, path, "List the API keys that have not been revoked",
		limitParameter(), cursorParameter(aNumber)), keysSeen, a.listKeys)

	create := a.once(a.operation("create-key", http.MethodPost, path, "Make an API key"))
	create.Description = "The answer tells the key, once. Who asks gives a key no more than they may do themselves; a key gives none that has more scopes, a longer life or other networks than it has itself. " +
		"Keys look like bl_ak_, 8 characters that may be seen, _ and 49 characters of which the last 6 are the CRC-32 of all before them in base62: " + access.KeyPattern + "."
	create.DefaultStatus = http.StatusCreated
	create.Metadata = map[string]any{takes: func() *huma.RequestBody { return keyBody(true) }}
	handle(a, create, keysChanged, a.createKey)

	handle(a, a.operation("get-key", http.MethodGet, one, "Read an API key", id()), keysSeen, a.getKey)
	change := a.operation("change-key", http.MethodPatch, one, "Change an API key: what is left out stays", id())
	change.Metadata = map[string]any{takes: func() *huma.RequestBody { return keyBody(false) }}
	handle(a, change, keysChanged, a.changeKey)

	revoke := a.operation("revoke-key", http.MethodDelete, one, "Revoke an API key: it is refused from then on", id())
	revoke.DefaultStatus = http.StatusNoContent
	handle(a, revoke, keysSeen, a.revokeKey)
}

// keyBody describes a key as it is sent: what is read-only may be sent and is ignored.
func keyBody(whole bool) *huma.RequestBody {
	least, most := 1, 100
	name := &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most, Description: "What uses the key. No two keys share a name.", Examples: []any{"Reporting"}}
	scopes := listOf(scope("").Schema(nil))
	scopes.MinItems = &least
	scopes.Description = "What the key may be used for."
	networks := listOf(network("").Schema(nil))
	networks.Nullable, networks.Description = true, "From where the key may be used, at most 20; empty or null: from everywhere."
	expires := moment{}.Schema(nil)
	expires.Description = "When the key ends; null: never by itself."
	s := &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{"name": name, "scopes": scopes, "networks": networks, "expiresAt": expires},
	}
	for _, member := range keyMembers[4:] {
		s.Properties[member] = &huma.Schema{ReadOnly: true, Description: "Ignored."}
	}
	body := jsonBody(s)
	media := body.Content["application/json"]
	if whole {
		s.Required = []string{"name", "scopes"}
		expires.Description += " Left out: in " + strconv.Itoa(int(access.DefaultKeyLife.Hours()/24)) + " days, or with the key that asks where that ends earlier."
		media.Example = map[string]any{"name": "Reporting", "scopes": []any{"read"}, "networks": []any{exampleNetwork}, "expiresAt": "2027-02-21T10:00:00Z"}
		return body
	}
	media.Example = map[string]any{"expiresAt": "2027-08-21T10:00:00Z", "networks": []any{exampleNetwork, "2001:db8::/32"}}
	body.Content[mergePatch] = media
	return body
}
