package sandbox

import (
	"encoding/json"
	"fmt"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Rename gives a device another name and tells its gateway, as an edit in ThingsBoard does. The gateway's session goes on
// under the old name.
func (s *Sandbox) Rename(old, name string) error {
	s.mu.Lock()
	d := s.devices.byName[old]
	if d == nil {
		s.mu.Unlock()
		return fmt.Errorf("rename %q: %w", old, ErrNoDevice)
	}
	if s.devices.byName[name] != nil {
		s.mu.Unlock()
		return fmt.Errorf("rename %q: %q exists", old, name)
	}
	calls := s.rename(d, name)
	s.mu.Unlock()
	for _, f := range calls {
		f()
	}
	s.changes.signal()
	return nil
}

// Delete removes a device with its data and tells its gateway. A device with a session of its own loses it.
func (s *Sandbox) Delete(name string) error {
	s.mu.Lock()
	d := s.devices.byName[name]
	if d == nil {
		s.mu.Unlock()
		return fmt.Errorf("delete %q: %w", name, ErrNoDevice)
	}
	calls := s.remove(d)
	s.mu.Unlock()
	for _, f := range calls {
		f()
	}
	s.changes.signal()
	return nil
}

// rename changes the name; with s.mu held. The calls it gives are to be made without.
func (s *Sandbox) rename(d *device, name string) []func() {
	old := d.name
	if old == name {
		return nil
	}
	delete(s.devices.byName, old)
	d.name = name
	d.version++
	s.devices.byName[name] = d
	return s.notice(d, "gateway_device_renamed", map[string]string{old: name})
}

// remove deletes a device; with s.mu held. The calls it gives are to be made without. A sub-session that knows the device
// under an older name is left behind: what it publishes is acknowledged and lost.
func (s *Sandbox) remove(d *device) []func() {
	delete(s.devices.byID, d.id)
	delete(s.devices.byName, d.name)
	d.deleted = true
	d.rpcs.fail(fmt.Errorf("call %q: %w", d.name, ErrNoDevice))
	if sub := d.receiver; sub != nil && sub.name == d.name {
		sub.leave()
		delete(sub.session.subDevs, sub.name)
	}
	calls := s.notice(d, "gateway_device_deleted", d.name)
	if own := d.own; own != nil {
		calls = append(calls, func() { own.end(packets.ErrAdministrativeAction.Code) })
	}
	return calls
}

// notice calls the gateway that the device was last connected to (DefaultGatewayNotificationsService). The call waits for
// the gateway where it is away; ThingsBoard keeps it for a day.
func (s *Sandbox) notice(d *device, method string, params any) []func() {
	id, _ := d.info["lastConnectedGateway"].(string)
	gateway := s.devices.byID[id]
	raw, err := json.Marshal(params)
	if gateway == nil || err != nil {
		return nil
	}
	call := &rpc{method: method, params: raw, oneWay: true, notice: true, result: make(chan rpcResult, 1)}
	gateway.rpcs.add(call)
	out := s.dispatch(gateway, call)
	return []func(){func() { deliver(out) }}
}
