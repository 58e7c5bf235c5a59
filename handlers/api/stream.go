package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"boardlink/connection"
	"boardlink/live"
	"boardlink/operation"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
)

const (
	streamPath = "/stream"
	// figuresEvery is how often the figures of a connection are told at most: they change with every uplink.
	figuresEvery = 5 * time.Second
	// maxMissed bounds the events that a program is told after a pause; beyond it there is a reset.
	maxMissed = operation.MaxLimit
)

// told is how a connection's link is, in a stream.
type told struct {
	ConnectionID string `json:"connectionId"`
	State        state  `json:"state"`
	Status       status `json:"status"`
	Version      int64  `json:"version"`
}

// counted are a connection's figures of the last hour, in a stream.
type counted struct {
	ConnectionID  string `json:"connectionId"`
	ActiveDevices int64  `json:"activeDevices"`
	Uplinks       int64  `json:"uplinks"`
	Downlinks     int64  `json:"downlinks"`
	Rejected      int64  `json:"rejected"`
	Parked        int64  `json:"parked"`
	Expired       int64  `json:"expired"`
}

// gone names a connection that is not there any more.
type gone struct {
	ConnectionID string `json:"connectionId"`
}

// follower tells a program what happens.
type follower struct {
	a      *api
	only   connection.ID // 0: every connection
	last   int64         // the event that was told last
	resume bool          // the program told which event it had last

	missed []connection.Event
	reset  bool
	states []operation.View

	figures   map[connection.ID]struct{} // to be told
	figuresAt time.Time
}

// stream serves GET /stream.
func (a *api) stream(c echo.Context) error {
	f := &follower{a: a, figures: map[connection.ID]struct{}{}}
	asked := &call{echo: c}
	if err := asked.only([]string{"connectionId"}); err != nil {
		return err
	}
	text, err := asked.query("connectionId")
	if err != nil {
		return err
	}
	if text != "" {
		if f.only, err = connection.ParseID(text); err != nil {
			return wrong("connectionId", "Give the id of a connection, a decimal number.", "4339")
		}
	}
	if id := c.Request().Header.Get("Last-Event-ID"); id != "" {
		f.resume = true
		f.last, err = strconv.ParseInt(id, 10, 64)
		f.reset = err != nil || f.last < 1
	}
	return a.server.Follow(c, f)
}

// Begin implements [web.Follower]: what the program may have missed is read before the answer begins.
func (f *follower) Begin(ctx context.Context) error {
	latest, _, err := f.a.operations.Events(ctx, operation.EventFilter{Limit: 1})
	if err != nil {
		return err
	}
	newest := int64(0)
	if len(latest) > 0 {
		newest = latest[0].ID
	}
	switch {
	case f.reset || f.resume && f.last > newest: // of another database
		f.reset, f.last = true, newest
	case f.resume:
		if err := f.read(ctx); err != nil {
			return err
		}
	default:
		f.last = newest
	}
	if f.only != 0 {
		v, err := f.a.operations.Get(ctx, f.only)
		f.states = []operation.View{v}
		return err
	}
	for filter := (operation.Filter{Limit: operation.MaxLimit}); ; {
		page, next, err := f.a.operations.List(ctx, filter)
		if err != nil {
			return err
		}
		f.states = append(f.states, page...)
		if filter.After = next; next == (operation.Place{}) {
			return nil
		}
	}
}

// read reads the events after the last one. Where they are too many, or some of them are not kept any more, reset is set.
func (f *follower) read(ctx context.Context) error {
	page, next, err := f.a.operations.Events(ctx, operation.EventFilter{ConnectionID: f.only, Limit: maxMissed})
	if err != nil || len(page) == 0 {
		return err
	}
	newest := page[0].ID
	at := slices.IndexFunc(page, func(e connection.Event) bool { return e.ID <= f.last })
	switch {
	case at >= 0:
		page = page[:at]
	case next != 0:
		f.reset, f.last = true, newest
		return nil
	case f.resume:
		// All that is kept is younger: what is missing was of other connections, or was removed.
		before, _, err := f.a.operations.Events(ctx, operation.EventFilter{BeforeID: f.last + 1, Limit: 1})
		if err != nil {
			return err
		}
		if len(before) == 0 {
			f.reset, f.last = true, newest
			return nil
		}
	}
	slices.Reverse(page)
	f.missed, f.last = page, max(f.last, newest)
	return nil
}

