package operation

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/live"
)

// Store keeps connections, their events and their figures. Unknown connections are a [connection.Failure] with
// [connection.CodeNotFound], a stale version one with [connection.CodeConflict].
type Store interface {
	// CreateConnection stores a new connection and the event in one transaction; it gives out ID and versions.
	CreateConnection(ctx context.Context, c connection.Connection, e connection.Event) (connection.Connection, error)
	Connection(ctx context.Context, id connection.ID) (connection.Connection, error)
	// Connections gives all connections in the order of their ids.
	Connections(ctx context.Context) ([]connection.Connection, error)
	// Listed is Connections for a list: fast, and with [connection.Mask] in place of each secret that is set. What it
	// gives is shared with others and is not changed.
	Listed(ctx context.Context) ([]*connection.Connection, error)
	// UpdateConnection replaces the row if its version still is c.Version, and stores the event in the same transaction.
	UpdateConnection(ctx context.Context, c connection.Connection, e connection.Event) (connection.Connection, error)
	DeleteConnection(ctx context.Context, id connection.ID, e connection.Event) error
	// RequestRestart counts up RestartRequest without a new version, with the event in the same transaction.
	RequestRestart(ctx context.Context, id connection.ID, e connection.Event) error
	// AllowCredentialTry grants one more sign-in with this version of the credentials.
	AllowCredentialTry(ctx context.Context, id connection.ID, credentialVersion int64) error

	// ForgetOldUplinkKey removes an old uplink key whose time is over by now, without a new version, with the event in the
	// same transaction; CodeNotFound where there is none.
	ForgetOldUplinkKey(ctx context.Context, id connection.ID, now time.Time, e connection.Event) (connection.Connection, error)

	Events(ctx context.Context, f EventFilter) ([]connection.Event, error)
	// Tell stores an event that comes with no change of a row.
	Tell(ctx context.Context, e connection.Event) error

	// Devices gives devices in the order of their DevEUIs.
	Devices(ctx context.Context, id connection.ID, f DeviceFilter) ([]connection.Device, error)
	Device(ctx context.Context, id connection.ID, devEUI string) (connection.Device, error)
	// SharedAttributes gives what ThingsBoard shares with a device, in the order of the keys.
	SharedAttributes(ctx context.Context, id connection.ID, devEUI string) ([]connection.SharedAttribute, error)
	// LastTelemetry gives what ThingsBoard acknowledged last of a device; the zero value where nothing is known.
	LastTelemetry(ctx context.Context, id connection.ID, devEUI string) (connection.LastTelemetry, error)
	// DeviceCommands gives the latest commands of a device, the latest first.
	DeviceCommands(ctx context.Context, id connection.ID, devEUI string, limit int) ([]connection.Command, error)

	Figures(ctx context.Context, id connection.ID, from, to time.Time) ([]connection.Minute, error)
	ActiveDevices(ctx context.Context, id connection.ID, since time.Time) (int, error)
	// FiguresOf gives what happened since then on each of these connections that had any traffic.
	FiguresOf(ctx context.Context, since time.Time, ids ...connection.ID) (map[connection.ID]connection.Totals, error)
	// MinutesOfAll gives the figures of all connections together by minute, in their order, and in which minutes the backlog
	// was looked at; minutes in which nothing happened may be missing.
	MinutesOfAll(ctx context.Context, from, to time.Time) ([]connection.Minute, error)
}

// Links runs the connections. Reconcile never blocks: the link follows what the store says as soon as it can.
type Links interface {
	Reconcile(id connection.ID)
	Status(id connection.ID) connection.Status
}

// Observer is told of every committed change before the caller has its answer, so that uplinks of a new connection are
// accepted at once and those of a deleted one no longer.
type Observer interface {
	Changed(c connection.Connection)
	Removed(id connection.ID)
}

// Publisher tells open pages.
type Publisher interface {
	Publish(c live.Change)
}

// Refusals counts the uplinks that were refused.
type Refusals interface {
	Refusals(id connection.ID) connection.Refusals
}

// OldKeys sees when uplink keys that were replaced are used.
type OldKeys interface {
	// OldKeyUsedAt is the last use of a connection's old uplink key; zero where none was seen.
	OldKeyUsedAt(id connection.ID) time.Time
}

// Options are what [New] needs. All fields but Prober, Downlinks, Refusals, OldKeys, Example and Now are mandatory; with a Prober, Tries is too.
type Options struct {
	Store    Store
	Links    Links
	Parked   ParkedEvents
	Backlog  Backlog
	Observer Observer
	Feed     Publisher
	// PublicURL is how ThingPark reaches this installation: "https://boardlink.example.com".
	PublicURL string
	// UplinkURLs are further addresses at which ThingPark reaches it.
	UplinkURLs []string
	// NewUplinkKey makes the credential of a connection's uplinks.
	NewUplinkKey func() connection.Secret
	Prober       Prober    // nil: connections cannot be tested
	Downlinks    Downlinks // nil: no downlink can be sent by hand
	Tries        Tries     // of the stored credentials, which tests count too
	Refusals     Refusals  // nil: nobody counts
	OldKeys      OldKeys   // nil: nobody sees them used
	// Example tells what ThingsBoard receives of an uplink under some settings, as [boardlink/link.Example]. Nil: nobody can say.
	Example func(connection.Configuration) (connection.Example, error)
	Now     func() time.Time // nil: time.Now
}

// Connections is the set of operations. It is safe for concurrent use.
type Connections struct {
	store     Store
	links     Links
	parked    ParkedEvents
	backlog   Backlog
	observer  Observer
	feed      Publisher
	publicURL string
	moreURLs  []string
	newKey    func() connection.Secret
	refusals  Refusals
	oldKeys   OldKeys
	downlinks Downlinks
	now       func() time.Time

	restarting sync.Mutex // of restarts, so that several at once allow one try
	grants     map[connection.ID]grant

	trials  *trials
	example func(connection.Configuration) (connection.Example, error)
}

// New makes the operations.
func New(opt Options) *Connections {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Connections{
		store: opt.Store, links: opt.Links, parked: opt.Parked, backlog: opt.Backlog, observer: opt.Observer, feed: opt.Feed,
		publicURL: strings.TrimRight(opt.PublicURL, "/"), moreURLs: opt.UplinkURLs, newKey: opt.NewUplinkKey, refusals: opt.Refusals, oldKeys: opt.OldKeys, downlinks: opt.Downlinks, now: opt.Now,
		grants: map[connection.ID]grant{}, trials: newTrials(opt.Prober, opt.Tries, opt.Now), example: opt.Example,
	}
}

// event makes an event of now about a connection.
func (o *Connections) event(actor string, kind connection.Kind, id connection.ID, format string, args ...any) connection.Event {
	return connection.Event{
		Time: o.now(), Level: connection.LevelInfo, Kind: kind, Actor: actor, ConnectionID: id,
		Message: fmt.Sprintf(format, args...),
	}
}

// committed spreads the news of a change that is in the store.
func (o *Connections) committed(c connection.Connection) {
	o.observer.Changed(c)
	o.links.Reconcile(c.ID)
	o.publish(c.ID)
}

func (o *Connections) publish(id connection.ID) {
	o.feed.Publish(live.Change{Topic: live.Connection, ID: id.String()})
	o.feed.Publish(live.Change{Topic: live.Events, ID: id.String()})
}
