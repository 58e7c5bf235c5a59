package api

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

// uplinkKeys are the uplink keys of a connection as programs read them.
type uplinkKeys struct {
	Body uplinkKeyBody
}

type uplinkKeyBody struct {
	Key    string        `json:"key" doc:"The uplink key: told by the answer to its renewal, ***** everywhere else." example:"bl_uk_mDrS4f1dK0m3X2o9cVnqj5l7w8Zp1s6tYb0uQeRgHiA"`
	OldKey *oldUplinkKey `json:"oldKey" nullable:"true" doc:"The key that was replaced, while it is accepted; else null."`
}

type oldUplinkKey struct {
	ValidUntil moment `json:"validUntil" doc:"Until when it is accepted."`
	LastUsedAt moment `json:"lastUsedAt" doc:"When an uplink last came with it since it was replaced; null: none did."`
}

// Schema implements [huma.SchemaProvider]: huma takes a pointer to a struct for a reference, which cannot be null.
func (oldUplinkKey) Schema(huma.Registry) *huma.Schema {
	at := moment{}.Schema(nil)
	used := moment{}.Schema(nil)
	at.Nullable, at.Description = false, "Until when it is accepted."
	used.Description = "When an uplink last came with it since it was replaced; null: none did."
	return &huma.Schema{
		Type: huma.TypeObject, Nullable: true, AdditionalProperties: false, Required: []string{"validUntil", "lastUsedAt"},
		Properties: map[string]*huma.Schema{"validUntil": at, "lastUsedAt": used},
	}
}

// uplinkKeysOf masks the key.
func uplinkKeysOf(v operation.View) *uplinkKeys {
	out := &uplinkKeys{}
	out.Body.Key = connection.Mask
	if v.Connection.OldUplinkKey.IsSet() {
		out.Body.OldKey = &oldUplinkKey{moment(v.Connection.OldUplinkKeyUntil), moment(v.Connection.OldUplinkKeyUsedAt)}
	}
	return out
}

func (a *api) getUplinkKey(ctx context.Context, c *call) (*uplinkKeys, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	v, err := a.operations.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return uplinkKeysOf(v), nil
}

// renewUplinkKey makes a new key and tells it. What is kept for repeats of the request holds none.
func (a *api) renewUplinkKey(ctx context.Context, c *call) (*uplinkKeys, error) {
	id, err := c.known(ctx, a)
	if err != nil {
		return nil, err
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	oldValidFor, err := decodeRenewal(body)
	if err != nil {
		return nil, err
	}
	v, err := a.operations.RenewUplinkKey(ctx, c.actor(), id, oldValidFor)
	if err != nil {
		return nil, err
	}
	out := uplinkKeysOf(v)
	if err := keepInstead(c.echo, out.Body); err != nil {
		return nil, err
	}
	out.Body.Key = v.Connection.UplinkKey.Reveal()
	return out, nil
}

// decodeRenewal reads {"oldValidFor": "24h"}; an empty body ends the old key at once.
func decodeRenewal(body []byte) (time.Duration, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return 0, nil
	}
	raw, err := parse(body)
	if err != nil {
		return 0, err
	}
	list, err := members(raw)
	if err != nil {
		return 0, err
	}
	text := ""
	var errs []web.FieldProblem
	for _, m := range list {
		var ok bool
		switch {
		case m.name != "oldValidFor":
			errs = append(errs, web.FieldProblem(unknown("", m.name, []string{"oldValidFor"})))
		case isNull(m.raw):
		default:
			if text, ok = asText(m.raw); !ok {
				errs = append(errs, web.FieldProblem{Path: "oldValidFor", Message: giveText, Example: "24h"})
			}
		}
	}
	if len(errs) > 0 {
		return 0, web.NewProblem(http.StatusUnprocessableEntity, someWrong, errs...)
	}
	return operation.ParseOldValidFor(text)
}

func (a *api) endOldUplinkKey(ctx context.Context, c *call) (*none, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	if _, err := a.operations.EndOldUplinkKey(ctx, c.actor(), id); err != nil {
		return nil, err
	}
	return &none{}, nil
}

func (a *api) describeUplinkKey() {
	const path = "/connections/{id}/uplink-key"
	handle(a, a.operation("get-uplink-key", http.MethodGet, path, "Read how the connection's uplink keys stand", pathID()), reads, a.getUplinkKey)

	renew := a.once(a.operation("renew-uplink-key", http.MethodPost, path, "Renew the connection's uplink key", pathID()))
	renew.Description = "The answer tells the new key, once. The old one ends at once, or is accepted too for the time that the body names, so that ThingPark can be changed without a loss. " +
		"There are two keys at most: while one that was replaced before is accepted, another can only be made that ends both at once (else 409)."
	renew.DefaultStatus = http.StatusOK
	renew.Metadata = map[string]any{takes: func() *huma.RequestBody {
		body := jsonBody(&huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: false,
			Properties: map[string]*huma.Schema{"oldValidFor": {
				Type: huma.TypeString, Nullable: true, Pattern: durationPattern, Default: "0s", Examples: []any{"24h", "7d"},
				Description: "How long the old key is accepted: one number and one unit (s, m, h or d), at most 7d. 0s, null or left out: it ends at once.",
			}},
		})
		body.Required = false
		body.Content["application/json"].Example = map[string]any{"oldValidFor": "24h"}
		return body
	}}
	handle(a, renew, changes, a.renewUplinkKey)

	end := a.operation("end-old-uplink-key", http.MethodDelete, path+"/old", "End the uplink key that was replaced, before its time", pathID())
	end.DefaultStatus = http.StatusNoContent
	handle(a, end, changes, a.endOldUplinkKey)
}
