package connection

import "time"

// Protocol says how the link may speak to ThingsBoard.
type Protocol string

// The protocols, as in the original's MQTT connector.
const (
	ProtocolAuto Protocol = "AUTO" // TLS for REST and MQTT, else not at all
	ProtocolSSL  Protocol = "SSL"  // https and mqtts
	ProtocolTCP  Protocol = "TCP"  // http and mqtt, in clear
)

// TelemetryFormat says which telemetry keys an uplink becomes.
type TelemetryFormat string

// The telemetry formats.
const (
	FormatOriginal     TelemetryFormat = "ORIGINAL"     // as the original: by SendMetadata and SendRawDecodedFormat
	FormatMeasurements TelemetryFormat = "MEASUREMENTS" // decoded measurements flattened, and the radio's figures
)

// DefaultDeviceType is the device profile of created devices where none is named.
const DefaultDeviceType = "LoRaWAN"

// Configuration is what a connection does. Field names in JSON are those of [Fields].
type Configuration struct {
	Description string

	HostName string // host:port
	Username string // e-mail of the ThingsBoard account
	Password Secret

	CreateDevices        bool
	SendMetadata         bool
	SendRawDecodedFormat bool
	UplinkTimeValidity   Duration // empty: without limit
	TelemetryFormat      TelemetryFormat
	DeviceType           string
	VerifyUplinkToken    bool

	DownlinkEnabled bool
	DownlinkAsID    string
	DownlinkAsKey   Secret
	DownlinkPort    int // FPort used where a command names none; 0: none
	DownlinkURL     string

	Protocol          Protocol
	RestURL           string
	MQTTHostName      string // host or host:port
	CACertificate     string // PEM
	ReconnectStrategy Strategy
}

// DefaultConfiguration returns the values that the API gives to what a request leaves out.
func DefaultConfiguration() Configuration {
	return Configuration{
		CreateDevices:     true,
		DownlinkEnabled:   true,
		TelemetryFormat:   FormatOriginal,
		DeviceType:        DefaultDeviceType,
		Protocol:          ProtocolAuto,
		ReconnectStrategy: StrategyNormal,
	}
}

// MaxOldUplinkKey is the longest time for which a replaced uplink key may be accepted beside the new one.
const MaxOldUplinkKey = 7 * 24 * time.Hour

// Connection is one bidirectional link to one ThingsBoard account, as it should be. How it is stands in [Status].
type Connection struct {
	ID            ID
	ConnectorID   string
	Name          string
	Active        bool
	Configuration Configuration
	Alarms        []Alarm

	// Version counts the changes of this resource; a writer must name the one it read.
	Version int64
	// CredentialVersion counts the changes of what is presented to ThingsBoard at sign-in (host, username, password,
	// REST address). Tries after a refusal are counted per credential version.
	CredentialVersion int64
	// RestartRequest counts the times a person asked for a restart or a retry.
	RestartRequest int64
	// GatewayDeviceID is the gateway device at ThingsBoard, empty until the first sign-in.
	GatewayDeviceID string
	// UplinkKey is the credential that ThingPark sends with each uplink.
	UplinkKey Secret
	// OldUplinkKey is the one that UplinkKey replaced, accepted as well until OldUplinkKeyUntil, so that ThingPark can be
	// given the new one without a loss. Empty: there is none.
	OldUplinkKey       Secret
	OldUplinkKeyUntil  time.Time
	OldUplinkKeyUsedAt time.Time // when it was used last since it was replaced; zero: it was not

	CreatedAt time.Time
	UpdatedAt time.Time
}
