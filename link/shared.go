package link

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
	"boardlink/live"
	"boardlink/thingpark"
	"boardlink/thingsboard"
)

// keepAgain is the pause after the store did not take a push of attributes. Pushes wait in the session meanwhile.
const keepAgain = time.Second

// share keeps what ThingsBoard pushes of the attributes that it shares with devices, until the session ends.
func (p *pump) share() error {
	for {
		select {
		case <-p.takeCtx.Done():
			return nil
		case push, open := <-p.session.AttributePushes():
			if !open {
				return nil
			}
			p.keepShared(push)
		}
	}
}

// keepShared keeps one push. A device whose name is no DevEUI is none of ours.
func (p *pump) keepShared(push thingsboard.AttributePush) {
	change := connection.AttributeChange{ConnectionID: p.r.k.id, DevEUI: p.r.k.names.devEUI(push.Device), Set: push.Set, Deleted: push.Deleted}
	if !thingpark.ValidDevEUI(change.DevEUI) {
		p.r.log.Debug("Shared attributes of a device that is not named by a DevEUI were ignored", "device", connection.Clean(push.Device))
		return
	}
	for {
		ctx, cancel := context.WithTimeout(p.takeCtx, writeLimit)
		left, err := p.r.m.opt.Store.ChangeSharedAttributes(ctx, change)
		cancel()
		if err == nil {
			if left > 0 {
				p.r.k.tally.add(occasionSharedTooMuch, change.DevEUI)
			}
			p.r.m.journal.publish(live.Change{Topic: live.Connection, ID: p.r.k.id.String()})
			return
		}
		if p.halted() {
			return
		}
		p.r.log.Warn("Shared attributes wait for the database", "dev_eui", change.DevEUI, "error", err)
		if sleep(p.takeCtx, keepAgain) != nil {
			return
		}
	}
}

// forgetShared drops what was shared with a device that was deleted at ThingsBoard. What cannot be dropped stays until
// it is pushed anew, or the connection is deleted.
func (p *pump) forgetShared(devEUI string) {
	p.r.m.background.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
		defer cancel()
		if err := p.r.m.opt.Store.ForgetSharedAttributes(ctx, p.r.k.id, devEUI); err != nil {
			p.r.log.Warn("Shared attributes of a deleted device are still kept", "dev_eui", devEUI, "error", err)
		}
	})
}

var occasionSharedTooMuch = occasion{key: "shared too much", level: connection.LevelWarning, kind: connection.KindDownlink, tell: func(n int) string {
	return fmt.Sprintf("%s of shared attributes held more than Boardlink keeps of a device: %d attributes of %d bytes each, %d of all devices.",
		plural(n, "change"), connection.MaxSharedAttributes, connection.MaxSharedAttributeValue, connection.MaxSharedAttributesInAll)
}}
