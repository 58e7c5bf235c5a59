package link

import (
	"context"

	"boardlink/connection"
	"boardlink/thingsboard"
)

// Prober tries connections the way links run them. It touches no link.
type Prober struct {
	Options      thingsboard.Options // those that links have, so that both see the same network and trust the same roots
	Installation string              // the id in the names of gateway devices
}

// Probe tries a connection step by step; see [thingsboard.Probe]. One without an id is not stored yet and has no gateway
// device.
func (p Prober) Probe(ctx context.Context, c connection.Connection, present connection.Presenter, tell func(connection.StepResult)) error {
	trial := thingsboard.Trial{GatewayID: c.GatewayDeviceID, Present: present, Tell: tell}
	if c.ID != 0 {
		trial.GatewayName = gatewayName(p.Installation, c.ID)
	}
	return thingsboard.Probe(ctx, accountOf(c.Configuration), p.Options, trial)
}
