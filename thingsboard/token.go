package thingsboard

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"boardlink/connection"
)

// tokenPair is ThingsBoard's answer to a sign-in and to a renewal (JwtPair.java). Scope is there only where a second
// factor is asked for.
type tokenPair struct {
	Token        string `json:"token"`
	RefreshToken string `json:"refreshToken"`
	Scope        string `json:"scope"`
}

// tokens are what the client presents. The zero value is "signed out".
type tokens struct {
	access, refresh connection.Secret
	since           time.Time     // when they were asked for, by our clock
	life            time.Duration // of the access token
	generation      int           // counts the renewals, so that two callers do not renew one token twice
}

const (
	fallbackLife = 15 * time.Minute // of a token that does not tell; ThingsBoard's default is 2 h 30 min
	minLife      = time.Second
	renewAt      = 0.8         // of the token's life
	retryRenewal = time.Minute // after a renewal that failed for a passing reason
)

func newTokens(pair tokenPair, since time.Time) tokens {
	return tokens{
		access: connection.Secret(pair.Token), refresh: connection.Secret(pair.RefreshToken),
		since: since, life: lifeOf(pair.Token),
	}
}

// lifeOf reads how long a JWT lives from its own dates, exp minus iat: their difference holds whatever either clock
// says.
func lifeOf(token string) time.Duration {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return fallbackLife
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return fallbackLife
	}
	var claims struct {
		Expires float64 `json:"exp"`
		Issued  float64 `json:"iat"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Issued <= 0 || claims.Expires <= claims.Issued {
		return fallbackLife
	}
	seconds := min(claims.Expires-claims.Issued, (365 * 24 * time.Hour).Seconds())
	return max(time.Duration(seconds*float64(time.Second)), minLife)
}

// flight is a sign-in or renewal under way; done is closed when err is set.
type flight struct {
	done chan struct{}
	err  error
}

// fly runs do alone: who comes while one is under way gets its outcome. do runs until the client closes, also when the
// caller gives up, because others may wait for it.
func (c *Client) fly(ctx context.Context, do func(context.Context) error) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return errors.New("the ThingsBoard client is closed")
	}
	f := c.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		c.flight = f
		c.work.Add(1)
		go func() {
			defer c.work.Done()
			err := do(c.ctx)
			c.mu.Lock()
			f.err, c.flight = err, nil
			c.mu.Unlock()
			close(f.done)
		}()
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("wait for the sign-in: %w", ctx.Err())
	}
}

// adopt takes fresh tokens and plans their renewal.
func (c *Client) adopt(fresh tokens, user User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh.generation = c.tokens.generation + 1
	c.tokens, c.user, c.refused = fresh, user, nil
	c.plan(time.Duration(renewAt * float64(fresh.life)))
}

// plan has the token renewed after wait. The caller holds c.mu.
func (c *Client) plan(wait time.Duration) {
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.closed {
		return
	}
	generation := c.tokens.generation
	c.timer = time.AfterFunc(wait, func() {
		if err := c.renew(c.ctx, generation); err != nil && c.ctx.Err() == nil {
			c.log.Warn("The token for ThingsBoard could not be renewed", "error", err)
		}
	})
}

// renew replaces the token of a generation: by its refresh token, and where that is refused by one new sign-in. A token
// that somebody else has renewed already is left alone. After a refused password it does nothing but say so.
func (c *Client) renew(ctx context.Context, generation int) error {
	return c.fly(ctx, func(ctx context.Context) error {
		c.mu.Lock()
		current, refused, user := c.tokens, c.refused, c.user
		c.mu.Unlock()
		switch {
		case refused != nil:
			return refused
		case current.generation != generation:
			return nil
		}
		err := c.refresh(ctx, current, user)
		if answer, ok := asAnswer(err); ok && answer.status >= 400 && answer.status < 500 && answer.status != http.StatusTooManyRequests {
			err = c.relogin(ctx)
		}
		if err == nil {
			return nil
		}
		if _, ok := asAnswer(err); ok {
			err = c.explain("renew the token", err)
		}
		if KindOf(err) != Auth {
			c.mu.Lock()
			c.plan(retryRenewal)
			c.mu.Unlock()
		}
		return err
	})
}

// refresh exchanges the refresh token for a new pair (RefreshTokenAuthenticationProvider.java).
func (c *Client) refresh(ctx context.Context, current tokens, user User) error {
	asked := c.now()
	var pair tokenPair
	err := c.send(ctx, request{
		method: http.MethodPost, path: "/api/auth/token", out: &pair,
		body: map[string]string{"refreshToken": current.refresh.Reveal()},
	})
	if err != nil {
		return err
	}
	if pair.Token == "" || pair.RefreshToken == "" || pair.Scope != "" {
		return &answerError{status: http.StatusUnauthorized, code: codeJWTExpired}
	}
	c.adopt(newTokens(pair, asked), user)
	return nil
}

// relogin presents the password without being asked to, where that is allowed.
func (c *Client) relogin(ctx context.Context) error {
	if ask := c.options.BeforeRelogin; ask != nil {
		if err := ask(ctx); err != nil {
			return fmt.Errorf("sign in anew: %w", err)
		}
	}
	return c.login(ctx)
}

// token returns a token to present, renewed where it is due. A renewal that fails for a passing reason does not keep
// the old token from being used while it lives.
func (c *Client) token(ctx context.Context) (connection.Secret, int, error) {
	c.mu.Lock()
	current, refused := c.tokens, c.refused
	c.mu.Unlock()
	switch {
	case refused != nil:
		return "", 0, refused
	case !current.access.IsSet():
		return "", 0, &Error{Code: connection.ReasonInternal, Kind: Config, Message: "ThingsBoard was asked before signing in."}
	}
	age := c.now().Sub(current.since)
	if age < time.Duration(renewAt*float64(current.life)) {
		return current.access, current.generation, nil
	}
	if err := c.renew(ctx, current.generation); err != nil && (age >= current.life || KindOf(err) == Auth || ctx.Err() != nil) {
		return "", 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tokens.access, c.tokens.generation, nil
}

// call makes a REST call as the account. A token that ThingsBoard calls expired is renewed once and the call repeated
// once: it was refused before it did anything.
func (c *Client) call(ctx context.Context, r request) error {
	token, generation, err := c.token(ctx)
	if err != nil {
		return err
	}
	r.token = token
	err = c.send(ctx, r)
	answer, ok := asAnswer(err)
	if !ok || answer.status != http.StatusUnauthorized || answer.code != codeJWTExpired {
		return err
	}
	if err := c.renew(ctx, generation); err != nil {
		return err
	}
	if r.token, _, err = c.token(ctx); err != nil {
		return err
	}
	return c.send(ctx, r)
}
