package thingsboard

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
)

// ThingsBoard's MQTT ports (thingsboard.yml, transport.mqtt): a port like these is not asked for REST.
const (
	plainMQTTPort = 1883
	tlsMQTTPort   = 8883
)

// betterProbe is how long an answer of a less wanted port waits for one of a more wanted port.
const betterProbe = time.Second

// Locate finds the REST API, without the account: at the REST address where one is set, else at the account's port,
// else, where that is an MQTT port (1883, 8883, or one that answers no HTTP), at [Options.RESTPorts] of the same host.
// The protocols AUTO and SSL look for https only; TCP takes http too. Nothing follows redirects.
//
// It takes at most two rounds of probes, each bounded by 20 s (40 s with TCP), and far less where the host answers.
func (c *Client) Locate(ctx context.Context) error {
	base, mqttPort, err := c.locate(ctx)
	if err != nil {
		return fmt.Errorf("locate ThingsBoard: %w", err)
	}
	c.mu.Lock()
	c.base, c.mqttPort = base, mqttPort
	c.mu.Unlock()
	c.log.Debug("Located the REST API", "base", base.String(), "mqtt_port", mqttPort)
	return nil
}

func (c *Client) locate(ctx context.Context) (base *url.URL, mqttPort int, err error) {
	if c.account.RestURL != "" {
		base, err := url.Parse(strings.TrimRight(c.account.RestURL, "/"))
		if err != nil {
			return nil, 0, &Error{Code: connection.ReasonProtocol, Kind: Config, Message: "REST address: it cannot be read."}
		}
		mqttPort := c.port
		if portOf(base) == c.port {
			mqttPort = 0
		}
		return base, mqttPort, c.probe(ctx, base).err
	}
	var first error
	if !isMQTTPort(c.port) {
		p := c.probePort(ctx, c.port)
		if p.err == nil {
			return p.base, 0, nil
		}
		if !p.noHTTP {
			return nil, 0, p.err
		}
		first = p.err
	}
	p := c.probePorts(ctx, c.restPorts())
	switch {
	case p.err == nil:
		return p.base, c.port, nil
	case first != nil && !p.answered:
		return nil, 0, first // nothing better was found than what the account's own port said
	}
	var e *Error
	if errors.As(p.err, &e) {
		e.Message += fmt.Sprintf(" Port %d is an MQTT port, so ThingsBoard's web address was looked for on %s; REST address can name it.", c.port, c.host)
	}
	return nil, 0, p.err
}

// restPorts are the ports to ask where the account's own is an MQTT one.
func (c *Client) restPorts() []int {
	ports := []int{443}
	switch {
	case c.options.RESTPorts != nil:
		ports = slices.Clone(c.options.RESTPorts)
	case c.account.Protocol == connection.ProtocolTCP:
		ports = []int{443, 80, 8080}
	}
	return slices.DeleteFunc(ports, func(port int) bool { return port == c.port && !isMQTTPort(port) }) // asked already
}

func isMQTTPort(port int) bool { return port == plainMQTTPort || port == tlsMQTTPort }

func portOf(u *url.URL) int {
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}

// probed is what a probe found out.
type probed struct {
	base     *url.URL
	err      error
	answered bool // the port is open: something is to be said about it
	noHTTP   bool // open, but it does not speak HTTP: perhaps MQTT
}

// probePort asks one port of the account's host, in the schemes that the protocol allows. TLS comes first unless the
// port is known to be a plain one: a password is better off encrypted, also where it need not be.
func (c *Client) probePort(ctx context.Context, port int) probed {
	schemes := []string{"https"}
	if c.account.Protocol == connection.ProtocolTCP {
		schemes = []string{"https", "http"}
		if port == 80 || port == 8080 {
			schemes = []string{"http", "https"}
		}
	}
	var told probed
	for i, scheme := range schemes {
		p := c.probe(ctx, &url.URL{Scheme: scheme, Host: net.JoinHostPort(c.host, strconv.Itoa(port))})
		if p.err == nil || ctx.Err() != nil {
			return p
		}
		if i == 0 || p.tells() > told.tells() {
			told = p
		}
		if !p.answered {
			break // a port that cannot be reached cannot be reached in clear either
		}
	}
	return told
}

