package thingsboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"boardlink/connection"
)

// ThingsBoard's error codes (ThingsboardErrorCode.java) that mean something to a link.
const (
	codeJWTExpired         = 11
	codeCredentialsExpired = 15
	codeItemNotFound       = 32
	codeBadArguments       = 31
	codeVersionConflict    = 35
	codeSubscription       = 40
	codeEntitiesLimit      = 41
	codePasswordPolicy     = 45
)

// The authorities of ThingsBoard's users (Authority.java).
const (
	TenantAdmin  = "TENANT_ADMIN"
	CustomerUser = "CUSTOMER_USER"
	sysAdmin     = "SYS_ADMIN"
)

// User is who the account is.
type User struct {
	ID         string
	Authority  string // [TenantAdmin] or [CustomerUser]
	CustomerID string // of a [CustomerUser]
}

// entityID is how ThingsBoard writes a reference.
type entityID struct {
	EntityType string `json:"entityType,omitempty"`
	ID         string `json:"id"`
}

// SignIn presents e-mail and password, once, and asks who the account is. Callers at the same time share one sign-in.
// From then on the client renews its token by itself, at 80 % of the token's life, until [Client.Close].
//
// Refusals have the kind [Auth], and the same password would be refused again: count the tries. A system
// administrator, who owns no devices, and an account with a second factor are refused as such.
func (c *Client) SignIn(ctx context.Context) (User, error) {
	err := c.fly(ctx, func(ctx context.Context) error {
		c.mu.Lock()
		c.refused = nil
		c.mu.Unlock()
		return c.login(ctx)
	})
	if err != nil {
		return User{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user, nil
}

// login presents the password. The caller holds the flight.
func (c *Client) login(ctx context.Context) error {
	c.mu.Lock()
	base := c.base
	c.mu.Unlock()
	if base == nil {
		return fmt.Errorf("sign in: %w", &Error{Code: connection.ReasonInternal, Kind: Config, Message: "ThingsBoard was asked before it was located."})
	}
	if base.Scheme != "https" && c.account.Protocol != connection.ProtocolTCP {
		return fmt.Errorf("sign in: %w", fail(connection.ReasonTLSNotOffered, Config, place(base), nil))
	}
	asked := c.now()
	var pair tokenPair
	err := c.send(ctx, request{
		base: base, method: http.MethodPost, path: "/api/auth/login", out: &pair,
		body: map[string]string{"username": c.account.Username, "password": c.account.Password.Reveal()},
	})
	if err != nil {
		return c.refuse(c.explainLogin(err))
	}
	// A second factor shows as HTTP 200 with a scope and without a refresh token (TwoFactorAuthController.java).
	if pair.Scope != "" || pair.Token == "" || pair.RefreshToken == "" {
		return c.refuse(fmt.Errorf("sign in: %w", fail(connection.ReasonAuth2FA, Auth, "", nil)))
	}
	c.watch.accepted()
	fresh := newTokens(pair, asked)
	user, err := c.whoAmI(ctx, fresh.access)
	if err != nil {
		return c.refuse(err)
	}
	c.adopt(fresh, user)
	return nil
}

// refuse remembers that the password was refused, so that it is not presented again by itself.
func (c *Client) refuse(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Kind == Auth {
		c.mu.Lock()
		c.refused = e
		c.tokens = tokens{generation: c.tokens.generation}
		c.mu.Unlock()
	}
	return err
}

// whoAmI asks who the account is and refuses those who cannot run a link.
func (c *Client) whoAmI(ctx context.Context, access connection.Secret) (User, error) {
	var me struct {
		ID         entityID `json:"id"`
		CustomerID entityID `json:"customerId"`
		Authority  string   `json:"authority"`
	}
	err := c.send(ctx, request{method: http.MethodGet, path: "/api/auth/user", token: access, out: &me})
	if err != nil {
		return User{}, c.explain("ask who the account is", err)
	}
	switch me.Authority {
	case TenantAdmin, CustomerUser:
		return User{ID: me.ID.ID, Authority: me.Authority, CustomerID: me.CustomerID.ID}, nil
	case sysAdmin:
		return User{}, fmt.Errorf("sign in: %w", fail(connection.ReasonAuthSysAdmin, Auth, "", nil))
	}
	return User{}, fmt.Errorf("sign in: %w", fail(connection.ReasonPermission, Config, "", nil))
}

// explainLogin classifies a refused sign-in. A 401 or a 404 without ThingsBoard's error object comes from something
// that stands before it.
func (c *Client) explainLogin(err error) error {
	if a, ok := asAnswer(err); ok {
		if a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed || a.status == http.StatusUnauthorized && a.code == 0 {
			a.foreign = true
		}
		a.fromAnybody()
	}
	return c.explain("sign in", err)
}

// unauthorized tells the 401s apart (RestAwareAuthenticationFailureHandler.java, DefaultSystemSecurityService.java).
func unauthorized(a *answerError) (connection.ReasonCode, Kind) {
	text := strings.ToLower(a.text)
	switch {
	case a.code == codeJWTExpired: // although the token is fresh: no verdict on the password
		return connection.ReasonServerError, Transient
	case a.code == codeCredentialsExpired, a.code == codePasswordPolicy:
		return connection.ReasonAuthExpired, Auth
	case strings.Contains(text, "not active"), strings.Contains(text, "locked"), strings.Contains(text, "disabled"):
		return connection.ReasonAuthDisabled, Auth
	}
	return connection.ReasonAuthRefused, Auth
}
