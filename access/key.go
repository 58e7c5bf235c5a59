package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"

	"boardlink/connection"
)

// EnvironmentKey is the name of the API key that the environment brings.
const EnvironmentKey = "environment"

const uplinkKeyPrefix = "bl_uk_" // tells what a key found in a log is for

// Keys knows the API keys. Today that is the one of the environment; it has every scope and ends with the variable.
type Keys struct{ environment connection.Secret }

// NewKeys takes the environment's key; an empty one means that there is none.
func NewKeys(environment connection.Secret) *Keys { return &Keys{environment: environment} }

// Identify tells whose key was presented. It takes the same time for every wrong key of a length.
func (k *Keys) Identify(presented string) (Identity, bool) {
	if !SameSecret(presented, k.environment) {
		return Identity{}, false
	}
	return Identity{Kind: KeyKind, Name: EnvironmentKey, Scopes: slices.Clone(Scopes)}, true
}

// SameSecret compares what somebody presented with the secret that is meant, without telling by its time how much of it
// was right. Nothing equals a secret that is not set.
func SameSecret(presented string, want connection.Secret) bool {
	a, b := sha256.Sum256([]byte(presented)), sha256.Sum256([]byte(want.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want.IsSet()
}

// NewUplinkKey makes the credential that ThingPark sends with each uplink of a connection: 256 random bits.
func NewUplinkKey() connection.Secret { return connection.Secret(uplinkKeyPrefix + randomText(32)) }

// randomText gives n random bytes in the alphabet that cookies, links and headers carry unchanged (base64url).
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program where the system gives no randomness
	return base64.RawURLEncoding.EncodeToString(b)
}
