package thingpark

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"

	"boardlink/connection"
)

// plainText returns the text of an answer that may be HTML, as ThingPark's are
// (<html><body>Request queued by LRC</body></html>), without the Token where it repeats it, made fit to be shown.
func plainText(body []byte, token string) string {
	var b strings.Builder
	tokens := html.NewTokenizer(bytes.NewReader(body))
	skip := "" // the element whose text is for no reader
	for {
		switch tokens.Next() {
		case html.ErrorToken: // the end
			words := strings.Fields(strings.ToValidUTF8(b.String(), " "))
			return connection.Clean(redact(strings.Join(words, " "), token))
		case html.TextToken:
			if skip == "" {
				b.Write(tokens.Text())
				b.WriteByte(' ')
			}
		case html.StartTagToken:
			if name, _ := tokens.TagName(); string(name) == "script" || string(name) == "style" {
				skip = string(name)
			}
		case html.EndTagToken:
			if name, _ := tokens.TagName(); string(name) == skip {
				skip = ""
			}
		}
	}
}

// foreignPage reports a web page that does not say what ThingPark says: a sign-in page of a proxy answers 200 too.
func foreignPage(body []byte) bool {
	lower := bytes.ToLower(body)
	return bytes.Contains(lower, []byte("<html")) && !bytes.Contains(lower, []byte("queued"))
}

// redact takes the Token, which has hexadecimal digits only, out of a text in whatever case it stands there.
func redact(s, token string) string {
	for token != "" {
		i := strings.Index(strings.Map(asciiLower, s), token)
		if i < 0 {
			break
		}
		s = s[:i] + connection.Mask + s[i+len(token):]
	}
	return s
}

// asciiLower changes no character's length, so that places in the text stay what they are.
func asciiLower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}
