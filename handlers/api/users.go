package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

// People is what the API does with people; [access.People] does it.
type People interface {
	List(ctx context.Context, afterID int64, limit int) (page []access.Operator, next int64, err error)
	Get(ctx context.Context, id int64) (access.Operator, error)
	Invite(ctx context.Context, actor, email string, role access.Role) (access.Operator, access.Link, error)
	Change(ctx context.Context, actor string, id, version int64, change access.Change) (access.Operator, error)
	NewLink(ctx context.Context, actor string, id, version int64) (access.Operator, access.Link, error)
	Remove(ctx context.Context, actor string, id, version int64) error
}

var _ People = (*access.People)(nil)

// user is a person as programs read them.
type user struct {
	ID            string    `json:"id" readOnly:"true" example:"7"`
	Email         string    `json:"email" format:"email" example:"bob@example.com"`
	Role          userRole  `json:"role" example:"viewer"`
	State         userState `json:"state" readOnly:"true" doc:"invited: has not set a password yet." example:"active"`
	Disabled      bool      `json:"disabled" doc:"Whether the person is shut out."`
	CreatedAt     moment    `json:"createdAt" readOnly:"true"`
	LastSignInAt  moment    `json:"lastSignInAt" readOnly:"true"`
	LinkExpiresAt moment    `json:"linkExpiresAt" readOnly:"true" doc:"When the one-time link ends that was made for the person; null where none is open."`
	Version       int64     `json:"version" readOnly:"true" doc:"Counts the changes; the ETag holds it."`
}

// userRole is a role, of which the schema lists all.
type userRole access.Role

// Schema implements [huma.SchemaProvider].
func (userRole) Schema(huma.Registry) *huma.Schema { return roleSchema() }

func roleSchema() *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Enum: anyOf(access.Roles),
		Description: "viewer: sees all but secrets. operator: also connections, parked events and commands. admin: also people, keys and settings.",
	}
}

// userState says how somebody stands.
type userState string

// The states of people.
const (
	userActive   userState = "active"
	userInvited  userState = "invited"
	userDisabled userState = "disabled"
)

// Schema implements [huma.SchemaProvider].
func (userState) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: []any{string(userActive), string(userInvited), string(userDisabled)}}
}

func userOf(o access.Operator, now time.Time) user {
	u := user{
		ID: strconv.FormatInt(o.ID, 10), Email: o.Email, Role: userRole(o.Role), State: userActive, Disabled: o.Disabled(),
		CreatedAt: moment(o.CreatedAt), LastSignInAt: moment(o.LastSignInAt), Version: o.Version,
	}
	switch {
	case o.Disabled():
		u.State = userDisabled
	case o.Invited():
		u.State = userInvited
	}
	if o.LinkOpen(now) {
		u.LinkExpiresAt = moment(o.LinkUntil)
	}
	return u
}

// link is a one-time link; no other answer ever holds it again.
type link struct {
	URL       string `json:"url" format:"uri" doc:"Where the person sets a password. Whoever has it can: hand it over in private." example:"https://boardlink.example.com/setup?token=1s8dNgiTzhAI0vfVcyzIsw"`
	ExpiresAt moment `json:"expiresAt"`
}

func linkOf(l access.Link) link { return link{URL: l.URL.Reveal(), ExpiresAt: moment(l.ExpiresAt)} }

// oneUser is an answer that holds a person.
type oneUser struct {
	ETag string `header:"ETag" doc:"The person's version, for If-Match."`
	Body user
}

func oneUserOf(o access.Operator) *oneUser {
	return &oneUser{ETag: etag(o.Version), Body: userOf(o, time.Now())}
}

// invitation is the answer to an invitation.
type invitation struct {
	Location string `header:"Location" doc:"Where the person stands."`
	ETag     string `header:"ETag" doc:"The person's version, for If-Match."`
	Body     struct {
		User user `json:"user"`
		Link link `json:"link" doc:"Shown this once."`
	}
}

// freshLink is the answer to a request for a new link.
type freshLink struct {
	ETag string `header:"ETag" doc:"The person's version, for If-Match."`
	Body link
}

