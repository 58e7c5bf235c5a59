package access

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/sessions"
)

// Session is a browser session as its owner is shown it.
type Session struct {
	ID         int64  // names it and opens nothing
	Browser    string // "Firefox on Linux"
	Address    string // from which it was started; empty where that was not noted
	StartedAt  time.Time
	LastSeenAt time.Time // at most a minute behind
	ExpiresAt  time.Time // at the latest
	Current    bool      // the one that asks
}

// Own lists the sessions of the operator of s that have not ended, the one that was seen last first.
func (st *Sessions) Own(ctx context.Context, s *sessions.Session) ([]Session, error) {
	current := metaOf(s)
	rows, err := st.rows.SessionsOf(ctx, current.OperatorID)
	if err != nil {
		return nil, fmt.Errorf("list an operator's sessions: %w", err)
	}
	var own []Session
	for _, row := range rows {
		if st.ended(row, st.now()) {
			continue
		}
		own = append(own, Session{
			ID: row.ID, Browser: BrowserName(row.UserAgent), Address: row.Address,
			StartedAt: row.CreatedAt, LastSeenAt: row.LastSeenAt, ExpiresAt: row.ExpiresAt, Current: row.ID == current.ID,
		})
	}
	return own, nil
}

// EndOwn ends the session of that public id, which must be one of the operator of s: else it fails with CodeNotFound, as it does
// for one that nobody has.
func (st *Sessions) EndOwn(ctx context.Context, s *sessions.Session, id int64) error {
	if err := st.rows.DeleteSessionOf(ctx, OperatorOf(s), id); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

// EndOthers ends the sessions of the operator of s but for s, and says how many.
func (st *Sessions) EndOthers(ctx context.Context, s *sessions.Session) (int64, error) {
	n, err := st.rows.DeleteOtherSessionsOf(ctx, OperatorOf(s), metaOf(s).Digest)
	if err != nil {
		return 0, fmt.Errorf("end the other sessions: %w", err)
	}
	return n, nil
}

// named is a mark in what browsers call themselves, and the name that people know. Many claim to be others, so the order counts.
type named struct{ mark, name string }

var (
	browsers = [...]named{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	}
	systems = [...]named{
		{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// maxProduct bounds the name of a program that is none of the known browsers, in characters.
const maxProduct = 40

// BrowserName makes what a browser calls itself into what people call it: "Firefox on Linux". It is no proof of anything.
func BrowserName(userAgent string) string {
	find := func(list []named) string {
		for _, n := range list {
			if strings.Contains(userAgent, n.mark) {
				return n.name
			}
		}
		return ""
	}
	browser, system := find(browsers[:]), find(systems[:])
	if browser == "" {
		product, _, _ := strings.Cut(userAgent, " ")
		product, _, _ = strings.Cut(product, "/")
		if r := []rune(product); len(r) > maxProduct {
			product = string(r[:maxProduct]) + "…"
		}
		browser = product
	}
	switch {
	case browser == "" || browser == "Mozilla" && system == "":
		return "Unknown browser"
	case system == "":
		return browser
	case browser == "Mozilla":
		return "Unknown browser on " + system
	}
	return browser + " on " + system
}
