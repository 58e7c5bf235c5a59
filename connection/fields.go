package connection

import (
	"strconv"
	"strings"
)

// Control says how a field is typed in.
type Control string

// The controls of a field.
const (
	ControlText      Control = "text"
	ControlMultiline Control = "multiline"
	ControlSecret    Control = "secret"
	ControlSwitch    Control = "switch" // "true" or "false"
	ControlChoice    Control = "choice"
	ControlNumber    Control = "number"
	ControlDuration  Control = "duration"
)

// Choice is one value of a [ControlChoice] field.
type Choice struct{ Value, Label string }

// Short gives the label without what explains it: "Calm" of "Calm: every 10 min …".
func (c Choice) Short() string {
	if i := strings.IndexAny(c.Label, ":,"); i > 0 {
		return c.Label[:i]
	}
	return c.Label
}

// Field is all that is known of one setting. Forms, API, dialogs and documents read it here, so that they cannot differ.
type Field struct {
	Name      string // JSON name, also the input's name: "hostName"
	Path      string // JSON path from the resource's root: "configuration.hostName"
	Label     string // "Domain Name"
	Help      string // what goes in
	Example   string // a value that would do
	Control   Control
	Choices   []Choice
	Max       int  // most characters, 0: no limit of its own
	Mandatory bool // must not be empty
	Advanced  bool // stands in the Advanced part of the form
	Restarts  bool // changing it restarts the link
	Confirms  bool // changing it always asks first, also while the connection is deactivated

	// Get gives the value as text; a secret gives Mask where one is set.
	Get func(*Connection) string
	// Set takes the value as text and returns a sentence where it cannot be read; rules are for Validate.
	Set func(*Connection, string) string
}

