// Package handlers holds what the console's addresses do: read the request, ask the operations, answer with a page, a
// fragment or a redirect. Rules stand in connection/ and operation/, looks in views/.
package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation"
	"boardlink/static"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// Connections is all that the pages need done with connections; [operation.Connections] does it.
type Connections interface {
	Create(ctx context.Context, actor string, c connection.Connection) (operation.View, error)
	Get(ctx context.Context, id connection.ID) (operation.View, error)
	List(ctx context.Context, f operation.Filter) ([]operation.View, operation.Place, error)
	Names(ctx context.Context, ids ...connection.ID) (map[connection.ID]string, error)
	Replace(ctx context.Context, actor string, c connection.Connection, keep operation.Secrets) (operation.View, error)
	EditField(ctx context.Context, actor string, id connection.ID, version int64, field, value string) (operation.View, error)
	ProposeField(ctx context.Context, id connection.ID, version int64, field, value string) (operation.Proposal, error)
	SetActive(ctx context.Context, actor string, id connection.ID, active bool) (operation.View, error)
	Restart(ctx context.Context, actor string, id connection.ID) (operation.View, error)
	Retry(ctx context.Context, actor string, id connection.ID) (operation.View, error)
	Delete(ctx context.Context, actor string, id connection.ID) error
	RenewUplinkKey(ctx context.Context, actor string, id connection.ID, oldValidFor time.Duration) (operation.View, error)
	EndOldUplinkKey(ctx context.Context, actor string, id connection.ID) (operation.View, error)
	Try(ctx context.Context, actor string, c connection.Connection, tell func(connection.StepResult)) (operation.Report, error)
	TryStored(ctx context.Context, actor string, c connection.Connection, keep operation.Secrets, tell func(connection.StepResult)) (operation.Report, error)

	Metrics(ctx context.Context, id connection.ID, window operation.Window) (operation.Metrics, error)
	Activities(ctx context.Context, ids ...connection.ID) (map[connection.ID]operation.Activity, error)
	Example(cfg connection.Configuration) (connection.Example, error)
	Events(ctx context.Context, f operation.EventFilter) ([]connection.Event, int64, error)
	History(ctx context.Context, id connection.ID, span time.Duration, pieces int) (operation.History, error)
	Overview(ctx context.Context) (operation.Overview, error)

	Devices(ctx context.Context, id connection.ID, f operation.DeviceFilter) ([]connection.Device, string, error)
	Device(ctx context.Context, id connection.ID, devEUI string) (operation.DeviceView, error)

	Parked(ctx context.Context, id connection.ID, f operation.ParkedFilter) ([]connection.ParkedEvent, int64, error)
	ParkedReasons(ctx context.Context, id connection.ID) ([]connection.ParkedReason, error)
	RetryParked(ctx context.Context, actor string, id connection.ID, choice operation.ParkedChoice) (int64, error)
	DropParked(ctx context.Context, actor string, id connection.ID, choice operation.ParkedChoice) (int64, error)
	Purge(ctx context.Context, actor string, id connection.ID) (int64, error)

	SendDownlink(ctx context.Context, actor string, id connection.ID, devEUI string, params json.RawMessage) (connection.Posting, error)
}

// People is all that the pages need done with operators; [access.People] does it.
type People interface {
	SignIn(ctx context.Context, from access.Origin, email string, password connection.Secret) (access.Identity, error)
	Remember(ctx context.Context, from access.Origin, who access.Identity) (connection.Secret, error)
	LookUpToken(ctx context.Context, token connection.Secret) (access.SetupToken, error)
	SetUp(ctx context.Context, token connection.Secret, email string, password connection.Secret) (access.Identity, error)
	NeedsSetup(ctx context.Context) (bool, error)
	Roster
	Account
}

var (
	_ Connections = (*operation.Connections)(nil)
	_ People      = (*access.People)(nil)
)

// Console is the pages' handlers.
type Console struct {
	connections Connections
	people      People
	pending     *pending
	trials      trials
	now         func() time.Time
}

// NewConsole makes the pages' handlers. now may be nil: time.Now.
func NewConsole(connections Connections, people People, now func() time.Time) *Console {
	if now == nil {
		now = time.Now
	}
	return &Console{connections: connections, people: people, pending: newPending(now), now: now}
}

