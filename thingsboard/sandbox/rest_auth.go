package sandbox

import (
	"encoding/json"
	"net/http"
	"time"
)

func (s *Sandbox) authRoutes(mux *http.ServeMux) {
	mux.HandleFunc("/api/auth/login", s.login)
	mux.HandleFunc("POST /api/auth/token", s.refresh)
	mux.HandleFunc("POST /api/auth/logout", s.signedIn(s.logout))
	mux.HandleFunc("GET /api/auth/user", s.signedIn(s.me))
	mux.HandleFunc("GET /api/noauth/userPasswordPolicy", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"minimumLength": 6, "maximumLength": 72, "forceUserToResetPasswordIfNotValid": false})
	})
}

func (s *Sandbox) login(w http.ResponseWriter, r *http.Request) {
	var form struct{ Username, Password string }
	if r.Method != http.MethodPost {
		s.refuse(w, unauthorized("Authentication method not supported"))
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&form); err != nil || form.Username == "" || form.Password == "" {
		s.refuse(w, unauthorized("Authentication failed"))
		return
	}
	s.mu.Lock()
	u, refusal := s.logIn(form.Username, form.Password)
	line := Login{At: time.Now(), Email: form.Username, OK: refusal == nil}
	var pair tokenPair
	if refusal == nil {
		pair = s.issue(u)
	} else {
		line.Message = refusal.Message
	}
	s.mu.Unlock()
	record(s, &s.logs.logins, line)
	if refusal != nil {
		s.refuse(w, refusal)
		return
	}
	answer(w, http.StatusOK, pair)
}

// refresh gives a new pair for a refresh token. The old refresh token stays valid.
func (s *Sandbox) refresh(w http.ResponseWriter, r *http.Request) {
	var form struct{ RefreshToken string }
	if err := json.NewDecoder(r.Body).Decode(&form); err != nil || form.RefreshToken == "" {
		s.refuse(w, unauthorized("Authentication failed"))
		return
	}
	pair, refusal := s.refreshed(form.RefreshToken)
	if refusal != nil {
		s.refuse(w, refusal)
		return
	}
	answer(w, http.StatusOK, pair)
}

func (s *Sandbox) refreshed(token string) (tokenPair, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, u, refusal := s.read(token)
	switch {
	case s.current().RefreshRefused:
		return tokenPair{}, unauthorized("Token is outdated")
	case refusal != nil && c.has(scopeRefresh) && s.people.sessions[c.SessionID] != nil && s.people.sessions[c.SessionID].ended:
		return tokenPair{}, unauthorized("Token is outdated")
	case refusal != nil:
		return tokenPair{}, refusal
	case !c.has(scopeRefresh):
		return tokenPair{}, &apiError{Status: http.StatusInternalServerError, Message: "Invalid Refresh Token scope", Code: codeGeneral}
	case u.Disabled:
		return tokenPair{}, unauthorized("User account is not active")
	}
	return s.issue(u), nil
}

func (s *Sandbox) logout(w http.ResponseWriter, _ *http.Request, who caller) *apiError {
	s.mu.Lock()
	if t := s.people.sessions[who.claims.SessionID]; t != nil {
		t.ended = true
	}
	s.mu.Unlock()
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Sandbox) me(w http.ResponseWriter, _ *http.Request, who caller) *apiError {
	u := who.user
	answer(w, http.StatusOK, map[string]any{
		"id": entity("USER", u.id), "createdTime": u.created, "tenantId": entity("TENANT", s.people.tenantID),
		"customerId": entity("CUSTOMER", s.customerOf(u)), "email": u.Email, "authority": u.Authority,
		"firstName": nil, "lastName": nil, "phone": nil, "version": 1, "name": u.Email, "additionalInfo": map[string]any{},
	})
	return nil
}

// customerOf is the id of the customer that a user belongs to.
func (s *Sandbox) customerOf(u *user) string {
	if u.Authority == CustomerUser {
		return s.people.customer
	}
	return nobody
}

// entity is how ThingsBoard writes an id.
func entity(kind, id string) entityID { return entityID{Type: kind, ID: id} }

type entityID struct {
	Type string `json:"entityType"`
	ID   string `json:"id"`
}
