package sandbox

import (
	"context"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// subDevice is a device that speaks through a gateway's session; under Sandbox.mu.
type subDevice struct {
	session *session
	name    string // under which the session knows it, also after it was renamed
	dev     *device
	seen    time.Time // when it last had traffic of its own
}

// leave ends the sub-session's claim on the downlinks of its device.
func (sub *subDevice) leave() {
	if sub.dev.receiver == sub {
		sub.dev.receiver = nil
	}
}

// hold gives the sub-session of that name for a message of its device, which keeps it alive; it is opened where there is none.
func (c *session) hold(name string) (*subDevice, outcome) {
	sub, out := c.open(name, "")
	if !out.failed() {
		c.sb.mu.Lock()
		sub.seen = time.Now()
		c.sb.mu.Unlock()
	}
	return sub, out
}

// open gives the sub-session of that name. Where there is none, the device is found or created, other gateways lose its
// downlinks, and RPCs that wait are sent; one that is open is not kept alive by this.
func (c *session) open(name, profile string) (*subDevice, outcome) {
	c.sb.mu.Lock()
	if sub := c.subDevs[name]; sub != nil {
		c.sb.mu.Unlock()
		return sub, done
	}
	sub, waiting, out := c.openSub(name, profile)
	c.sb.mu.Unlock()
	deliver(waiting)
	return sub, out
}

func (c *session) openSub(name, profile string) (*subDevice, []downlink, outcome) {
	s, b := c.sb, c.sb.current()
	limits := b.GatewayLimits
	if b.OpeningRefused || !s.buckets.take(bucketKey{c.device.id, "gateway messages"}, limits.Messages, 2, time.Now()) {
		return nil, nil, openingLimit
	}
	if checkName("name", name, true) != nil || checkName("type", profile, false) != nil {
		return nil, nil, creationErr
	}
	d := s.devices.byName[name]
	if d == nil {
		if until, refused := s.devices.refused[name]; refused && time.Now().Before(until) {
			return nil, nil, deviceLimit
		}
		if b.CreationFails {
			return nil, nil, creationErr
		}
		created, refusal := s.create(name, profile, "", nil, c.device.customer, "")
		if refusal != nil {
			s.devices.refused[name] = time.Now().Add(s.opt.DeviceLimitMemory)
			return nil, nil, deviceLimit
		}
		d = created
	}
	if d.info["lastConnectedGateway"] != c.device.id {
		d.info["lastConnectedGateway"] = c.device.id
		d.version++
	}
	sub := &subDevice{session: c, name: name, dev: d, seen: time.Now()}
	c.subDevs[name] = sub
	d.receiver = sub // another gateway's sub-session keeps publishing and gets no downlinks any more
	return sub, s.waitingFor(d), done
}

// sweep ends silent sessions and forgets silent sub-devices, until ctx ends.
func (s *Sandbox) sweep(ctx context.Context) {
	tick := time.NewTicker(s.opt.ScanInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.sweepAt(time.Now())
		case <-ctx.Done():
			return
		}
	}
}

func (s *Sandbox) sweepAt(now time.Time) {
	for _, c := range s.silent(now) {
		c.end(packets.ErrImplementationSpecificError.Code)
	}
	s.changes.signal()
}

// silent gives the sessions to end and forgets the sub-devices whose time is up. With overwriteActivityTime on the gateway
// whatever the gateway sends, pings included, keeps all its sub-devices.
func (s *Sandbox) silent(now time.Time) (ended []*session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices.byID {
		c := d.own
		if c == nil {
			continue
		}
		if now.Sub(c.seen) > s.opt.SessionInactivity {
			ended = append(ended, c)
		}
		for name, sub := range c.subDevs {
			seen := sub.seen
			if d.overwrite() && c.seen.After(seen) {
				seen = c.seen
			}
			if now.Sub(seen) > s.opt.SubDeviceInactivity {
				sub.leave()
				delete(c.subDevs, name)
			}
		}
	}
	return ended
}

// forgetSessions drops what belonged to connections and to the time between start and stop: sub-devices, RPCs under way and
// their numbering.
func (s *Sandbox) forgetSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = nil
	for _, d := range s.devices.byID {
		d.own, d.receiver = nil, nil
		d.rpcs.fail(ErrStopped)
	}
}
