package handlers

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/handlers/api"
	"boardlink/text"
	"boardlink/views/keys"
	"boardlink/views/layout"
	"boardlink/views/ui"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// keyPages are the handlers of the pages of API keys.
type keyPages struct {
	keys   api.Keys
	public string // how programs reach the server
	now    func() time.Time
}

func (h *keyPages) routes() []web.Route {
	row := func(method, path string, fresh bool, handler echo.HandlerFunc) web.Route {
		return web.Route{Method: method, Path: path, Least: access.RoleAdmin, Fresh: fresh, Handler: handler}
	}
	const get, post = http.MethodGet, http.MethodPost
	return []web.Route{
		row(get, "/keys", false, h.list),
		// The form is fresh too: people are asked for their password before they have typed anything.
		row(get, "/keys/new", true, h.newKey),
		row(post, "/keys", true, h.create),
		row(get, "/keys/:id/revoke", false, h.askToRevoke),
		row(post, "/keys/:id/revoke", false, h.revoke),
	}
}

// listedKeys is how many keys the page shows; there are no more.
const listedKeys = 1000

func (h *keyPages) list(c echo.Context) error {
	list, _, err := h.keys.List(c.Request().Context(), 0, listedKeys)
	if err != nil {
		return err
	}
	m := keys.List{Environment: h.keys.HasEnvironmentKey(), Now: h.now()}
	for _, k := range list {
		m.Keys = append(m.Keys, keyModel(k))
	}
	return web.Render(c, http.StatusOK, keys.ListPage(web.Shell(c, text.T(c.Request().Context(), "keys.title"), layout.NavKeys), m))
}

func keyModel(k access.APIKey) keys.Key {
	m := keys.Key{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix(), Owner: k.Owner,
		ExpiresAt: k.ExpiresAt, LastUsedAt: k.LastUsedAt, LastUsedFrom: k.LastUsedFrom,
	}
	for _, s := range k.Scopes {
		m.Scopes = append(m.Scopes, string(s))
	}
	for _, n := range k.Networks {
		m.Networks = append(m.Networks, networkText(n))
	}
	return m
}

// networkText writes one address without its length.
func networkText(n netip.Prefix) string {
	if n.IsSingleIP() {
		return n.Addr().String()
	}
	return n.String()
}

// The lives that the form offers, in days; the last one is without end.
const (
	lifeDefault = "90"
	lifeNever   = "never"
)

func lives(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: "7", Label: text.T(ctx, "keys.life.days_7")}, {Value: "30", Label: text.T(ctx, "keys.life.days_30")},
		{Value: lifeDefault, Label: text.T(ctx, "keys.life.days_90")}, {Value: "365", Label: text.T(ctx, "keys.life.days_365")},
		{Value: lifeNever, Label: text.T(ctx, "keys.life.never")},
	}
}

func (h *keyPages) newKey(c echo.Context) error {
	ctx := c.Request().Context()
	f := keyForm(ctx, nil, lifeDefault, nil)
	f.Name.Autofocus = true
	return web.Render(c, http.StatusOK, keys.NewPage(web.Shell(c, text.T(ctx, "keys.new.title"), layout.NavKeys), f))
}

// keyForm draws the form with what was chosen; wrong holds messages by the API's paths.
func keyForm(ctx context.Context, scopes []string, life string, wrong map[string]string) keys.Form {
	f := keys.Form{
		Name: ui.Field{Name: "name", Label: text.T(ctx, "keys.new.name"), Mandatory: true, Max: 100, Error: wrong["name"],
			Placeholder: text.T(ctx, "keys.new.name_example"), Note: text.T(ctx, "keys.new.name_note")},
		Expiry: ui.Field{Name: "expires", Label: text.T(ctx, "keys.new.ends"), Kind: ui.KindChoice, Options: lives(ctx), Value: life,
			Error: wrong["expiresAt"], Note: text.T(ctx, "keys.new.ends_note")},
		Networks: ui.Field{Name: "networks", Label: text.T(ctx, "keys.new.networks"), Kind: ui.KindLines, Mono: true, Placeholder: "192.0.2.0/24",
			Note: text.T(ctx, "keys.new.networks_note")},
		ScopesError: wrong["scopes"], Failed: wrong != nil,
	}
	for path, message := range wrong {
		if at, ok := strings.CutPrefix(path, "networks"); ok {
			if n, err := strconv.Atoi(strings.Trim(at, "[]")); err == nil {
				message = text.T(ctx, "keys.new.networks_wrong", "n", n+1, "message", message)
			}
			f.Networks.Error = message
		}
	}
	for _, s := range access.Scopes {
		f.Scopes = append(f.Scopes, keys.Scope{Name: string(s), Sentence: s.Sentence(), Chosen: slices.Contains(scopes, string(s))})
	}
	return f
}

