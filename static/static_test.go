package static_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"boardlink/static"
)

func get(path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	return w
}

func TestAddress(t *testing.T) {
	t.Run("holds a hash and may be kept for ever", func(t *testing.T) {
		url := static.URL("app.css")
		if !regexp.MustCompile(`^/static/app\.[0-9a-f]{12}\.css$`).MatchString(url) {
			t.Fatalf("address %q", url)
		}
		w := get(url)
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("answer %d, Cache-Control %q", w.Code, w.Header().Get("Cache-Control"))
		}
		if got := w.Header().Get("Content-Type"); got != "text/css; charset=utf-8" {
			t.Errorf("Content-Type %q", got)
		}
	})
	t.Run("without a hash is asked for again", func(t *testing.T) {
		if got := get("/static/app.css").Header().Get("Cache-Control"); got != "no-cache" {
			t.Errorf("Cache-Control %q", got)
		}
	})
	t.Run("with another hash is not found", func(t *testing.T) {
		if w := get("/static/app.000000000000.css"); w.Code != http.StatusNotFound {
			t.Errorf("answer %d", w.Code)
		}
	})
	t.Run("of no asset is a mistake of the program", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("URL took an unknown name")
			}
		}()
		static.URL("missing.js")
	})
}

func TestAnswer(t *testing.T) {
	t.Run("travels compressed where the browser takes that", func(t *testing.T) {
		url := static.URL("app.min.js")
		plain := get(url).Body.String()
		w := get(url, "Accept-Encoding", "br, gzip;q=0.8")
		if w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Fatalf("headers %v", w.Header())
		}
		zr, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(zr)
		if err != nil || string(unpacked) != plain {
			t.Errorf("the compressed answer is another text (%v)", err)
		}
		if refused := get(url, "Accept-Encoding", "gzip;q=0"); refused.Header().Get("Content-Encoding") != "" {
			t.Error("compressed although the browser refuses it")
		}
	})
	t.Run("is empty where the browser has it", func(t *testing.T) {
		url := static.URL("favicon.svg")
		w := get(url, "If-None-Match", get(url).Header().Get("ETag"))
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("answer %d with %d bytes", w.Code, w.Body.Len())
		}
	})
	t.Run("is there for GET and HEAD only", func(t *testing.T) {
		for method, want := range map[string]int{http.MethodHead: http.StatusOK, http.MethodPost: http.StatusMethodNotAllowed} {
			w := httptest.NewRecorder()
			static.Handler().ServeHTTP(w, httptest.NewRequest(method, static.URL("app.css"), nil))
			if w.Code != want || method == http.MethodHead && w.Body.Len() != 0 {
				t.Errorf("%s: answer %d with %d bytes", method, w.Code, w.Body.Len())
			}
		}
	})
}

// Pages stay light: these are the limits beyond which they are not.
func TestWeight(t *testing.T) {
	sizes := static.Sizes()
	for name, limit := range map[string]int{"app.css": 10 << 10} {
		if sizes[name] > limit {
			t.Errorf("%s weighs %d bytes, more than %d", name, sizes[name], limit)
		}
	}
	if js := sizes["app.min.js"] + sizes["htmx-2.0.11.min.js"]; js > 21<<10 {
		t.Errorf("all scripts weigh %d bytes, more than 21 KiB", js)
	}
}

// A class that a page uses and the stylesheet does not have is a misspelling, or an app.css that was not built anew.
func TestStylesheet_knows_every_class(t *testing.T) {
	css := get("/static/app.css").Body.String()
	classes := regexp.MustCompile(`class="([^"]+)"`)
	paths, err := filepath.Glob("../views/*/*.templ")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no pages found: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range classes.FindAllStringSubmatch(string(text), -1) {
			for class := range strings.FieldsSeq(m[1]) {
				if !regexp.MustCompile(`\.` + regexp.QuoteMeta(class) + `[^\w-]`).MatchString(css) {
					t.Errorf("%s: the stylesheet has no class %q", path, class)
				}
			}
		}
	}
}