// Fields lists the settings in the order in which a form shows them.
var Fields = []Field{
	{Name: "name", Path: "name", Label: "Name", Control: ControlText, Max: 255, Mandatory: true,
		Help: "How people call this connection. Names need not be unique.", Example: "ThingsBoard production",
		Get: func(c *Connection) string { return c.Name },
		Set: func(c *Connection, s string) string { c.Name = strings.TrimSpace(s); return "" }},
	{Name: "hostName", Path: "configuration.hostName", Label: "Domain Name", Control: ControlText, Max: 260, Mandatory: true, Restarts: true, Confirms: true,
		Help: "The domain name of your ThingsBoard account. Example: myhostname.com:8883", Example: "myhostname.com:8883",
		Get: func(c *Connection) string { return c.Configuration.HostName },
		Set: func(c *Connection, s string) string { c.Configuration.HostName = strings.TrimSpace(s); return "" }},
	{Name: "username", Path: "configuration.username", Label: "Username", Control: ControlText, Max: 255, Mandatory: true, Restarts: true, Confirms: true,
		Help: "The e-mail address of your ThingsBoard account.", Example: "tenant@example.com",
		Get: func(c *Connection) string { return c.Configuration.Username },
		Set: func(c *Connection, s string) string { c.Configuration.Username = strings.TrimSpace(s); return "" }},
	{Name: "password", Path: "configuration.password", Label: "Password", Control: ControlSecret, Max: 1000, Mandatory: true, Restarts: true, Confirms: true,
		Help: "The password of your ThingsBoard account. It is stored encrypted and never shown again.",
		Get:  func(c *Connection) string { return c.Configuration.Password.String() },
		Set:  func(c *Connection, s string) string { c.Configuration.Password = Secret(s); return "" }},
	{Name: "description", Path: "configuration.description", Label: "Description", Control: ControlMultiline, Max: 1000,
		Help: "Anything worth knowing about this connection.", Example: "Meters of the north district",
		Get: func(c *Connection) string { return c.Configuration.Description },
		Set: func(c *Connection, s string) string {
			c.Configuration.Description = strings.ReplaceAll(s, "\r\n", "\n")
			return ""
		}},

	{Name: "telemetryFormat", Path: "configuration.telemetryFormat", Label: "Telemetry format", Control: ControlChoice, Advanced: true,
		Help: "'Measurements' sends the decoded measurements, flattened, with the radio's figures, ready for a chart. 'Original document' sends the document as Send metadata and Send decoded payload only say.", Example: "MEASUREMENTS",
		Choices: []Choice{{string(FormatMeasurements), "Measurements, ready for charts"}, {string(FormatOriginal), "Original document"}},
		Get:     func(c *Connection) string { return string(c.Configuration.TelemetryFormat) },
		Set:     func(c *Connection, s string) string { c.Configuration.TelemetryFormat = TelemetryFormat(s); return "" }},
	flag("sendMetadata", "Send metadata", "Each member of the uplink becomes a telemetry key, and only uplinks are sent.",
		func(c *Connection) *bool { return &c.Configuration.SendMetadata }),
	flag("sendRawDecodedFormat", "Send decoded payload only", "Only the decoded payload is sent; the whole document where there is none.",
		func(c *Connection) *bool { return &c.Configuration.SendRawDecodedFormat }),
	flag("createDevices", "Create devices", "A device that ThingsBoard does not know is created on its first uplink. Off: such uplinks are skipped, and an event says so.",
		func(c *Connection) *bool { return &c.Configuration.CreateDevices }),
	{Name: "deviceType", Path: "configuration.deviceType", Label: "Device type", Control: ControlText, Max: 255, Advanced: true,
		Help: "The device profile of created devices.", Example: DefaultDeviceType,
		Get: func(c *Connection) string { return c.Configuration.DeviceType },
		Set: func(c *Connection, s string) string { c.Configuration.DeviceType = strings.TrimSpace(s); return "" }},
	{Name: "uplinkTimeValidity", Path: "configuration.uplinkTimeValidity", Label: "Uplink validity", Control: ControlDuration, Advanced: true,
		Help: "An uplink older than this when its turn comes is not sent. One number and one unit (s, m, h or d), like 90m or 3d. Empty: uplinks never expire.", Example: "72h",
		Get: func(c *Connection) string { return string(c.Configuration.UplinkTimeValidity) },
		Set: func(c *Connection, s string) string {
			d, err := ParseDuration(strings.TrimSpace(s))
			if err != nil {
				return "Write one number and one unit (s, m, h or d), from 1s to 365d: 90m or 3d, for example."
			}
			c.Configuration.UplinkTimeValidity = d
			return ""
		}},
	flag("verifyUplinkToken", "Check uplink tokens", "ThingPark's Token on uplinks is checked with the AS key. It must be of the last or next 5 minutes, and none is taken twice.",
		func(c *Connection) *bool { return &c.Configuration.VerifyUplinkToken }),

	flag("downlinkEnabled", "Downlinks", "Commands from ThingsBoard are sent to the devices. Off: they are refused with an answer that says so.",
		func(c *Connection) *bool { return &c.Configuration.DownlinkEnabled }),
	{Name: "downlinkUrl", Path: "configuration.downlinkUrl", Label: "Downlink address", Control: ControlText, Max: 2000, Advanced: true,
		Help: "ThingPark's downlink endpoint.", Example: "https://community.thingpark.io/thingpark/lrc/rest/downlink",
		Get: func(c *Connection) string { return c.Configuration.DownlinkURL },
		Set: func(c *Connection, s string) string { c.Configuration.DownlinkURL = strings.TrimSpace(s); return "" }},
	{Name: "downlinkAsId", Path: "configuration.downlinkAsId", Label: "AS ID", Control: ControlText, Max: 255, Advanced: true,
		Help: "The application server id that authenticates downlinks.", Example: "TWA_100002167.1111.AS",
		Get: func(c *Connection) string { return c.Configuration.DownlinkAsID },
		Set: func(c *Connection, s string) string { c.Configuration.DownlinkAsID = strings.TrimSpace(s); return "" }},
	{Name: "downlinkAsKey", Path: "configuration.downlinkAsKey", Label: "AS key", Control: ControlSecret, Max: 255, Advanced: true,
		Help: "The application server key, 32 hexadecimal digits. It is stored encrypted and never shown again.",
		Get:  func(c *Connection) string { return c.Configuration.DownlinkAsKey.String() },
		Set: func(c *Connection, s string) string {
			c.Configuration.DownlinkAsKey = Secret(strings.TrimSpace(s))
			return ""
		}},
	{Name: "downlinkPort", Path: "configuration.downlinkPort", Label: "Downlink FPort", Control: ControlNumber, Advanced: true,
		Help: "The FPort used where a command names none, 1 to 224.", Example: "1",
		Get: func(c *Connection) string {
			if c.Configuration.DownlinkPort == 0 {
				return ""
			}
			return strconv.Itoa(c.Configuration.DownlinkPort)
		},
		Set: func(c *Connection, s string) string {
			if s = strings.TrimSpace(s); s == "" {
				c.Configuration.DownlinkPort = 0
				return ""
			}
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 {
				return "Give a whole number from 1 to 224, or leave it empty."
			}
			c.Configuration.DownlinkPort = n
			return ""
		}},

	{Name: "reconnectStrategy", Path: "configuration.reconnectStrategy", Label: "Reconnect strategy", Control: ControlChoice, Advanced: true,
		Help: "How the link tries again when ThingsBoard cannot be reached, after a minute of quick tries.", Example: string(StrategyNormal),
		Choices: []Choice{
			{string(StrategyCalm), "Calm: " + StrategyCalm.Sentence()},
			{string(StrategyNormal), "Normal: " + StrategyNormal.Sentence()},
			{string(StrategyAggressive), "Aggressive: " + StrategyAggressive.Sentence()},
		},
		Get: func(c *Connection) string { return string(c.Configuration.ReconnectStrategy) },
		Set: func(c *Connection, s string) string { c.Configuration.ReconnectStrategy = Strategy(s); return "" }},
	{Name: "protocol", Path: "configuration.protocol", Label: "Protocol", Control: ControlChoice, Advanced: true, Restarts: true,
		Help: "Auto and SSL encrypt everything. TCP sends everything, the password too, in clear.", Example: string(ProtocolAuto),
		Choices: []Choice{{string(ProtocolAuto), "Auto (TLS)"}, {string(ProtocolSSL), "SSL (TLS)"}, {string(ProtocolTCP), "TCP (not encrypted)"}},
		Get:     func(c *Connection) string { return string(c.Configuration.Protocol) },
		Set:     func(c *Connection, s string) string { c.Configuration.Protocol = Protocol(s); return "" }},
	{Name: "restUrl", Path: "configuration.restUrl", Label: "REST address", Control: ControlText, Max: 2000, Advanced: true, Restarts: true,
		Help: "ThingsBoard's web address, where it is not the Domain Name's.", Example: "https://thingsboard.example.com",
		Get: func(c *Connection) string { return c.Configuration.RestURL },
		Set: func(c *Connection, s string) string { c.Configuration.RestURL = strings.TrimSpace(s); return "" }},
	{Name: "mqttHostName", Path: "configuration.mqttHostName", Label: "MQTT host", Control: ControlText, Max: 260, Advanced: true, Restarts: true,
		Help: "ThingsBoard's MQTT endpoint, where it is not the one that ThingsBoard names: host or host:port.", Example: "mqtt.example.com:8883",
		Get: func(c *Connection) string { return c.Configuration.MQTTHostName },
		Set: func(c *Connection, s string) string { c.Configuration.MQTTHostName = strings.TrimSpace(s); return "" }},
	{Name: "caCertificate", Path: "configuration.caCertificate", Label: "CA certificate", Control: ControlMultiline, Max: 100_000, Advanced: true, Restarts: true,
		Help: "An authority to trust beside the system's, as PEM.", Example: "-----BEGIN CERTIFICATE-----",
		Get: func(c *Connection) string { return c.Configuration.CACertificate },
		Set: func(c *Connection, s string) string {
			c.Configuration.CACertificate = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
			return ""
		}},
}

