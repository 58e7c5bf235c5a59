package thingpark

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"boardlink/connection"
)

const (
	// sendLimit is how long ThingPark may take where ctx gives it no less: a command is answered within 8 s, before
	// ThingsBoard's own time-out of 10 s.
	sendLimit = 7 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 16 << 10
)

// Caller hands downlinks over to ThingPark's downlink endpoint. It is safe for concurrent use. Its fields must not
// change after the first call.
type Caller struct {
	// Dial opens connections and decides where they may go; use a netguard.Dialer. Mandatory.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs are the trusted authorities; nil are those of the system.
	RootCAs *x509.CertPool
	// Now is the clock that dates downlinks; nil is [time.Now]. ThingPark refuses one that is too far from its own.
	Now func() time.Time

	once   sync.Once
	client *http.Client
}

var errNoDialer = errors.New("no dialer decides where the connection may go")

// Answer is ThingPark's word that a downlink is queued. It is not sent by that: a class A device is sent to after it
// was heard, and a [Delivery] follows.
type Answer struct {
	Status        int       // of HTTP
	Text          string    // of ThingPark, without markup, made fit to be shown; may be empty
	CorrelationID string    // by which the delivery report is recognised
	Time          time.Time // at which the downlink was dated
}

// Outcome says what became of a downlink that is not known to be queued.
type Outcome string

// The outcomes of an error.
const (
	OutcomeRefused Outcome = "refused"  // ThingPark said no; sending it again changes nothing
	OutcomeUnknown Outcome = "unknown"  // it was sent, the answer is missing or says nothing; it may be queued
	OutcomeNotSent Outcome = "not_sent" // it never left; it can be sent again
)

// SendError is the error of [Caller.Send]. It holds neither address nor query, so neither the Token nor the AS key.
type SendError struct {
	Outcome Outcome
	Status  int    // of HTTP; 0 where there was no answer
	Text    string // a sentence for people; where ThingPark refused, in its words as far as it gave any
	Err     error  // cause, may be nil; for [errors.Is]
}

func (e *SendError) Error() string {
	if e.Err == nil {
		return "send downlink: " + e.Text
	}
	return "send downlink: " + e.Text + ": " + connection.Clean(e.Err.Error())
}

func (e *SendError) Unwrap() error { return e.Err }

// OutcomeOf returns the outcome that an error of [Caller.Send] tells, or "" for another error.
func OutcomeOf(err error) Outcome {
	var e *SendError
	if errors.As(err, &e) {
		return e.Outcome
	}
	return ""
}

// Send queues a downlink at ThingPark: one POST with everything in the query and an empty body, signed where there is
// an AS key. It waits at most 7 s and follows no redirect. Every error is a [*SendError]; nothing is ever sent twice.
//
// base is the downlink endpoint of the connection. It must come from the operator, never from a document: a signed
// downlink would go wherever a document says.
func (c *Caller) Send(ctx context.Context, base, asID string, asKey connection.Secret, d Downlink) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	c.once.Do(c.prepare)

	if d.CorrelationID == "" {
		d.CorrelationID = NewCorrelationID()
	}
	now := c.now()
	query, token := d.query(asID, asKey, now)

	address, err := url.Parse(base)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return Answer{}, &SendError{Outcome: OutcomeNotSent, Text: "The downlink address of the connection is not a web address."}
	}
	address.RawQuery, address.Fragment, address.User = query.encoded(), "", nil

	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), http.NoBody)
	if err != nil {
		return Answer{}, notSent(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", "Boardlink")

	response, err := c.client.Do(request)
	if err != nil {
		if !connected.Load() {
			return Answer{}, notSent(err)
		}
		return Answer{}, &SendError{Outcome: OutcomeUnknown, Err: withoutAddress(err),
			Text: "ThingPark did not answer; whether the downlink was queued is not known."}
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // the status has told what matters already
	return judge(response.StatusCode, body, token, Answer{response.StatusCode, "", d.CorrelationID, now})
}

// judge tells from status and body what became of the downlink. The code 350 is ThingPark's own for a refusal.
func judge(status int, body []byte, token string, a Answer) (Answer, error) {
	a.Text = plainText(body, token)
	fail := func(outcome Outcome, text string) (Answer, error) {
		return Answer{}, &SendError{Outcome: outcome, Status: status, Text: text}
	}
	switch {
	case status >= 200 && status < 300:
		if foreignPage(body) {
			return fail(OutcomeUnknown, "The downlink address answered with a web page that is not ThingPark's; check the address.")
		}
		return a, nil
	case status == 350 || status >= 400 && status < 500:
		if a.Text == "" {
			return fail(OutcomeRefused, fmt.Sprintf("ThingPark refused the downlink with status %d.", status))
		}
		return fail(OutcomeRefused, fmt.Sprintf("ThingPark refused the downlink (%d): %s", status, connection.EndSentence(a.Text)))
	case status >= 300 && status < 400:
		return fail(OutcomeRefused, fmt.Sprintf("The downlink address answered with status %d, a redirect, which is not followed.", status))
	}
	return fail(OutcomeUnknown, fmt.Sprintf("ThingPark answered with status %d; whether the downlink was queued is not known.", status))
}

func (c *Caller) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// prepare makes the client. No connection is kept: the server may close an idle one at any moment, and a downlink
// written to it then would be neither sent nor not sent. No proxy of the environment is asked: Dial decides where
// connections go.
func (c *Caller) prepare() {
	dial := c.Dial
	if dial == nil { // a transport without one would go wherever it is told
		dial = func(context.Context, string, string) (net.Conn, error) { return nil, errNoDialer }
	}
	c.client = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dial,
			TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    sendLimit,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxAnswer,
		},
	}
}

func notSent(err error) error {
	return &SendError{Outcome: OutcomeNotSent, Text: unreached(err) + " The downlink was not sent.", Err: withoutAddress(err)}
}

// withoutAddress takes the request's address, and with it query and Token, off an error of net/http.
func withoutAddress(err error) error {
	for {
		var withURL *url.Error
		if !errors.As(err, &withURL) {
			return err
		}
		err = withURL.Err
	}
}
