package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"
)

// Preference is something that a browser remembers of how its reader likes the console, in a cookie of its own.
type Preference string

// The preferences. The first value of each is how the console is where nothing was chosen.
const (
	PreferTheme     Preference = "theme"     // system, light or dark
	PreferShortcuts Preference = "shortcuts" // on or off: whether single keys do something
	PreferLive      Preference = "live"      // on or off: whether pages follow what changes
)

// Preferences lists them all.
func Preferences() []Preference { return []Preference{PreferTheme, PreferShortcuts, PreferLive} }

// preferenceLife is how long a browser remembers; longer ones are cut short by browsers.
const preferenceLife = 365 * 24 * time.Hour

// Values are what can be chosen, the usual one first.
func (p Preference) Values() []string {
	if p == PreferTheme {
		return []string{"system", "light", "dark"}
	}
	return []string{"on", "off"}
}

// Prefer lets the browser remember a value. One that cannot be chosen is a [Problem].
func Prefer(c echo.Context, p Preference, value string) error {
	at := slices.Index(p.Values(), value)
	if at < 0 {
		return NewProblem(http.StatusBadRequest, "The input "+string(p)+" holds something that cannot be chosen.")
	}
	life := int(preferenceLife / time.Second)
	if at == 0 {
		life = -1 // the usual one needs no cookie
	}
	s := visitOf(c).server
	c.SetCookie(&http.Cookie{
		Name: preferenceCookie(c, p), Value: value, Path: "/", MaxAge: life,
		HttpOnly: true, Secure: s != nil && s.secure, SameSite: http.SameSiteLaxMode,
	})
	return nil
}

// chosen is what the browser remembers; "" for the usual, and for what cannot be chosen.
func chosen(c echo.Context, p Preference) string {
	cookie, err := c.Cookie(preferenceCookie(c, p))
	if err != nil || !slices.Contains(p.Values()[1:], cookie.Value) {
		return ""
	}
	return cookie.Value
}

func preferenceCookie(c echo.Context, p Preference) string {
	if s := visitOf(c).server; s != nil && s.secure {
		return "__Host-" + string(p)
	}
	return string(p)
}