// flag makes the field of a switch.
func flag(name, label, help string, at func(*Connection) *bool) Field {
	return Field{Name: name, Path: "configuration." + name, Label: label, Help: help, Control: ControlSwitch, Advanced: true,
		Get: func(c *Connection) string { return strconv.FormatBool(*at(c)) },
		Set: func(c *Connection, s string) string {
			v, err := strconv.ParseBool(s)
			if err != nil {
				return "Choose on or off."
			}
			*at(c) = v
			return ""
		}}
}

// FieldByName finds a field by its JSON name.
func FieldByName(name string) (Field, bool) {
	for _, f := range Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// RestartsLink reports whether going from one connection to the other restarts the link.
func RestartsLink(from, to Connection) bool {
	for _, f := range Fields {
		if !f.Restarts {
			continue
		}
		if f.Control == ControlSecret {
			continue // compared below: the text form is masked
		}
		if f.Get(&from) != f.Get(&to) {
			return true
		}
	}
	return from.Configuration.Password != to.Configuration.Password
}

// ChangesCredentials reports whether going from one connection to the other presents something new at sign-in: another
// account, or the same at another place. The protocol is no part of that: the same account would be refused again.
func ChangesCredentials(from, to Connection) bool {
	a, b := from.Configuration, to.Configuration
	return a.HostName != b.HostName || a.Username != b.Username || a.Password != b.Password || a.RestURL != b.RestURL
}