// userID reads the person's id from the path. What is no id names nobody.
func (c *call) userID() (int64, error) {
	text := c.echo.Param("id")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 || strconv.FormatInt(id, 10) != text {
		return 0, connection.Fail(connection.CodeNotFound, "There is no such person.")
	}
	return id, nil
}

// knownUser finds the person that the path names, and the version that a change must still find: 404 and 412 come before
// what is wrong with the request.
func (c *call) knownUser(ctx context.Context, a *api) (o access.Operator, version int64, err error) {
	id, err := c.userID()
	if err != nil {
		return access.Operator{}, 0, err
	}
	if o, err = a.people.Get(ctx, id); err != nil {
		return access.Operator{}, 0, err
	}
	version, err = c.precondition(o.Version)
	return o, version, err
}

// letsInAdmin reports whether a change makes somebody an admin, or enables one.
func letsInAdmin(now access.Operator, change access.Change) bool {
	role, disabled := now.Role, now.Disabled()
	if change.Role != nil {
		role = *change.Role
	}
	if change.Disabled != nil {
		disabled = *change.Disabled
	}
	return role == access.RoleAdmin && !disabled && (now.Role != role || now.Disabled())
}

func errKeyMakesNoAdmin() error {
	return connection.Fail(connection.CodeForbidden, "An API key lets nobody be an admin and makes no link for one: that would outlive the key. An admin does it at a browser.")
}

// userErr tells a change that came too late as the precondition that failed, where one was given.
func (c *call) userErr(err error) error {
	if access.IsStale(err) && c.echo.Request().Header.Get("If-Match") != "" {
		return errStale()
	}
	return err
}

