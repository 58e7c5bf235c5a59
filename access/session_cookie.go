package access

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/sessions"
)

// cookie has no end of its own: the browser forgets it when it closes, the row ends before that or not.
func (st *Sessions) cookie(name, value string) *http.Cookie {
	return &http.Cookie{
		Name: st.CookieName(name), Value: value, Path: "/",
		HttpOnly: true, Secure: st.secure, SameSite: http.SameSiteLaxMode,
	}
}

// setCookie takes the place of a cookie of that name set before during the request, so that the browser gets one answer.
func setCookie(w http.ResponseWriter, c *http.Cookie) {
	kept := w.Header()["Set-Cookie"][:0:0]
	for _, line := range w.Header()["Set-Cookie"] {
		if !strings.HasPrefix(line, c.Name+"=") {
			kept = append(kept, line)
		}
	}
	w.Header()["Set-Cookie"] = append(kept, c.String())
}

func (st *Sessions) ended(row SessionRow, now time.Time) bool {
	return !now.Before(row.ExpiresAt) || now.Sub(row.LastSeenAt) >= st.idle
}

func wellFormedID(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == sessionIDBytes
}

func encodeValues(s *sessions.Session) ([]byte, error) {
	values := make(map[string]any, len(s.Values))
	for k, v := range s.Values {
		switch k := k.(type) {
		case string:
			values[k] = v
		case metaKey:
		default:
			return nil, fmt.Errorf("store session: the key %v is no text", k)
		}
	}
	data, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("store session values: %w", err)
	}
	return data, nil
}
