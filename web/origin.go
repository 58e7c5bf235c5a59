package web

import (
	"net/http"
	"time"

	"boardlink/access"
	"boardlink/connection"

	"github.com/labstack/echo/v4"
)

const (
	browserCookie = access.SessionName + "-browser"
	// maxBrowserCookie bounds what is read of the cookie, in bytes.
	maxBrowserCookie = 100
)

// Origin is where a password comes from that the request bears.
func Origin(c echo.Context) access.Origin {
	from := access.Origin{Address: connection.OriginText(c.Request().Context())}
	cookie, err := c.Cookie(visitOf(c).browserCookie())
	if err == nil && len(cookie.Value) <= maxBrowserCookie {
		from.Browser = connection.Secret(cookie.Value)
	}
	return from
}

// KeepBrowser gives the browser what makes it known to the account that has just signed in. It outlives the session and opens
// nothing: strangers who try passwords do not slow down a browser that has it.
func KeepBrowser(c echo.Context, secret connection.Secret) {
	v := visitOf(c)
	if v.server == nil {
		return
	}
	c.SetCookie(&http.Cookie{
		Name: v.browserCookie(), Value: secret.Reveal(), Path: "/", MaxAge: int(access.BrowserLife / time.Second),
		HttpOnly: true, Secure: v.server.secure, SameSite: http.SameSiteStrictMode,
	})
}

func (v *visit) browserCookie() string {
	if v.server != nil && v.server.secure {
		return "__Host-" + browserCookie
	}
	return browserCookie
}
