package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

// parkedEvent is an event that was put aside, as programs read it.
type parkedEvent struct {
	ID         string   `json:"id"`
	DevEUI     *string  `json:"devEUI" nullable:"true"`
	Kind       string   `json:"kind" doc:"The document's root." example:"DevEUI_uplink"`
	ReceivedAt moment   `json:"receivedAt"`
	Attempts   int      `json:"attempts" doc:"Deliveries that were tried."`
	ReasonCode string   `json:"reasonCode"`
	Reason     string   `json:"reason"`
	Document   document `json:"document"`
}

func parkedOf(e connection.ParkedEvent) parkedEvent {
	out := parkedEvent{
		ID: strconv.FormatInt(e.ID, 10), Kind: e.Kind, ReceivedAt: moment(e.ReceivedAt), Attempts: e.Attempts,
		ReasonCode: string(e.ReasonCode), Reason: e.Reason, Document: e.Document,
	}
	if e.DevEUI != "" {
		out.DevEUI = &e.DevEUI
	}
	return out
}

// document is what ThingPark sent: the object itself, or a text where it is none.
type document []byte

// MarshalJSON implements [json.Marshaler].
func (d document) MarshalJSON() ([]byte, error) {
	if kindOf(json.RawMessage(d)) == '{' && json.Valid(d) {
		return d, nil
	}
	return json.Marshal(string(d))
}

// Schema implements [huma.SchemaProvider].
func (document) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "What ThingPark sent; a string where it is no object.",
		OneOf:       []*huma.Schema{{Type: huma.TypeObject, AdditionalProperties: true}, {Type: huma.TypeString}},
	}
}

// affected answers an action on several events.
type affected struct {
	Body struct {
		Affected int64 `json:"affected" doc:"How many events there were." example:"12"`
	}
}

func affectedBy(n int64, err error) (*affected, error) {
	if err != nil {
		return nil, err
	}
	out := &affected{}
	out.Body.Affected = n
	return out, nil
}

func (a *api) parked(ctx context.Context, c *call) (*page[parkedEvent], error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	f := operation.ParkedFilter{}
	if f.AfterID, err = c.number("cursor", exampleParked); err != nil {
		return nil, err
	}
	if f.Limit, err = c.limit(); err != nil {
		return nil, err
	}
	list, next, err := a.operations.Parked(ctx, id, f)
	if err != nil {
		return nil, err
	}
	items := make([]parkedEvent, len(list))
	for i, e := range list {
		items[i] = parkedOf(e)
	}
	if next == 0 {
		return pageOf(items, nil), nil
	}
	return pageOf(items, cursor(next)), nil
}

func (a *api) retryParked(ctx context.Context, c *call) (*affected, error) {
	id, err := c.known(ctx, a)
	if err != nil {
		return nil, err
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	choice, err := decodeRetry(body)
	if err != nil {
		return nil, err
	}
	return affectedBy(a.operations.RetryParked(ctx, c.actor(), id, choice))
}

func (a *api) dropParked(ctx context.Context, c *call) (*affected, error) {
	id, err := c.known(ctx, a)
	if err != nil {
		return nil, err
	}
	n := named{given: c.echo.QueryParams().Has("ids")}
	switch all, err := c.query("all"); {
	case err != nil:
		return nil, err
	case all == "true":
		n.all = true
	case all != "":
		n.wrong("all", "Give true, or give ids instead.", "true")
	}
	for i, text := range c.list("ids") {
		n.id(fmt.Sprintf("ids[%d]", i), text)
	}
	choice, err := n.choice()
	if err != nil {
		return nil, err
	}
	return affectedBy(a.operations.DropParked(ctx, c.actor(), id, choice))
}

// known reads the connection's id and makes sure that there is one: 404 comes before what is wrong with the request.
func (c *call) known(ctx context.Context, a *api) (connection.ID, error) {
	id, err := c.id()
	if err != nil {
		return 0, err
	}
	_, err = a.operations.Get(ctx, id)
	return id, err
}

// decodeRetry reads {"action": "retry", "ids": [...]} or {"action": "retry", "all": true}.
func decodeRetry(body []byte) (operation.ParkedChoice, error) {
	raw, err := parse(body)
	if err != nil {
		return operation.ParkedChoice{}, err
	}
	list, err := members(raw)
	if err != nil {
		return operation.ParkedChoice{}, err
	}
	n, action := named{}, ""
	for _, m := range list {
		switch m.name {
		case "action":
			action, _ = asText(m.raw)
		case "ids":
			if err := n.list(m.raw); err != nil {
				return operation.ParkedChoice{}, err
			}
		case "all":
			all, ok := asBool(m.raw)
			if n.all = all; !ok && !isNull(m.raw) {
				n.wrong("all", giveBool, "true")
			}
		default:
			n.complain(unknown("", m.name, []string{"action", "ids", "all"}))
		}
	}
	if action != "retry" {
		n.wrong("action", "Give retry: it is the one action there is. To drop events, send DELETE.", "retry")
	}
	return n.choice()
}

// maxIDs bounds the ids of one request: a connection has no more parked events.
const maxIDs = 10_000

// named gathers the parked events that a request names.
type named struct {
	ids   []int64
	given bool // ids are there, if only an empty list
	all   bool
	errs  []web.FieldProblem
}

func (n *named) wrong(path, message, example string) {
	n.complain(connection.FieldError{Path: path, Message: message, Example: example})
}

func (n *named) complain(e connection.FieldError) {
	if len(n.errs) < maxComplaints {
		n.errs = append(n.errs, web.FieldProblem(e))
	}
}

// list reads the ids of a body.
func (n *named) list(raw json.RawMessage) error {
	if isNull(raw) {
		return nil
	}
	n.given = true
	if kindOf(raw) != '[' {
		n.wrong("ids", "Give a list of ids.", "")
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read ids: %w", err)
	}
	for i, one := range list {
		text, _ := asText(one)
		n.id(fmt.Sprintf("ids[%d]", i), text)
	}
	return nil
}

// maxWrong bounds how many wrong ids are told: the rest is wrong in the same way.
const maxWrong = 20

func (n *named) id(path, text string) {
	id, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err == nil && id > 0 && strconv.FormatInt(id, 10) == text:
		n.ids = append(n.ids, id)
	case len(n.errs) < maxWrong:
		n.wrong(path, "Give the id of a parked event as it was read: a decimal number, in JSON in quotes.", exampleParked)
	}
}

// exampleParked is an id as the queue gives them out: the connection's in the upper bits.
const exampleParked = "4770888044769281"

// choice gives what was named, or what is wrong with it.
func (n *named) choice() (operation.ParkedChoice, error) {
	switch {
	case n.all && n.given:
		n.wrong("all", "Give ids or all, not both.", "")
	case len(n.errs) == 0 && !n.all && len(n.ids) == 0:
		n.wrong("ids", "Give the ids of the events, at least one, or all as true.", exampleParked)
	case len(n.ids) > maxIDs:
		n.wrong("ids", "Give at most 10,000 ids, or all as true.", "")
	}
	if len(n.errs) > 0 {
		return operation.ParkedChoice{}, web.NewProblem(http.StatusUnprocessableEntity, someWrong, n.errs...)
	}
	return operation.ParkedChoice{IDs: n.ids, All: n.all}, nil
}
