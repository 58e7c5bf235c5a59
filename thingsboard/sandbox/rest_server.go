package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// serveREST answers requests until the door is slammed, and returns when the last handler has.
func (s *Sandbox) serveREST(t *turn, d *door) {
	var busy sync.RWMutex // held for reading by each handler
	handler := s.restHandler()
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			busy.RLock()
			defer busy.RUnlock()
			if t.ctx.Err() == nil {
				handler.ServeHTTP(w, r)
			}
		}),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return t.ctx },
	}
	var listener net.Listener = d
	if s.restTLS != nil && d.name == doorREST {
		listener = tls.NewListener(d, s.restTLS)
	}
	if err := server.Serve(listener); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Warn("REST listener ended", "error", err)
	}
	<-t.ctx.Done()
	if err := server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Debug("REST server closed with an error", "error", err)
	}
	busy.Lock()
	defer busy.Unlock()
}
