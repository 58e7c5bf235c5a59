package db

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"boardlink/connection"
)

// sealVersion is the first byte of a sealed secret, for the day on which the cipher changes.
const sealVersion = 1

// Sealer encrypts secrets at rest with AES-256-GCM. Each sealed secret is bound to its place (table, row, column) and key:
// moved to another row it does not open. It is safe for concurrent use.
type Sealer struct {
	id   string
	aead cipher.AEAD
}

// NewSealer makes a Sealer from a key of 32 bytes.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("seal secrets: the key has %d bytes instead of 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal secrets: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal secrets: %w", err)
	}
	sum := sha256.Sum256(append([]byte("boardlink key id\x00"), key...))
	return &Sealer{id: hex.EncodeToString(sum[:8]), aead: aead}, nil
}

// KeyID names the key without telling it: 16 hexadecimal digits of a hash.
func (s *Sealer) KeyID() string { return s.id }

// place says where a sealed secret belongs.
type place struct {
	table string
	id    int64
	field string
}

func (p place) additional(keyID string) []byte {
	return fmt.Appendf(nil, "%s|%d|%s|%s", p.table, p.id, p.field, keyID)
}

// seal gives the version byte, a random nonce and the ciphertext. Nothing stays nothing: that a secret is not set is no
// secret.
func (s *Sealer) seal(p place, secret connection.Secret) []byte {
	if !secret.IsSet() {
		return []byte{}
	}
	sealed := make([]byte, 1+s.aead.NonceSize(), 1+s.aead.NonceSize()+len(secret)+s.aead.Overhead())
	sealed[0] = sealVersion
	_, _ = rand.Read(sealed[1:]) // never fails: crypto/rand ends the program where the system gives no randomness
	return s.aead.Seal(sealed, sealed[1:], []byte(secret.Reveal()), p.additional(s.id))
}

var errSealed = errors.New("a sealed secret does not open: it was changed, moved or sealed with another key")

// open is seal's reverse; keyID is the one of the row.
func (s *Sealer) open(p place, keyID string, sealed []byte) (connection.Secret, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	head := 1 + s.aead.NonceSize()
	if keyID != s.id || len(sealed) < head || sealed[0] != sealVersion {
		return "", fmt.Errorf("%s %d %s: %w", p.table, p.id, p.field, errSealed)
	}
	text, err := s.aead.Open(nil, sealed[1:head], sealed[head:], p.additional(keyID))
	if err != nil {
		return "", fmt.Errorf("%s %d %s: %w", p.table, p.id, p.field, errSealed)
	}
	return connection.Secret(text), nil
}
