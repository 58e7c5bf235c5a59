package sandbox

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// nobody is the customer of unassigned devices.
const nobody = "13814000-1dd2-11b2-8080-808080808080"

// defaultProfile is the profile of devices that name none.
const defaultProfile = "default"

// device is one device; under Sandbox.mu.
type device struct {
	id, name, profile, label string
	created, version         int64
	info                     map[string]any // additionalInfo
	customer                 string
	creds                    credentials
	deleted                  bool

	series     series
	attributes map[Scope]map[string]attribute
	rpcs       rpcBook

	own      *session   // its own MQTT session
	receiver *subDevice // the gateway's sub-session that gets its downlinks
}

// credentials of a device, as REST shows them.
type credentials struct {
	ID      string
	Type    string // ACCESS_TOKEN, MQTT_BASIC or X509_CERTIFICATE
	CredID  string
	Value   *string
	Version int64
	Basic   basicCredentials // of MQTT_BASIC
}

// basicCredentials is what the value of MQTT_BASIC holds.
type basicCredentials struct {
	ClientID *string `json:"clientId"`
	UserName *string `json:"userName"`
	Password *string `json:"password"`
}

func (d *device) gateway() bool   { return d.info["gateway"] == true }
func (d *device) overwrite() bool { return d.info["overwriteActivityTime"] == true }

// devices are the tenant's devices and device profiles; under Sandbox.mu.
type devices struct {
	byID     map[string]*device
	byName   map[string]*device
	profiles map[string]string    // name to id
	refused  map[string]time.Time // names not created for the device limit, until when that is remembered
}

func newDevices() devices {
	return devices{byID: map[string]*device{}, byName: map[string]*device{}, profiles: map[string]string{defaultProfile: newID()}, refused: map[string]time.Time{}}
}

// profileID finds or makes the profile of that name.
func (d *devices) profileID(name string) string {
	id, ok := d.profiles[name]
	if !ok {
		id = newID()
		d.profiles[name] = id
	}
	return id
}

func (d *devices) profileName(id string) string {
	for name, known := range d.profiles {
		if known == id {
			return name
		}
	}
	return ""
}

// sorted are the devices in the order of their creation.
func (d *devices) sorted() []*device {
	all := make([]*device, 0, len(d.byID))
	for _, dev := range d.byID {
		all = append(all, dev)
	}
	slices.SortFunc(all, func(a, b *device) int {
		if a.created != b.created {
			return int(a.created - b.created)
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

// byToken finds the device with that credentials id.
func (d *devices) byToken(id string) *device {
	for _, dev := range d.byID {
		if dev.creds.CredID == id {
			return dev
		}
	}
	return nil
}

// checkName is ThingsBoard's rule for names, types and labels.
func checkName(what, text string, mandatory bool) *apiError {
	switch {
	case mandatory && strings.TrimSpace(text) == "":
		return invalid("Device " + what + " should be specified!")
	case utf8.RuneCountInString(text) > 255:
		return invalid(what + " length must be equal or less than 255")
	case strings.ContainsAny(text, "<>") || strings.Contains(text, "{{"):
		return invalid(what + " field is malformed")
	case strings.ContainsRune(text, 0):
		return invalid(what + " should not contain 0x00 symbol")
	}
	return nil
}

// create adds a device that has passed checkName; with s.mu held.
func (s *Sandbox) create(name, profile, label string, info map[string]any, customer, token string) (*device, *apiError) {
	if s.devices.byName[name] != nil {
		return nil, invalid("Device with such name already exists!")
	}
	if limit := s.current().DeviceLimit; limit > 0 && len(s.devices.byID) >= limit {
		return nil, &apiError{
			Status: 403, Message: "Devices limit reached", Code: codeEntitiesLimit, Extra: map[string]any{"entityType": "DEVICE", "limit": limit},
		}
	}
	if token == "" {
		token = newToken(20)
	} else if s.devices.byToken(token) != nil {
		return nil, invalid("Specified credentials are already registered!")
	}
	if profile == "" {
		profile = defaultProfile
	}
	s.devices.profileID(profile)
	if info == nil {
		info = map[string]any{}
	}
	d := &device{
		id: newID(), name: name, profile: profile, label: label, info: info, customer: customer,
		created: s.opt.Now().UnixMilli(), version: 1,
		creds:      credentials{ID: newID(), Type: "ACCESS_TOKEN", CredID: token, Version: 1},
		series:     newSeries(s.opt.History),
		attributes: map[Scope]map[string]attribute{},
		rpcs:       newRPCBook(),
	}
	s.devices.byID[d.id] = d
	s.devices.byName[d.name] = d
	return d, nil
}
