package thingsboard

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"boardlink/connection"
)

// mqtt tries the ports at which a link would open its session, in the same order, and opens none.
func (p *probe) mqtt(ctx context.Context) error {
	began := p.watch.now()
	endpoints, err := p.endpoints(ctx)
	if err != nil {
		if givenUp(ctx) {
			return ctx.Err()
		}
		p.fail(connection.TrialMQTT, p.watch.now().Sub(began), "", err)
		return nil
	}
	var telling error
	var presented *connection.Certificate
	for i, ep := range endpoints {
		certificate, version, err := p.knock(ctx, ep)
		if givenUp(ctx) {
			return ctx.Err()
		}
		if err == nil {
			p.tellMQTT(ep, certificate, version, began)
			return nil
		}
		if i == 0 || Further(err, telling) {
			telling, presented = err, certificate
		}
	}
	r := connection.StepResult{Certificate: presented, Detail: sentenceOf(presented)}
	p.failAs(r, connection.TrialMQTT, p.watch.now().Sub(began), telling)
	return nil
}

// knock connects to an endpoint, proves who it is, and hangs up without a word of MQTT.
func (p *probe) knock(ctx context.Context, ep MQTTEndpoint) (*connection.Certificate, uint16, error) {
	limited, cancel := context.WithTimeout(ctx, probeMQTTLimit)
	defer cancel()
	w, err := p.client.dialMQTT(limited, ep)
	if err != nil {
		var unverified *tls.CertificateVerificationError
		if errors.As(err, &unverified) && len(unverified.UnverifiedCertificates) > 0 {
			return certificateOf(unverified.UnverifiedCertificates[0]), 0, p.client.connectError(ctx, ep, err)
		}
		return nil, 0, p.client.connectError(ctx, ep, err)
	}
	defer func() { _ = w.Close() }() // nothing was sent that could be lost
	secured, ok := w.Conn.(*tls.Conn)
	if !ok {
		return nil, 0, nil
	}
	state := secured.ConnectionState()
	return certificateOf(state.PeerCertificates[0]), state.Version, nil
}

func (p *probe) tellMQTT(ep MQTTEndpoint, certificate *connection.Certificate, version uint16, began time.Time) {
	r := connection.StepResult{
		Step: connection.TrialMQTT, Outcome: connection.OutcomeOK, Took: p.watch.now().Sub(began), Certificate: certificate,
		Detail: fmt.Sprintf("%s takes connections. No MQTT session was opened: it would end the one of a link that runs.", short(ep.String())),
	}
	if !ep.TLS {
		r.Outcome = connection.OutcomeWarning
		r.Detail += " It speaks without TLS, as the protocol TCP says: everything, the gateway's token too, is sent in clear."
	}
	if certificate != nil {
		r.Detail += fmt.Sprintf(" It speaks %s. %s", protocolName(version), sentenceOf(certificate))
	}
	if warning := p.expiry(certificate); warning != "" {
		r.Outcome = connection.OutcomeWarning
		r.Detail += " " + warning
	}
	p.tell(r)
}

// endpoints lists where the link would connect. Where its gateway device is not there yet, any device tells as much of
// what ThingsBoard announces.
func (p *probe) endpoints(ctx context.Context) ([]MQTTEndpoint, error) {
	g := p.found
	if g.ID == "" && p.client.account.MQTTHostName == "" {
		id, err := p.client.anyDevice(ctx)
		if err != nil {
			return nil, err
		}
		g.ID = id
	}
	return p.client.MQTTEndpoints(ctx, g)
}

// anyDevice gives the id of some device of the tenant's; empty where there is none.
func (c *Client) anyDevice(ctx context.Context) (string, error) {
	var page struct {
		Data []device `json:"data"`
	}
	err := c.call(ctx, request{
		method: http.MethodGet, path: "/api/tenant/devices", query: url.Values{"pageSize": {"1"}, "page": {"0"}}, out: &page,
	})
	switch {
	case unknownAddress(err):
		return "", nil
	case err != nil:
		return "", c.explain("look for a device", err)
	case len(page.Data) == 0 || !uuidForm.MatchString(page.Data[0].ID.ID):
		return "", nil
	}
	return page.Data[0].ID.ID, nil
}