// Routes lists the console's addresses, its assets among them.
func (h *Console) Routes() []web.Route {
	public := func(method, path string, handler echo.HandlerFunc) web.Route {
		return web.Route{Method: method, Path: path, Public: true, Handler: handler}
	}
	look := func(path string, handler echo.HandlerFunc) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Least: access.RoleViewer, Handler: handler}
	}
	// own is for what everybody may do about the own account.
	own := func(method, path string, handler echo.HandlerFunc) web.Route {
		return web.Route{Method: method, Path: path, Least: access.RoleViewer, Handler: handler}
	}
	change := func(method, path string, handler echo.HandlerFunc) web.Route {
		return web.Route{Method: method, Path: path, Least: access.RoleOperator, Handler: handler}
	}
	const get, post = http.MethodGet, http.MethodPost
	return append(h.peopleRoutes(), []web.Route{
		public(get, static.Prefix+"*", echo.WrapHandler(static.Handler())),
		public(get, "/favicon.ico", h.favicon),
		public(get, "/setup", h.setUpForm),
		public(post, "/setup", h.setUp),
		public(get, "/signin", h.signInForm),
		public(post, "/signin", h.signIn),
		public(post, "/signout", h.signOut),

		look(web.ConfirmPath, h.confirmForm),
		own(post, web.ConfirmPath, h.confirm),
		look("/shortcuts", h.shortcuts),
		own(post, "/preferences", h.preferences),
		look("/account", h.account),
		look("/account/password", h.passwordForm),
		own(post, "/account/password", h.changePassword),
		own(post, "/account/sessions/:id/end", h.endSession),
		own(post, "/account/sessions/end-others", h.endOtherSessions),

		look("/", h.dashboard),
		look("/connections", h.list),
		look("/connections/:id", h.details),
		look("/connections/:id/field/:field", h.readField),
		look("/connections/:id/devices", h.devices),
		look("/connections/:id/devices/:devEUI", h.device),
		look("/connections/:id/parked", h.parked),
		look("/events", h.events),
		look("/events/:eventID", h.event),

		change(get, "/connections/new", h.newConnection),
		change(post, "/connections/new", h.windows),
		change(post, "/connections", h.create),
		change(post, "/connections/check", h.check),
		change(post, "/connections/test", h.tryNew),
		change(get, "/connections/trials/:name", h.trial),
		change(post, "/connections/trials/:name", h.stopTrial),
		change(post, "/connections/:id/test", h.tryStored),
		change(get, "/connections/:id/edit/:field", h.editForm),
		change(post, "/connections/:id/edit/:field", h.edit),
		change(post, "/connections/:id/state", h.setState),
		change(get, "/connections/:id/downlink", h.downlinkForm),
		change(post, "/connections/:id/downlink", h.sendDownlink),
		change(get, "/connections/:id/purge", h.purgeForm),
		change(post, "/connections/:id/purge", h.purge),
		change(post, "/connections/:id/uplink-key", h.uplinkKey),
		change(post, "/connections/:id/parked", h.settleParked),
		change(get, "/connections/:id/delete", h.deleteForm),
		change(post, "/connections/:id/delete", h.delete),
	}...)
}

// favicon serves browsers that ask for the icon at its old address.
func (h *Console) favicon(c echo.Context) error {
	return c.Redirect(http.StatusFound, static.URL("favicon.svg"))
}

// idOf reads the connection's id from the address; what is no id is not found.
func idOf(c echo.Context) (connection.ID, error) {
	id, err := connection.ParseID(c.Param("id"))
	if err != nil {
		return 0, &connection.Failure{Code: connection.CodeNotFound, Message: "There is no such connection.", Err: err}
	}
	return id, nil
}

func actor(c echo.Context) string { return web.Who(c).Actor() }

// fieldErrors gives the wrong fields of a failure by their path; ok is false for any other error.
func fieldErrors(err error) (byPath map[string]string, ok bool) {
	var f *connection.Failure
	if !errors.As(err, &f) || f.Code != connection.CodeInvalid || len(f.Fields) == 0 {
		return nil, false
	}
	byPath = make(map[string]string, len(f.Fields))
	for _, e := range f.Fields {
		if _, known := byPath[e.Path]; !known {
			byPath[e.Path] = e.Message
		}
	}
	return byPath, true
}
