package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"boardlink/web"

	"github.com/labstack/echo/v4"
)

// DocsPath is the page to read and try the API.
const DocsPath = "/api/docs"

// swaggerUI is the folder of Swagger UI as its makers ship it (swagger-ui-dist on npm, Apache 2.0), its files compressed.
const swaggerUI = "swagger-ui-5.35.0"

//go:embed docs
var docsFiles embed.FS

// docsPolicy is the page's Content-Security-Policy. Swagger UI needs no script or style inline and no eval; its icons are
// data: addresses. Forms go nowhere, and nothing is loaded from or sent to another server.
const docsPolicy = "default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

// docsFile is one file of the page.
type docsFile struct {
	name        string // below [DocsPath]; "" is the page itself
	stored      string // in the folder docs
	contentType string
}

var docsFileTable = [...]docsFile{
	{"", "page.html", "text/html; charset=utf-8"},
	{"page.css", "page.css", "text/css; charset=utf-8"},
	{"page.js", "page.js", "text/javascript; charset=utf-8"},
	{swaggerUI + "/swagger-ui.css", swaggerUI + "/swagger-ui.css.gz", "text/css; charset=utf-8"},
	{swaggerUI + "/swagger-ui-bundle.js", swaggerUI + "/swagger-ui-bundle.js.gz", "text/javascript; charset=utf-8"},
	{swaggerUI + "/LICENSE", swaggerUI + "/LICENSE", "text/plain; charset=utf-8"},
	{swaggerUI + "/NOTICE", swaggerUI + "/NOTICE", "text/plain; charset=utf-8"},
	{swaggerUI + "/BUNDLE-LICENSES.txt", swaggerUI + "/BUNDLE-LICENSES.txt", "text/plain; charset=utf-8"},
}

// docsRoutes are those of the page to try the API. It tells no more than the OpenAPI document does, so everybody may see
// it; what it calls asks for a session or a key as ever.
func docsRoutes() []web.Route {
	routes := make([]web.Route, 0, len(docsFileTable))
	for _, f := range docsFileTable {
		content, err := docsFiles.ReadFile(path.Join("docs", f.stored))
		if err != nil {
			panic(fmt.Sprintf("api: %v", err)) // embedded when this program was built: cannot be missing
		}
		routes = append(routes, web.Route{Method: http.MethodGet, Path: path.Join(DocsPath, f.name), Public: true, Handler: f.serve(content)})
	}
	return routes
}

// serve answers with a file. The browser keeps it and asks each time whether it is still the one.
func (f docsFile) serve(content []byte) echo.HandlerFunc {
	sum := sha256.Sum256(content)
	tag := `W/"` + hex.EncodeToString(sum[:8]) + `"` // weak: the same whether compressed or not
	zipped := strings.HasSuffix(f.stored, ".gz")
	return func(c echo.Context) error {
		r, h := c.Request(), c.Response().Header()
		h.Set("Content-Security-Policy", docsPolicy)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		if zipped {
			h.Set("Vary", "Accept-Encoding")
		}
		if r.Header.Get("If-None-Match") == tag {
			return c.NoContent(http.StatusNotModified)
		}
		body := content
		switch {
		case zipped && acceptsGzip(r.Header.Values("Accept-Encoding")):
			h.Set("Content-Encoding", "gzip")
		case zipped:
			var err error
			if body, err = unzip(content); err != nil {
				return fmt.Errorf("unpack %s: %w", f.stored, err)
			}
		}
		return c.Blob(http.StatusOK, f.contentType, body)
	}
}

// acceptsGzip reports whether a browser takes gzip; a weight of zero is a refusal.
func acceptsGzip(accept []string) bool {
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, weighed := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			return !weighed || strings.Trim(q, "0.") != ""
		}
	}
	return false
}

func unzip(content []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
