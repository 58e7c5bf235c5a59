package connections

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/text"
	"boardlink/views/ui"
)

// certificateSentences says what certificates in PEM are, one on a line: whose each is, until when it is good, and the
// beginning of its SHA-256, by which two of the same name are told apart. It is empty where the text holds none that can be
// read: that is for the rules to say.
func certificateSentences(ctx context.Context, pemText string, now time.Time) string {
	var lines []string
	rest := []byte(pemText)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return strings.Join(lines, "\n")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return ""
		}
		sum := sha256.Sum256(c.Raw)
		lines = append(lines, sentence(ctx, c, now, fmt.Sprintf("% X", sum[:8])))
	}
}

// sentence says whose a certificate is, by whom where that is somebody else, and until when it is good.
func sentence(ctx context.Context, c *x509.Certificate, now time.Time, sum string) string {
	subject, issuer := connection.Clean(c.Subject.String()), connection.Clean(c.Issuer.String())
	if subject == "" {
		subject = text.T(ctx, "edit.certificate.nameless")
	}
	if issuer != "" && issuer != subject {
		subject = text.T(ctx, "edit.certificate.issued", "subject", subject, "issuer", issuer)
	}
	switch {
	case now.After(c.NotAfter):
		return text.T(ctx, "edit.certificate.expired", "subject", subject, "time", ui.Exact(c.NotAfter), "sum", sum)
	case now.Before(c.NotBefore):
		return text.T(ctx, "edit.certificate.early", "subject", subject, "time", ui.Exact(c.NotBefore), "sum", sum)
	}
	return text.T(ctx, "edit.certificate.good", "subject", subject, "time", ui.Exact(c.NotAfter), "sum", sum)
}
