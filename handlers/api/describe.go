package api

import (
	"net/http"
	"reflect"
	"strconv"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

// These say who may: people by their role, keys by their scope.
var (
	reads   = web.Route{Least: access.RoleViewer, Scope: access.ScopeRead}
	changes = web.Route{Least: access.RoleOperator, Scope: access.ScopeConnections}
	// commands is for what goes to devices.
	commands = web.Route{Least: access.RoleOperator, Scope: access.ScopeCommands}
)

// describe registers the operations.
func (a *api) describe() {
	handle(a, a.operation("list-connectors", http.MethodGet, "/connectors", "List the types of connections"), reads, a.connectors)

	handle(a, a.operation("list-connections", http.MethodGet, "/connections", "List connections",
		query("search", "Part of the name, host or user name, or the id.", text()),
		query("state", "Only connections in these states.", listOf(state("").Schema(nil))),
		query("active", "Only connections that are active, or that are not.", &huma.Schema{Type: huma.TypeBoolean}),
		query("sort", "The order; - in front turns it round. state: those that need a person first.", sortSchema()),
		limitParameter(), cursorParameter(aPlace)), reads, a.list)
	handle(a, a.once(a.with(bodyNew, "create-connection", http.MethodPost, "/connections", "Create a connection", http.StatusCreated)), changes, a.create)
	handle(a, a.with(bodyNamed, "replace-connection-by-body", http.MethodPut, "/connections", "Replace the connection that the body's id names", http.StatusOK, ifMatch()), changes, a.replaceByBody)
	handle(a, a.operation("get-connection", http.MethodGet, "/connections/{id}", "Read a connection", pathID()), reads, a.get)
	handle(a, a.with(bodyPatch, "change-connection", http.MethodPatch, "/connections/{id}", "Change a connection: what is left out stays, null goes back to the default", http.StatusOK, pathID(), ifMatch()), changes, a.patch)
	handle(a, a.with(bodyWhole, "replace-connection", http.MethodPut, "/connections/{id}", "Replace a connection: what is left out goes back to its default, secrets stay", http.StatusOK, pathID(), ifMatch()), changes, a.replace)
	handle(a, a.operation("delete-connection", http.MethodDelete, "/connections/{id}", "Delete a connection", pathID(), ifMatch()), changes, a.remove)

	handle(a, a.describeTrial(a.with(bodyTrial, "test-connection", http.MethodPost, trialPath, "Test a connection without storing it", http.StatusOK)), changes, a.try)
	handle(a, a.describeTrial(a.with(bodyPatch, "test-stored-connection", http.MethodPost, storedTrialPath, "Test a connection as it is stored, or with the changes in the body", http.StatusOK, pathID())), changes, a.tryStored)

	restart := a.operation("restart-connection", http.MethodPost, "/connections/{id}/restart", "Close the link and open it again", pathID())
	retry := a.operation("retry-connection", http.MethodPost, "/connections/{id}/retry", "Make the next try now", pathID())
	restart.DefaultStatus, retry.DefaultStatus = http.StatusAccepted, http.StatusAccepted
	handle(a, restart, changes, a.again(a.operations.Restart))
	handle(a, retry, changes, a.again(a.operations.Retry))

	handle(a, a.operation("read-metrics", http.MethodGet, "/connections/{id}/metrics", "Read figures", pathID(),
		query("window", "The span that ends now.", &huma.Schema{Type: huma.TypeString, Enum: []any{string(operation.Hour), string(operation.Day)}, Default: string(operation.Hour)})), reads, a.metrics)
	handle(a, a.operation("list-events", http.MethodGet, "/events", "List events, newest first",
		query("connectionId", "Only events of this connection.", optional(anID)),
		query("devEUI", "Only events of this device.", optional(`[0-9A-Fa-f]{16}`)),
		query("from", "Only events of this moment and later.", moment{}.parameter()),
		query("to", "Only events before this moment.", moment{}.parameter()),
		query("level", "Only events of these levels.", listOf(&huma.Schema{Type: huma.TypeString, Enum: []any{"info", "warning", "error"}})),
		query("kind", "Only events of these kinds.", listOf(&huma.Schema{Type: huma.TypeString, Enum: anyOf(connection.Kinds)})),
		limitParameter(), cursorParameter(aNumber)), reads, a.events)

	handle(a, a.operation("list-devices", http.MethodGet, "/connections/{id}/devices", "List the devices that were seen", pathID(),
		query("search", "Begin of the DevEUI, or part of the name.", text()),
		limitParameter(), cursorParameter(`[0-9A-F]{16}`)), reads, a.devices)
	a.describeParked()
	a.describeDownlink()
	a.describePurge()
	a.describeConfig()
	a.describeKeys()
	a.describeUplinkKey()
	a.describeUsers()
	a.describeAccount()

	a.describeBodies()
	a.describeUplinks()
	a.describeStream()
	// huma names its own error document though nothing here answers with it.
	schemas := a.huma.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
}

// describeParked registers what can be done with events that were put aside.
func (a *api) describeParked() {
	const path = "/connections/{id}/parked"
	handle(a, a.operation("list-parked", http.MethodGet, path, "List the events that were put aside, the oldest first", pathID(),
		limitParameter(), cursorParameter(aNumber)), reads, a.parked)
	retry := a.operation("retry-parked", http.MethodPost, path, "Put parked events back into the queue: those with the ids, or all", pathID())
	retry.Metadata = map[string]any{takes: func() *huma.RequestBody {
		return jsonBody(&huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"action"},
			Properties: map[string]*huma.Schema{
				"action": {Type: huma.TypeString, Enum: []any{"retry"}}, "ids": parkedIDs(), "all": {Type: huma.TypeBoolean, Enum: []any{true}},
			},
			OneOf: []*huma.Schema{{Required: []string{"ids"}}, {Required: []string{"all"}}},
		})
	}}
	handle(a, retry, changes, a.retryParked)
	drop := a.operation("drop-parked", http.MethodDelete, path, "Throw parked events away for good: those with the ids, or all", pathID(),
		query("ids", "The ids of the events.", parkedIDs()),
		query("all", "Drop all instead.", &huma.Schema{Type: huma.TypeString, Enum: []any{"true"}}))
	drop.DefaultStatus = http.StatusOK
	handle(a, drop, changes, a.dropParked)
}