// create makes a key and shows it. It answers with a page and leads nowhere else: the key must not be kept in between.
func (h *keyPages) create(c echo.Context) error {
	ctx := c.Request().Context()
	form, err := c.FormParams()
	if err != nil {
		return badForm(err)
	}
	draft := access.KeyDraft{Name: form.Get("name"), Networks: strings.FieldsFunc(form.Get("networks"), betweenNetworks)}
	for _, s := range form["scope"] {
		draft.Scopes = append(draft.Scopes, access.Scope(s))
	}
	life := form.Get("expires")
	if life == "" {
		life = lifeDefault
	}
	if life != lifeNever {
		days, err := strconv.Atoi(life)
		if err != nil || days < 1 || days > 3650 {
			return connection.Fail(connection.CodeInvalid, "Choose when the key ends.")
		}
		draft.ExpiresAt = h.now().AddDate(0, 0, days)
	}
	k, key, err := h.keys.Create(ctx, web.Who(c), draft)
	if wrong, ok := fieldErrors(err); ok {
		f := keyForm(ctx, form["scope"], life, wrong)
		f.Name.Value, f.Networks.Value = form.Get("name"), form.Get("networks")
		return web.Render(c, http.StatusUnprocessableEntity, keys.NewPage(web.Shell(c, text.T(ctx, "keys.new.failed"), layout.NavKeys), f))
	}
	if err != nil {
		return err
	}
	shell := web.Shell(c, text.T(ctx, "keys.made.copy"), layout.NavKeys)
	shell.Toasts = append(shell.Toasts, web.Success(text.T(ctx, "keys.made.done"), text.T(ctx, "keys.made.done_text")))
	return web.Render(c, http.StatusOK, keys.MadePage(shell, keys.Made{Key: keyModel(k), Text: key.Reveal(), Curl: h.curl(k.Scopes, key)}))
}

func betweenNetworks(r rune) bool {
	return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\r' || r == '\t'
}

// curl writes a command that uses a key, "" where each would change something.
func (h *keyPages) curl(scopes []access.Scope, key connection.Secret) string {
	base := h.public + web.Base
	address, more := "", ""
	switch {
	case slices.Contains(scopes, access.ScopeRead):
		address = base + "/connections"
	case slices.Contains(scopes, access.ScopeAdmin):
		address = base + "/keys"
	case slices.Contains(scopes, access.ScopeUplinks):
		address, more = h.public+"/connections/ID/uplinks", " --data-binary @uplink.json" // for the reader to fill in
	default:
		return ""
	}
	// What stands between the quotes holds none itself: a key is base62, and the address was checked at the start.
	return "curl -sS -H 'Authorization: Bearer " + key.Reveal() + "' '" + strings.ReplaceAll(address, "'", "%27") + "'" + more
}

func (h *keyPages) keyOf(c echo.Context) (access.APIKey, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return access.APIKey{}, connection.Fail(connection.CodeNotFound, "There is no such API key.")
	}
	return h.keys.Get(c.Request().Context(), id)
}

func (h *keyPages) askToRevoke(c echo.Context) error {
	k, err := h.keyOf(c)
	if err != nil {
		return err
	}
	if web.IsPartial(c) {
		return web.Render(c, http.StatusOK, keys.RevokeDialog(keyModel(k)))
	}
	return web.Render(c, http.StatusOK, keys.RevokePage(web.Shell(c, text.T(c.Request().Context(), "keys.revoke.page", "name", k.Name), layout.NavKeys), keyModel(k)))
}

func (h *keyPages) revoke(c echo.Context) error {
	k, err := h.keyOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := h.keys.Revoke(ctx, web.Who(c), k.ID); err != nil {
		return err
	}
	return web.Redirect(c, keys.Heading, web.Success(text.T(ctx, "keys.revoke.done"), text.T(ctx, "keys.revoke.done_text", "name", k.Name)))
}
