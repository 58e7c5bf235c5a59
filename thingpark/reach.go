package thingpark

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"syscall"
)

// unreached says why no request could be made: each cause is mended in another place.
func unreached(err error) string {
	var (
		dns     *net.DNSError
		network net.Error
		record  tls.RecordHeaderError
		alert   tls.AlertError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "The host name of the downlink address does not exist; check its spelling."
	case errors.As(err, &dns):
		return "The name server did not answer for the host of the downlink address."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "The host of the downlink address refused the connection; check the port."
	case errors.As(err, &name):
		return "The certificate at the downlink address belongs to another name."
	case errors.As(err, &unknown):
		return "The certificate at the downlink address is signed by an authority that is not trusted here."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "The certificate at the downlink address is outside its time of validity."
	case errors.As(err, &invalid), errors.As(err, &verify):
		return "The certificate at the downlink address is not valid."
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "The downlink address speaks without TLS; check the port, or write http:// where that is meant."
	case errors.As(err, &alert):
		return "The TLS handshake with the downlink address failed; the port must speak TLS 1.2 or newer."
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "The host of the downlink address did not answer in time; a firewall may drop the packets."
	}
	return "ThingPark could not be reached at the downlink address."
}
