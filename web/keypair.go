package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"boardlink/connection"
)

const (
	lookEvery = time.Minute // at the files of a certificate and its key
	// expirySoon is how long before its end a certificate is warned of.
	expirySoon = 14 * 24 * time.Hour
	// maxPEM bounds what is read of either file: a chain of many certificates is some ten KB.
	maxPEM = 1 << 20
)

// KeyPair is the server's certificate and its key, read from two files and read again when these change. A new pair that
// cannot be used leaves the one before in use. It is safe for concurrent use.
type KeyPair struct {
	certFile, keyFile string

	now  func() time.Time
	log  *slog.Logger
	tell func(ctx context.Context, e connection.Event) bool

	current atomic.Pointer[tls.Certificate]

	// Of [KeyPair.Run] alone.
	used   [sha256.Size]byte // names what the files held that is in use
	seen   [sha256.Size]byte // names what they held when they were last looked at
	failed bool              // that cannot be used, and it was told
	warned time.Time         // the end of the certificate that was warned of
	ended  time.Time         // the end of the certificate whose end was told
}

// KeyPairOptions say whom a [KeyPair] tells. All may be nil.
type KeyPairOptions struct {
	Log  *slog.Logger
	Tell func(ctx context.Context, e connection.Event) bool // takes an event and reports whether it could
	Now  func() time.Time
}

// OpenKeyPair reads a pair of PEM files, the certificate with its chain and its key. Where they cannot be used, the error
// is a [connection.Failure] that says why; it never holds what the files do.
func OpenKeyPair(certFile, keyFile string, opt KeyPairOptions) (*KeyPair, error) {
	k := &KeyPair{certFile: certFile, keyFile: keyFile, now: opt.Now, log: opt.Log, tell: opt.Tell}
	if k.now == nil {
		k.now = time.Now
	}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if k.tell == nil {
		k.tell = func(context.Context, connection.Event) bool { return true }
	}
	pair, sum, err := k.read()
	if err != nil {
		return nil, err
	}
	k.current.Store(pair)
	k.used, k.seen = sum, sum
	return k, nil
}

// Config gives the settings of TLS for a listener: 1.2 or newer, with the pair as it is at each handshake. HTTP/2 is not
// offered: Go's answers some requests itself, in a form that the headers of every answer cannot be added to, and a page of
// the console is four requests. A proxy in front may speak it.
func (k *KeyPair) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.current.Load(), nil },
	}
}

// Run looks at the files each minute until ctx ends: it takes a new pair into use, and tells of one that cannot be used and
// of an end that is near.
func (k *KeyPair) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	k.watchEnd(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.look(ctx)
			k.watchEnd(ctx)
		}
	}
}

// look takes what the files hold now into use. The files are compared by what they hold: a clock that was set, or a link
// that was moved, leaves times that tell nothing. They are not written at once, so what cannot be used is told only when it
// is still there a look later.
func (k *KeyPair) look(ctx context.Context) {
	pair, sum, err := k.read()
	again := sum == k.seen
	k.seen = sum
	switch {
	case err != nil && !again:
		k.failed = false
		k.log.Warn("The files of the TLS certificate cannot be used; they are looked at again", "error", err)
	case err != nil && !k.failed:
		k.failed = k.event(ctx, connection.LevelError, "The new TLS certificate cannot be used, so the former one stays in use. "+message(err))
	case err == nil && sum != k.used:
		k.current.Store(pair)
		k.used = sum
		k.event(ctx, connection.LevelInfo, fmt.Sprintf("A new TLS certificate is in use, valid until %s.", day(pair.Leaf.NotAfter)))
	}
}

// watchEnd warns once of a certificate whose end is near, and once more when it is there.
func (k *KeyPair) watchEnd(ctx context.Context) {
	end := k.current.Load().Leaf.NotAfter
	left := end.Sub(k.now())
	switch {
	case left <= 0 && !k.ended.Equal(end):
		if k.event(ctx, connection.LevelError, fmt.Sprintf("The TLS certificate ended on %s: browsers and ThingPark refuse to connect. Put a new one into the files of BOARDLINK_TLS_CERT and BOARDLINK_TLS_KEY.", day(end))) {
			k.ended = end
		}
	case left > 0 && left <= expirySoon && !k.warned.Equal(end):
		if k.event(ctx, connection.LevelWarning, fmt.Sprintf("The TLS certificate ends on %s. Put a new one into the files of BOARDLINK_TLS_CERT and BOARDLINK_TLS_KEY before that; it is taken into use by itself.", day(end))) {
			k.warned = end
		}
	}
}

func (k *KeyPair) event(ctx context.Context, level connection.Level, text string) bool {
	kind := connection.KindSystem
	if level != connection.LevelInfo {
		kind = connection.KindAlarm
	}
	switch level {
	case connection.LevelError:
		k.log.Error("TLS certificate", "message", text)
	case connection.LevelWarning:
		k.log.Warn("TLS certificate", "message", text)
	default:
		k.log.Info("TLS certificate", "message", text)
	}
	return k.tell(ctx, connection.Event{Time: k.now(), Level: level, Kind: kind, Actor: connection.System, Message: text})
}

// read reads both files; sum names what they held, also where it cannot be used.
func (k *KeyPair) read() (*tls.Certificate, [sha256.Size]byte, error) {
	cert, certErr := readPEM(k.certFile)
	key, keyErr := readPEM(k.keyFile)
	sum := sha256.Sum256(bytes.Join([][]byte{cert, key, fmt.Append(nil, certErr, keyErr)}, []byte{0}))
	if certErr != nil {
		return nil, sum, pairFailure(certErr, "BOARDLINK_TLS_CERT: the file %s cannot be read: %v.", k.certFile, certErr)
	}
	if keyErr != nil {
		return nil, sum, pairFailure(keyErr, "BOARDLINK_TLS_KEY: the file %s cannot be read: %v.", k.keyFile, keyErr)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil { // tells what is missing or does not fit, and never what is in the files
		return nil, sum, pairFailure(err, "The files %s and %s are no certificate and its key as PEM: %v.", k.certFile, k.keyFile, err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, sum, pairFailure(err, "The certificate in the file %s cannot be read.", k.certFile)
		}
	}
	return &pair, sum, nil
}

func readPEM(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { _ = f.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(text) > maxPEM {
		return nil, errors.New("it is too large")
	}
	return text, nil
}

// cause leaves the path out, which the message names already.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

func pairFailure(err error, format string, args ...any) error {
	f := connection.Fail(connection.CodeUnavailable, format, args...)
	f.Err = err
	return f
}

func message(err error) string {
	if f, ok := errors.AsType[*connection.Failure](err); ok {
		return f.Message
	}
	return err.Error()
}

// day names a moment as people note it.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
