package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

// Account is what the API does for the person whose session a program bears.
type Account interface {
	Confirm(ctx context.Context, from access.Origin, operatorID int64, password connection.Secret) error
	ChangePassword(ctx context.Context, from access.Origin, c access.PasswordChange) error
	TellSessionsEnded(ctx context.Context, from access.Origin, who access.Identity, n int64)
}

// own is for what everybody may do about the own account. Keys are nobody's: they have neither password nor session.
var own = web.Route{Least: access.RoleViewer}

// person describes an operation that sessions alone may use.
func (a *api) person(id, method, path, summary string, parameters ...*huma.Param) huma.Operation {
	op := a.operation(id, method, path, summary, parameters...)
	op.Security = []map[string][]string{{"session": {}}}
	op.Tags = []string{"account"}
	return op
}

// describeAccount registers what people do about their own account.
func (a *api) describeAccount() {
	confirm := a.person("confirm-session", http.MethodPost, strings.TrimPrefix(web.ConfirmOperation, web.Base), "Give the password once more")
	confirm.Description = "What an unattended browser must not be good for (a password, a role, a key) wants the password given within the last 15 minutes, " +
		"signing in included; else it answers 403 with the code " + web.CodeConfirm + ". The session's cookie is replaced: use the new one from then on. Keys are spared all that."
	confirm.DefaultStatus = http.StatusNoContent
	confirm.Metadata = map[string]any{takes: func() *huma.RequestBody {
		return secretsBody(map[string]any{"password": "the account's password"})
	}}
	handle(a, confirm, own, a.confirm)

	change := a.person("change-password", http.MethodPut, "/account/password", "Change the own password")
	change.Description = "The person's other sessions end, and this one's cookie is replaced: use the new one from then on. A new password has 8 to 256 characters, " +
		"is none of the common ones, and is not made of the e-mail address or of this product's name."
	change.DefaultStatus = http.StatusNoContent
	change.Metadata = map[string]any{takes: func() *huma.RequestBody {
		return secretsBody(map[string]any{"currentPassword": "the account's password", "newPassword": "four words put together"})
	}}
	handle(a, change, own, a.changePassword)

	handle(a, a.person("list-sessions", http.MethodGet, "/sessions", "List the own sessions, the one that was seen last first"), own, a.listSessions)
	handle(a, a.person("end-other-sessions", http.MethodDelete, "/sessions", "End the own sessions but for the one that asks"), own, a.endOtherSessions)
	handle(a, a.person("end-session", http.MethodDelete, "/sessions/{id}", "End one of the own sessions; the one that asks may end itself",
		&huma.Param{Name: "id", In: "path", Required: true, Description: "The session's id as it was read.", Schema: text(), Example: exampleSession}), own, a.endSession)
}

// exampleSession is a session's id as they are given out: random, and nothing that opens one.
const exampleSession = "2305843009213693951"

// ownSession is one of a person's sessions.
type ownSession struct {
	ID         string  `json:"id" doc:"Names the session. It is no secret and no credential." example:"2305843009213693951"`
	Browser    string  `json:"browser" doc:"What signed in, as far as it tells." example:"Firefox on Linux"`
	Address    *string `json:"address" nullable:"true" doc:"The IP address that it signed in from." example:"192.0.2.7"`
	StartedAt  moment  `json:"startedAt" doc:"When it signed in."`
	LastSeenAt moment  `json:"lastSeenAt" doc:"When it was used last, to the minute."`
	ExpiresAt  moment  `json:"expiresAt" doc:"When it ends however much it is used."`
	Current    bool    `json:"current" doc:"It is the one that asks."`
}

func (a *api) listSessions(_ context.Context, c *call) (*page[ownSession], error) {
	list, err := web.OwnSessions(c.echo)
	if err != nil {
		return nil, err
	}
	items := make([]ownSession, len(list))
	for i, s := range list {
		items[i] = ownSession{
			ID: strconv.FormatInt(s.ID, 10), Browser: s.Browser, StartedAt: moment(s.StartedAt), LastSeenAt: moment(s.LastSeenAt),
			ExpiresAt: moment(s.ExpiresAt), Current: s.Current,
		}
		if s.Address != "" {
			items[i].Address = &s.Address
		}
	}
	return pageOf(items, nil), nil
}

func (a *api) endSession(ctx context.Context, c *call) (*struct{}, error) {
	id, err := strconv.ParseInt(c.echo.Param("id"), 10, 64)
	if err != nil {
		return nil, connection.Fail(connection.CodeNotFound, "There is no such session.")
	}
	from, who := web.Origin(c.echo), web.Who(c.echo)
	if err := web.EndOwnSession(c.echo, id); err != nil {
		return nil, err
	}
	a.account.TellSessionsEnded(ctx, from, who, 1)
	return &struct{}{}, nil
}

func (a *api) endOtherSessions(ctx context.Context, c *call) (*struct{}, error) {
	n, err := web.EndOtherSessions(c.echo)
	if err != nil {
		return nil, err
	}
	if n > 0 {
		a.account.TellSessionsEnded(ctx, web.Origin(c.echo), web.Who(c.echo), n)
	}
	return &struct{}{}, nil
}

func (a *api) changePassword(ctx context.Context, c *call) (*struct{}, error) {
	sent, err := c.secrets("currentPassword", "newPassword")
	if err != nil {
		return nil, err
	}
	err = a.account.ChangePassword(ctx, web.Origin(c.echo), access.PasswordChange{
		OperatorID: web.Who(c.echo).ID, Session: web.SessionDigest(c.echo), Current: sent["currentPassword"], New: sent["newPassword"],
	})
	if err != nil {
		return nil, err
	}
	return &struct{}{}, web.Confirm(c.echo)
}

// secretsBody describes a body of passwords, by an example of each.
func secretsBody(example map[string]any) *huma.RequestBody {
	one := 1
	schema := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{}}
	for name, value := range example {
		schema.Properties[name] = &huma.Schema{Type: huma.TypeString, Format: "password", MinLength: &one, Examples: []any{value}}
		schema.Required = append(schema.Required, name)
	}
	slices.Sort(schema.Required)
	body := jsonBody(schema)
	body.Content["application/json"].Example = example
	return body
}

func (a *api) confirm(ctx context.Context, c *call) (*struct{}, error) {
	sent, err := c.secrets("password")
	if err != nil {
		return nil, err
	}
	if err := a.account.Confirm(ctx, web.Origin(c.echo), web.Who(c.echo).ID, sent["password"]); err != nil {
		return nil, err
	}
	return &struct{}{}, web.Confirm(c.echo)
}

// secrets reads a body that holds a text under each of these names, and nothing else.
func (c *call) secrets(names ...string) (map[string]connection.Secret, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	raw, err := parse(body)
	if err != nil {
		return nil, err
	}
	list, err := members(raw)
	if err != nil {
		return nil, err
	}
	sent := map[string]json.RawMessage{}
	var wrong []web.FieldProblem
	for _, m := range list {
		sent[m.name] = m.raw
	}
	secrets := map[string]connection.Secret{}
	for _, name := range names {
		text, ok := asText(sent[name])
		if !ok || text == "" {
			wrong = append(wrong, web.FieldProblem{Path: name, Message: giveText})
		}
		secrets[name] = connection.Secret(text)
		delete(sent, name)
	}
	for _, m := range list {
		if _, left := sent[m.name]; left {
			wrong = append(wrong, web.FieldProblem(unknown("", m.name, names)))
		}
	}
	if len(wrong) > 0 {
		return nil, web.NewProblem(http.StatusUnprocessableEntity, someWrong, wrong...)
	}
	return secrets, nil
}
