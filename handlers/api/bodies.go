package api

import (
	"maps"
	"reflect"
	"slices"

	"boardlink/connection"

	"github.com/danielgtaylor/huma/v2"
)

// bodyKind names the schema of a connection that an operation takes.
type bodyKind string

const (
	bodyNew   bodyKind = "NewConnection"
	bodyWhole bodyKind = "ChangedConnection"    // may leave out the secrets that are stored
	bodyNamed bodyKind = "IdentifiedConnection" // likewise, and says which connection it is
	bodyPatch bodyKind = "ConnectionPatch"      // may leave out everything
	bodyTrial bodyKind = "ConnectionTrial"      // a new connection that needs no name
)

// takes marks operations for describeBodies with what gives their body, a func() *huma.RequestBody.
const takes = "takes"

// describeBodies tells what operations take as their bodies. It comes after their registration: huma would read and check
// a body that it knows of, and repeat it in its errors.
func (a *api) describeBodies() {
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Post, item.Put, item.Patch} {
			if op == nil {
				continue
			}
			if body, ok := op.Metadata[takes].(func() *huma.RequestBody); ok {
				op.RequestBody = body()
			}
		}
	}
}

// jsonBody describes a mandatory body.
func jsonBody(schema *huma.Schema) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}

// connectionBody describes a body that is a connection, or changes of one.
func (a *api) connectionBody(kind bodyKind, required bool) *huma.RequestBody {
	body := jsonBody(a.inputSchema(kind))
	body.Required = required
	media := body.Content["application/json"]
	media.Example = exampleOf(kind)
	if kind == bodyPatch {
		body.Content[mergePatch] = media
	}
	return body
}

// inputSchema describes a connection as it is sent: what is read-only may be sent and is ignored.
func (a *api) inputSchema(kind bodyKind) *huma.Schema {
	schemas := a.huma.OpenAPI().Components.Schemas
	if _, ok := schemas.Map()[string(kind)]; !ok {
		whole := *schemas.SchemaFromRef(schemas.Schema(reflect.TypeFor[resource](), true, "Connection").Ref)
		settings := configurationSchema()
		whole.Properties = maps.Clone(whole.Properties)
		whole.Properties["configuration"] = settings
		whole.Required = []string{"connectorId", "name", "configuration"}
		name, _ := connection.FieldByName("name")
		whole.Properties["name"] = fieldSchema(name, "")
		resettable(&whole, settings)
		switch kind {
		case bodyNamed:
			whole.Required = append(whole.Required, "id")
			id := *whole.Properties["id"]
			id.Pattern = "^" + anID + "$"
			whole.Properties["id"] = &id
			fallthrough
		case bodyWhole:
			settings.Required = slices.DeleteFunc(settings.Required, func(s string) bool { return s == "password" })
		case bodyTrial:
			whole.Required = []string{"configuration"}
		case bodyPatch:
			whole.Required, settings.Required = nil, nil
		}
		schemas.Map()[string(kind)] = &whole
	}
	return &huma.Schema{Ref: "#/components/schemas/" + string(kind)}
}

// resettable lets null stand for the default of what has one, as if it were left out of a whole connection.
func resettable(whole, settings *huma.Schema) {
	for _, f := range configurationFields() {
		if f.Mandatory {
			continue
		}
		s := settings.Properties[f.Name]
		s.Nullable = true
		if len(s.Enum) > 0 {
			s.Enum = append(s.Enum, nil)
		}
	}
	for _, name := range []string{"active", "alarms"} {
		s := *whole.Properties[name]
		s.Nullable = true
		whole.Properties[name] = &s
	}
}

// exampleOf gives a body that would do.
func exampleOf(kind bodyKind) any {
	settings := map[string]any{"hostName": "thingsboard.cloud:443", "username": "tenant@example.com", "password": "the account's password"}
	example := map[string]any{"connectorId": connection.ConnectorID, "name": "ThingsBoard production", "configuration": settings}
	switch kind {
	case bodyNamed:
		example["id"] = "4339"
		fallthrough
	case bodyWhole:
		settings["password"] = connection.Mask
	case bodyTrial:
		return map[string]any{"configuration": settings}
	case bodyPatch:
		return map[string]any{"name": "ThingsBoard north", "configuration": map[string]any{"uplinkTimeValidity": "72h", "deviceType": nil}}
	}
	return example
}
