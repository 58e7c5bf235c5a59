package api

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"boardlink/connection"
	"boardlink/operation"

	"github.com/danielgtaylor/huma/v2"
)

type metricsAnswer struct{ Body metrics }

func (a *api) metrics(ctx context.Context, c *call) (*metricsAnswer, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	window, err := c.query("window")
	if err != nil {
		return nil, err
	}
	if window == "" {
		window = string(operation.Hour)
	}
	m, err := a.operations.Metrics(ctx, id, operation.Window(window))
	if err != nil {
		return nil, err
	}
	return &metricsAnswer{metricsOf(m)}, nil
}

// cursor is a place in the log.
type cursor int64

func (c cursor) String() string { return strconv.FormatInt(int64(c), 10) }

func (a *api) events(ctx context.Context, c *call) (*page[event], error) {
	f, err := eventFilter(c)
	if err != nil {
		return nil, err
	}
	events, next, err := a.operations.Events(ctx, f)
	if err != nil {
		return nil, err
	}
	items := make([]event, len(events))
	for i, e := range events {
		items[i] = eventOf(e)
	}
	if next == 0 {
		return pageOf(items, nil), nil
	}
	return pageOf(items, cursor(next)), nil
}

func eventFilter(c *call) (f operation.EventFilter, err error) {
	text, err := c.query("connectionId")
	if err != nil {
		return f, err
	}
	if text != "" {
		if f.ConnectionID, err = connection.ParseID(text); err != nil {
			return f, wrong("connectionId", "Give the id of a connection, a decimal number.", "4339")
		}
	}
	if f.DevEUI, err = c.devEUI("devEUI"); err != nil {
		return f, err
	}
	if f.From, err = c.time("from"); err != nil {
		return f, err
	}
	if f.To, err = c.time("to"); err != nil {
		return f, err
	}
	if f.BeforeID, err = c.number("cursor", "1000"); err != nil {
		return f, err
	}
	if f.Limit, err = c.limit(); err != nil {
		return f, err
	}
	for _, name := range c.list("level") {
		level := connection.Level(name)
		switch level {
		case connection.LevelInfo, connection.LevelWarning, connection.LevelError:
			f.Levels = append(f.Levels, level)
		default:
			return f, wrong("level", "Choose among info, warning and error.", string(connection.LevelError))
		}
	}
	for _, name := range c.list("kind") {
		if !slices.Contains(connection.Kinds, connection.Kind(name)) {
			return f, wrong("kind", "Choose among "+among(connection.Kinds)+".", string(connection.KindState))
		}
		f.Kinds = append(f.Kinds, connection.Kind(name))
	}
	return f, nil
}

// connector is a type of connection as programs read it.
type connector struct {
	ID                  string     `json:"id"`
	Name                string     `json:"name"`
	Description         string     `json:"description"`
	ConfigurationSchema jsonSchema `json:"configurationSchema" doc:"JSON Schema of a connection's member configuration."`
}

// jsonSchema is a schema as a value.
type jsonSchema struct{ value *huma.Schema }

// MarshalJSON implements [json.Marshaler].
func (s jsonSchema) MarshalJSON() ([]byte, error) { return json.Marshal(s.value) }

// Schema implements [huma.SchemaProvider]; any object will do.
func (jsonSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

func (a *api) connectors(context.Context, *call) (*page[connector], error) {
	return pageOf([]connector{{
		ID: connection.ConnectorID, Name: connection.ConnectorName,
		Description:         "Publishes uplink messages into ThingsBoard.",
		ConfigurationSchema: jsonSchema{configurationSchema()},
	}}, nil), nil
}
