package connection

// Example shows what ThingsBoard receives of one uplink, for people who choose how telemetry is written.
type Example struct {
	Uplink     string // the document as ThingPark sends it, JSON
	Telemetry  string // what becomes of it, JSON
	Attributes string // client attributes, JSON; empty where there are none
}
