package thingsboard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"boardlink/connection"
)

// Deadlines of a probe's steps; the caller's context bounds them all together.
const (
	probeLocateLimit  = 20 * time.Second
	probeSignInLimit  = 10 * time.Second
	probeGatewayLimit = 15 * time.Second
	probeMQTTLimit    = 10 * time.Second // for each endpoint
)

// Trial is what a [Probe] needs besides an account.
type Trial struct {
	GatewayName string // how the link calls its gateway device; empty where there is no link yet
	GatewayID   string // of the gateway device, where it is known from last time

	// Present guards the password; nil lets it be presented.
	Present connection.Presenter
	// Tell is given each step as soon as it is over, in the order of [connection.TrialSteps], one call at a time.
	Tell func(connection.StepResult)
}

// Probe goes the way that a link goes, with the same code, and tells each step. It changes nothing at ThingsBoard: it
// signs in and out, reads, makes no device and marks none. Of MQTT it tries the port and its certificate only: a CONNECT
// would end the session of the link that runs. A step that fails is the last one tried; those after it are told as
// skipped.
//
// It ends when ctx does: at a deadline the step under way fails, and where the caller gave up the error says so. A
// password that was sent is waited for nevertheless, for as long as the step has, so that its verdict counts.
func Probe(ctx context.Context, a Account, options Options, trial Trial) error {
	p := &probe{trial: trial, left: slices.Clone(connection.TrialSteps)}
	client, err := p.newClient(a, options)
	if err != nil {
		p.fail(connection.TrialAddress, 0, "", err)
		p.skipRest()
		return nil
	}
	defer client.Close()
	for _, step := range []func(context.Context) error{p.address, p.find, p.signIn, p.gateway, p.mqtt} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("test a connection: %w", err)
		}
		if p.over() {
			break
		}
	}
	p.skipRest()
	return nil
}

// probe is a [Probe] under way.
type probe struct {
	client *Client
	watch  *watch
	trial  Trial

	found Gateway // the gateway device, where there is one
	user  User

	mu      sync.Mutex // steps are told by dials too, which run beside each other
	left    []connection.TrialStep
	stopped bool // a step failed or was not allowed: nothing follows

	dialing sync.Mutex // taken before mu, and kept while a dial tells its steps
	located bool       // connections that come to be now are told by nobody
}

func (p *probe) newClient(a Account, options Options) (*Client, error) {
	p.watch = &watch{dial: options.Dial, now: time.Now, reached: p.connected}
	if options.Now != nil {
		p.watch.now = options.Now
	}
	if options.Dial != nil {
		options.Dial = p.watch.Dial
	}
	client, err := NewClient(a, options)
	if err != nil {
		return nil, err
	}
	client.watch, p.client = p.watch, client
	return client, nil
}

// address tells what is going to be asked.
func (p *probe) address(context.Context) error {
	c := p.client
	host := short(c.host)
	detail := fmt.Sprintf("ThingsBoard's web address is looked for at %s.", net.JoinHostPort(host, strconv.Itoa(c.port)))
	switch {
	case c.account.RestURL != "":
		detail = "ThingsBoard's web address is the REST address of the settings."
	case isMQTTPort(c.port):
		detail = fmt.Sprintf("Port %d is an MQTT port, so ThingsBoard's web address is looked for at %s.", c.port, portsAt(host, c.restPorts()))
	}
	p.ok(connection.TrialAddress, 0, detail)
	return nil
}

// portsAt writes "host:443, host:80".
func portsAt(host string, ports []int) string {
	list := make([]string, len(ports))
	for i, port := range ports {
		list[i] = net.JoinHostPort(host, strconv.Itoa(port))
	}
	return strings.Join(list, ", ")
}

// signIn presents the password, where that is allowed, and tells who the account is.
func (p *probe) signIn(ctx context.Context) error {
	if ctx.Err() != nil { // nothing is sent that nobody would wait for
		if givenUp(ctx) {
			return ctx.Err()
		}
		p.fail(connection.TrialSignIn, 0, "", ctx.Err())
		return nil
	}
	settle := func(context.Context, connection.Verdict) {}
	if p.trial.Present != nil {
		var err error
		if settle, err = p.trial.Present(ctx); err != nil {
			return p.withheld(ctx, err)
		}
	}
	// Whoever leaves now does not make the verdict go by unseen: an account is disabled after too many refusals.
	book := context.WithoutCancel(ctx)
	limited, cancel := context.WithTimeout(book, p.remaining(ctx, probeSignInLimit))
	defer cancel()
	began := p.watch.now()
	user, err := p.client.SignIn(limited)
	ended, taken := p.watch.now(), p.watch.tookPassword()
	settle(book, verdictOn(err, !taken.IsZero()))
	switch {
	case givenUp(ctx):
		return ctx.Err()
	case err != nil && taken.IsZero():
		p.fail(connection.TrialSignIn, ended.Sub(began), "", err)
		return nil
	}
	p.ok(connection.TrialSignIn, taken.Sub(began), "ThingsBoard took the e-mail and the password.")
	if err != nil {
		p.fail(connection.TrialAuthority, ended.Sub(taken), "", err)
		return nil
	}
	p.user = user
	detail := "The account is a tenant administrator."
	if user.Authority == CustomerUser {
		detail = "The account is a customer user: it makes no devices, so a gateway device must be assigned to its customer."
	}
	p.ok(connection.TrialAuthority, ended.Sub(taken), detail)
	return nil
}

// withheld tells that the password was not presented.
func (p *probe) withheld(ctx context.Context, err error) error {
	if givenUp(ctx) {
		return ctx.Err()
	}
	var why *connection.Withheld
	if !errors.As(err, &why) {
		p.client.log.Error("A password could not be guarded, so it was not presented", "error", err)
		p.fail(connection.TrialSignIn, 0, "", &Error{Code: connection.ReasonInternal, Err: err})
		return nil
	}
	text := why.Code.Text()
	p.tell(connection.StepResult{
		Step: connection.TrialSignIn, Outcome: connection.OutcomeSkipped, ReasonCode: why.Code, Reason: text.Sentence, Hint: text.Hint,
	})
	return nil
}

// verdictOn tells what became of the password. taken says that ThingsBoard gave a token for it; an account that cannot
// run a link counts as refused all the same, as it does for a link.
func verdictOn(err error, taken bool) connection.Verdict {
	switch {
	case KindOf(err) == Auth:
		return connection.Refused
	case err == nil, taken:
		return connection.Accepted
	}
	return connection.NoVerdict
}

// remaining is how long a step that outlives its caller may take.
func (p *probe) remaining(ctx context.Context, limit time.Duration) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end))
	}
	return limit
}

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

// givenUp reports whether the caller left, as opposed to a deadline that passed.
func givenUp(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// isAddress reports whether a host needs no look-up.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
