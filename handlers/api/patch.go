package api

import (
	"context"
	"mime"
	"net/http"

	"boardlink/connection"
	"boardlink/web"
)

// mergePatch is the content type of a JSON Merge Patch (RFC 7396). Plain JSON is taken for one too.
const mergePatch = "application/merge-patch+json"

// patchRounds bounds how often a patch that names no version is applied anew because somebody else was quicker.
const patchRounds = 8

// patch serves PATCH: what the body leaves out stays, a null goes back to its default, a list is replaced as a whole.
// Without If-Match it changes what it names and keeps what others change meanwhile.
func (a *api) patch(ctx context.Context, c *call) (*one, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	var body []byte
	for round := 1; ; round++ {
		now, err := a.operations.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		version, err := c.precondition(now.Connection.Version)
		if err != nil {
			return nil, err
		}
		if body == nil {
			if body, err = c.patchBody(); err != nil {
				return nil, err
			}
		}
		s, err := decodePatch(body, now.Connection)
		if err != nil {
			return nil, err
		}
		v, err := a.operations.Replace(ctx, c.actor(), s.connection, s.keep)
		switch conflict := connection.CodeOf(err) == connection.CodeConflict; {
		case conflict && version == 0 && round < patchRounds:
			continue
		case conflict && version != 0:
			return nil, errStale()
		case err != nil:
			return nil, err
		}
		return oneOf(v), nil
	}
}

// decodePatch applies a merge patch to a stored connection.
func decodePatch(body []byte, stored connection.Connection) (*sent, error) {
	raw, err := parse(body)
	if err != nil {
		return nil, err
	}
	s, err := decodeOnto(stored, raw)
	if err != nil {
		return nil, err
	}
	return s, s.check(stored.Configuration)
}

// patchBody reads the body of a patch. Other kinds of patches are JSON too, and would be misread.
func (c *call) patchBody() ([]byte, error) {
	if kind := c.echo.Request().Header.Get("Content-Type"); kind != "" {
		media, _, err := mime.ParseMediaType(kind)
		if err != nil || media != mergePatch && media != "application/json" {
			c.echo.Response().Header().Set("Accept-Patch", web.AcceptPatch)
			return nil, web.NewProblem(http.StatusUnsupportedMediaType, "Send a JSON Merge Patch with Content-Type "+mergePatch+".")
		}
	}
	return c.body()
}
