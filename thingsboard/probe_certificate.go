package thingsboard

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"boardlink/connection"
)

const (
	// expirySoon is how long before its end a certificate is warned of.
	expirySoon = 14 * 24 * time.Hour
	// What is told of a peer's certificate is the peer's own text, so it is bounded: so many names, so many characters each.
	namesTold  = 10
	nameLength = 100
)

// certificateOf gives what is told of a certificate; nil where there is none.
func certificateOf(c *x509.Certificate) *connection.Certificate {
	if c == nil {
		return nil
	}
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 && c.Subject.CommonName != "" {
		names = []string{c.Subject.CommonName}
	}
	told := &connection.Certificate{
		Issuer:    short(cmp.Or(c.Issuer.CommonName, strings.Join(c.Issuer.Organization, " "), c.Issuer.String())),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, Names: []string{},
	}
	for _, name := range names[:min(len(names), namesTold)] {
		told.Names = append(told.Names, short(name))
	}
	return told
}

// short cleans a name that came from a peer and bounds it.
func short(name string) string {
	name = connection.Clean(name)
	if r := []rune(name); len(r) > nameLength {
		return string(r[:nameLength]) + "…"
	}
	return name
}

// sentenceOf tells a certificate: whose it is, who signed it, and until when.
func sentenceOf(c *connection.Certificate) string {
	if c == nil {
		return ""
	}
	names := "no name"
	if n := len(c.Names); n > 0 {
		names = strings.Join(c.Names[:min(n, 3)], ", ")
		if n > 3 {
			names += " and others"
		}
	}
	return fmt.Sprintf("The certificate is for %s, signed by %s, valid from %s to %s.",
		names, cmp.Or(c.Issuer, "nobody named"), c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly))
}

// protocolName names a version of TLS; empty where no handshake came that far.
func protocolName(version uint16) string {
	if version == 0 {
		return ""
	}
	return tls.VersionName(version)
}
