package thingsboard

import (
	"fmt"
	"strings"
	"testing"

	"boardlink/connection"
)

func TestNothing_that_holds_a_secret_prints_it(t *testing.T) {
	const canary connection.Secret = "canary-4711"
	account := Account{HostName: "tb.example.com:443", Password: canary}
	for _, value := range []any{
		account, &account, &Client{account: account, tokens: tokens{access: canary}}, &Session{secrets: []connection.Secret{canary}},
		tokens{access: canary, refresh: canary}, &tokens{access: canary}, request{method: "GET", path: "/api", token: canary}, &request{token: canary},
		[]any{&Client{account: account}}, map[string]tokens{"a": {access: canary}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "canary") || strings.Contains(text, "63616e617279") {
				t.Errorf("%T by %s: %s", value, verb, text)
			}
		}
	}
}