// First implements [web.Follower]: how everything is now, and what was missed.
func (f *follower) First(_ context.Context, out *web.EventWriter) error {
	for _, v := range f.states {
		if err := out.Event("state", "", toldOf(v)); err != nil {
			return err
		}
	}
	f.states, f.resume = nil, false
	return f.tell(out)
}

// tell writes the events that were read.
func (f *follower) tell(out *web.EventWriter) error {
	if f.reset {
		f.reset = false
		return out.Event("reset", strconv.FormatInt(f.last, 10), struct{}{})
	}
	for _, e := range f.missed {
		if err := out.Event("event", strconv.FormatInt(e.ID, 10), eventOf(e)); err != nil {
			return err
		}
	}
	f.missed = nil
	return nil
}

// Changed implements [web.Follower].
func (f *follower) Changed(ctx context.Context, batch []live.Change, out *web.EventWriter) error {
	events := false
	for _, c := range batch {
		id, err := connection.ParseID(c.ID)
		if err == nil && f.only != 0 && id != f.only {
			continue
		}
		switch {
		case c.Topic == live.Events:
			events = true
		case err != nil:
		case c.Topic == live.Connection:
			if err := f.state(ctx, id, out); err != nil {
				return err
			}
		case c.Topic == live.Figures:
			f.figures[id] = struct{}{}
		}
	}
	if events {
		if err := f.read(ctx); err != nil {
			return err
		}
		if err := f.tell(out); err != nil {
			return err
		}
	}
	return f.count(ctx, out)
}

func (f *follower) state(ctx context.Context, id connection.ID, out *web.EventWriter) error {
	v, err := f.a.operations.Get(ctx, id)
	if connection.CodeOf(err) == connection.CodeNotFound {
		return out.Event("deleted", "", gone{id.String()})
	}
	if err != nil {
		return err
	}
	return out.Event("state", "", toldOf(v))
}

func toldOf(v operation.View) told {
	r := resourceOf(v)
	return told{r.ID, r.State, r.Status, r.Version}
}

// count tells figures that changed, now and then.
func (f *follower) count(ctx context.Context, out *web.EventWriter) error {
	if len(f.figures) == 0 || time.Since(f.figuresAt) < figuresEvery {
		return nil
	}
	f.figuresAt = time.Now()
	for id := range f.figures {
		delete(f.figures, id)
		m, err := f.a.operations.Metrics(ctx, id, operation.Hour)
		if connection.CodeOf(err) == connection.CodeNotFound {
			continue
		}
		if err != nil {
			return err
		}
		if err := out.Event("figures", "", counted{id.String(), m.ActiveDevices, m.Uplinks, m.Downlinks, m.Rejected, m.Parked, m.Expired}); err != nil {
			return err
		}
	}
	return nil
}

// describeStream tells of the stream, which is served without huma.
func (a *api) describeStream() {
	op := a.operation("stream", http.MethodGet, streamPath, "Follow what happens, as server-sent events",
		query("connectionId", "Only what is about this connection.", optional(anID)),
		&huma.Param{Name: "Last-Event-ID", In: "header", Description: "The id of the last event that was read: what was missed since is told first.", Schema: text()})
	op.Description = "At the beginning, and at each change, an event \"state\" tells how a connection's link is; \"deleted\" that there is none any more; " +
		"\"figures\" what was counted during the last hour, every 5 seconds at most. \"event\" is an event of the log and bears its id. " +
		"A program that comes back with Last-Event-ID is told what it missed; where that is not known or too much, the event \"reset\" says that it must read the lists anew. " +
		"A comment every 15 seconds shows that the stream lives."
	op.Responses[strconv.Itoa(http.StatusOK)] = &huma.Response{
		Description: "The stream.",
		Content: map[string]*huma.MediaType{eventStream: {
			Schema:  text(),
			Example: "event: state\ndata: {\"connectionId\":\"4339\",\"state\":\"OPENED\"}\n\nid: 1001\nevent: event\ndata: {\"id\":\"1001\",\"kind\":\"state\"}\n\n",
		}},
	}
	schemas := a.huma.OpenAPI().Components.Schemas
	for name, t := range map[string]reflect.Type{"StreamState": reflect.TypeFor[told](), "StreamFigures": reflect.TypeFor[counted]()} {
		schemas.Schema(t, true, name)
	}
	a.huma.OpenAPI().AddOperation(&op)
}
