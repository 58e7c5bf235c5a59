package thingsboard

import (
	"context"
	"errors"
	"fmt"
	"net"
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

// givenUp reports whether the caller left, as opposed to a deadline that passed.
func givenUp(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }
