package thingsboard

import (
	"context"
	"fmt"

	"boardlink/connection"
)

// gateway looks for the gateway device and reads its credentials; it makes and marks none.
func (p *probe) gateway(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, probeGatewayLimit)
	defer cancel()
	began := p.watch.now()
	d, err := p.findGateway(limited)
	took := p.watch.now().Sub(began)
	switch {
	case givenUp(ctx):
		return ctx.Err()
	case err != nil:
		p.fail(connection.TrialGateway, took, "", err)
	case d == nil && p.trial.GatewayName == "":
		p.ok(connection.TrialGateway, took, "A gateway device will be created.")
	case d == nil:
		p.ok(connection.TrialGateway, took, fmt.Sprintf("There is no gateway device yet: '%s' will be created.", p.trial.GatewayName))
	case !d.isGateway():
		p.ok(connection.TrialGateway, took, fmt.Sprintf("The device '%s' was found; it will be marked as a gateway.", short(d.Name)))
	default:
		p.ok(connection.TrialGateway, took, fmt.Sprintf("The gateway device '%s' was found.", short(d.Name)))
	}
	return nil
}

// findGateway gives nil where the link would make the device.
func (p *probe) findGateway(ctx context.Context) (d *device, err error) {
	if p.user.Authority == CustomerUser {
		d, err = p.client.findCustomerGateway(ctx, p.user, p.trial.GatewayName, p.trial.GatewayID)
	} else {
		d, err = p.client.findTenantGateway(ctx, p.trial.GatewayName, p.trial.GatewayID)
	}
	if err != nil || d == nil {
		return nil, err
	}
	p.found = Gateway{ID: d.ID.ID, Name: d.Name}
	return d, p.client.readCredentials(ctx, &p.found)
}
