package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"boardlink/access"
	"boardlink/activity"
	"boardlink/alarm"
	"boardlink/config"
	"boardlink/connection"
	"boardlink/datadir"
	"boardlink/db"
	"boardlink/handlers"
	"boardlink/handlers/api"
	"boardlink/ingest"
	"boardlink/link"
	"boardlink/live"
	"boardlink/metrics"
	"boardlink/netguard"
	"boardlink/operation"
	"boardlink/queue"
	"boardlink/stores"
	"boardlink/thingpark"
	"boardlink/thingsboard"
	"boardlink/web"
)

// dialTimeout bounds look-up and connect of every outgoing connection.
const dialTimeout = 10 * time.Second

// Deadlines of a stop. Together they stay below the 20 s that the program promises.
const (
	stopHTTP    = 8 * time.Second
	stopLinks   = 7 * time.Second
	stopMetrics = time.Second
	stopFigures = 2 * time.Second
)

// application is everything that runs, in the order in which it is started. It is closed in reverse.
type application struct {
	log    *slog.Logger
	public string

	uplinkURLs []string // further addresses of uplinks

	keepEvents time.Duration
	maxEvents  int64

	folder   datadir.Folder
	lock     *datadir.Lock
	db       *db.DB
	queue    *queue.Queue
	listener net.Listener
	scrapes  net.Listener // where metrics are served; nil: nowhere

	feed       *live.Feed
	figures    *activity.Recorder
	metrics    *metrics.Metrics
	alarms     *alarm.Runner
	registry   *ingest.Registry
	links      *link.Manager
	operations *operation.Connections
	people     *access.People
	keys       *access.Keys
	server     *web.Server
	keyPair    *web.KeyPair // nil: plain HTTP
}

// surroundings are what a caller may bring: the demo trusts its sandbox's authority.
type surroundings struct {
	roots *x509.CertPool // nil: the system's
}

// assemble opens the data folder and makes all parts; nothing runs yet. What was opened is closed where it fails.
func assemble(ctx context.Context, cfg config.Config, log *slog.Logger, around surroundings) (*application, error) {
	a := &application{log: log, feed: &live.Feed{}, registry: &ingest.Registry{}}
	a.keepEvents, a.maxEvents = time.Duration(cfg.EventsDays)*24*time.Hour, cfg.EventsMax
	if err := a.open(ctx, cfg, around); err != nil {
		a.release()
		return nil, err
	}
	return a, nil
}

func (a *application) open(ctx context.Context, cfg config.Config, around surroundings) error {
	policy, err := checkSettings(cfg)
	if err != nil {
		return err
	}
	if cfg.TLS() {
		if a.keyPair, err = web.OpenKeyPair(cfg.TLSCert, cfg.TLSKey, web.KeyPairOptions{Log: a.log, Tell: a.addEvent}); err != nil {
			return err
		}
	}
	if err := a.openData(ctx, cfg); err != nil {
		return err
	}
	if a.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr); err != nil {
		return listenFailure(cfg.Addr, err)
	}
	if cfg.MetricsAddr != "" {
		if a.scrapes, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.MetricsAddr); err != nil {
			return metricsFailure(cfg.MetricsAddr, err)
		}
	}
	a.public, a.uplinkURLs = cfg.PublicURLFor(a.listener.Addr().String()), cfg.UplinkURLs
	if err := a.lock.SetAddr(a.listener.Addr().String()); err != nil {
		return err
	}
	a.metrics = newMetrics()
	a.figures = activity.New(activity.Options{Store: stores.Figures{DB: a.db}, Telemetry: a.db, Feed: a.feed, Waiting: a.waiting, Log: a.log})
	a.alarms = alarm.New(alarm.Options{Store: a.db, Tell: a.addEvent, Log: a.log})
	policy = policy.Except(a.listening()...)
	if err := a.wireLinks(ctx, policy.Dialer(dialTimeout), around); err != nil {
		return err
	}
	return a.wireHTTP(ctx, cfg)
}

// waiting lists the connections that events wait on.
func (a *application) waiting() (list []connection.Waiting) {
	for id, s := range a.links.Statuses() {
		if s.Backlog > 0 {
			list = append(list, connection.Waiting{ConnectionID: id, Events: s.Backlog, OldestAge: s.OldestAge})
		}
	}
	return list
}

// listening gives the addresses of this program's own listeners.
func (a *application) listening() []net.Addr {
	all := []net.Addr{a.listener.Addr()}
	if a.scrapes != nil {
		all = append(all, a.scrapes.Addr())
	}
	return all
}

// listenFailure says what to do where the listener's address cannot be had.
func listenFailure(addr string, err error) error {
	f := connection.Fail(connection.CodeUnavailable, "Boardlink cannot listen on %s. Choose another address with --addr, for example --addr 127.0.0.1:8081.", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		f = connection.Fail(connection.CodeUnavailable, "Another program listens on %s already. Choose another address with --addr, for example --addr 127.0.0.1:8081.", addr)
	}
	f.Err = err
	return f
}

