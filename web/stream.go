package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"boardlink/connection"
	"boardlink/live"

	"github.com/labstack/echo/v4"
)

const (
	pingEvery = 15 * time.Second // proxies end what is silent
	// gatherFor is how long changes are gathered after some were sent: a burst becomes few events, each change once.
	gatherFor     = 150 * time.Millisecond
	streamWrite   = 10 * time.Second // for one event; a reader that is slower is gone
	reconnectHint = 3000             // milliseconds that the browser waits before it comes back
	maxStreams    = 1000
)

// stream tells an open page what changed, as server-sent events named "change" with a JSON array of {topic, id}. It ends
// when the server goes down, when the session ends, or when the reader leaves.
func (s *Server) stream(c echo.Context) error {
	if s.streams.Add(1) > maxStreams {
		s.streams.Add(-1)
		return connection.Fail(connection.CodeUnavailable, "Too many pages are open.")
	}
	defer s.streams.Add(-1)

	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()

	// Before the first line is sent: who has read it may rely on being told of what changes from then on.
	changes := s.feed.Subscribe(ctx)
	out, err := startStream(c)
	if err != nil || visitOf(c).method == http.MethodHead {
		return err
	}
	err = s.pump(ctx, visitOf(c), changes, out)
	if err != nil && ctx.Err() == nil {
		Log(ctx).Debug("Stream ended", "error", err)
	}
	return nil // the answer has begun: there is nobody to tell
}

func (s *Server) pump(ctx context.Context, v *visit, changes <-chan []live.Change, out *eventWriter) error {
	ping := time.NewTicker(s.pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ping.C:
			if err := s.stillMay(ctx, v); err != nil {
				return err
			}
			if err := out.ping(); err != nil {
				return err
			}
		case batch, open := <-changes:
			if !open {
				return errors.New("the feed is closed")
			}
			if err := s.stillMay(ctx, v); err != nil {
				return err
			}
			if err := out.changes(batch); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(gatherFor):
			}
		}
	}
}

// stillMay looks whether the session is still there; being asked does not count as its use.
func (s *Server) stillMay(ctx context.Context, v *visit) error {
	ok, err := v.stillSignedIn(ctx)
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("the session has ended")
	}
	return nil
}

// eventWriter writes server-sent events, each with a deadline of its own.
type eventWriter struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func startStream(c echo.Context) (*eventWriter, error) {
	w := c.Response()
	out := &eventWriter{w: w, rc: http.NewResponseController(w)}
	// The server's deadline for reading would end the request's context in the middle of the stream.
	if err := out.rc.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("start stream: %w", err)
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return out, out.write(fmt.Sprintf("retry: %d\n: hello\n\n", reconnectHint))
}

func (e *eventWriter) ping() error { return e.write(": ping\n\n") }

func (e *eventWriter) changes(batch []live.Change) error {
	data, err := json.Marshal(batch)
	if err != nil {
		return fmt.Errorf("encode changes: %w", err)
	}
	return e.write("event: change\ndata: " + string(data) + "\n\n")
}

func (e *eventWriter) write(text string) error {
	if err := e.rc.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("write event: %w", err)
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := e.rc.Flush(); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}
