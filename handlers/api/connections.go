package api

import (
	"context"
	"fmt"

	"boardlink/connection"
	"boardlink/operation"
)

// one is an answer that holds a connection.
type one struct {
	ETag string `header:"ETag" doc:"The connection's version, for If-Match."`
	Body resource
}

func oneOf(v operation.View) *one { return &one{ETag: etag(v.Connection.Version), Body: resourceOf(v)} }

// created is the answer to a creation.
type created struct {
	Location string `header:"Location" doc:"Where the connection stands."`
	ETag     string `header:"ETag" doc:"The connection's version, for If-Match."`
	Body     resource
}

// page is a part of a list.
type page[T any] struct {
	Body struct {
		Items      []T     `json:"items" nullable:"false"`
		NextCursor *string `json:"nextCursor" nullable:"true" doc:"What the parameter cursor takes to get the next page; null on the last one."`
	}
}

func pageOf[T any](items []T, next fmt.Stringer) *page[T] {
	p := &page[T]{}
	p.Body.Items = items
	if items == nil {
		p.Body.Items = []T{}
	}
	if next != nil {
		cursor := next.String()
		p.Body.NextCursor = &cursor
	}
	return p
}

func (a *api) list(ctx context.Context, c *call) (*page[resource], error) {
	f := operation.Filter{}
	var err error
	if f.Search, err = c.query("search"); err != nil {
		return nil, err
	}
	if f.Limit, err = c.limit(); err != nil {
		return nil, err
	}
	if err = c.order(&f); err != nil {
		return nil, err
	}
	if f.Active, err = c.truth("active"); err != nil {
		return nil, err
	}
	for _, name := range c.list("state") {
		state := connection.State(name)
		if !state.Valid() {
			return nil, wrong("state", "Choose among "+among(connection.States)+".", string(connection.Opened))
		}
		f.States = append(f.States, state)
	}
	views, next, err := a.operations.List(ctx, f)
	if err != nil {
		return nil, err
	}
	items := make([]resource, len(views))
	for i, v := range views {
		items[i] = resourceOf(v)
	}
	if next == (operation.Place{}) {
		return pageOf(items, nil), nil
	}
	return pageOf(items, placeCursor{orderOf(f), next}), nil
}

func (a *api) get(ctx context.Context, c *call) (*one, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	v, err := a.operations.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return oneOf(v), nil
}

func (a *api) create(ctx context.Context, c *call) (*created, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	s, err := decode(body)
	if err != nil {
		return nil, err
	}
	s.keep = operation.Secrets{} // there is nothing to keep
	if err := s.check(connection.Configuration{}); err != nil {
		return nil, err
	}
	v, err := a.operations.Create(ctx, c.actor(), s.connection)
	if err != nil {
		return nil, err
	}
	return &created{
		Location: "/connections/" + v.Connection.ID.String(), ETag: etag(v.Connection.Version), Body: resourceOf(v),
	}, nil
}

// replace serves PUT on one connection.
func (a *api) replace(ctx context.Context, c *call) (*one, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	return a.put(ctx, c, id)
}

// replaceByBody serves PUT on the list, where the body's id selects the connection.
func (a *api) replaceByBody(ctx context.Context, c *call) (*one, error) { return a.put(ctx, c, 0) }

// put replaces a connection; id 0 stands for the one that the body names.
func (a *api) put(ctx context.Context, c *call, id connection.ID) (*one, error) {
	var s *sent
	if id == 0 {
		var err error
		if s, err = c.sent(); err != nil {
			return nil, err
		}
		if id, err = s.named(); err != nil {
			return nil, err
		}
	}
	now, err := a.operations.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	version, err := c.precondition(now.Connection.Version)
	if err != nil {
		return nil, err
	}
	if s == nil {
		if s, err = c.sent(); err != nil {
			return nil, err
		}
	}
	if err := s.check(now.Connection.Configuration); err != nil {
		return nil, err
	}
	s.connection.ID, s.connection.Version = id, version
	v, err := a.operations.Replace(ctx, c.actor(), s.connection, s.keep)
	if version != 0 && connection.CodeOf(err) == connection.CodeConflict {
		return nil, errStale()
	}
	if err != nil {
		return nil, err
	}
	return oneOf(v), nil
}

// sent reads the resource from the body.
func (c *call) sent() (*sent, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	return decode(body)
}

// named gives the connection that the body selects.
func (s *sent) named() (connection.ID, error) {
	text, ok := asText(s.id)
	if !ok {
		return 0, wrong("id", "Name the connection by its id, a decimal number in quotes.", "4339")
	}
	id, err := connection.ParseID(text)
	if err != nil {
		return 0, errNoConnection()
	}
	return id, nil
}

func (a *api) remove(ctx context.Context, c *call) (*struct{}, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	v, err := a.operations.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := c.precondition(v.Connection.Version); err != nil {
		return nil, err
	}
	return &struct{}{}, a.operations.Delete(ctx, c.actor(), id)
}

// again serves restart and retry.
func (a *api) again(do func(context.Context, string, connection.ID) (operation.View, error)) func(context.Context, *call) (*one, error) {
	return func(ctx context.Context, c *call) (*one, error) {
		id, err := c.id()
		if err != nil {
			return nil, err
		}
		v, err := do(ctx, c.actor(), id)
		if err != nil {
			return nil, err
		}
		return oneOf(v), nil
	}
}
