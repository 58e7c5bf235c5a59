package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/ingest"
	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// What is taken of one request.
const (
	maxUplink     = 256 << 10        // bytes of the document
	maxQuery      = 4 << 10          // bytes of the query; ThingPark's has some 300
	maxParameters = 32               // in it; ThingPark has six
	uplinkTime    = 10 * time.Second // for the document to come in
)

// Uplinks takes what ThingPark sends; [ingest.Acceptor] does it. It answers from memory: this is the busiest path of the
// program.
type Uplinks interface {
	// Authorize checks a credential alone, so that no body is read for a stranger.
	Authorize(id connection.ID, c ingest.Credential) error
	// Accept stores a document and returns once it is on disk. rawQuery is the request's query as it came: ThingPark's
	// Token covers it.
	Accept(ctx context.Context, id connection.ID, c ingest.Credential, rawQuery string, body []byte) error
	// Unreadable counts a document of a known sender that was refused unread.
	Unreadable(id connection.ID)
}

// receive serves POST /connections/{id}/uplinks.
func (a *api) receive(c echo.Context) error {
	r := c.Request()
	if err := checkUplinkQuery(r.URL.RawQuery); err != nil {
		return err
	}
	id, credential, err := a.admit(c)
	if err != nil {
		return err
	}
	body, err := a.readUplink(c.Response().Writer, r)
	if err != nil {
		a.uplinks.Unreadable(id)
		return err
	}
	if err := a.uplinks.Accept(r.Context(), id, credential, r.URL.RawQuery, body); err != nil {
		return refusal(err)
	}
	return c.JSONBlob(http.StatusOK, []byte(`{"accepted":1}`))
}

func (a *api) readUplink(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if err := checkUplinkType(r.Header); err != nil {
		return nil, err
	}
	if r.ContentLength > maxUplink {
		return nil, &http.MaxBytesError{Limit: maxUplink}
	}
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(time.Now().Add(a.uplinkTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("limit the time of an uplink: %w", err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUplink))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, web.NewProblem(http.StatusRequestTimeout, "The document did not come in in time.")
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, err
	}
	if err != nil {
		return nil, web.NewProblem(http.StatusBadRequest, "The body broke off before its end.")
	}
	// It would end the request's context while the document is on its way to the disk.
	if err := rc.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("limit the time of an uplink: %w", err)
	}
	return body, nil
}

// checkUplinkQuery bounds what is decoded of an address.
func checkUplinkQuery(query string) error {
	if len(query) > maxQuery {
		return web.NewProblem(http.StatusRequestURITooLong, "The query of the address has at most 4 KiB.")
	}
	if strings.Count(query, "&") >= maxParameters {
		return web.NewProblem(http.StatusBadRequest, "The query of the address has at most 32 parameters.")
	}
	return nil
}

// admit checks the credential: an API key with the scope for uplinks, or the connection's own key. What is no id names no
// connection, which only an API key learns.
func (a *api) admit(c echo.Context) (connection.ID, ingest.Credential, error) {
	key, err := uplinkKey(c.Request())
	if err != nil {
		return 0, ingest.Credential{}, err
	}
	id, err := connection.ParseID(c.Param("id"))
	if err != nil {
		id = 0
	}
	who, err := a.keys.Identify(c.Request().Context(), key, connection.Origin(c.Request().Context()))
	if err != nil {
		return 0, ingest.Credential{}, fmt.Errorf("identify the key: %w", err)
	}
	credential := ingest.Credential{UplinkKey: connection.Secret(key), Authorized: who.AllowsScope(access.ScopeUplinks)}
	err = a.uplinks.Authorize(id, credential)
	if err != nil && who.Known() && !credential.Authorized {
		return 0, ingest.Credential{}, connection.Fail(connection.CodeForbidden, "This key is not for uplinks.")
	}
	return id, credential, err
}

// uplinkKey finds the credential: Authorization wins over the header of ours, and that over the query.
func uplinkKey(r *http.Request) (string, error) {
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		return web.BearerKey(authorization), nil
	}
	if key := r.Header.Get(web.KeyHeader); key != "" {
		return key, nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if len(query["key"]) > 1 {
		return "", web.NewProblem(http.StatusBadRequest, "The parameter key comes more than once.")
	}
	if err != nil && len(query["key"]) == 0 {
		return "", nil // what cannot be read holds no key
	}
	return query.Get("key"), nil
}

// checkUplinkType refuses what is surely no JSON. ThingPark's platforms name JSON in several ways, so all else is tried.
func checkUplinkType(h http.Header) error {
	if encoding := h.Get("Content-Encoding"); encoding != "" {
		return web.NewProblem(http.StatusUnsupportedMediaType, "Send the document without a Content-Encoding.")
	}
	media, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	media = strings.TrimSpace(media)
	if media == "text/xml" || media == "application/xml" || strings.HasSuffix(media, "+xml") {
		return web.NewProblem(http.StatusUnsupportedMediaType, "Choose JSON in ThingPark: XML documents are not taken.")
	}
	return nil
}

// refusal tells a document that cannot be read from one with wrong members.
func refusal(err error) error {
	f, ok := errors.AsType[*connection.Failure](err)
	if ok && f.Code == connection.CodeInvalid && len(f.Fields) == 0 {
		return web.NewProblem(http.StatusBadRequest, f.Message)
	}
	return err
}