// parkedIDs describes a choice of parked events.
func parkedIDs() *huma.Schema {
	one := 1
	ids := listOf(&huma.Schema{Type: huma.TypeString, Pattern: "^" + aNumber + "$"})
	ids.MinItems = &one
	return ids
}

// operation describes one operation and its errors.
func (a *api) operation(id, method, path, summary string, parameters ...*huma.Param) huma.Operation {
	problem := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[web.Problem](), true, "Problem")
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Parameters: parameters,
		Responses: map[string]*huma.Response{"default": {
			Description: "A problem document.",
			Content:     map[string]*huma.MediaType{web.ProblemType: {Schema: problem}},
		}},
	}
}

// with describes an operation that takes a connection as its body.
func (a *api) with(body bodyKind, id, method, path, summary string, status int, parameters ...*huma.Param) huma.Operation {
	op := a.operation(id, method, path, summary, parameters...)
	op.DefaultStatus, op.Metadata = status, map[string]any{takes: func() *huma.RequestBody { return a.connectionBody(body, path != storedTrialPath) }}
	return op
}

// describeUplinks tells of the one address that is served without huma.
func (a *api) describeUplinks() {
	op := a.operation("post-uplink", http.MethodPost, "/connections/{id}/uplinks", "Hand in an uplink of ThingPark", pathID(),
		query("key", "The connection's uplink key, where no header can be set.", text()))
	one := 1
	op.Description = "The credential is an API key or the connection's uplink key. 200 says that the uplink is on disk; one that comes again with the Token of " +
		"an earlier one is answered likewise and not stored a second time. Other parameters of the query, which ThingPark adds, are taken as they are."
	op.RequestBody = &huma.RequestBody{
		Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type: huma.TypeObject, MinProperties: &one, MaxProperties: &one, AdditionalProperties: &huma.Schema{Type: huma.TypeObject},
			Description: "The document as ThingPark posts it: one member, such as DevEUI_uplink, that is an object.",
		}}},
	}
	number := &huma.Schema{Type: huma.TypeInteger, Enum: []any{1}}
	op.Responses[strconv.Itoa(http.StatusOK)] = &huma.Response{
		Description: "Accepted.",
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type: huma.TypeObject, Properties: map[string]*huma.Schema{"accepted": number}, Required: []string{"accepted"},
		}}},
	}
	a.huma.OpenAPI().AddOperation(&op)
}

func text() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

func listOf(s *huma.Schema) *huma.Schema { return &huma.Schema{Type: huma.TypeArray, Items: s} }

func (moment) parameter() *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

func query(name, description string, schema *huma.Schema) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: description, Schema: schema}
}

func limitParameter() *huma.Param {
	least, most := 1.0, float64(operation.MaxLimit)
	return query("limit", "Most items to give.", &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most, Default: operation.DefaultLimit})
}

// aNumber is the pattern of most cursors.
const aNumber = `[1-9][0-9]{0,17}`

// anID is the pattern of a connection's id.
const anID = `[1-9][0-9]{0,6}`

// cursorParameter describes a cursor; an empty one is the first page's.
func cursorParameter(pattern string) *huma.Param {
	return query("cursor", "nextCursor of the page before.", optional(pattern))
}

// optional describes a text that may be empty, as if it were not there.
func optional(pattern string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^(" + pattern + ")?$"}
}

func pathID() *huma.Param {
	return &huma.Param{Name: "id", In: "path", Required: true, Description: "The connection's id.", Schema: text(), Example: "4339"}
}

func ifMatch() *huma.Param {
	return &huma.Param{Name: "If-Match", In: "header", Description: "The ETag that was read. Where it has changed since, nothing is done: 412.", Schema: text()}
}
