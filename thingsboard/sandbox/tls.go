package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// A TLSFault is what may be wrong with TLS at a listener.
type TLSFault int

// The faults.
const (
	TLSSound     TLSFault = iota
	TLSExpired            // the certificate ended a day ago
	TLSStranger           // it is signed by an authority that nobody knows
	TLSOtherName          // it bears elsewhere.example.com
	TLSOld                // the listener speaks TLS 1.0 and nothing newer
)

// authority is a certificate authority that lives as long as the sandbox.
type authority struct {
	pem   []byte
	root  *x509.Certificate
	key   *ecdsa.PrivateKey
	hosts []string

	certificate tls.Certificate // the server's
	faulty      map[TLSFault]tls.Certificate
}

const day = 24 * time.Hour

func newAuthority(hosts []string) (*authority, error) {
	a := &authority{hosts: append([]string{"localhost", "127.0.0.1", "::1"}, hosts...)}
	if err := a.make(); err != nil {
		return nil, err
	}
	stranger := &authority{}
	if err := stranger.make(); err != nil {
		return nil, err
	}
	start := time.Now().Add(-time.Hour) // for clients whose clock is behind
	var err error
	if a.certificate, err = a.sign(a.hosts, start, start.Add(30*day)); err != nil {
		return nil, err
	}
	a.faulty = map[TLSFault]tls.Certificate{TLSOld: a.certificate}
	if a.faulty[TLSExpired], err = a.sign(a.hosts, start.Add(-2*day), start.Add(-day)); err != nil {
		return nil, err
	}
	if a.faulty[TLSOtherName], err = a.sign([]string{"elsewhere.example.com"}, start, start.Add(30*day)); err != nil {
		return nil, err
	}
	if a.faulty[TLSStranger], err = stranger.sign(a.hosts, start, start.Add(30*day)); err != nil {
		return nil, err
	}
	return a, nil
}

// make makes the authority's own key and certificate.
func (a *authority) make() error {
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return fmt.Errorf("make the authority's key: %w", err)
	}
	start := time.Now().Add(-3 * day)
	a.root = &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Sandbox throw-away authority"}, NotBefore: start, NotAfter: start.Add(60 * day),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, a.root, a.root, &a.key.PublicKey, a.key)
	if err != nil {
		return fmt.Errorf("sign the authority: %w", err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return nil
}

// sign makes a server's certificate for names and addresses.
func (a *authority) sign(hosts []string, from, until time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make the server's key: %w", err)
	}
	leaf := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: hosts[0]}, NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.root, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("sign the server's certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// CertificatePEM is the server's certificate with its key, for another server at the same names that takes over a part of
// this one's work, such as a broker that REST announces in place of the sandbox's own MQTT.
func (s *Sandbox) CertificatePEM() (certificate, key []byte, err error) {
	c := s.authority.certificate
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("write the server's key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// tlsConfig is that of a listener, with the fault in force when a client says hello.
func (s *Sandbox) tlsConfig(fault func(*Behaviour) TLSFault) *tls.Config {
	sound := &tls.Config{Certificates: []tls.Certificate{s.authority.certificate}, MinVersion: tls.VersionTLS12}
	sound.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		wrong := fault(s.current())
		if wrong == TLSSound {
			return nil, nil // the sound one
		}
		faulty := &tls.Config{Certificates: []tls.Certificate{s.authority.faulty[wrong]}, MinVersion: tls.VersionTLS12}
		if wrong == TLSOld {
			faulty.MinVersion, faulty.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
		}
		return faulty, nil
	}
	return sound
}

func serial() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails: it ends the program instead
	return new(big.Int).SetBytes(b[:])
}
