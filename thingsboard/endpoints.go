package thingsboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"boardlink/connection"
)

// MQTTEndpoint is a place where ThingsBoard may take the gateway's MQTT session.
type MQTTEndpoint struct {
	Host string // a name or an address, IPv6 without brackets
	Port int
	TLS  bool
	// guessed is the reason to give where nothing is found at an endpoint that nobody named: ThingsBoard's usual port
	// on the REST host.
	guessed connection.ReasonCode
}

// String writes the endpoint as people write it: mqtts://host:8883.
func (e MQTTEndpoint) String() string {
	scheme := "mqtt"
	if e.TLS {
		scheme = "mqtts"
	}
	return scheme + "://" + e.address()
}

func (e MQTTEndpoint) address() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// MQTTEndpoints lists where to connect, in the order to try: the MQTT host of the settings and nothing else where one
// is set; otherwise the account's port where it is an MQTT one of the right kind, then what ThingsBoard announces, then
// guesses. With AUTO and SSL all of them speak TLS, with TCP none does.
//
// ThingsBoard announces by /api/iot-hub/connectivity (IotHubController.java, from 4.4 on) and by the sample commands of
// /api/device-connectivity (DeviceConnectivityServiceImpl.java).
func (c *Client) MQTTEndpoints(ctx context.Context, g Gateway) ([]MQTTEndpoint, error) {
	const what = "find ThingsBoard's MQTT endpoint"
	tls := c.account.Protocol != connection.ProtocolTCP
	usual := plainMQTTPort
	if tls {
		usual = tlsMQTTPort
	}
	if c.account.MQTTHostName != "" {
		e, err := namedEndpoint(c.account.MQTTHostName, usual, tls)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		return []MQTTEndpoint{e}, nil
	}
	c.mu.Lock()
	restHost, own := "", c.mqttPort
	if c.base != nil {
		restHost = c.base.Hostname()
	}
	c.mu.Unlock()

	announced, answered, err := c.announced(ctx, g, restHost)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	var list []MQTTEndpoint
	add := func(e MQTTEndpoint) {
		if !slices.ContainsFunc(list, func(known MQTTEndpoint) bool { return known.address() == e.address() }) {
			list = append(list, e)
		}
	}
	ownEndpoint := MQTTEndpoint{Host: c.host, Port: own, TLS: tls}
	otherKind := tls && own == plainMQTTPort || !tls && own == tlsMQTTPort // tried, but last: it says by its number that it is not
	if own != 0 && !otherKind {
		add(ownEndpoint)
	}
	wrongKind := false
	for _, e := range announced {
		if e.TLS == tls {
			add(e)
		} else {
			wrongKind = true
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	switch {
	case wrongKind && tls:
		add(MQTTEndpoint{Host: restHost, Port: usual, TLS: tls, guessed: connection.ReasonTLSNotOffered})
	case !answered || own != 0 || wrongKind:
		add(MQTTEndpoint{Host: restHost, Port: usual, TLS: tls, guessed: connection.ReasonMQTTNotFound})
	}
	if otherKind {
		add(ownEndpoint)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: %w", what, fail(connection.ReasonMQTTNotFound, Config, "", nil))
	}
	return list, nil
}

// namedEndpoint reads the settings' MQTT host, host or host:port.
func namedEndpoint(s string, usualPort int, tls bool) (MQTTEndpoint, error) {
	host, port, wrong := connection.SplitHostPort(s)
	if wrong != "" {
		if host, _, wrong = connection.SplitHostPort(s + ":1"); wrong != "" {
			return MQTTEndpoint{}, &Error{Code: connection.ReasonMQTTNotFound, Kind: Config, Message: "MQTT host: " + wrong}
		}
		port = usualPort
	}
	return MQTTEndpoint{Host: host, Port: port, TLS: tls}, nil
}

// announced asks ThingsBoard; g may be without an id. answered says whether a server new enough to know answered at all; an error is returned
// only where nothing was learnt because of trouble that passes.
func (c *Client) announced(ctx context.Context, g Gateway, restHost string) (list []MQTTEndpoint, answered bool, err error) {
	var hub map[string]json.RawMessage
	hubErr := c.call(ctx, request{method: http.MethodGet, path: "/api/iot-hub/connectivity", out: &hub})
	if hubErr == nil {
		list = append(hubEndpoints(hub, restHost), list...)
	}
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	if g.ID == "" {
		return c.announcedByHub(list, hubErr)
	}
	var commands map[string]json.RawMessage
	commandsErr := c.call(ctx, request{method: http.MethodGet, path: "/api/device-connectivity/" + g.ID, out: &commands})
	if commandsErr == nil {
		list = append(list, commandEndpoints(commands, restHost)...)
	}
	if hubErr == nil || commandsErr == nil {
		return list, true, nil
	}
	if unknownAddress(commandsErr) { // releases before 3.6 know neither
		return nil, false, nil
	}
	return nil, false, c.explain("ask for the endpoints", commandsErr)
}

// announcedByHub is what is announced where no device is there yet whose sample commands could be asked for.
func (c *Client) announcedByHub(list []MQTTEndpoint, hubErr error) ([]MQTTEndpoint, bool, error) {
	switch {
	case hubErr == nil:
		return list, true, nil
	case unknownAddress(hubErr):
		return nil, false, nil
	}
	return nil, false, c.explain("ask for the endpoints", hubErr)
}

// unknownAddress reports whether a release does not know an address: it answers 404, or what its web pages answer to one
// that they do not know.
func unknownAddress(err error) bool {
	a, ok := asAnswer(err)
	return ok && a.status < 500 && a.status != http.StatusTooManyRequests && a.status != http.StatusUnauthorized
}

// hubEndpoints reads {"mqtt":{"enabled":true,"host":"..","port":"1883"},"mqtts":{..}}.
func hubEndpoints(answer map[string]json.RawMessage, restHost string) (list []MQTTEndpoint) {
	for _, kind := range []struct {
		name string
		tls  bool
	}{{"mqtts", true}, {"mqtt", false}} {
		var entry struct {
			Enabled *bool           `json:"enabled"`
			Host    string          `json:"host"`
			Port    json.RawMessage `json:"port"`
		}
		if json.Unmarshal(answer[kind.name], &entry) != nil || entry.Enabled != nil && !*entry.Enabled {
			continue
		}
		if e, ok := announcedEndpoint(entry.Host, strings.Trim(string(entry.Port), `" `), kind.tls, restHost); ok {
			list = append(list, e)
		}
	}
	return list
}

var (
	hostOption = regexp.MustCompile(`(?:^|\s)-h\s+"?([^\s"]+)`)
	portOption = regexp.MustCompile(`(?:^|\s)-p\s+"?(\d+)`)
)

// commandEndpoints reads the mosquitto_pub commands in {"mqtt":{"mqtt":"..","mqtts":["..",".."]}}. What is written for
// Docker is left alone: its hosts are names inside a container.
func commandEndpoints(answer map[string]json.RawMessage, restHost string) (list []MQTTEndpoint) {
	var commands map[string]json.RawMessage
	if json.Unmarshal(answer["mqtt"], &commands) != nil {
		return nil
	}
	for _, kind := range []struct {
		name string
		tls  bool
	}{{"mqtts", true}, {"mqtt", false}} {
		for _, line := range lines(commands[kind.name]) {
			host := hostOption.FindStringSubmatch(line)
			if host == nil {
				continue
			}
			port := ""
			if p := portOption.FindStringSubmatch(line); p != nil {
				port = p[1]
			}
			if e, ok := announcedEndpoint(host[1], port, kind.tls, restHost); ok {
				list = append(list, e)
			}
		}
	}
	return list
}

// lines reads a text or an array of texts.
func lines(raw json.RawMessage) []string {
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return many
	}
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}

// announcedEndpoint checks what the server named. An empty host means the REST host, and so does this machine's own
// name where REST is elsewhere: the administrator left a default in place.
func announcedEndpoint(host, port string, tls bool, restHost string) (MQTTEndpoint, bool) {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" || isLoopback(host) && !isLoopback(restHost) {
		host = restHost
	}
	switch {
	case port != "":
	case tls:
		port = strconv.Itoa(tlsMQTTPort)
	default:
		port = strconv.Itoa(plainMQTTPort)
	}
	host, number, wrong := connection.SplitHostPort(net.JoinHostPort(host, port))
	return MQTTEndpoint{Host: host, Port: number, TLS: tls}, wrong == ""
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
