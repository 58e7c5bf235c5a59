package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation"
	"boardlink/web"
)

// Keys knows the API keys and looks after them; [access.Keys] does.
type Keys interface {
	web.KeyFinder
	List(ctx context.Context, afterID int64, limit int) ([]access.APIKey, int64, error)
	Get(ctx context.Context, id int64) (access.APIKey, error)
	Create(ctx context.Context, who access.Identity, d access.KeyDraft) (access.APIKey, connection.Secret, error)
	Change(ctx context.Context, who access.Identity, id int64, c access.KeyChange) (access.APIKey, error)
	Revoke(ctx context.Context, who access.Identity, id int64) error
	DefaultExpiry(ctx context.Context, who access.Identity) (time.Time, error)
	HasEnvironmentKey() bool
}

var _ Keys = (*access.Keys)(nil)

// APIKey is an API key as programs read it. The key itself is told once, to who makes it.
type APIKey struct {
	ID           string    `json:"id" readOnly:"true" example:"7"`
	Name         string    `json:"name" doc:"What uses the key; events bear it as their actor." example:"Reporting"`
	Prefix       string    `json:"prefix" readOnly:"true" doc:"The part of the key that may be seen." example:"bl_ak_4fGh12Ab"`
	Scopes       []scope   `json:"scopes" nullable:"false" doc:"What the key may be used for. Scopes do not contain one another."`
	Networks     []network `json:"networks" nullable:"false" doc:"From where the key may be used; empty: from everywhere."`
	Owner        string    `json:"owner" readOnly:"true" doc:"The operator who made the key. It ends with them, and once they may not do themselves what it is for. environment: the key of BOARDLINK_API_KEY made it." example:"ada@example.com"`
	CreatedAt    moment    `json:"createdAt" readOnly:"true"`
	ExpiresAt    moment    `json:"expiresAt" doc:"When the key ends; null: never by itself."`
	LastUsedAt   moment    `json:"lastUsedAt" readOnly:"true" doc:"Null: not yet."`
	LastUsedFrom *string   `json:"lastUsedFrom" readOnly:"true" nullable:"true" doc:"The address of the last use." example:"192.0.2.7"`
	Status       string    `json:"status" readOnly:"true" enum:"active,expired"`
}

// NewAPIKey is the answer to who makes one.
type NewAPIKey struct {
	APIKey
	Key      string   `json:"key" doc:"The key. It is told here and never again; a repeat of the request by its Idempotency-Key tells ***** instead." example:"bl_ak_4fGh12Ab_oFZ7vK5Ghx6mY1nQ2wE3rT4yU5iO6pA7sD8fG9hJ0kL1zX2cV"`
	Warnings []string `json:"warnings" nullable:"false" doc:"What to think about, in sentences."`
}

func (a *api) apiKeyOf(k access.APIKey) APIKey {
	out := APIKey{
		ID: strconv.FormatInt(k.ID, 10), Name: k.Name, Prefix: k.Prefix(), Owner: k.Owner, Scopes: []scope{}, Networks: []network{},
		CreatedAt: moment(k.CreatedAt), ExpiresAt: moment(k.ExpiresAt), LastUsedAt: moment(k.LastUsedAt), Status: "active",
	}
	for _, s := range k.Scopes {
		out.Scopes = append(out.Scopes, scope(s))
	}
	for _, n := range k.Networks {
		out.Networks = append(out.Networks, network(n.String()))
	}
	if k.LastUsedFrom != "" {
		out.LastUsedFrom = &k.LastUsedFrom
	}
	if k.Expired(time.Now()) {
		out.Status = "expired"
	}
	return out
}

type oneKey struct{ Body APIKey }

type madeKey struct {
	Location string `header:"Location" doc:"Where the key stands."`
	Body     NewAPIKey
}

type none struct{}

func (a *api) listKeys(ctx context.Context, c *call) (*page[APIKey], error) {
	after, err := c.number("cursor", "7")
	if err != nil {
		return nil, err
	}
	limit, err := c.limit()
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = operation.DefaultLimit
	}
	if limit > operation.MaxLimit {
		return nil, wrong("limit", "Give at most "+strconv.Itoa(operation.MaxLimit)+".", "100")
	}
	list, next, err := a.keys.List(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	items := make([]APIKey, len(list))
	for i, k := range list {
		items[i] = a.apiKeyOf(k)
	}
	if next == 0 {
		return pageOf(items, nil), nil
	}
	return pageOf(items, cursor(next)), nil
}

// keyID reads the key's id from the path. What is no id names no key.
func (c *call) keyID() (int64, error) {
	text := c.echo.Param("id")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 || strconv.FormatInt(id, 10) != text {
		return 0, connection.Fail(connection.CodeNotFound, "There is no such API key.")
	}
	return id, nil
}

func (a *api) getKey(ctx context.Context, c *call) (*oneKey, error) {
	id, err := c.keyID()
	if err != nil {
		return nil, err
	}
	k, err := a.keys.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return &oneKey{a.apiKeyOf(k)}, nil
}

