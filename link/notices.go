package link

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/thingpark"
)

const (
	// headStart is how long a session that just opened sends nothing: ThingsBoard hands over the notices that it kept
	// meanwhile right after the subscription, and the first uplink of a renamed device must have its new name.
	headStart = 200 * time.Millisecond
	// maxNotices bounds the notices that wait; beyond it commands wait too.
	maxNotices = 256
	// keepTries is how often a new name is tried to be written down.
	keepTries = 5
)

// notice is what ThingsBoard tells its gateway about one device (DefaultGatewayNotificationsService.java).
type notice struct {
	old, new string // new is empty where the device was deleted
}

// notice takes in that devices were renamed or deleted at ThingsBoard. It answers when that is done.
func (c *commander) notice(cmd command) {
	done := make(chan struct{})
	select { // here and not beside the listening: a device that is renamed and then deleted must not be told the other way round
	case c.p.notices <- noticesOf{noticed(cmd.Params), func() { close(done) }}:
	case <-c.p.takeCtx.Done(): // ThingsBoard tells again
	}
	c.background(func() {
		select {
		case <-done:
			c.reply(cmd, answer{Status: "ok"})
		case <-c.p.takeCtx.Done():
		}
	})
}

// noticesOf are the notices of one message, and what to call when they were followed.
type noticesOf struct {
	list []notice
	done func()
}

// noticed lists what a notice says: the name of a deleted device, or an object of old and new names.
func noticed(params json.RawMessage) (list []notice) {
	var name string
	if json.Unmarshal(params, &name) == nil {
		if name == "" {
			return nil
		}
		return []notice{{old: name}}
	}
	var renamed map[string]string
	if json.Unmarshal(params, &renamed) != nil {
		return nil
	}
	for old, name := range renamed {
		if old != "" && name != "" {
			list = append(list, notice{old, name})
		}
	}
	slices.SortFunc(list, func(a, b notice) int { return strings.Compare(a.old, b.old) })
	return list
}

// followNotices does what notices ask for, one after another, until nothing new may begin.
func (p *pump) followNotices() error {
	for {
		select {
		case <-p.takeCtx.Done():
			return nil
		case n := <-p.notices:
			for _, one := range n.list {
				if p.follow(one) != nil {
					return nil // the link is ending
				}
			}
			n.done()
		}
	}
}

// follow makes a device be called by its new name, or be connected anew, with its type, before its next telemetry:
// otherwise that would make one of the profile "default" (thingsboard-gateway, issue 420). Either way the session that
// the device had within ours is closed: ThingsBoard knows it by the old name, and what is sent there may be acknowledged
// and lost.
func (p *pump) follow(n notice) error {
	names := p.r.k.names
	devEUI := names.devEUI(n.old)
	if !thingpark.ValidDevEUI(devEUI) {
		p.r.log.Info("A device that is none of ours was renamed or deleted at ThingsBoard", "device", connection.Clean(n.old))
		return nil
	}
	end, err := names.change(p.takeCtx, devEUI)
	if err != nil {
		return err
	}
	defer end()
	if err := p.keepName(devEUI, n.new); err != nil {
		return err
	}
	if n.new == "" {
		names.remove(devEUI)
		p.forgetShared(devEUI)
	} else {
		names.rename(devEUI, n.new)
	}
	if err := p.session.DisconnectDevice(p.workCtx, n.old); err != nil {
		p.r.log.Debug("The session of a renamed or deleted device was not closed", "dev_eui", devEUI, "error", err)
	}
	p.forget(n.old)
	p.forget(devEUI)
	p.tellNotice(devEUI, n)
	return nil
}

// keepName writes the name of a device down. A database that does not answer must not keep its uplinks for ever.
func (p *pump) keepName(devEUI, name string) error {
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(p.workCtx, readLimit)
		err := p.r.m.opt.Store.SetDeviceName(ctx, p.r.k.id, p.r.k.names.at(), devEUI, name)
		cancel()
		if err == nil {
			return nil
		}
		if p.halted() {
			return errHalted
		}
		if try == keepTries {
			p.r.log.Error("The name of a device was not kept; it holds until the program ends", "dev_eui", devEUI, "error", err)
			return nil
		}
		if err := sleep(p.takeCtx, takeAgain); err != nil {
			return err
		}
	}
}

func (p *pump) tellNotice(devEUI string, n notice) {
	e := connection.Event{Level: connection.LevelInfo, Kind: connection.KindUplink, ConnectionID: p.r.k.id, DevEUI: devEUI}
	old := connection.Clean(n.old)
	switch {
	case n.new != "":
		e.Message = fmt.Sprintf("The device %s was renamed in ThingsBoard, from %q to %q. Its uplinks go to the new name.", devEUI, old, connection.Clean(n.new))
	case p.r.k.config.Load().Configuration.CreateDevices:
		e.Message = fmt.Sprintf("The device %s was deleted in ThingsBoard, where it was called %q. Its next uplink makes it anew.", devEUI, old)
	default:
		e.Message = fmt.Sprintf("The device %s was deleted in ThingsBoard, where it was called %q. Its uplinks are skipped until somebody makes it anew: Create devices is off.", devEUI, old)
		e.Level = connection.LevelWarning
	}
	p.r.m.journal.event(e)
}
