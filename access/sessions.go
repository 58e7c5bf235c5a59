package access

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"boardlink/connection"

	"github.com/gorilla/sessions"
)

// SessionName is the session's name, and the cookie's but for the prefix that a secure one bears.
const SessionName = "boardlink"

const (
	// SessionIdle is how long a session lives without a request, unless [SessionOptions] say otherwise.
	SessionIdle = 30 * time.Minute
	// SessionLife is how long a session lives in all, unless [SessionOptions] say otherwise.
	SessionLife = 12 * time.Hour
	// FreshFor is how long after a person gave the password the session is good for what [Sessions.Fresh] guards.
	FreshFor = 15 * time.Minute

	touchEvery     = time.Minute // so that a busy page does not write a row for each request
	sessionIDBytes = 32
)

// Sessions is a gorilla store whose cookie holds a random id and nothing else.
//
// Values need text keys and are kept as JSON, so they come back as JSON has them (text, float64, bool, []any,
// map[string]any); flashes work. A session without values is not stored and sets no cookie. Who has signed in is no
// value: [Sessions.Renew] sets it and [OperatorOf] tells it.
type Sessions struct {
	rows       SessionRows
	secure     bool
	idle, life time.Duration
	now        func() time.Time
	address    func(*http.Request) string
}

var _ sessions.Store = (*Sessions)(nil)

// SessionOptions are what [NewSessions] needs beside the rows. The zero value does.
type SessionOptions struct {
	// Secure says that browsers come by https: the cookie is then Secure and its name begins with __Host-, which keeps
	// other hosts of the domain from setting it.
	Secure  bool
	Idle    time.Duration              // 0: [SessionIdle]
	Life    time.Duration              // 0: [SessionLife]
	Now     func() time.Time           // nil: time.Now
	Address func(*http.Request) string // of the client; nil: it is not noted
}

// NewSessions makes a store.
func NewSessions(rows SessionRows, opt SessionOptions) *Sessions {
	st := &Sessions{
		rows: rows, secure: opt.Secure, now: opt.Now, address: opt.Address,
		idle: cmp.Or(opt.Idle, SessionIdle), life: cmp.Or(opt.Life, SessionLife),
	}
	if st.now == nil {
		st.now = time.Now
	}
	if st.address == nil {
		st.address = func(*http.Request) string { return "" }
	}
	return st
}

// metaKey is the key of what the store remembers of a session; being no text it is not among the stored values.
type metaKey struct{}

// metaOf gives the row of a session that is stored, the zero row for one that is not.
func metaOf(s *sessions.Session) SessionRow {
	m, _ := s.Values[metaKey{}].(SessionRow)
	return m
}

// OperatorOf returns the id of the operator who signed in with this session, 0 for nobody.
func OperatorOf(s *sessions.Session) int64 { return metaOf(s).OperatorID }

// PublicIDOf returns the id by which a session is named, 0 for one that is not stored.
func PublicIDOf(s *sessions.Session) int64 { return metaOf(s).ID }

// DigestOfSession returns the digest by which the session is stored, the zero digest for one that is not.
func DigestOfSession(s *sessions.Session) Digest { return metaOf(s).Digest }

// RoleOf returns the role that the session's operator had when the session got its cookie.
func RoleOf(s *sessions.Session) Role { return metaOf(s).Role }

// ExpiresAt returns when the session ends whatever its use; zero for one that is not stored.
func ExpiresAt(s *sessions.Session) time.Time { return metaOf(s).ExpiresAt }

// Fresh reports whether the password was given within the last [FreshFor]. A clock that was turned back makes nothing fresh.
func (st *Sessions) Fresh(s *sessions.Session) bool {
	ago := st.now().Sub(metaOf(s).ConfirmedAt)
	return ago >= 0 && ago < FreshFor
}

// CookieName gives the name of the cookie that carries the session of that name.
func (st *Sessions) CookieName(name string) string {
	if st.secure {
		return "__Host-" + name
	}
	return name
}

// Get returns the request's session, the same one for every call during a request.
func (st *Sessions) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(st, name)
}

// New returns the session that the request's cookie names, or a fresh one where there is none, where it expired or where
// the cookie is not one of ours. The session is never nil, also beside an error, which means that the rows cannot be read.
func (st *Sessions) New(r *http.Request, name string) (*sessions.Session, error) {
	s := sessions.NewSession(st, name)
	s.Options = &sessions.Options{Path: "/", HttpOnly: true, Secure: st.secure, SameSite: http.SameSiteLaxMode}
	s.IsNew = true
	cookie, err := r.Cookie(st.CookieName(name))
	if err != nil || !wellFormedID(cookie.Value) {
		return s, nil
	}
	ctx, digest, now := r.Context(), DigestOf(cookie.Value), st.now()
	row, err := st.rows.SessionByHash(ctx, digest)
	if connection.CodeOf(err) == connection.CodeNotFound || err == nil && st.ended(row, now) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read session: %w", err)
	}
	values := map[string]any{}
	if err := json.Unmarshal(row.Data, &values); err != nil {
		return s, fmt.Errorf("read session values: %w", err)
	}
	if now.Sub(row.LastSeenAt) >= touchEvery {
		if err := st.rows.TouchSession(ctx, digest, now); err != nil {
			return s, fmt.Errorf("touch session: %w", err)
		}
	}
	for k, v := range values {
		s.Values[k] = v
	}
	s.Values[metaKey{}] = row
	s.ID, s.IsNew = cookie.Value, false
	return s, nil
}

