package thingsboard

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"boardlink/connection"
	"boardlink/netguard"
)

// The steps on the way to a peer. Each wraps the error of its step, so that a time-out while dialling reads otherwise
// than one while waiting for an answer.
type (
	dialError struct{ err error }
	tlsError  struct{ err error }
)

func (e *dialError) Error() string { return "dial: " + e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }
func (e *tlsError) Error() string  { return "TLS handshake: " + e.err.Error() }
func (e *tlsError) Unwrap() error  { return e.err }

// networkError says in our terms why a peer could not be reached or did not answer. place is named in the sentence.
func networkError(place string, err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var dial *dialError
	if errors.As(err, &dial) {
		return dialFailure(place, err)
	}
	var handshake *tlsError
	switch onTLS := errors.As(err, &handshake) || errors.Is(err, http.ErrSchemeMismatch); {
	case isTimeout(err): // in the handshake too: a server that keeps silent says nothing about its TLS
		return fail(connection.ReasonTimeout, Transient, place, err)
	case onTLS:
		return tlsFailure(place, err)
	}
	if isClosed(err) {
		return fail(connection.ReasonConnectionLost, Transient, place, err)
	}
	return fail(connection.ReasonProtocol, Transient, place, err)
}

func dialFailure(place string, err error) *Error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, netguard.ErrNotAllowed):
		return fail(connection.ReasonAddress, Config, place, err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fail(connection.ReasonDNSNotFound, Config, place, err)
	case errors.As(err, &dns):
		e := fail(connection.ReasonDNSTimeout, Transient, place, err)
		if !dns.IsTimeout {
			e.Message = at(place, "The name server answered with an error.")
		}
		return e
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(connection.ReasonTCPRefused, Transient, place, err)
	case isTimeout(err):
		return fail(connection.ReasonTCPTimeout, Transient, place, err)
	}
	return fail(connection.ReasonTCPFailed, Transient, place, err)
}

func tlsFailure(place string, err error) *Error {
	var (
		record  tls.RecordHeaderError
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		verify  *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return fail(connection.ReasonTLSNotOffered, Config, place, err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e := fail(connection.ReasonTLSExpired, Config, place, err)
		if invalid.Cert != nil {
			e.Message += fmt.Sprintf(" It is valid from %s to %s.",
				invalid.Cert.NotBefore.UTC().Format(time.DateOnly), invalid.Cert.NotAfter.UTC().Format(time.DateOnly))
		}
		return e
	case errors.As(err, &name):
		return fail(connection.ReasonTLSName, Config, place, err)
	case errors.As(err, &unknown):
		return fail(connection.ReasonTLSUnknownCA, Config, place, err)
	case errors.As(err, &verify):
		return fail(connection.ReasonTLSFailed, Config, place, err)
	}
	if words := disagreement(err); words != "" {
		e := fail(connection.ReasonTLSFailed, Config, place, err)
		e.Message += " The server speaks TLS, but: " + connection.EndSentence(words)
		return e
	}
	return fail(connection.ReasonTLSFailed, Transient, place, err)
}

// disagreement returns why two that both speak TLS came to no agreement, and "" for a handshake that was broken off or
// never was one. Package crypto/tls has no types for it: an alert of the peer is known by the name of the operation, a
// version too old for us by its words.
func disagreement(err error) string {
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" {
		return strings.TrimPrefix(remote.Err.Error(), "tls: ")
	}
	const tooOld = "server selected unsupported protocol version"
	if strings.Contains(err.Error(), tooOld) {
		return tooOld
	}
	return ""
}

// NotAllowed reports whether an error of [Options.Dial] says that the address policy forbids the place. It is here for
// those that dial elsewhere with the same dialer.
func NotAllowed(err error) bool { return errors.Is(err, netguard.ErrNotAllowed) }

// isTimeout looks at the whole chain: a url.Error on top says no where the error below it is one of ours.
func isTimeout(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if t, ok := err.(interface{ Timeout() bool }); ok && t.Timeout() { // each link of the chain in turn
			return true
		}
	}
	return false
}

// closedByPeer reports whether the peer closed the connection, as far as that can be seen from here: a box in between
// that closes it looks the same.
func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isClosed reports whether the peer closed the connection, politely or not.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
