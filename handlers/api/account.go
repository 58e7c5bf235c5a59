package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

// Account is what the API does for the person whose session a program bears.
type Account interface {
	Confirm(ctx context.Context, from access.Origin, operatorID int64, password connection.Secret) error
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
