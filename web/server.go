package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/live"

	"github.com/labstack/echo/v4"
)

// The limits of the listener. Streams set deadlines of their own.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
)

// People finds operators.
type People interface {
	// Identify gives the operator as it is now; the zero Identity where there is none of that id.
	Identify(ctx context.Context, operatorID int64) (access.Identity, error)
}

// Options are what [New] needs.
type Options struct {
	// PublicURL is how browsers reach the server. With https, cookies are Secure and browsers are told to insist on it.
	PublicURL string

	// TLS is what the server speaks TLS with; nil: it speaks plain HTTP.
	TLS *KeyPair
	// TrustedProxies are whose forwarded headers are believed.
	TrustedProxies []netip.Prefix

	Sessions access.SessionRows
	// SessionIdle and SessionLife are how long a session lives without a request, and in all; 0: [access.SessionIdle] and
	// [access.SessionLife].
	SessionIdle, SessionLife time.Duration

	People People
	Keys   KeyFinder
	Feed   *live.Feed

	// Ready says why the server should get no requests yet, or nil. A nil function: always ready.
	Ready func(ctx context.Context) error

	Log *slog.Logger     // nil: nothing is logged
	Now func() time.Time // of sessions and rates; nil: time.Now

	// AddressRate and KeyRate are how many requests a second one address, and one API key, may make; ten seconds' worth of
	// them may come at once. 0: any number. Uplinks are not counted.
	AddressRate, KeyRate float64

	Meter Meter // told of each request that was answered; may be nil

	// Development offers what only developers need: the accented words of [text.Accented].
	Development bool
}

// Server answers HTTP. It is an [http.Handler] itself, for tests without a listener.
type Server struct {
	echo        *echo.Echo
	http        *http.Server
	table       map[routeKey]Route
	placed      map[routeKey]struct{}
	crossOrigin *http.CrossOriginProtection

	sessions    *access.Sessions
	people      People
	keys        KeyFinder
	feed        *live.Feed
	ready       func(ctx context.Context) error
	log         *slog.Logger
	meter       Meter
	development bool
	secure      bool   // browsers come by https
	tls         bool   // and the server itself speaks TLS
	origin      string // of the public address, "https://boardlink.example.com"
	proxies     []netip.Prefix
	now         func() time.Time

	addressRate *buckets[netip.Prefix]
	keyRate     *buckets[askerKey]
	guesses     *buckets[netip.Prefix]
	refusals    refusals

	closing   context.Context // ends when shutting down begins
	close     context.CancelFunc
	streams   streams
	warned    atomic.Int64 // when a refusal was logged last, in Unix milliseconds
	pingEvery time.Duration
}

// New makes a server with the plumbing's own routes; [Server.Mount] brings the others. It listens to nothing yet.
func New(opt Options) (*Server, error) {
	public, err := url.Parse(opt.PublicURL)
	if err != nil || (public.Scheme != "http" && public.Scheme != "https") || public.Host == "" {
		return nil, errors.New("the public address is no http or https address")
	}
	s := &Server{
		table: map[routeKey]Route{}, placed: map[routeKey]struct{}{},
		crossOrigin: http.NewCrossOriginProtection(),
		people:      opt.People, keys: opt.Keys, feed: opt.Feed, ready: opt.Ready, log: opt.Log,
		meter: opt.Meter, development: opt.Development, secure: public.Scheme == "https", pingEvery: pingEvery,
		origin: public.Scheme + "://" + public.Host, proxies: opt.TrustedProxies, now: opt.Now,
		addressRate: newBuckets[netip.Prefix](opt.AddressRate, int(opt.AddressRate*burstOf)),
		keyRate:     newBuckets[askerKey](opt.KeyRate, int(opt.KeyRate*burstOf)),
		guesses:     newBuckets[netip.Prefix](guessesPerSecond, guessBurst),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	// A proxy in front may rewrite Host; what browsers call us is no other site.
	if err := s.crossOrigin.AddTrustedOrigin(s.origin); err != nil {
		return nil, fmt.Errorf("trust the public address: %w", err)
	}
	s.sessions = access.NewSessions(rows{opt.Sessions}, access.SessionOptions{
		Secure: s.secure, Idle: opt.SessionIdle, Life: opt.SessionLife, Now: opt.Now, Address: func(r *http.Request) string { return s.echo.IPExtractor(r) },
	})
	s.closing, s.close = context.WithCancel(context.Background())
	s.echo = s.newEcho()
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ConnContext:       rememberConn,
		ConnState:         endAnswer,

		DisableGeneralOptionsHandler: true, // "OPTIONS *" is answered as all else is
	}
	if opt.TLS != nil {
		if !s.secure {
			return nil, errors.New("the server speaks TLS, so its public address must be https")
		}
		s.tls, s.http.TLSConfig = true, opt.TLS.Config()
	}
	s.http.RegisterOnShutdown(s.close)
	s.Mount(s.ownRoutes()...)
	return s, nil
}

func (s *Server) newEcho() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard) // slog says it all
	e.IPExtractor = s.addressOf
	e.HTTPErrorHandler = s.handleError
	e.OnAddRouteHandler = s.remember
	e.Pre(s.answer, s.securityHeaders, s.language, s.refuse, s.insist)
	e.Use(s.guard, s.limitBody, s.pace, s.authenticate, s.paceKey, s.authorize)
	return e
}

// addressOf gives the address of a request's client as text, also of one that did not come through [Server.ServeHTTP].
func (s *Server) addressOf(r *http.Request) string {
	if text := connection.OriginText(r.Context()); text != "" {
		return text
	}
	if c := s.clientOf(r); c.address.IsValid() {
		return c.address.String()
	}
	return ""
}

// Echo gives the router to frameworks that put handlers in place themselves. Each of those needs a row from
// [Server.Mount], else it is refused.
func (s *Server) Echo() *echo.Echo { return s.echo }

// PublicURL is how browsers and programs reach the server, without a slash at its end.
func (s *Server) PublicURL() string { return s.origin }

// Sessions is the store of browser sessions.
func (s *Server) Sessions() *access.Sessions { return s.sessions }

// Serve answers what comes in on l until [Server.Shutdown]; then it gives nil.
func (s *Server) Serve(l net.Listener) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	l = &boundedListener{Listener: l, max: maxConnections, perNetwork: maxConnectionsPerAddress, exempt: s.trusts, log: s.log, each: map[netip.Prefix]int{}}
	if s.tls {
		secured := shakeHands(l, s.http.TLSConfig, s.http.ReadHeaderTimeout, s.origin, s.log)
		defer secured.all.Wait()
		l = secured
	} else {
		l = &textListener{Listener: l, secure: s.secure}
	}
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Shutdown stops listening, ends the streams and waits for requests under way until ctx ends; then it cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.close()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shut down: %w", err), s.http.Close())
	}
	return nil
}