// checkSettings checks what config cannot know the rules of, before anything is opened.
func checkSettings(cfg config.Config) (netguard.Policy, error) {
	policy, err := netguard.ParsePolicy(cfg.AllowHosts)
	if err != nil {
		return netguard.Policy{}, &config.UsageError{Setting: "BOARDLINK_ALLOW_HOSTS", Message: err.Error()}
	}
	if cfg.AdminEmail != "" && !hasDatabase(cfg.DataDir) {
		if _, err := access.CheckCredentials(cfg.AdminEmail, cfg.AdminPassword); err != nil {
			return netguard.Policy{}, wrongAdmin(err)
		}
	}
	return policy, nil
}

// hasDatabase reports whether Boardlink has run in that folder before. Then there may be an operator, and what the environment
// brings for the first one is looked at only if there is none: rules may have become stricter since it was set.
func hasDatabase(dir string) bool {
	_, err := datadir.OpenExisting(dir)
	return err == nil
}

// wrongAdmin makes wrong fields of the first operator a mistake in the settings; other errors stay what they are.
func wrongAdmin(err error) error {
	var failure *connection.Failure
	if !errors.As(err, &failure) || len(failure.Fields) == 0 {
		return err
	}
	return &config.UsageError{Setting: "BOARDLINK_ADMIN_EMAIL, BOARDLINK_ADMIN_PASSWORD", Message: failure.Fields[0].Message}
}

// openData takes the data folder and opens what lies in it.
func (a *application) openData(ctx context.Context, cfg config.Config) (err error) {
	if a.folder, err = datadir.Open(cfg.DataDir); err != nil {
		return err
	}
	if a.lock, err = a.folder.Lock(cfg.Addr); err != nil {
		return err
	}
	sealer, err := sealerOf(ctx, a.folder, cfg, a.log)
	if err != nil {
		return err
	}
	a.db, err = db.Open(ctx, a.folder.Database(), db.Options{Sealer: sealer, Log: a.log, BackupDir: a.folder.Backups(), Version: programVersion()})
	if err != nil {
		return err
	}
	limit, err := a.folder.QueueMax(cfg.QueueMax)
	if err != nil {
		return err
	}
	a.queue, err = queue.Open(ctx, a.folder.Queue(), queue.Options{MaxBytes: limit, Log: a.log, Lost: a.tellLosses})
	return err
}

func sealerOf(ctx context.Context, folder datadir.Folder, cfg config.Config, log *slog.Logger) (*db.Sealer, error) {
	key, made, err := folder.Key(cfg.SecretKey)
	if f, ok := errors.AsType[*connection.Failure](err); ok && errors.Is(err, datadir.ErrNoKey) {
		if id := db.NeededKey(ctx, folder.Database()); id != "" {
			f.Message += " Its secrets need the key " + id + "."
		}
		return nil, f
	}
	if err != nil {
		return nil, err
	}
	if made {
		log.Info("A key that seals secrets was made; keep a copy of it apart from the database", "folder", folder.Path())
	}
	return db.NewSealer(key)
}

func (a *application) wireLinks(ctx context.Context, dialer *netguard.Dialer, around surroundings) error {
	installation, err := a.db.InstallationID(ctx)
	if err != nil {
		return err
	}
	all, err := a.db.Connections(ctx)
	if err != nil {
		return err
	}
	a.registry.Load(all)
	node, err := os.Hostname()
	if err != nil || node == "" {
		node = "boardlink"
	}
	towards := thingsboard.Options{Dial: dialer.DialContext, SystemRoots: around.roots, Log: a.log}
	a.links = link.NewManager(link.Options{
		Store: a.db, Queue: link.FromQueue(a.queue), Figures: a.figures, Feed: a.feed, Log: a.log,
		Open:          link.FromThingsBoard(towards),
		Downlinks:     &thingpark.Caller{Dial: dialer.DialContext, RootCAs: around.roots},
		RecentDevices: a.db.RecentDevices, WhoChanged: stores.WhoChanged(a.db),
		Installation: installation, Node: node, Meter: a.metrics,
	})
	a.metrics.Watch(a.links, a.queue, a.figures)
	a.operations = operation.New(operation.Options{
		Store: stores.Operations{DB: a.db}, Links: a.links, Parked: stores.Parked{Queue: a.queue}, Backlog: stores.Parked{Queue: a.queue}, Observer: a.registry, Feed: a.feed, PublicURL: a.public, UplinkURLs: a.uplinkURLs, NewUplinkKey: access.NewUplinkKey,
		Refusals: a.registry, OldKeys: a.registry, Downlinks: a.links,
		Prober: link.Prober{Options: towards, Installation: installation}, Tries: a.db, Example: link.Example,
	})
	return nil
}

