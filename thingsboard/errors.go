package thingsboard

import (
	"context"
	"errors"
	"strings"
	"time"

	"boardlink/connection"
)

// Kind says what a caller should do about an [Error].
type Kind int

// The kinds of errors.
const (
	// Transient passes by itself: try again with back-off.
	Transient Kind = iota
	// Throttled asks to slow down; [Error.RetryAfter] says how long to pause where the peer said so.
	Throttled
	// Auth means that the account's credentials were refused. Presenting them again may lock the account.
	Auth
	// Conflict means that another client uses the gateway device: back off for 30 s or more.
	Conflict
	// Poison means that this message, and not the link, is at fault.
	Poison
	// Config needs a person: wrong address, certificate, permission. Trying again seldom helps.
	Config
	// Device means that ThingsBoard refuses one device; others go on.
	Device
)

func (k Kind) String() string {
	names := [...]string{"transient", "throttled", "auth", "conflict", "poison", "config", "device"}
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Error is what went wrong, in our terms.
type Error struct {
	Code    connection.ReasonCode
	Kind    Kind
	Message string // a sentence for people, without secrets
	// SessionEnded says that the MQTT session is over, so that [Session.Done] is closed or about to be.
	SessionEnded bool
	// ByPeer says that the peer ended the session: it said so, or closed the connection. It is false where the network
	// failed, the peer fell silent, or we ended it.
	ByPeer bool
	// Unsent says that the message was not even written when the session ended.
	Unsent bool
	// Reason is the MQTT reason code that the peer gave, 0 where it gave none.
	Reason byte
	// RetryAfter is the pause that the peer asked for, 0 where it named none.
	RetryAfter time.Duration
	// Err is the cause. It may name addresses, never secrets; it is for logs.
	Err error
}

// Error gives the sentence for people.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code.Text().Sentence
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the reason code of the first [Error] in err's chain. Without one it is ReasonTimeout for a deadline,
// ReasonNone for nil and ReasonInternal for everything else.
func CodeOf(err error) connection.ReasonCode {
	var e *Error
	switch {
	case err == nil:
		return connection.ReasonNone
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.DeadlineExceeded):
		return connection.ReasonTimeout
	}
	return connection.ReasonInternal
}

// KindOf returns the kind of the first [Error] in err's chain, and [Transient] where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Transient
}

// Further reports whether a failed try to connect got further than another: one that ThingsBoard answered tells more
// than one that reached nobody.
func Further(a, b error) bool { return progress(CodeOf(a)) > progress(CodeOf(b)) }

func progress(code connection.ReasonCode) int {
	switch {
	case strings.HasPrefix(string(code), "dns_"), strings.HasPrefix(string(code), "tcp_"), code == connection.ReasonMQTTNotFound:
		return 0
	case strings.HasPrefix(string(code), "tls_"), code == connection.ReasonTimeout:
		return 1
	}
	return 2
}

// SessionEnded reports whether err says that the MQTT session is over.
func SessionEnded(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.SessionEnded
}

// fail makes an Error about a place ("https://host:443"), with the code's own sentence.
func fail(code connection.ReasonCode, kind Kind, place string, err error) *Error {
	return &Error{Code: code, Kind: kind, Message: at(place, code.Text().Sentence), Err: err}
}

// at puts the place before a sentence.
func at(place, sentence string) string {
	if place == "" {
		return sentence
	}
	return place + ": " + sentence
}

// told adds what the peer said, cleaned and only where it holds no secret.
func told(sentence, peerText string, secrets []connection.Secret) string {
	text := withhold(peerText, secrets)
	if text == "" {
		return sentence
	}
	return sentence + " ThingsBoard said: " + connection.EndSentence(text)
}

// withhold makes a peer's text fit to be shown. A text that holds a secret is left out as a whole: stars in its place
// would tell where in a known sentence the secret stands.
func withhold(peerText string, secrets []connection.Secret) string {
	for _, s := range secrets {
		if s.IsSet() && strings.Contains(peerText, s.Reveal()) {
			return ""
		}
	}
	return connection.Clean(peerText)
}