// tells says how much a failed probe tells the person who typed the address; of several failures the most telling one
// is reported, and the first of those that tell as much.
func (p probed) tells() int {
	switch {
	case !p.answered:
		return 0
	case CodeOf(p.err) == connection.ReasonTLSNotOffered:
		return 1
	case p.noHTTP:
		return 2
	case CodeOf(p.err) == connection.ReasonNotThingsBoard:
		return 3
	}
	return 4
}

// probePorts asks several ports at once and takes the first in their order that is ThingsBoard; one that is late has a
// second to be preferred.
func (c *Client) probePorts(ctx context.Context, ports []int) probed {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		rank int
		probed
	}
	results := make(chan result, len(ports))
	for rank, port := range ports {
		go func() { results <- result{rank, c.probePort(ctx, port)} }()
	}
	var late <-chan time.Time
	found := make([]*probed, len(ports))
	best := func() (p *probed, final bool) {
		for _, f := range found {
			if f == nil {
				continue
			}
			if f.err == nil {
				return f, f == found[0]
			}
		}
		return nil, false
	}
	for range ports {
		select {
		case r := <-results:
			found[r.rank] = &r.probed
		case <-late:
			p, _ := best()
			return *p
		}
		if p, final := best(); final {
			return *p
		} else if p != nil && late == nil {
			late = time.After(betterProbe)
		}
	}
	if p, _ := best(); p != nil {
		return *p
	}
	told := probed{err: fail(connection.ReasonNotThingsBoard, Config, c.host, nil)}
	for i, f := range found {
		if i == 0 || f.tells() > told.tells() {
			told = *f
		}
	}
	return told
}

// probe asks whether a base is ThingsBoard's, by the one public call that needs no account and that a proxy's pages
// cannot be taken for (AuthController.java, getUserPasswordPolicy).
func (c *Client) probe(ctx context.Context, base *url.URL) probed {
	var policy map[string]json.RawMessage
	err := c.send(ctx, request{base: base, method: http.MethodGet, path: "/api/noauth/userPasswordPolicy", out: &policy})
	if err == nil {
		return probed{base: base, answered: true}
	}
	if a, ok := asAnswer(err); ok {
		return c.probeAnswer(base, a)
	}
	var dial *dialError
	p := probed{err: err, answered: !errors.As(err, &dial)}
	var e *Error
	if errors.As(err, &e) {
		p.noHTTP = p.answered && speaksNoHTTP(e)
	}
	return p
}

// probeAnswer judges an answer that is no success. ThingsBoard's own error object proves ThingsBoard too.
func (c *Client) probeAnswer(base *url.URL, a *answerError) probed {
	p := probed{base: base, answered: true}
	switch {
	case a.status == http.StatusTooManyRequests, a.status >= 500:
		a.fromAnybody()
		e := c.answered(a)
		e.Message = at(place(base), e.Message)
		p.err = e
	case a.code != 0 && !a.foreign:
	default:
		p.err = fail(connection.ReasonNotThingsBoard, Config, place(base), a.cause())
	}
	return p
}

// speaksNoHTTP reports whether an open port did something that a web server does not do: close on a TLS handshake or
// on a request, keep silent, or answer with something else. A plain web server, which tells so in HTTP, and a bad
// certificate are not that.
func speaksNoHTTP(e *Error) bool {
	var record tls.RecordHeaderError
	switch e.Code {
	case connection.ReasonTLSNotOffered:
		return !errors.As(e, &record) || string(record.RecordHeader[:]) != "HTTP/"
	case connection.ReasonTLSFailed:
		return e.Kind == Transient // closed or silent; a certificate at fault is of the kind Config
	case connection.ReasonProtocol, connection.ReasonTimeout, connection.ReasonConnectionLost:
		return e.Kind == Transient
	}
	return false
}
