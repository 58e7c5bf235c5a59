package link

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"boardlink/connection"
	"boardlink/live"
	"boardlink/queue"
	"boardlink/thingpark"
	"boardlink/thingsboard"
)

// Store is what links need of the database.
type Store interface {
	Connection(ctx context.Context, id connection.ID) (connection.Connection, error) // CodeNotFound for a deleted one
	Connections(ctx context.Context) ([]connection.Connection, error)
	DeletedConnections(ctx context.Context) ([]connection.ID, error)
	FinishDeletion(ctx context.Context, id connection.ID) error
	SetGatewayDevice(ctx context.Context, id connection.ID, deviceID string) error

	SaveStatus(ctx context.Context, id connection.ID, s connection.Status) error
	Statuses(ctx context.Context) (map[connection.ID]connection.Status, error)

	CredentialTries(ctx context.Context, id connection.ID, credentialVersion int64) (connection.CredentialTries, error)
	TakeCredentialTry(ctx context.Context, id connection.ID, credentialVersion int64) (taken bool, err error) // false: none is left
	AllowCredentialTry(ctx context.Context, id connection.ID, credentialVersion int64) error
	ResetCredentialTries(ctx context.Context, id connection.ID, credentialVersion int64) error

	AddEvent(ctx context.Context, e connection.Event) (connection.Event, error)

	// DeviceNames and SetDeviceName keep what ThingsBoard calls devices that were renamed there; the DevEUI itself, and an
	// empty name, forget it. gatewayDeviceID tells one ThingsBoard from another.
	DeviceNames(ctx context.Context, id connection.ID, gatewayDeviceID string) (map[string]string, error)
	SetDeviceName(ctx context.Context, id connection.ID, gatewayDeviceID, devEUI, name string) error

	CommandStore
}

// CommandStore is what links need of the database for what goes to devices; [boardlink/db.DB] says what each does.
type CommandStore interface {
	BeginCommand(ctx context.Context, c connection.Command, since time.Time) (_ connection.Command, begun bool, err error)
	SettleCommand(ctx context.Context, id int64, state connection.CommandState, sentence string) error
	ReportCommand(ctx context.Context, id connection.ID, devEUI, correlationID string, state connection.CommandState, sentence string, e connection.Event) (c connection.Command, changed bool, err error)
	GiveUpCommands(ctx context.Context, before time.Time, sentence string) ([]connection.Command, error)

	ChangeSharedAttributes(ctx context.Context, c connection.AttributeChange) (left int, err error)
	ForgetSharedAttributes(ctx context.Context, id connection.ID, devEUI string) error
}

// Queue is what links need of the queue of uplinks.
type Queue interface {
	// Lanes makes the caller the one consumer of a connection; what an earlier consumer still holds is fenced off.
	Lanes(id connection.ID) Lanes
	Depth(id connection.ID) (waiting int64, oldest time.Time, parked int64)
	Purge(ctx context.Context, id connection.ID) (int64, error)
}

// Lanes hands out the events of one connection, the oldest per device, never two of one device at a time. Each event
// taken must be given back by exactly one of the other methods.
type Lanes interface {
	Take(ctx context.Context, limit int) ([]queue.Event, error)
	Ack(ctx context.Context, e queue.Event) error
	Retry(e queue.Event, after time.Duration)
	Return(e queue.Event)
	Park(ctx context.Context, e queue.Event, code connection.ReasonCode, reason string) error
	Drop(ctx context.Context, e queue.Event) error
	Close()
}

// Figures takes what happened, to be counted.
type Figures interface {
	// Delivered takes in how long after its acceptance an event was acknowledged by ThingsBoard.
	Delivered(id connection.ID, took time.Duration)
	// Sent notes what was delivered: the telemetry of a device, and its time in milliseconds.
	Sent(id connection.ID, devEUI string, ts int64, values json.RawMessage)
	Downlink(id connection.ID, devEUI string)
	Rejected(id connection.ID)
	Parked(id connection.ID)
	Expired(id connection.ID, n int)
	AcceptedSince(id connection.ID, d time.Duration) int64
	DeliveredSince(id connection.ID, d time.Duration) int64
}

// Client is one account at one ThingsBoard, as [thingsboard.Client].
type Client interface {
	Locate(ctx context.Context) error
	SignIn(ctx context.Context) (thingsboard.User, error)
	Gateway(ctx context.Context, name, knownID string) (thingsboard.Gateway, error)
	MQTTEndpoints(ctx context.Context, g thingsboard.Gateway) ([]thingsboard.MQTTEndpoint, error)
	Connect(ctx context.Context, ep thingsboard.MQTTEndpoint, g thingsboard.Gateway) (Session, error)
	// FindDevice looks a device up by its name. It is asked where the gateway API must not make one.
	FindDevice(ctx context.Context, name string) (id string, found bool, err error)
	// SendTelemetry takes what is too large for MQTT.
	SendTelemetry(ctx context.Context, deviceID string, entries []thingsboard.Entry) error
	// LabelDevice gives a device a label, unless a person gave it another, and reports whether it was written.
	LabelDevice(ctx context.Context, name, label string) (written bool, err error)
	Close()
}

// Session is one open MQTT session of the gateway device, as [thingsboard.Session].
type Session interface {
	ConnectDevice(ctx context.Context, device, profile string) error
	DisconnectDevice(ctx context.Context, device string) error
	Telemetry(ctx context.Context, device string, entries []thingsboard.Entry) error
	GatewayTelemetry(ctx context.Context, entries []thingsboard.Entry) error
	Attributes(ctx context.Context, device string, values map[string]any) error
	// Prove returns nil once ThingsBoard acknowledged a question: the session is alive.
	Prove(ctx context.Context) error
	Commands() <-chan thingsboard.Command
	AttributePushes() <-chan thingsboard.AttributePush
	Reply(ctx context.Context, device string, id int64, data any) error
	Limits() thingsboard.Limits
	LastSeen() time.Time
	Done() <-chan struct{}
	Err() error
	Close(ctx context.Context) error
}

// Opener makes the client of a connection without dialling. beforeRelogin is asked before the client presents the
// password by itself.
type Opener func(c connection.Connection, beforeRelogin func(ctx context.Context) error) (Client, error)

// Downlinks hands downlinks over to ThingPark, as [thingpark.Caller].
type Downlinks interface {
	Send(ctx context.Context, url, asID string, asKey connection.Secret, d thingpark.Downlink) (thingpark.Answer, error)
}

// Options are what a [Manager] needs of its surroundings. Store, Queue, Figures, Open and Downlinks are mandatory.
type Options struct {
	Store     Store
	Queue     Queue
	Figures   Figures
	Open      Opener
	Downlinks Downlinks

	// RecentDevices lists the devices seen on a connection since a moment, the latest first, at most limit. They are
	// connected anew after each reconnect, because commands reach a device only then. Nil: none.
	RecentDevices func(ctx context.Context, id connection.ID, since time.Time, limit int) ([]connection.Device, error)
	// WhoChanged names whoever changed a connection last, for sentences like "alice@example.com deactivated this
	// connection." Nil, and an empty answer, give a sentence without a name.
	WhoChanged func(ctx context.Context, id connection.ID) string

	Feed *live.Feed       // told of each change; may be nil
	Now  func() time.Time // nil: time.Now
	// Steady is a clock that only counts on, whatever Now does; nil: the program's own. It finds jumps of Now.
	Steady func() time.Duration
	Log    *slog.Logger   // nil: nothing is logged
	Random func() float64 // of [0, 1), for jitter; nil: math/rand

	Installation string // 8 hexadecimal digits; part of the gateway device's name
	Node         string // owner of the links that this manager runs

	Meter Meter // told of publishes and of what became of commands; may be nil
}