func (a *api) users(ctx context.Context, c *call) (*page[user], error) {
	after, err := c.number("cursor", "7")
	if err != nil {
		return nil, err
	}
	limit, err := c.limit()
	if err != nil {
		return nil, err
	}
	list, next, err := a.people.List(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	items, now := make([]user, len(list)), time.Now()
	for i, o := range list {
		items[i] = userOf(o, now)
	}
	if next == 0 {
		return pageOf(items, nil), nil
	}
	return pageOf(items, cursor(next)), nil
}

func (a *api) user(ctx context.Context, c *call) (*oneUser, error) {
	id, err := c.userID()
	if err != nil {
		return nil, err
	}
	o, err := a.people.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return oneUserOf(o), nil
}

// invite serves POST. It takes no Idempotency-Key: its answer holds the link, which is kept nowhere.
func (a *api) invite(ctx context.Context, c *call) (*invitation, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	email, role, err := decodeInvitation(body)
	if err != nil {
		return nil, err
	}
	if role == access.RoleAdmin && !web.Who(c.echo).MakesAdmins() {
		return nil, errKeyMakesNoAdmin()
	}
	o, l, err := a.people.Invite(ctx, c.actor(), email, role)
	if err != nil {
		return nil, err
	}
	out := &invitation{Location: web.Base + "/users/" + strconv.FormatInt(o.ID, 10), ETag: etag(o.Version)}
	out.Body.User, out.Body.Link = userOf(o, time.Now()), linkOf(l)
	return out, nil
}

func (a *api) changeUser(ctx context.Context, c *call) (*oneUser, error) {
	o, version, err := c.knownUser(ctx, a)
	if err != nil {
		return nil, err
	}
	body, err := c.patchBody()
	if err != nil {
		return nil, err
	}
	change, err := decodeUserPatch(body, o)
	if err != nil {
		return nil, err
	}
	if !web.Who(c.echo).MakesAdmins() {
		if letsInAdmin(o, change) {
			return nil, errKeyMakesNoAdmin()
		}
		version = o.Version // the person must still be who was looked at
	}
	if o, err = a.people.Change(ctx, c.actor(), o.ID, version, change); err != nil {
		return nil, c.userErr(err)
	}
	return oneUserOf(o), nil
}

func (a *api) resetLink(ctx context.Context, c *call) (*freshLink, error) {
	o, version, err := c.knownUser(ctx, a)
	if err != nil {
		return nil, err
	}
	if !web.Who(c.echo).MakesAdmins() {
		if o.Role == access.RoleAdmin {
			return nil, errKeyMakesNoAdmin()
		}
		version = o.Version // the person must still be who was looked at
	}
	o, l, err := a.people.NewLink(ctx, c.actor(), o.ID, version)
	if err != nil {
		return nil, c.userErr(err)
	}
	return &freshLink{ETag: etag(o.Version), Body: linkOf(l)}, nil
}

func (a *api) removeUser(ctx context.Context, c *call) (*struct{}, error) {
	o, version, err := c.knownUser(ctx, a)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, c.userErr(a.people.Remove(ctx, c.actor(), o.ID, version))
}

func (a *api) describeUsers() {
	looks := web.Route{Least: access.RoleAdmin, Scope: access.ScopeAdmin}
	alters := looks
	alters.Fresh = true
	const one = "/users/{id}"

	handle(a, a.operation("list-users", http.MethodGet, "/users", "List people, in the order in which they were added",
		limitParameter(), cursorParameter(aNumber)), looks, a.users)
	handle(a, a.operation("get-user", http.MethodGet, one, "Read a person", userPathID()), looks, a.user)

	invite := a.operation("invite-user", http.MethodPost, "/users", "Invite a person")
	invite.DefaultStatus = http.StatusCreated
	invite.Description = "The answer holds a one-time link by which the person sets a password, within 72 hours. It is shown this once; hand it over in private. " +
		"403: an API key invites no admins. 409: somebody has that e-mail address already."
	invite.Metadata = map[string]any{takes: invitationBody}
	handle(a, invite, alters, a.invite)

	change := a.operation("change-user", http.MethodPatch, one, "Change a person's role, disable or enable them", userPathID(), ifMatch())
	change.Description = "The person's sessions end; disabling also ends a one-time link. 403: an API key makes nobody an admin and enables none. 409: it would leave no admin who can sign in."
	change.Metadata = map[string]any{takes: userPatchBody}
	handle(a, change, alters, a.changeUser)

	reset := a.operation("make-reset-link", http.MethodPost, one+"/reset-link", "Make a one-time link by which a person sets a new password", userPathID(), ifMatch())
	reset.DefaultStatus = http.StatusOK
	reset.Description = "It works for 24 hours, for somebody who is invited 72 hours, and takes the place of one that was made before. " +
		"The old password stays good until the link is used; then all sessions end. 403: an API key makes no link for an admin. 409: the person is disabled."
	handle(a, reset, alters, a.resetLink)

	remove := a.operation("remove-user", http.MethodDelete, one, "Remove a person; their name stays in the events", userPathID(), ifMatch())
	remove.Description = "409: it would leave no admin who can sign in."
	handle(a, remove, alters, a.removeUser)
}

func userPathID() *huma.Param {
	return &huma.Param{Name: "id", In: "path", Required: true, Description: "The person's id.", Schema: text(), Example: "7"}
}

func invitationBody() *huma.RequestBody {
	body := jsonBody(&huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"email", "role"},
		Properties: map[string]*huma.Schema{
			"email": {Type: huma.TypeString, Format: "email", Description: "What the person signs in with. Nothing is sent to it."},
			"role":  roleSchema(),
		},
	})
	body.Content["application/json"].Example = map[string]any{"email": "bob@example.com", "role": "viewer"}
	return body
}

func userPatchBody() *huma.RequestBody {
	s := &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{
			"role":     roleSchema(),
			"disabled": {Type: huma.TypeBoolean, Description: "true shuts the person out, false lets them in again."},
			"email":    {Type: huma.TypeString, Format: "email", Description: "As it is; another one is refused."},
		},
	}
	for _, member := range userReadOnly {
		s.Properties[member] = &huma.Schema{ReadOnly: true, Description: "Ignored."}
	}
	body := jsonBody(s)
	media := body.Content["application/json"]
	media.Examples = map[string]*huma.Example{
		"role":    {Summary: "Another role", Value: map[string]any{"role": "operator"}},
		"disable": {Summary: "Shut out", Value: map[string]any{"disabled": true}},
	}
	body.Content[mergePatch] = media
	return body
}
