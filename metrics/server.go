package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of the listener. A scrape that takes longer than scrapeLimit, as with a disk that hangs, is answered 503, and no
// more than maxScrapes are under way: scrapers cannot pile up work.
const (
	scrapeLimit   = 8 * time.Second
	maxScrapes    = 3
	headerTimeout = 5 * time.Second
	writeTimeout  = scrapeLimit + 7*time.Second
	idleTimeout   = 2 * time.Minute // longer than the usual pause between scrapes
	maxHeader     = 8 << 10
)

// Handler answers GET /metrics, and nothing else.
func (m *Metrics) Handler(log *slog.Logger) http.Handler { return m.handler(log, scrapeLimit) }

func (m *Metrics) handler(log *slog.Logger, limit time.Duration) http.Handler {
	scrape := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelError),
		ErrorHandling: promhttp.ContinueOnError, // one value that cannot be had must not hide the others
		Timeout:       limit, MaxRequestsInFlight: maxScrapes,
	})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", scrape)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range answerHeaders {
			w.Header().Set(name, value)
		}
		mux.ServeHTTP(w, r)
	})
}

// answerHeaders stand on every answer, refusals too: figures are for scrapers, and a browser that is led here shall show them
// as text and nothing more.
var answerHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
	"X-Content-Type-Options":  "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
}

// Server serves metrics on a listener of their own.
type Server struct{ http *http.Server }

// NewServer makes a server that listens to nothing yet.
func (m *Metrics) NewServer(log *slog.Logger) *Server {
	return &Server{&http.Server{
		Handler:           m.Handler(log),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
}

// Serve answers what comes in on l until [Server.Shutdown]; then it gives nil.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

// Shutdown stops listening and waits for scrapes under way until ctx ends; then it cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shut down: %w", err), s.http.Close())
	}
	return nil
}
