package thingsboard

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
)

// addressesTold bounds how many addresses of a name are told.
const addressesTold = 4

// find locates ThingsBoard as a link does, and tells from its dials how name, port and certificate fared.
func (p *probe) find(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, probeLocateLimit)
	defer cancel()
	err := p.client.Locate(limited)
	ended := p.watch.now()
	p.dialing.Lock()
	p.located = true
	p.dialing.Unlock()
	if givenUp(ctx) {
		return ctx.Err()
	}
	if err != nil {
		p.notFound(err, ended)
		return nil
	}
	p.client.mu.Lock()
	base := p.client.base
	p.client.mu.Unlock()
	d := p.dialOf(base)
	p.tellTLS(d, base.Scheme == "https")
	p.ok(connection.TrialThingsBoard, ended.Sub(latest(d)), fmt.Sprintf("ThingsBoard answers at %s.", place(base)))
	return nil
}

// connected tells, as soon as the first connection is there, that name and port are good.
func (p *probe) connected(d *dialed) {
	p.dialing.Lock()
	defer p.dialing.Unlock()
	if !p.located {
		p.tellReached(p.watch.copyOf(d))
	}
}

func (p *probe) tellReached(d dialed) {
	p.tellName(d)
	took := d.ended.Sub(d.began) - d.lookup()
	p.ok(connection.TrialTCP, took, fmt.Sprintf("%s takes connections.", short(d.remote)))
}

// tellName tells that a name was found.
func (p *probe) tellName(d dialed) {
	host, _, _ := net.SplitHostPort(d.address)
	detail := "The name was found."
	switch n := len(d.found); {
	case isAddress(host):
		detail = "An address needs no look-up."
	case n > addressesTold:
		detail = fmt.Sprintf("The name leads to %s and %d more.", strings.Join(d.found[:addressesTold], ", "), n-addressesTold)
	case n > 0:
		detail = fmt.Sprintf("The name leads to %s.", strings.Join(d.found, ", "))
	}
	p.ok(connection.TrialDNS, d.lookup(), detail)
}

// dialOf gives the dial by which a base was reached.
func (p *probe) dialOf(base *url.URL) dialed {
	address := net.JoinHostPort(base.Hostname(), strconv.Itoa(portOf(base)))
	var at dialed
	for _, d := range p.watch.all() {
		if d.address == address && d.connected() && d.secure() == (base.Scheme == "https") {
			at = d
		}
	}
	return at
}

// latest is when the last thing that is known of a dial happened.
func latest(d dialed) time.Time {
	if d.handshake.After(d.ended) {
		return d.handshake
	}
	return d.ended
}

// tellTLS tells of a handshake that succeeded, or that there was none by the settings' own wish.
func (p *probe) tellTLS(d dialed, secure bool) {
	if !secure {
		p.tell(connection.StepResult{
			Step: connection.TrialTLS, Outcome: connection.OutcomeWarning,
			Detail: "The protocol TCP speaks without TLS here: everything, the password too, is sent in clear.",
		})
		return
	}
	r := connection.StepResult{
		Step: connection.TrialTLS, Outcome: connection.OutcomeOK, Took: d.handshake.Sub(d.ended), Certificate: certificateOf(d.certificate),
	}
	r.Detail = fmt.Sprintf("%s speaks %s. %s", short(d.address), protocolName(d.version), sentenceOf(r.Certificate))
	if warning := p.expiry(r.Certificate); warning != "" {
		r.Outcome = connection.OutcomeWarning
		r.Detail += " " + warning
	}
	p.tell(r)
}

// expiry warns of a certificate that ends soon.
func (p *probe) expiry(c *connection.Certificate) string {
	if c == nil {
		return ""
	}
	left := c.NotAfter.Sub(p.watch.now())
	if left > expirySoon {
		return ""
	}
	return fmt.Sprintf("It ends in %d days: renew it.", int(left.Hours()/24))
}

// notFound tells at which step ThingsBoard was not found.
func (p *probe) notFound(err error, ended time.Time) {
	dials := p.watch.all()
	reached := pick(dials, dialed.connected)
	if reached == nil {
		p.notReached(dials, err, ended)
		return
	}
	p.tellReached(*reached) // told already, unless the deadline came between
	if d := p.brokenHandshake(dials, err); d != nil {
		r := connection.StepResult{Certificate: certificateOf(d.certificate)}
		r.Detail = sentenceOf(r.Certificate)
		p.failAs(r, connection.TrialTLS, latestOr(*d, ended).Sub(d.ended), err)
		return
	}
	spoken := pick(dials, dialed.secure)
	p.tellTLS(*cmp.Or(spoken, reached), spoken != nil)
	p.fail(connection.TrialThingsBoard, ended.Sub(latest(*cmp.Or(spoken, reached))), "", err)
}

// notReached tells whether the name or the port was at fault where no connection came to be.
func (p *probe) notReached(dials []dialed, err error, ended time.Time) {
	if len(dials) == 0 { // a deadline that had passed before anything was dialled
		p.fail(connection.TrialDNS, 0, "", err)
		return
	}
	d := dials[0]
	if told := pick(dials, func(d dialed) bool { return d.causes(CodeOf(err)) }); told != nil {
		d = *told
	}
	took := ended.Sub(d.began)
	if !d.ended.IsZero() {
		took = d.ended.Sub(d.began)
	}
	unresolved := !d.resolving.IsZero() && d.resolved.IsZero()
	switch code := CodeOf(err); {
	case strings.HasPrefix(string(code), "dns_"):
		p.fail(connection.TrialDNS, took, "", err)
	case code == connection.ReasonTimeout && unresolved: // the probe's own deadline
		p.fail(connection.TrialDNS, took, "", fail(connection.ReasonDNSTimeout, Transient, d.address, err))
	case code == connection.ReasonTimeout:
		p.tellName(d)
		p.fail(connection.TrialTCP, took, "", fail(connection.ReasonTCPTimeout, Transient, d.address, err))
	default:
		p.tellName(d)
		p.fail(connection.TrialTCP, took-d.lookup(), "", err)
	}
}

// brokenHandshake gives the dial whose handshake is why ThingsBoard was not found; nil where that is not why.
func (p *probe) brokenHandshake(dials []dialed, err error) *dialed {
	code := CodeOf(err)
	if d := pick(dials, func(d dialed) bool { return d.connected() && d.causes(code) }); d != nil {
		return d
	}
	if code != connection.ReasonTimeout || p.client.account.Protocol == connection.ProtocolTCP {
		return nil
	}
	return pick(dials, func(d dialed) bool { return d.connected() && d.handshake.IsZero() }) // still under way
}

// latestOr is when a handshake ended, or when it was given up.
func latestOr(d dialed, end time.Time) time.Time {
	if d.handshake.IsZero() {
		return end
	}
	return d.handshake
}

// pick gives the first dial that is like that.
func pick(dials []dialed, like func(dialed) bool) *dialed {
	for i := range dials {
		if like(dials[i]) {
			return &dials[i]
		}
	}
	return nil
}

// isAddress reports whether a host needs no look-up.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
