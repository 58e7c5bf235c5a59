package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"

	"boardlink/connection"
)

// KeySize is the length of the key that seals secrets, in bytes.
const KeySize = 32

// ParseKey reads a key as people write it: 32 bytes as base64 (either alphabet, padded or not) or 64 hexadecimal digits.
// The error never repeats the text.
func ParseKey(text connection.Secret) ([]byte, error) {
	s := text.Reveal()
	if len(s) == 2*KeySize {
		if key, err := hex.DecodeString(s); err == nil {
			return key, nil
		}
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if key, err := encoding.Strict().DecodeString(s); err == nil && len(key) == KeySize {
			return key, nil
		}
	}
	return nil, errors.New("write 32 bytes as base64 or 64 hexadecimal digits")
}
