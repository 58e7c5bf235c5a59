package connection

import (
	"encoding/json"
	"time"
)

// Bounds of the shared attributes that are kept. What lies beyond is left out.
const (
	MaxSharedAttributes      = 100     // of one device
	MaxSharedAttributesInAll = 100_000 // of all devices of a connection
	MaxSharedAttributeKey    = 255     // bytes
	MaxSharedAttributeValue  = 4 << 10 // bytes of JSON
)

// SharedAttribute is one attribute that ThingsBoard shares with a device, as it was last pushed. ThingsBoard pushes
// changes only: what was set before the device first spoke over Boardlink, or while the link was down, is not known.
type SharedAttribute struct {
	ConnectionID ID
	DevEUI       string
	Key          string          // as ThingsBoard wrote it: clean it before it is shown
	Value        json.RawMessage // any JSON: clean it before it is shown
	UpdatedAt    time.Time
}

// AttributeChange is what a push changes of one device's shared attributes.
type AttributeChange struct {
	ConnectionID ID
	DevEUI       string
	Set          map[string]json.RawMessage // JSON values by key
	Deleted      []string                   // keys
}