// createKey makes a key. What is kept for repeats of the request holds no key: nobody finds one in the database.
func (a *api) createKey(ctx context.Context, c *call) (*madeKey, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	s, err := decodeKey(body)
	if err != nil {
		return nil, err
	}
	draft := access.KeyDraft{Scopes: s.change.Scopes}
	if s.change.Name != nil {
		draft.Name = *s.change.Name
	}
	if s.change.Networks != nil {
		draft.Networks = *s.change.Networks
	}
	who := web.Who(c.echo)
	if s.change.ExpiresAt != nil {
		draft.ExpiresAt = *s.change.ExpiresAt
	} else if draft.ExpiresAt, err = a.keys.DefaultExpiry(ctx, who); err != nil {
		return nil, err
	}
	k, key, err := a.keys.Create(ctx, who, draft)
	if err != nil {
		return nil, err
	}
	out := &madeKey{Location: web.Base + "/keys/" + strconv.FormatInt(k.ID, 10), Body: NewAPIKey{APIKey: a.apiKeyOf(k), Key: connection.Mask, Warnings: []string{}}}
	if k.ExpiresAt.IsZero() {
		out.Body.Warnings = append(out.Body.Warnings, "This key never ends by itself: revoke it when it is not needed any more.")
	}
	if err := keepInstead(c.echo, out.Body); err != nil {
		return nil, err
	}
	out.Body.Key = key.Reveal()
	return out, nil
}

func (a *api) changeKey(ctx context.Context, c *call) (*oneKey, error) {
	id, err := c.keyID()
	if err != nil {
		return nil, err
	}
	if _, err := a.keys.Get(ctx, id); err != nil { // 404 comes before what is wrong with the body
		return nil, err
	}
	body, err := c.patchBody()
	if err != nil {
		return nil, err
	}
	s, err := decodeKey(body)
	if err != nil {
		return nil, err
	}
	k, err := a.keys.Change(ctx, web.Who(c.echo), id, s.change)
	if err != nil {
		return nil, err
	}
	return &oneKey{a.apiKeyOf(k)}, nil
}

func (a *api) revokeKey(ctx context.Context, c *call) (*none, error) {
	id, err := c.keyID()
	if err != nil {
		return nil, err
	}
	if err := a.keys.Revoke(ctx, web.Who(c.echo), id); err != nil {
		return nil, err
	}
	return &none{}, nil
}

// sentKey is an API key as a program has sent it, or changes of one.
type sentKey struct {
	change access.KeyChange
	errs   []web.FieldProblem
}

func (s *sentKey) wrong(path, message, example string) {
	s.errs = append(s.errs, web.FieldProblem{Path: path, Message: message, Example: example})
}

// keyMembers are those of a key; the first four can be changed, the others are ignored when they are sent back.
var keyMembers = []string{"name", "scopes", "networks", "expiresAt", "id", "prefix", "owner", "createdAt", "lastUsedAt", "lastUsedFrom", "status"}

func decodeKey(body []byte) (*sentKey, error) {
	raw, err := parse(body)
	if err != nil {
		return nil, err
	}
	list, err := members(raw)
	if err != nil {
		return nil, err
	}
	s := &sentKey{}
	for _, m := range list {
		s.member(m)
	}
	if len(s.errs) > 0 {
		return nil, web.NewProblem(http.StatusUnprocessableEntity, someWrong, s.errs...)
	}
	return s, nil
}

func (s *sentKey) member(m member) {
	switch m.name {
	case "name":
		name, ok := asText(m.raw)
		if !ok {
			s.wrong("name", giveText, "Reporting")
		}
		s.change.Name = &name
	case "scopes":
		s.change.Scopes = []access.Scope{}
		for _, text := range s.texts("scopes", m.raw, string(access.ScopeRead)) {
			s.change.Scopes = append(s.change.Scopes, access.Scope(text))
		}
	case "networks":
		texts := s.texts("networks", m.raw, exampleNetwork)
		s.change.Networks = &texts
	case "expiresAt":
		at := time.Time{}
		if !isNull(m.raw) {
			text, _ := asText(m.raw)
			var err error
			if at, err = time.Parse(time.RFC3339, text); err != nil || at.IsZero() {
				s.wrong("expiresAt", "Give a time as RFC 3339 has it, or null for a key that never ends by itself.", "2027-02-21T10:00:00Z")
			}
		}
		s.change.ExpiresAt = &at
	default:
		for _, known := range keyMembers[4:] {
			if m.name == known {
				return
			}
		}
		s.errs = append(s.errs, web.FieldProblem(unknown("", m.name, keyMembers)))
	}
}

// texts reads a list of texts; null is an empty one.
func (s *sentKey) texts(path string, raw json.RawMessage, example string) []string {
	list := []string{}
	if isNull(raw) {
		return list
	}
	var raws []json.RawMessage
	if kindOf(raw) != '[' || json.Unmarshal(raw, &raws) != nil {
		s.wrong(path, "Give a list of texts.", "")
		return list
	}
	for i, one := range raws {
		text, ok := asText(one)
		if !ok && len(s.errs) < maxWrong {
			s.wrong(path+"["+strconv.Itoa(i)+"]", giveText, example)
		}
		list = append(list, text)
	}
	return list
}
