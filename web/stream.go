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
	// maxStreamsOfOne bounds the streams of one person or key: a browser opens a handful at most.
	maxStreamsOfOne = 100
	streamRetry     = 30 // seconds
)

// stream tells an open page what changed, as server-sent events named "change" with a JSON array of {topic, id}. It ends
// when the server goes down, when the session ends, or when the reader leaves.
func (s *Server) stream(c echo.Context) error { return s.Follow(c, pages{}) }

// Follower tells the reader of a stream what changed.
type Follower interface {
	// Begin prepares; where it fails, its error is the answer. Changes from before it is called on are told.
	Begin(ctx context.Context) error
	// First writes what comes before any change.
	First(ctx context.Context, out *EventWriter) error
	// Changed is told of changes, and now and then of none.
	Changed(ctx context.Context, batch []live.Change, out *EventWriter) error
}

// pages tells changes as they are: a page reads anew what it shows.
type pages struct{}

func (pages) Begin(context.Context) error               { return nil }
func (pages) First(context.Context, *EventWriter) error { return nil }
func (pages) Changed(_ context.Context, batch []live.Change, out *EventWriter) error {
	if len(batch) == 0 {
		return nil
	}
	return out.Event("change", "", batch)
}

// Follow answers with a stream of server-sent events. It ends when the server goes down, when whoever reads may not any
// more, or when he leaves. A request with HEAD gets the header alone.
func (s *Server) Follow(c echo.Context, f Follower) error {
	leave, err := s.streams.enter(visitOf(c).who)
	if err != nil {
		return err
	}
	defer leave()

	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()

	// Before the first line is sent: who has read it may rely on being told of what changes from then on.
	changes := s.feed.Subscribe(ctx)
	if err := f.Begin(ctx); err != nil {
		return err
	}
	out, err := startStream(c)
	if err != nil || visitOf(c).method == http.MethodHead {
		return err
	}
	if err = f.First(ctx, out); err == nil {
		err = s.pump(ctx, c, changes, f, out)
	}
	if err != nil && ctx.Err() == nil {
		Log(ctx).Debug("Stream ended", "error", err)
	}
	return nil // the answer has begun: there is nobody to tell
}

func (s *Server) pump(ctx context.Context, c echo.Context, changes <-chan []live.Change, f Follower, out *EventWriter) error {
	ping := time.NewTicker(s.pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ping.C:
			if err := s.stillMay(ctx, c); err != nil {
				return err
			}
			if err := out.ping(); err != nil {
				return err
			}
			if err := f.Changed(ctx, nil, out); err != nil {
				return err
			}
		case batch, open := <-changes:
			if !open {
				return errors.New("the feed is closed")
			}
			if err := s.stillMay(ctx, c); err != nil {
				return err
			}
			if err := f.Changed(ctx, batch, out); err != nil {
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

// stillMay looks whether the session, or the key, is still there; being asked does not count as its use.
func (s *Server) stillMay(ctx context.Context, c echo.Context) error {
	v := visitOf(c)
	if key, presented := presentedKey(c.Request()); presented {
		who, err := s.keys.Identify(ctx, key, connection.Origin(ctx))
		if err != nil {
			return err
		}
		if route, known := s.routeOf(c); !known || !who.Allows(route.Least, route.Scope) {
			return errors.New("the key has ended, or may do less than before")
		}
		return nil
	}
	ok, err := v.stillSignedIn(ctx)
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("the session has ended")
	}
	return nil
}

// EventWriter writes server-sent events, each with a deadline of its own.
type EventWriter struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func startStream(c echo.Context) (*EventWriter, error) {
	w := c.Response()
	out := &EventWriter{w: w, rc: http.NewResponseController(w)}
	// The server's deadline for reading would end the request's context in the middle of the stream.
	if err := out.rc.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("start stream: %w", err)
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return out, out.write(fmt.Sprintf("retry: %d\n: hello\n\n", reconnectHint))
}

func (e *EventWriter) ping() error { return e.write(": ping\n\n") }

// Event writes one event; id, where it is not empty, is what a reader that comes back sends as Last-Event-ID.
func (e *EventWriter) Event(name, id string, content any) error {
	data, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return e.write(id + "event: " + name + "\ndata: " + string(data) + "\n\n")
}

func (e *EventWriter) write(text string) error {
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
