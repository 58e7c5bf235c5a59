package handlers

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/handlers/api"
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
	return web.Render(c, http.StatusOK, keys.ListPage(web.Shell(c, "API keys", layout.NavKeys), m))
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

func lives() []ui.Option {
	return []ui.Option{{Value: "7", Label: "In 7 days"}, {Value: "30", Label: "In 30 days"}, {Value: lifeDefault, Label: "In 90 days"}, {Value: "365", Label: "In a year"}, {Value: lifeNever, Label: "Never (not advised)"}}
}

func (h *keyPages) newKey(c echo.Context) error {
	f := keyForm(nil, lifeDefault, nil)
	f.Name.Autofocus = true
	return web.Render(c, http.StatusOK, keys.NewPage(web.Shell(c, "Make an API key", layout.NavKeys), f))
}

// keyForm draws the form with what was chosen; wrong holds messages by the API's paths.
func keyForm(scopes []string, life string, wrong map[string]string) keys.Form {
	f := keys.Form{
		Name: ui.Field{Name: "name", Label: "Name", Mandatory: true, Max: 100, Error: wrong["name"], Placeholder: "Reporting",
			Note: "What uses the key. What it does is in the events under this name."},
		Expiry: ui.Field{Name: "expires", Label: "The key ends", Kind: ui.KindChoice, Options: lives(), Value: life, Error: wrong["expiresAt"],
			Note: "A key that never ends opens the door for whoever finds it years from now."},
		Networks: ui.Field{Name: "networks", Label: "Allowed networks", Kind: ui.KindLines, Mono: true, Placeholder: "192.0.2.0/24",
			Note: "One address or network a line. Empty: the key works from everywhere."},
		ScopesError: wrong["scopes"], Failed: wrong != nil,
	}
	for path, message := range wrong {
		if at, ok := strings.CutPrefix(path, "networks"); ok {
			if n, err := strconv.Atoi(strings.Trim(at, "[]")); err == nil {
				message = "Network " + strconv.Itoa(n+1) + ": " + message
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
	k, key, err := h.keys.Create(c.Request().Context(), web.Who(c), draft)
	if wrong, ok := fieldErrors(err); ok {
		f := keyForm(form["scope"], life, wrong)
		f.Name.Value, f.Networks.Value = form.Get("name"), form.Get("networks")
		return web.Render(c, http.StatusUnprocessableEntity, keys.NewPage(web.Shell(c, "Error: Make an API key", layout.NavKeys), f))
	}
	if err != nil {
		return err
	}
	shell := web.Shell(c, "Copy the key now", layout.NavKeys)
	shell.Toasts = append(shell.Toasts, web.Success("Key made", "Copy it now: it is not shown again."))
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
	return web.Render(c, http.StatusOK, keys.RevokePage(web.Shell(c, "Revoke "+k.Name, layout.NavKeys), keyModel(k)))
}

func (h *keyPages) revoke(c echo.Context) error {
	k, err := h.keyOf(c)
	if err != nil {
		return err
	}
	if err := h.keys.Revoke(c.Request().Context(), web.Who(c), k.ID); err != nil {
		return err
	}
	return web.Redirect(c, keys.Heading, web.Success("Revoked", "The key '"+k.Name+"' is refused from now on."))
}
