package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/web"

	"github.com/danielgtaylor/huma/v2"
)

// The formats of a connection's configuration.
const (
	formatJSON = "json"
	formatCurl = "curl"
)

// recipe is what makes a connection like another: its body without what is read-only, with placeholders for the secrets.
type recipe struct {
	ConnectorID   string             `json:"connectorId"`
	Name          string             `json:"name"`
	Active        bool               `json:"active"`
	Alarms        []connection.Alarm `json:"alarms" nullable:"false"`
	Configuration configuration      `json:"configuration"`
}

// config serves what makes this connection anew.
func (a *api) config(ctx context.Context, c *call) (*written, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	v, err := a.operations.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	format, err := c.query("format")
	if err != nil {
		return nil, err
	}
	body, err := recipeOf(v)
	if err != nil {
		return nil, fmt.Errorf("write configuration of connection %s: %w", id, err)
	}
	kind := "application/json"
	switch format {
	case "", formatJSON:
	case formatCurl:
		kind, body = "text/plain; charset=utf-8", []byte(curlLine(v, string(body))+"\n")
	default:
		return nil, wrong("format", "Choose among json and curl.", formatCurl)
	}
	return &written{Body: func(h huma.Context) {
		h.SetHeader("Content-Type", kind)
		h.SetHeader("ETag", etag(v.Connection.Version))
		h.SetStatus(http.StatusOK)
		_, _ = h.BodyWriter().Write(body) // who left needs no answer
	}}, nil
}

// Curl gives the command that makes a connection like this one, with placeholders for its secrets.
func Curl(v operation.View) (string, error) {
	body, err := recipeOf(v)
	if err != nil {
		return "", fmt.Errorf("write configuration of connection %s: %w", v.Connection.ID, err)
	}
	return curlLine(v, string(body)), nil
}

// recipeOf writes the body on one line. The placeholders stand there as people read them.
func recipeOf(v operation.View) ([]byte, error) {
	r := resourceOf(v)
	r.Configuration.placeholders = true
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(recipe{r.ConnectorID, r.Name, r.Active, r.Alarms, r.Configuration}); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// curlLine writes the command that sends the body. The key is taken from the environment, so that it need not be typed
// where others may read it.
func curlLine(v operation.View, body string) string {
	public := strings.TrimSuffix(v.UplinkURL, "/connections/"+v.Connection.ID.String()+"/uplinks")
	return "curl -sS -X POST " + shellWord(public+web.Base+"/connections") +
		` -H "Authorization: Bearer $BOARDLINK_API_KEY" -H 'Content-Type: application/json' --data-raw ` + shellWord(body)
}

// shellWord quotes a text so that a POSIX shell takes it as one word and changes nothing in it.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (a *api) describeConfig() {
	op := a.operation("read-configuration", http.MethodGet, "/connections/{id}/config", "Read what makes the connection anew", pathID(),
		query("format", "json: the body for POST /connections. curl: the command that sends it.", &huma.Schema{Type: huma.TypeString, Enum: []any{formatJSON, formatCurl}, Default: formatJSON}))
	op.Description = "Secrets are placeholders, <password> and <downlinkAsKey>: fill them in. The command takes the API key from the variable BOARDLINK_API_KEY."
	op.Responses["200"] = &huma.Response{
		Description: "The body, or the command.",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: recipeSchema()},
			"text/plain":       {Schema: text(), Example: `curl -sS -X POST 'https://boardlink.example.com/api/v1/connections' -H "Authorization: Bearer $BOARDLINK_API_KEY" -H 'Content-Type: application/json' --data-raw '{...}'`},
		},
	}
	handle(a, op, reads, a.config)
}

// recipeSchema says little of the settings: a placeholder fits no pattern that a secret has.
func recipeSchema() *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, Description: "The body for POST /connections, with placeholders for the secrets.",
		Required: []string{"connectorId", "name", "active", "alarms", "configuration"},
		Properties: map[string]*huma.Schema{
			"connectorId": text(), "name": text(), "active": {Type: huma.TypeBoolean},
			"alarms":        {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
			"configuration": {Type: huma.TypeObject, AdditionalProperties: true},
		},
	}
}
