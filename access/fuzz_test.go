package access

import (
	"net/http/httptest"
	"testing"
	"time"
)

// FuzzSession reads requests with any Cookie header, and stored values of any content: nobody is signed in by a cookie that
// no row knows, and what cannot be read is an error and never a session of somebody.
func FuzzSession(f *testing.F) {
	f.Add("boardlink=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", []byte(`{}`))
	f.Add("boardlink=x; boardlink=y; __Host-boardlink=z", []byte(`{"toasts":"[]"}`))
	f.Add("boardlink=\"AA==\"; a=b;;=", []byte(`[`))
	f.Fuzz(func(t *testing.T, header string, data []byte) {
		rows := newMemory()
		id, now := randomText(sessionIDBytes), time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
		rows.sessions[DigestOf(id)] = SessionRow{Digest: DigestOf(id), OperatorID: 7, Data: data, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour)}
		store := NewSessions(rows, SessionOptions{Now: func() time.Time { return now }})

		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", header)
		s, err := store.New(r, SessionName)
		if err != nil || OperatorOf(s) != 0 || !s.IsNew {
			t.Errorf("a foreign cookie %q: operator %d, %v", header, OperatorOf(s), err)
		}

		r = httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", SessionName+"="+id+"; "+header)
		s, err = store.New(r, SessionName)
		if (err == nil) != (OperatorOf(s) == 7) {
			t.Errorf("values %q: operator %d, %v", data, OperatorOf(s), err)
		}
		if err == nil {
			if _, err := encodeValues(s); err != nil {
				t.Errorf("what was read cannot be stored: %v", err)
			}
		}
	})
}
