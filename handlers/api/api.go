// Package api is the REST API: what programs can do with connections, described by an OpenAPI 3.1 document, and the
// address at which ThingPark hands in uplinks.
//
// huma routes, encodes and describes. Requests are read here and not by huma: letter case counts, unknown and repeated
// members are refused by name, and no answer repeats a value that was sent.
package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// Operations is what the API does with connections.
type Operations interface {
	Create(ctx context.Context, actor string, c connection.Connection) (operation.View, error)
	Get(ctx context.Context, id connection.ID) (operation.View, error)
	List(ctx context.Context, f operation.Filter) ([]operation.View, operation.Place, error)
	Replace(ctx context.Context, actor string, c connection.Connection, keep operation.Secrets) (operation.View, error)
	Try(ctx context.Context, actor string, c connection.Connection, tell func(connection.StepResult)) (operation.Report, error)
	TryStored(ctx context.Context, actor string, c connection.Connection, keep operation.Secrets, tell func(connection.StepResult)) (operation.Report, error)
	Delete(ctx context.Context, actor string, id connection.ID) error
	Restart(ctx context.Context, actor string, id connection.ID) (operation.View, error)
	Retry(ctx context.Context, actor string, id connection.ID) (operation.View, error)
	Metrics(ctx context.Context, id connection.ID, window operation.Window) (operation.Metrics, error)
	Events(ctx context.Context, f operation.EventFilter) ([]connection.Event, int64, error)
	Devices(ctx context.Context, id connection.ID, f operation.DeviceFilter) ([]connection.Device, string, error)
	Parked(ctx context.Context, id connection.ID, f operation.ParkedFilter) ([]connection.ParkedEvent, int64, error)
	RetryParked(ctx context.Context, actor string, id connection.ID, choice operation.ParkedChoice) (int64, error)
	Purge(ctx context.Context, actor string, id connection.ID) (int64, error)
	SendDownlink(ctx context.Context, actor string, id connection.ID, devEUI string, params json.RawMessage) (connection.Posting, error)
	RenewUplinkKey(ctx context.Context, actor string, id connection.ID, oldValidFor time.Duration) (operation.View, error)
	EndOldUplinkKey(ctx context.Context, actor string, id connection.ID) (operation.View, error)
	DropParked(ctx context.Context, actor string, id connection.ID, choice operation.ParkedChoice) (int64, error)
}

// Options are what [Mount] needs.
type Options struct {
	Operations Operations
	People     People
	Uplinks    Uplinks
	Keys       Keys
	Account    Account
	Once       Once   // nil: requests with an Idempotency-Key are refused
	Version    string // of the program, told in the OpenAPI document

	UplinkTime time.Duration // for the document of an uplink to come in; 0: 10 s
}

type api struct {
	operations Operations
	people     People
	uplinks    Uplinks
	keys       Keys
	account    Account
	huma       huma.API
	server     *web.Server
	onces      onces
	uplinkTime time.Duration
}

// Mount puts the API on a server.
func Mount(s *web.Server, opt Options) {
	a := &api{operations: opt.Operations, people: opt.People, uplinks: opt.Uplinks, keys: opt.Keys, account: opt.Account, server: s,
		onces: onces{store: opt.Once}, uplinkTime: cmp.Or(opt.UplinkTime, uplinkTime)}
	a.huma = humaecho.NewWithGroup(s.Echo(), s.Echo().Group(web.Base), config(opt.Version))
	a.describe()
	s.Mount(web.Route{
		Method: http.MethodPost, Path: web.Base + "/connections/:id/uplinks", OwnCredential: true, Handler: a.receive,
	})
	stream := reads
	stream.Method, stream.Path, stream.Handler = http.MethodGet, web.Base+streamPath, a.stream
	s.Mount(stream)
	s.Mount(a.documents()...)
	s.Mount(docsRoutes()...)
}

// config is huma's, without what it does by default: no $schema in bodies, no pages that load scripts from elsewhere.
func config(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Boardlink", Version: version,
				Description: "Connections between ThingPark and ThingsBoard. Errors are problem documents (RFC 9457). " +
					"What is not known is refused and not ignored: members of a body and parameters of the query that are not listed here are answered 422, by name and with the nearest known one.",
			},
			Servers:  []*huma.Server{{URL: web.Base}},
			Security: []map[string][]string{{"key": {}}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key":     {Type: "http", Scheme: "bearer", Description: "An API key."},
					"session": {Type: "apiKey", In: "cookie", Name: access.SessionName, Description: "The cookie of a person who has signed in; behind https its name is __Host-" + access.SessionName + "."},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{ours},
	}
}

// schemaName names a schema after what programs call the thing.
func schemaName(t reflect.Type, hint string) string {
	name := strings.ReplaceAll(huma.DefaultSchemaNamer(t, hint), "Resource", "Connection")
	if item, ok := strings.CutPrefix(name, "Page"); ok {
		return strings.TrimSuffix(item, "Body") + "Page"
	}
	return name
}

// ours turns huma's own errors, which repeat what was sent, into problem documents that do not.
func ours(_ huma.Context, _ string, body any) (any, error) {
	if e, ok := body.(*huma.ErrorModel); ok {
		return web.NewProblem(e.Status, "The request cannot be read."), nil
	}
	return body, nil
}

// documents puts the OpenAPI document at /api/openapi.json and .yaml. It tells nothing of this installation, so everybody
// may read it.
func (a *api) documents() []web.Route {
	serve := func(path, contentType string, write func() ([]byte, error)) web.Route {
		once := sync.OnceValues(write)
		return web.Route{Method: http.MethodGet, Path: path, Public: true, Handler: func(c echo.Context) error {
			document, err := once()
			if err != nil {
				return fmt.Errorf("write OpenAPI document: %w", err)
			}
			return c.Blob(http.StatusOK, contentType, document)
		}}
	}
	return []web.Route{
		serve("/api/openapi.json", "application/json", func() ([]byte, error) { return json.Marshal(a.huma.OpenAPI()) }),
		serve("/api/openapi.yaml", "application/yaml", a.huma.OpenAPI().YAML),
	}
}
