// Package static serves the console's stylesheet, scripts and icon. They are inside the binary; each is known by an
// address that holds a hash of its content, so that a browser may keep it for ever and never sees a stale one.
//
// app.css is built from web/app.css (npm run css) and committed. htmx stands here as its makers ship it (version 2.0.11,
// Zero-Clause BSD; the texts of the licences are in LICENSES.txt). app.min.js is built from scripts/ (npm run js) and committed.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Prefix is where [Handler] must be mounted.
const Prefix = "/static/"

//go:embed app.css app.min.js htmx-2.0.11.min.js favicon.svg LICENSES.txt
var files embed.FS

// names are those of the assets.
var names = []string{"app.css", "app.min.js", "htmx-2.0.11.min.js", "favicon.svg", "LICENSES.txt"}

var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

type asset struct {
	name        string
	url         string // with the hash
	etag        string
	contentType string
	plain       []byte
	zipped      []byte
}

type assets struct {
	byName map[string]*asset // "app.css"
	byURL  map[string]*asset // "/static/app.0123456789ab.css"
}

// load reads the embedded files once; the result never changes.
var load = sync.OnceValue(func() assets {
	all := assets{byName: map[string]*asset{}, byURL: map[string]*asset{}}
	for _, name := range names {
		a, err := read(name)
		if err != nil {
			panic(fmt.Sprintf("static: %v", err)) // embedded when this program was built: cannot be missing
		}
		all.byName[name] = a
		all.byURL[a.url] = a
	}
	return all
})

func read(name string) (*asset, error) {
	plain, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("compress %s: %w", name, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress %s: %w", name, err)
	}
	sum := sha256.Sum256(plain)
	hash := hex.EncodeToString(sum[:6])
	ext := path.Ext(name)
	return &asset{
		name: name, etag: `"` + hash + `"`, contentType: types[ext],
		url:   Prefix + strings.TrimSuffix(name, ext) + "." + hash + ext,
		plain: plain, zipped: zipped.Bytes(),
	}, nil
}

// URL gives the address of an asset: URL("app.css") is "/static/app.0123456789ab.css". It panics for a name that is not an
// asset, which only a mistake in a template can bring about.
func URL(name string) string {
	a, ok := load().byName[name]
	if !ok {
		panic(fmt.Sprintf("static: no asset %q", name))
	}
	return a.url
}

// Sizes gives each asset's size in bytes as it travels, compressed.
func Sizes() map[string]int {
	sizes := map[string]int{}
	for name, a := range load().byName {
		sizes[name] = len(a.zipped)
	}
	return sizes
}

// Handler serves the assets under [Prefix]. An address with the right hash may be kept for ever; without a hash it is asked
// for again each time; with a wrong one (a page older than this program) it is not found.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	all := load()
	a, hashed := all.byURL[r.URL.Path]
	if !hashed {
		var known bool
		if a, known = all.byName[strings.TrimPrefix(r.URL.Path, Prefix)]; !known {
			http.NotFound(w, r)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", a.etag)
	h.Set("Vary", "Accept-Encoding")
	if hashed {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.plain
	if acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the browser has gone: nobody is left to tell
	}
}

// acceptsGzip reads Accept-Encoding; a weight of zero is a refusal.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(coding) != "gzip" {
			continue
		}
		q := strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		return strings.Trim(q, "0.") != "" || q == ""
	}
	return false
}
