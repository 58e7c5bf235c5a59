package handlers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// authority makes the certificate of an authority of that name, good for 200 years until then, as PEM.
func authority(t *testing.T, name string, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{"Cranes"}}, NotBefore: until.AddDate(-200, 0, 0), NotAfter: until, IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func TestCertificate_is_told_in_words_and_edited_as_text(t *testing.T) {
	good, old := authority(t, "Root one", time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC)), authority(t, "Old root", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	const said = "CN=Root one,O=Cranes, good until 2126-01-01 00:00:00 UTC, SHA-256 "
	const oldSaid = "CN=Old root,O=Cranes, expired on 2020-01-01 00:00:00 UTC, SHA-256 "
	bothWays(t, func(t *testing.T, scripts bool) {
		e := newEditing(t, func(c *connection.Connection) { c.Configuration.CACertificate = good })
		header := partial()
		if !scripts {
			header = nil
		}
		if got := saying(page(t, e.Get(e.path), http.StatusOK).Find("#f-caCertificate .prop-value")); !strings.HasPrefix(got, said) {
			t.Errorf("the page says %q", got)
		}
		doc := page(t, e.Get(e.path+"/edit/caCertificate", header...), http.StatusOK)
		if labelled(doc, "CA certificate").Text() != good {
			t.Error("the editor does not hold the text")
		}
		if got := saying(doc.Find("#caCertificate-note")); !strings.HasPrefix(got, said) {
			t.Errorf("the note says %q", got)
		}
		doc = page(t, e.send(scripts, "caCertificate", form("version", "1", "step", "ask", "caCertificate", old)), http.StatusOK)
		facts := saying(doc.Find("dialog .facts"))
		if !strings.Contains(facts, "CA certificate now"+said) || !strings.Contains(facts, "CA certificate then"+oldSaid) {
			t.Errorf("the question says %q", facts)
		}
		doc = page(t, e.send(scripts, "caCertificate", form("version", "1", "step", "back", "caCertificate", old)), http.StatusOK)
		if got := saying(doc.Find("#caCertificate-note")); !strings.HasPrefix(got, oldSaid) {
			t.Errorf("back from the question the note says %q", got)
		}
		doc = page(t, e.send(scripts, "caCertificate", form("version", "1", "step", "ask", "caCertificate", "no PEM")), http.StatusUnprocessableEntity)
		if labelled(doc, "CA certificate").Text() != "no PEM" || doc.Find("#caCertificate-note").Length() != 0 {
			t.Error("what was typed is lost, or something is said of what is no certificate")
		}
		e.send(scripts, "caCertificate", form("version", "1", "step", "go", "caCertificate", old+"\n"+good))
		if got := e.stored().CACertificate; got != old+"\n"+good {
			t.Errorf("stored is %q", got)
		}
	})
}
