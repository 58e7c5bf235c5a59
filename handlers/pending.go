package handlers

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"boardlink/connection"
)

// pendingLife is how long a typed secret waits for its question to be answered.
const pendingLife = 10 * time.Minute

// pending keeps a secret that was typed while its editor asks whether to go on. The page must not bring the secret back to
// the browser in clear, so it carries it sealed with a key that lives as long as this process: what it was typed for
// (connection and field) and until when is part of the seal.
type pending struct {
	aead cipher.AEAD
	now  func() time.Time
}

func newPending(now func() time.Time) *pending {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the block size of GCM
	}
	return &pending{aead: aead, now: now}
}

func purpose(id connection.ID, field, actor string, until int64) []byte {
	return fmt.Appendf(nil, "%d|%s|%d|%s", id, field, until, actor)
}

// seal gives the text that stands for a secret.
func (p *pending) seal(id connection.ID, field, actor string, secret connection.Secret) string {
	until := p.now().Add(pendingLife).Unix()
	sealed := binary.BigEndian.AppendUint64(nil, uint64(until))
	sealed = p.aead.Seal(sealed, nil, []byte(secret.Reveal()), purpose(id, field, actor, until))
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// open gives the secret back; ok is false where the text is not of this process, of another field or person, or too old.
func (p *pending) open(id connection.ID, field, actor, text string) (secret connection.Secret, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(sealed) < 8 {
		return "", false
	}
	until := int64(binary.BigEndian.Uint64(sealed))
	if p.now().Unix() > until {
		return "", false
	}
	plain, err := p.aead.Open(nil, nil, sealed[8:], purpose(id, field, actor, until))
	if err != nil {
		return "", false
	}
	return connection.Secret(plain), true
}
