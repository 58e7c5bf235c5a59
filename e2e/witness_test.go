//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"testing"
)

// lookout is the witness of this run: every answer that a journey's browser or program gets passes it.
var lookout = &witness{}

// witness looks for secrets in every answer of a run, head and body, while it is read.
type witness struct {
	mu      sync.Mutex
	secrets []watchedFor
	longest int               // of all their forms
	answers map[string]int    // by host
	found   map[string][]leak // by host
}

// watchedFor is a secret with its forms.
type watchedFor struct {
	canary
	written [][]byte
}

// leak says where a secret was and must not have been.
type leak struct{ name, place string }

// keep has a secret looked for from now on.
func (w *witness) keep(c canary) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(c.secret) < 10 || slices.ContainsFunc(w.secrets, func(known watchedFor) bool { return known.secret == c.secret }) {
		return
	}
	w.secrets = append(slices.Clip(w.secrets), watchedFor{c, c.forms()})
	for _, form := range c.forms() {
		w.longest = max(w.longest, len(form))
	}
}

// look notes the secrets that a text holds.
func (w *witness) look(host, place string, text []byte) {
	w.mu.Lock()
	secrets := w.secrets
	w.mu.Unlock()
	for _, c := range secrets {
		if c.at != nil && c.at(place) || !slices.ContainsFunc(c.written, func(form []byte) bool { return bytes.Contains(text, form) }) {
			continue
		}
		w.mu.Lock()
		if l := (leak{c.name, place}); !slices.Contains(w.found[host], l) {
			if w.found == nil {
				w.found = map[string][]leak{}
			}
			w.found[host] = append(w.found[host], l)
		}
		w.mu.Unlock()
	}
}

// take gives what was found in the answers of a host, and how many these were.
func (w *witness) take(host string) (answers int, found []leak) {
	w.mu.Lock()
	defer w.mu.Unlock()
	answers, found = w.answers[host], w.found[host]
	delete(w.answers, host)
	delete(w.found, host)
	return answers, found
}

// left tells what was found and nobody took.
func (w *witness) left() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for host, found := range w.found {
		for _, l := range found {
			all = append(all, fmt.Sprintf("%s is in %s of %s", l.name, l.place, host))
		}
	}
	return all
}

// watch looks at an answer's head, and at its body while somebody reads it.
func (w *witness) watch(r *http.Request, resp *http.Response) {
	host := r.URL.Host
	w.mu.Lock()
	if w.answers == nil {
		w.answers = map[string]int{}
	}
	w.answers[host]++
	overlap := w.longest
	w.mu.Unlock()
	place := fmt.Sprintf("answer %d %s %s", resp.StatusCode, r.Method, r.URL.Path)
	var head bytes.Buffer
	_ = resp.Header.Write(&head)
	w.look(host, place, head.Bytes())
	resp.Body = &watched{ReadCloser: resp.Body, overlap: overlap, look: func(text []byte) { w.look(host, place, text) }}
}

// watched is a body that is looked at while it is read. A secret that arrives in pieces is found too.
type watched struct {
	io.ReadCloser
	overlap int
	last    []byte // the end of what came so far
	look    func([]byte)
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		text := append(b.last, p[:n]...)
		b.look(text)
		b.last = append([]byte(nil), text[max(0, len(text)-b.overlap):]...)
	}
	return n, err
}

// transport is what the Go clients of the journeys send with.
func (w *witness) transport(over http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := over.RoundTrip(r)
		if err == nil {
			w.watch(r, resp)
		}
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// proxy serves browsers as their proxy, so that every answer they get passes the witness whole: also those that a page
// leaves before it has read them, redirects and streams.
func (w *witness) proxy(t *testing.T) string {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.Replace(address, intranetHost, "127.0.0.1", 1))
	}}
	server := httptest.NewServer(&httputil.ReverseProxy{
		ErrorLog:      log.New(io.Discard, "", 0), // streams that break off are no news
		Transport:     transport,
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Accept-Encoding") // what is packed cannot be looked at
		},
		ModifyResponse: func(resp *http.Response) error {
			w.watch(resp.Request, resp)
			return nil
		},
		// Where the program is gone the browser is to see no answer, as it would without a proxy.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		transport.CloseIdleConnections()
	})
	return server.Listener.Addr().String()
}

// TestWitness sees to it that the others' journeys are looked at: secrets that leak in different ways are found, in what
// a browser gets and in what a program gets.
func TestWitness(t *testing.T) {
	const secret = "canary-of-the-witness-51"
	w := &witness{}
	w.keep(canary{name: "the witness's own", secret: secret})
	mux := http.NewServeMux()
	mux.HandleFunc("/clean", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "nothing") })
	mux.HandleFunc("/body", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "<p>"+secret) })
	mux.HandleFunc("/head", func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set("X-Secret", secret) })
	mux.HandleFunc("/redirect", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "/clean?"+secret, http.StatusSeeOther)
	})
	mux.HandleFunc("/pieces", func(rw http.ResponseWriter, _ *http.Request) {
		for _, piece := range []string{"<p>", secret[:7], secret[7:12], secret[12:]} {
			_, _ = io.WriteString(rw, piece)
			_ = http.NewResponseController(rw).Flush()
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	host := server.Listener.Addr().String()
	paths := []string{"/clean", "/body", "/head", "/redirect", "/pieces"}

	look := func(who string) {
		t.Helper()
		answers, found := w.take(host)
		var places []string
		for _, l := range found {
			places = append(places, l.place)
		}
		for _, path := range paths[1:] {
			if !slices.ContainsFunc(places, func(place string) bool { return strings.HasSuffix(place, path) }) {
				t.Errorf("%s: what leaks at %s is not found in %q", who, path, places)
			}
		}
		if answers < len(paths) || slices.ContainsFunc(places, func(place string) bool { return strings.HasSuffix(place, "/clean") }) {
			t.Errorf("%s: %d answers, found in %q", who, answers, places)
		}
	}
	client := &http.Client{Transport: w.transport(&http.Transport{})}
	for _, path := range paths {
		resp, err := client.Get("http://" + host + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	look("a program")

	b := newBrowserBy(t, "http://"+host, true, w.proxy(t))
	for _, path := range paths {
		b.open(path)
	}
	look("a browser")
}
