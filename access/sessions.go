package access

import (
	"bytes"
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
	// SessionIdle is how long a session lives without a request.
	SessionIdle = 30 * time.Minute
	// SessionLife is how long a session lives in all.
	SessionLife = 12 * time.Hour

	touchEvery     = time.Minute // so that a busy page does not write a row for each request
	sessionIDBytes = 32
)

// SessionRows keeps sessions by the digest of their id.
type SessionRows interface {
	SaveSession(ctx context.Context, row SessionRow) error // a new one
	// SessionByHash fails with CodeNotFound where there is no such row; it does not look at times.
	SessionByHash(ctx context.Context, d Digest) (SessionRow, error)
	// UpdateSession replaces the data of a session that is still there, and does nothing for one that is not.
	UpdateSession(ctx context.Context, d Digest, data []byte) error
	TouchSession(ctx context.Context, d Digest, at time.Time) error
	DeleteSession(ctx context.Context, d Digest) error
	DeleteSessionsOf(ctx context.Context, operatorID int64) error
	// PruneSessions removes those that expired by now or were not seen since idleSince, and says how many.
	PruneSessions(ctx context.Context, now, idleSince time.Time) (int64, error)
}

// Sessions is a gorilla store whose cookie holds a random id and nothing else.
//
// Values need text keys and are kept as JSON, so they come back as JSON has them (text, float64, bool, []any,
// map[string]any); flashes work. A session without values is not stored and sets no cookie. Who has signed in is no
// value: [Sessions.Renew] sets it and [OperatorOf] tells it.
type Sessions struct {
	rows   SessionRows
	secure bool
	now    func() time.Time
}

var _ sessions.Store = (*Sessions)(nil)

// NewSessions makes a store. secure says that browsers come by https: the cookie is then Secure and its name begins with
// __Host-, which keeps other hosts of the domain from setting it. now may be nil for time.Now.
func NewSessions(rows SessionRows, secure bool, now func() time.Time) *Sessions {
	if now == nil {
		now = time.Now
	}
	return &Sessions{rows: rows, secure: secure, now: now}
}

// metaKey is the key of what the store remembers of a session; being no text it is not among the stored values.
type metaKey struct{}

type meta struct {
	operatorID int64
	expiresAt  time.Time
	data       []byte // as stored
}

func metaOf(s *sessions.Session) meta {
	m, _ := s.Values[metaKey{}].(meta)
	return m
}

// OperatorOf returns the id of the operator who signed in with this session, 0 for nobody.
func OperatorOf(s *sessions.Session) int64 { return metaOf(s).operatorID }

// ExpiresAt returns when the session ends whatever its use; zero for one that is not stored.
func ExpiresAt(s *sessions.Session) time.Time { return metaOf(s).expiresAt }

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
	if connection.CodeOf(err) == connection.CodeNotFound || err == nil && ended(row, now) {
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
	s.Values[metaKey{}] = meta{operatorID: row.OperatorID, expiresAt: row.ExpiresAt, data: row.Data}
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
		return st.create(r.Context(), w, s, 0, data)
	}
	if bytes.Equal(data, m.data) {
		return nil
	}
	if err := st.rows.UpdateSession(r.Context(), DigestOf(s.ID), data); err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	m.data = data
	s.Values[metaKey{}] = m
	return nil
}

// Renew gives the session a new id and makes it the operator's, as must be done at every sign-in: an id that somebody
// planted before is then worth nothing. Values are kept; both limits count anew.
func (st *Sessions) Renew(r *http.Request, w http.ResponseWriter, s *sessions.Session, operatorID int64) error {
	data, err := encodeValues(s)
	if err != nil {
		return err
	}
	old := s.ID
	if err := st.create(r.Context(), w, s, operatorID, data); err != nil {
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
	return !ended(row, st.now()), nil
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
	n, err := st.rows.PruneSessions(ctx, now, now.Add(-SessionIdle))
	if err != nil {
		return 0, fmt.Errorf("prune sessions: %w", err)
	}
	return n, nil
}

func (st *Sessions) create(ctx context.Context, w http.ResponseWriter, s *sessions.Session, operatorID int64, data []byte) error {
	id, now := randomText(sessionIDBytes), st.now()
	row := SessionRow{
		Digest: DigestOf(id), OperatorID: operatorID, Data: data,
		CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(SessionLife),
	}
	if err := st.rows.SaveSession(ctx, row); err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	s.ID, s.IsNew = id, false
	s.Values[metaKey{}] = meta{operatorID: operatorID, expiresAt: row.ExpiresAt, data: data}
	setCookie(w, st.cookie(s.Name(), id))
	return nil
}
