package sandbox

import (
	"cmp"
	"crypto/rand"
	"time"
)

// Authority is what an account may do.
type Authority string

// ThingsBoard's authorities.
const (
	TenantAdmin  Authority = "TENANT_ADMIN"
	CustomerUser Authority = "CUSTOMER_USER"
	SysAdmin     Authority = "SYS_ADMIN"
)

// Account is someone who can sign in.
type Account struct {
	Email    string // compared with its case
	Password string
	// Authority is TenantAdmin where empty. All customer users belong to one customer.
	Authority Authority
	// TwoFactor asks for a second factor after the password; TwoFactorMissing demands that one be set up first.
	TwoFactor, TwoFactorMissing bool
	// Disabled accounts are "not active"; PasswordExpired ones must choose another password.
	Disabled, PasswordExpired bool
	// APIKey, if set, may stand in place of a token.
	APIKey string
}

// user is an account and what became of it; under Sandbox.mu.
type user struct {
	Account
	id       string
	created  int64
	attempts int // logins tried since the account was added
	failed   int // since the last good one
}

// people are the accounts and their tokens; under Sandbox.mu.
type people struct {
	byEmail            map[string]*user
	sessions           map[string]*tokenSession
	key                []byte // signs the tokens
	tenantID, customer string
}

// tokenSession is what one login or refresh started: an access and a refresh token.
type tokenSession struct {
	email string
	ended bool
}

func newPeople() people {
	key := make([]byte, 64)
	_, _ = rand.Read(key) // crypto/rand never fails: it ends the program instead
	return people{byEmail: map[string]*user{}, sessions: map[string]*tokenSession{}, key: key, tenantID: newID(), customer: newID()}
}

// AddAccount adds an account, or puts another in the place of the one with that e-mail.
func (s *Sandbox) AddAccount(a Account) {
	a.Authority = cmp.Or(a.Authority, TenantAdmin)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people.endSessions(a.Email)
	s.people.byEmail[a.Email] = &user{Account: a, id: newID(), created: s.opt.Now().UnixMilli()}
}

// SetPassword changes an account's password and ends its tokens at once. An unknown e-mail does nothing.
func (s *Sandbox) SetPassword(email, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.people.byEmail[email]; u != nil {
		u.Password = password
		s.people.endSessions(email)
	}
}

// SetDisabled disables an account or, as an administrator does after a lockout, enables it again.
func (s *Sandbox) SetDisabled(email string, disabled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.people.byEmail[email]; u != nil {
		u.Disabled = disabled
		u.failed = 0
	}
}

// ExpireTokens ends all tokens of an account: they are answered with 401, code 11, and cannot be refreshed.
func (s *Sandbox) ExpireTokens(email string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people.endSessions(email)
}

// LoginAttempts counts the logins tried for an e-mail since it was added, good and bad. An unknown e-mail has none.
func (s *Sandbox) LoginAttempts(email string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.people.byEmail[email]; u != nil {
		return u.attempts
	}
	return 0
}

func (p *people) endSessions(email string) {
	for _, t := range p.sessions {
		if t.email == email {
			t.ended = true
		}
	}
}

// logIn judges a password as ThingsBoard does (DefaultSystemSecurityService): the password first, then whether the account
// is active. With s.mu held.
func (s *Sandbox) logIn(email, password string) (*user, *apiError) {
	u := s.people.byEmail[email]
	if u == nil {
		return nil, unauthorized("Invalid username or password")
	}
	u.attempts++
	if u.Password != password {
		u.failed++
		if limit := s.current().MaxFailedLogins; limit > 0 && u.failed > limit && !u.Disabled {
			u.Disabled = true
			return nil, unauthorized("User account is locked due to security policy")
		}
		return nil, unauthorized("Invalid username or password")
	}
	if u.Disabled {
		return nil, unauthorized("User account is not active")
	}
	u.failed = 0
	if u.PasswordExpired {
		return nil, &apiError{Status: 401, Message: "User password expired!", Code: codePasswordExpired, Extra: map[string]any{"resetToken": newToken(20)}}
	}
	return u, nil
}

// byAPIKey finds whose key it is; with s.mu held.
func (s *Sandbox) byAPIKey(key string) (*user, *apiError) {
	if !s.current().NoAPIKeys && key != "" {
		for _, u := range s.people.byEmail {
			if u.APIKey == key {
				if u.Disabled {
					return nil, unauthorized("User account is not active")
				}
				return u, nil
			}
		}
	}
	return nil, unauthorized("Invalid username or password")
}

// tokenLives are the lives of tokens in force, in that order: access, refresh.
func (s *Sandbox) tokenLives() (access, refresh time.Duration) {
	b := s.current()
	return b.AccessLife, b.RefreshLife
}