func (a *application) wireHTTP(ctx context.Context, cfg config.Config) error {
	hasher, err := access.NewHasher()
	if err != nil {
		return err
	}
	a.people = access.NewPeople(peopleStore{a.db, a.feed}, access.PeopleOptions{
		Hasher: hasher, PublicURL: a.public, Log: a.log,
		Changed: func() { a.keys.OwnersChanged() },
	})
	a.keys = access.NewKeyRing(access.KeysOptions{Environment: cfg.APIKey, Store: a.db, Owners: a.people, Log: a.log})
	a.server, err = web.New(web.Options{
		PublicURL: a.public, TLS: a.keyPair, TrustedProxies: cfg.TrustedProxies, Sessions: a.db, People: a.people, Keys: a.keys, Feed: a.feed, Ready: a.db.Ping, Log: a.log,
		Meter: a.metrics, SessionIdle: cfg.SessionIdle, SessionLife: cfg.SessionLifetime,
		AddressRate: float64(cfg.AddressRate), KeyRate: float64(cfg.KeyRate), Development: cfg.Development,
	})
	if err != nil {
		return err
	}
	err = handlers.Mount(a.server, handlers.NewConsole(a.operations, a.people, nil), api.Options{
		Operations: a.operations, People: a.people, Keys: a.keys, Account: a.people, Once: a.db, Version: programVersion(),
		Uplinks: &ingest.Acceptor{Registry: a.registry, Queue: a.queue, Figures: a.figures, Meter: a.metrics},
	})
	if err != nil {
		return err
	}
	return a.firstOperator(ctx, cfg)
}

// firstOperator makes the operator that the environment brings, where there is none yet.
func (a *application) firstOperator(ctx context.Context, cfg config.Config) error {
	if cfg.AdminEmail == "" {
		return nil
	}
	made, err := a.people.FirstFromEnvironment(ctx, cfg.AdminEmail, cfg.AdminPassword)
	switch {
	case err != nil:
		return wrongAdmin(err)
	case made:
		a.log.Info("The first operator was made from the environment")
	default:
		a.log.Info("There is an operator already: BOARDLINK_ADMIN_EMAIL and BOARDLINK_ADMIN_PASSWORD are ignored")
	}
	return nil
}

// announce tells where the console is and, as long as nobody can sign in, how to make the first operator.
func (a *application) announce(ctx context.Context, out io.Writer) error {
	setup, err := a.people.NeedsSetup(ctx)
	if err != nil {
		return err
	}
	if !setup {
		_, err = fmt.Fprintf(out, "Boardlink is at %s\n", a.public)
		return err
	}
	token, err := a.people.NewSetupToken(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Boardlink is at %s\n\nNobody can sign in yet. Open this link within %s minutes to make the first operator:\n\n  %s/setup?token=%s\n\n",
		a.public, strconv.Itoa(int(access.SetupTokenLife.Minutes())), a.public, token.Reveal())
	return err
}

// run serves until ctx ends or a part fails, then stops everything in reverse order and gives the data folder back.
func (a *application) run(ctx context.Context) error {
	defer a.release()
	links, stopLinksNow := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLinksNow()
	linksDone := make(chan error, 1)
	go func() { linksDone <- a.links.Run(links) }()
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	chores := make(chan struct{})
	go func() { defer close(chores); a.chores(background) }()
	stopScrapes := a.serveMetrics()
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(a.listener) }()

	var failed error
	select {
	case <-ctx.Done():
		a.log.Info("Boardlink stops")
	case failed = <-served:
	case failed = <-linksDone:
		linksDone <- nil
	}

	a.within(stopHTTP, "stop serving", a.server.Shutdown)
	stopLinksNow()
	a.within(stopLinks, "close the links", func(ctx context.Context) error {
		select {
		case err := <-linksDone:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	a.within(stopMetrics, "stop serving metrics", stopScrapes)
	a.feed.Close()
	stopBackground()
	a.within(stopFigures, "write the last figures", func(ctx context.Context) error {
		select {
		case <-chores:
		case <-ctx.Done():
			return ctx.Err()
		}
		return a.figures.Flush(ctx)
	})
	return failed
}

// within does one step of a stop with a deadline of its own: ctx of the run has ended already.
func (a *application) within(limit time.Duration, doing string, step func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := step(ctx); err != nil && !errors.Is(err, context.Canceled) {
		a.log.Error("A part did not stop as it should", "doing", doing, "error", err)
	}
}

// release closes what was opened, the last first.
func (a *application) release() {
	closing := func(what string, err error) {
		if err != nil && !errors.Is(err, net.ErrClosed) {
			a.log.Error("A part did not close as it should", "part", what, "error", err)
		}
	}
	if a.listener != nil {
		closing("listener", a.listener.Close())
	}
	if a.scrapes != nil {
		closing("listener of metrics", a.scrapes.Close())
	}
	if a.queue != nil {
		closing("queue", a.queue.Close())
	}
	if a.db != nil {
		closing("database", a.db.Close())
	}
	if a.lock != nil {
		closing("lock", a.lock.Release())
	}
}
