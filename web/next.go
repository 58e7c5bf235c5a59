package web

import (
	"net/url"
	"strings"
)

// maxNext bounds an address to come back to, in bytes.
const maxNext = 1000

// SafeNext gives the page to go to after signing in: next where it is an address on this server, else "/". It takes a
// path with a single leading slash; backslashes, which browsers read as slashes, and control characters are not taken.
func SafeNext(next string) string {
	if len(next) > maxNext || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) {
		return "/"
	}
	if strings.ContainsFunc(next, func(r rune) bool { return r < 0x20 || r == 0x7F }) {
		return "/"
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, `\`) {
		return "/"
	}
	switch u.Path {
	case "/signin", "/signout", "/setup", ConfirmPath: // going back there would go round in a circle
		return "/"
	}
	return next
}

func splitList(s string) []string {
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