// Save stores the session's values where they changed. A session that was ended meanwhile (a sign-out in another tab)
// stays ended. Options.MaxAge below zero ends it, as gorilla's stores do.
func (st *Sessions) Save(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	if s.Options != nil && s.Options.MaxAge < 0 {
		return st.Destroy(r, w, s)
	}
	data, err := encodeValues(s)
	if err != nil {
		return err
	}
	m := metaOf(s)
	if s.ID == "" {
		if string(data) == "{}" {
			return nil
		}
		return st.create(r, w, s, Identity{}, data)
	}
	if bytes.Equal(data, m.Data) {
		return nil
	}
	if err := st.rows.UpdateSession(r.Context(), DigestOf(s.ID), data); err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	m.Data = data
	s.Values[metaKey{}] = m
	return nil
}

// Renew gives the session a new id and makes it the operator's, as must be done at every sign-in: an id that somebody
// planted before is then worth nothing. Values are kept; both limits count anew, and the password counts as given now.
func (st *Sessions) Renew(r *http.Request, w http.ResponseWriter, s *sessions.Session, who Identity) error {
	data, err := encodeValues(s)
	if err != nil {
		return err
	}
	old := s.ID
	if err := st.create(r, w, s, who, data); err != nil {
		return err
	}
	if old == "" {
		return nil
	}
	if err := st.rows.DeleteSession(context.WithoutCancel(r.Context()), DigestOf(old)); err != nil {
		return fmt.Errorf("end the former session: %w", err)
	}
	return nil
}

// Confirm notes that the person has given the password once more. The session gets a new id; it lives no longer for that.
// One that was ended meanwhile stays ended: CodeUnauthorized.
func (st *Sessions) Confirm(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	row := metaOf(s)
	row.ConfirmedAt = st.now()
	return st.replace(r, w, s, row)
}

// FollowRole gives the session of an operator whose role has changed a new id. What needs a fresh password needs it anew.
// One that was ended meanwhile stays ended: CodeUnauthorized.
func (st *Sessions) FollowRole(r *http.Request, w http.ResponseWriter, s *sessions.Session, role Role) error {
	row := metaOf(s)
	row.Role, row.ConfirmedAt = role, time.Time{}
	return st.replace(r, w, s, row)
}

// replace stores the row under a new id in the place of the session's.
func (st *Sessions) replace(r *http.Request, w http.ResponseWriter, s *sessions.Session, row SessionRow) error {
	if s.ID == "" {
		return errSessionEnded()
	}
	data, err := encodeValues(s)
	if err != nil {
		return err
	}
	id := randomText(sessionIDBytes)
	row.Digest, row.Data, row.LastSeenAt = DigestOf(id), data, st.now()
	err = st.rows.RenewSession(r.Context(), DigestOf(s.ID), row)
	if connection.CodeOf(err) == connection.CodeNotFound {
		return errSessionEnded()
	}
	if err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	s.ID = id
	s.Values[metaKey{}] = row
	setCookie(w, st.cookie(s.Name(), id))
	return nil
}

func errSessionEnded() error {
	return connection.Fail(connection.CodeUnauthorized, "Your session has ended. Sign in again.")
}

// Destroy ends the session, here and in the browser. The session object is then as good as a new one: what is put into
// it and saved starts another session.
func (st *Sessions) Destroy(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	old := s.ID
	clear(s.Values)
	s.ID, s.IsNew = "", true
	if s.Options != nil {
		s.Options.MaxAge = 0
	}
	gone := st.cookie(s.Name(), "")
	gone.MaxAge, gone.Expires = -1, time.Unix(1, 0)
	setCookie(w, gone)
	if old == "" {
		return nil
	}
	if err := st.rows.DeleteSession(context.WithoutCancel(r.Context()), DigestOf(old)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Alive reports whether the session is still there, for answers that outlive their request's start (an event stream). It
// does not count as use.
func (st *Sessions) Alive(ctx context.Context, s *sessions.Session) (bool, error) {
	if s.ID == "" {
		return false, nil
	}
	row, err := st.rows.SessionByHash(ctx, DigestOf(s.ID))
	if connection.CodeOf(err) == connection.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read session: %w", err)
	}
	return !st.ended(row, st.now()), nil
}

// EndAllOf ends every session of an operator.
func (st *Sessions) EndAllOf(ctx context.Context, operatorID int64) error {
	if err := st.rows.DeleteSessionsOf(ctx, operatorID); err != nil {
		return fmt.Errorf("end an operator's sessions: %w", err)
	}
	return nil
}

// Prune removes the rows of sessions that have ended, and says how many. Call it now and then.
func (st *Sessions) Prune(ctx context.Context) (int64, error) {
	now := st.now()
	n, err := st.rows.PruneSessions(ctx, now, now.Add(-st.idle))
	if err != nil {
		return 0, fmt.Errorf("prune sessions: %w", err)
	}
	return n, nil
}

func (st *Sessions) create(r *http.Request, w http.ResponseWriter, s *sessions.Session, who Identity, data []byte) error {
	id, now := randomText(sessionIDBytes), st.now()
	row := SessionRow{
		Digest: DigestOf(id), ID: newPublicID(), OperatorID: who.ID, Role: who.Role, Data: data,
		UserAgent: cleanUserAgent(r.UserAgent()), Address: st.address(r),
		CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(st.life),
	}
	if who.Known() {
		row.ConfirmedAt = now
	}
	if err := st.rows.SaveSession(r.Context(), row); err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	s.ID, s.IsNew = id, false
	s.Values[metaKey{}] = row
	setCookie(w, st.cookie(s.Name(), id))
	return nil
}
