package link

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
)

// Deadlines of the steps of opening.
const (
	locateLimit  = 20 * time.Second // two dials: the account's port may be the one for MQTT
	signInLimit  = 10 * time.Second
	gatewayLimit = 15 * time.Second // several REST calls
	findLimit    = 10 * time.Second
	connectLimit = 10 * time.Second
)

// open goes from CLOSED to OPENED.
func (r *run) open(ctx context.Context, client Client) (Session, error) {
	c := r.conn.Configuration
	r.enter(connection.Opening, fmt.Sprintf(connection.ToldConnecting+"%s, try %d.", c.HostName, r.attempt))
	if err := step(ctx, locateLimit, client.Locate); err != nil {
		return nil, err
	}
	r.enter(connection.Authenticating, fmt.Sprintf(connection.ToldSigningIn+"%s.", c.Username))
	if err := r.signIn(ctx, client); err != nil {
		return nil, err
	}
	gateway, err := r.gateway(ctx, client)
	if err != nil {
		return nil, err
	}
	if err := r.readNames(ctx, gateway.ID); err != nil {
		return nil, err
	}
	session, at, err := connect(ctx, client, gateway)
	if err != nil {
		return nil, err
	}
	r.showOpened(at)
	if r.wasAway {
		r.m.hostBack(hostOf(r.conn.Configuration))
	}
	return session, nil
}

// step runs one step within its deadline. Nothing follows a step during which the link was told to end: one that was
// left behind would take the session, and the queue, away from the one that runs.
func step(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f(limited)
	if err == nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// gatewayName is how the gateway device of a connection is called at ThingsBoard.
func gatewayName(installation string, id connection.ID) string {
	return fmt.Sprintf("Boardlink %s %s", installation, id)
}

// gateway finds or makes the gateway device, and keeps its id so that a rename at ThingsBoard is survived.
func (r *run) gateway(ctx context.Context, client Client) (thingsboard.Gateway, error) {
	name := gatewayName(r.m.opt.Installation, r.k.id)
	var g thingsboard.Gateway
	err := step(ctx, gatewayLimit, func(ctx context.Context) (err error) {
		g, err = client.Gateway(ctx, name, r.conn.GatewayDeviceID)
		return err
	})
	if err != nil {
		return g, err
	}
	if g.ID != r.conn.GatewayDeviceID {
		r.keepGateway(ctx, g.ID)
	}
	return g, nil
}

// keepGateway stores the device's id with the connection, and puts it into the row that runs: it was not read since.
func (r *run) keepGateway(ctx context.Context, deviceID string) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	if err := r.m.opt.Store.SetGatewayDevice(ctx, r.k.id, deviceID); err != nil {
		r.log.Warn("The gateway device was not kept", "error", err) // it is found by its name next time
		return
	}
	if row := r.k.config.Load(); row.CredentialVersion == r.conn.CredentialVersion {
		fresh := *row
		fresh.GatewayDeviceID = deviceID
		r.k.config.CompareAndSwap(row, &fresh)
	}
}

// readNames reads what ThingsBoard calls the devices. Without it nothing may be sent: a device that was renamed would be
// made a second time.
func (r *run) readNames(ctx context.Context, gatewayID string) error {
	return step(ctx, readLimit, func(ctx context.Context) error {
		err := r.k.names.load(gatewayID, func() (map[string]string, error) {
			return r.m.opt.Store.DeviceNames(ctx, r.k.id, gatewayID)
		})
		if err != nil {
			return &failure{code: connection.ReasonInternal, err: err}
		}
		return nil
	})
}

// connect tries the MQTT endpoints in their order.
func connect(ctx context.Context, client Client, g thingsboard.Gateway) (Session, thingsboard.MQTTEndpoint, error) {
	var endpoints []thingsboard.MQTTEndpoint
	err := step(ctx, findLimit, func(ctx context.Context) (err error) {
		endpoints, err = client.MQTTEndpoints(ctx, g)
		return err
	})
	if err != nil {
		return nil, thingsboard.MQTTEndpoint{}, err
	}
	telling := error(&failure{code: connection.ReasonMQTTNotFound})
	for i, ep := range endpoints {
		var session Session
		err := step(ctx, connectLimit, func(ctx context.Context) (err error) {
			session, err = client.Connect(ctx, ep, g)
			return err
		})
		if err == nil {
			return session, ep, nil
		}
		if session != nil {
			leave(session)
		}
		if i == 0 || thingsboard.Further(err, telling) {
			telling = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, thingsboard.MQTTEndpoint{}, telling
}

// leave closes a session that came when it was not wanted any more.
func leave(s Session) {
	bye, cancel := context.WithTimeout(context.Background(), abruptLimit)
	defer cancel()
	_ = s.Close(bye) // its error is of no use: the socket is closed either way
}

// enter shows a state on the way to OPENED.
func (r *run) enter(state connection.State, sentence string) {
	m := move{state: state, code: connection.ReasonStarting, reason: sentence, level: connection.LevelInfo, event: sentence}
	if r.quiet {
		m.event = ""
	}
	r.k.board.enter(r, m, func(s *connection.Status) { s.Attempt = r.attempt })
}

// showOpened enters OPENED.
func (r *run) showOpened(at thingsboard.MQTTEndpoint) {
	now := r.m.now()
	r.mu.Lock()
	r.openedAt = now
	r.mu.Unlock()
	m := move{state: connection.Opened, code: connection.ReasonConnected, level: connection.LevelInfo,
		event: fmt.Sprintf(connection.ToldOpened+"connected to ThingsBoard at %s.", at)}
	if !r.lossAt.IsZero() {
		m.event = fmt.Sprintf(connection.ToldOpened+"connected to ThingsBoard at %s again, %s after the loss and with try %d.", at,
			now.Sub(r.lossAt).Round(time.Second), r.attempt)
	}
	r.log.Info("Link opened", "endpoint", at.String(), "attempt", r.attempt)
	r.k.board.enter(r, m, func(s *connection.Status) { s.StartupTime, s.Attempt = now, 0 })
}
