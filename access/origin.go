package access

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"boardlink/connection"
)

const (
	// BrowserLife is how long a browser is known after somebody has signed in with it.
	BrowserLife = 180 * 24 * time.Hour
	// maxBrowsers bounds the browsers that are known of an operator; the ones that were not used for longest go first.
	maxBrowsers = 20

	browserBytes = 32
)

// Origin is where a password comes from.
type Origin struct {
	Address string            // of the client, an IP address
	Browser connection.Secret // what [People.Remember] gave the browser; empty: it is not known
}

// BrowserRows keeps the browsers in which operators have signed in, by the digest of their secret.
type BrowserRows interface {
	// KnownBrowser reports whether that operator has signed in with that browser since then.
	KnownBrowser(ctx context.Context, d Digest, operatorID int64, since time.Time) (bool, error)
	// KeepBrowser notes a sign-in, and forgets all but the operator's latest most browsers.
	KeepBrowser(ctx context.Context, d Digest, operatorID int64, at time.Time, most int) error
}

// places gives the lanes in which a password for that e-mail counts; o is the zero operator where nobody has it.
func (p *People) places(ctx context.Context, from Origin, o Operator, email string) (all []place, known bool, err error) {
	if known, err = p.knows(ctx, from, o); err != nil {
		return nil, false, err
	}
	if known {
		return []place{placeOf(laneBrowser, strconv.FormatInt(o.ID, 10)+" "+from.Browser.Reveal())}, true, nil
	}
	return []place{placeOf(laneAccount, email), placeOf(laneAddress, network(from.Address))}, false, nil
}

func (p *People) knows(ctx context.Context, from Origin, o Operator) (bool, error) {
	if !from.Browser.IsSet() || o.ID == 0 {
		return false, nil
	}
	known, err := p.store.KnownBrowser(ctx, DigestOf(from.Browser.Reveal()), o.ID, p.now().Add(-BrowserLife))
	if err != nil {
		return false, fmt.Errorf("look for the browser: %w", err)
	}
	return known, nil
}

// Remember makes the browser known in which an operator has just signed in, so that strangers who try passwords do not slow it
// down. It gives what the browser is to keep: what it has where it is known already, else something new. What it brought
// along otherwise is not taken, for somebody may have planted it.
func (p *People) Remember(ctx context.Context, from Origin, who Identity) (connection.Secret, error) {
	known, err := p.knows(ctx, from, Operator{ID: who.ID})
	if err != nil {
		return "", err
	}
	secret := from.Browser
	if !known {
		secret = connection.Secret(randomText(browserBytes))
	}
	if err := p.store.KeepBrowser(ctx, DigestOf(secret.Reveal()), who.ID, p.now(), maxBrowsers); err != nil {
		return "", fmt.Errorf("remember the browser: %w", err)
	}
	return secret, nil
}
