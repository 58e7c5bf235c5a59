package sandbox

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// Scopes of tokens besides the authorities.
const (
	scopeRefresh   = "REFRESH_TOKEN"
	scopeVerify    = "PRE_VERIFICATION_TOKEN"
	scopeConfigure = "MFA_CONFIGURATION_TOKEN"
)

// claims of a token (ThingsBoard: JwtTokenFactory).
type claims struct {
	Subject   string   `json:"sub"`
	UserID    string   `json:"userId"`
	Scopes    []string `json:"scopes"`
	SessionID string   `json:"sessionId"`
	Expires   int64    `json:"exp"` // seconds
	Issued    int64    `json:"iat"`
	Issuer    string   `json:"iss"`
	Enabled   bool     `json:"enabled"`
	Public    bool     `json:"isPublic"`
	TenantID  string   `json:"tenantId"`
	Customer  string   `json:"customerId"`
}

// tokenPair is the answer to a login.
type tokenPair struct {
	Token        string `json:"token"`
	RefreshToken string `json:"refreshToken,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// issue makes a pair of tokens with a session of its own, or the lone token that awaits a second factor; with s.mu held.
func (s *Sandbox) issue(u *user) tokenPair {
	session := newID()
	s.people.sessions[session] = &tokenSession{email: u.Email}
	access, refresh := s.tokenLives()
	now := s.opt.Now()
	make := func(life time.Duration, scopes ...string) string {
		return s.people.sign(claims{
			Subject: u.Email, UserID: u.id, Scopes: scopes, SessionID: session, Issued: now.Unix(), Expires: now.Add(life).Unix(),
			Issuer: "thingsboard.io", Enabled: true, TenantID: s.people.tenantID, Customer: s.customerOf(u),
		})
	}
	switch {
	case u.TwoFactorMissing:
		return tokenPair{Token: make(30*time.Minute, scopeConfigure), Scope: scopeConfigure}
	case u.TwoFactor:
		return tokenPair{Token: make(30*time.Minute, scopeVerify), Scope: scopeVerify}
	}
	return tokenPair{Token: make(access, string(u.Authority)), RefreshToken: make(refresh, string(u.Authority), scopeRefresh)}
}

func (c claims) has(scope string) bool {
	for _, s := range c.Scopes {
		if s == scope {
			return true
		}
	}
	return false
}

var (
	encoding  = base64.RawURLEncoding
	jwtHeader = encoding.EncodeToString([]byte(`{"alg":"HS512"}`))
)

func (p *people) sign(c claims) string {
	body, _ := json.Marshal(c) // strings and numbers always marshal
	signed := jwtHeader + "." + encoding.EncodeToString(body)
	return signed + "." + encoding.EncodeToString(p.mac(signed))
}

func (p *people) mac(signed string) []byte {
	h := hmac.New(sha512.New, p.key)
	h.Write([]byte(signed))
	return h.Sum(nil)
}

// read tells whose token it is; with s.mu held. What cannot be read counts as bad credentials, what is not valid as expired.
func (s *Sandbox) read(token string) (claims, *user, *apiError) {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, nil, unauthorized("Invalid username or password")
	}
	body, err := encoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &c) != nil {
		return c, nil, unauthorized("Invalid username or password")
	}
	mac, err := encoding.DecodeString(parts[2])
	session := s.people.sessions[c.SessionID]
	if err != nil || !hmac.Equal(mac, s.people.mac(parts[0]+"."+parts[1])) || s.opt.Now().Unix() >= c.Expires ||
		session == nil || session.ended {
		return c, nil, &apiError{Status: 401, Message: "Token has expired", Code: codeTokenExpired}
	}
	u := s.people.byEmail[c.Subject]
	if u == nil {
		return c, nil, unauthorized("Invalid username or password")
	}
	return c, u, nil
}

// newID is a random UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// newToken is a random text of n letters and digits.
func newToken(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, n)
	_, _ = rand.Read(b)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}
