package sandbox

import (
	"fmt"

	"github.com/mochi-mqtt/server/v2/packets"
)

// What an administrator of ThingsBoard does, without REST.

// AddDevice makes a device and gives its access token. The error says why not, as REST would.
func (s *Sandbox) AddDevice(name, profile string, gateway bool) (token string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := map[string]any{}
	if gateway {
		info["gateway"] = true
	}
	d, refusal := s.create(name, profile, "", info, nobody, "")
	if refusal != nil {
		return "", fmt.Errorf("add device %q: %s", name, refusal.Message)
	}
	return d.creds.CredID, nil
}

// Assign gives a device to the customer that all customer users belong to.
func (s *Sandbox) Assign(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices.byName[name]
	if d == nil {
		return fmt.Errorf("assign %q: %w", name, ErrNoDevice)
	}
	d.customer = s.people.customer
	d.version++
	return nil
}

// SetInfo sets one member of a device's additionalInfo, such as "gateway".
func (s *Sandbox) SetInfo(name, key string, value any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices.byName[name]
	if d == nil {
		return fmt.Errorf("set %s of %q: %w", key, name, ErrNoDevice)
	}
	d.info[key] = value
	d.version++
	return nil
}

// SetLabel sets a device's label as a person does on its page.
func (s *Sandbox) SetLabel(name, label string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices.byName[name]
	if d == nil {
		return fmt.Errorf("label %q: %w", name, ErrNoDevice)
	}
	d.label = label
	d.version++
	return nil
}

// AccessToken is the token that a device must present, as its page shows it.
func (s *Sandbox) AccessToken(name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices.byName[name]
	if d == nil {
		return "", fmt.Errorf("read the token of %q: %w", name, ErrNoDevice)
	}
	return d.creds.CredID, nil
}

// RotateToken gives a device another access token, which closes its session.
func (s *Sandbox) RotateToken(name string) (token string, err error) {
	s.mu.Lock()
	d := s.devices.byName[name]
	if d == nil {
		s.mu.Unlock()
		return "", fmt.Errorf("rotate the token of %q: %w", name, ErrNoDevice)
	}
	d.creds = credentials{ID: d.creds.ID, Type: "ACCESS_TOKEN", CredID: newToken(20), Version: d.creds.Version + 1}
	token = d.creds.CredID
	own := d.own
	s.mu.Unlock()
	if own != nil {
		own.end(packets.ErrAdministrativeAction.Code)
	}
	return token, nil
}

// CloseSessions closes every MQTT session: with a DISCONNECT of that reason code (MQTT 5), or without one where it is 0.
func (s *Sandbox) CloseSessions(code byte) {
	for _, c := range s.sessions() {
		c.end(code)
	}
}

// CutSessions resets every MQTT connection, as a network does that forgot them.
func (s *Sandbox) CutSessions() {
	s.mu.Lock()
	t := s.turn
	s.mu.Unlock()
	if t == nil {
		return
	}
	for _, d := range t.doors {
		if d.name == doorMQTT || d.name == doorMQTTS {
			d.cut()
		}
	}
}

func (s *Sandbox) sessions() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []*session
	for _, d := range s.devices.byID {
		if d.own != nil {
			open = append(open, d.own)
		}
	}
	return open
}
