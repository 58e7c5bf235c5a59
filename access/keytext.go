package access

import (
	"crypto/rand"
	"hash/crc32"
	"math/big"

	"boardlink/connection"
)

// An API key is 64 characters long:
//
//	bl_ak_ 8 characters of public id _ 43 characters of secret, 6 characters of checksum
//
// All but the prefix is in base62 (0-9, A-Z, a-z, in the order of their values). The public id names the key in lists and
// events and is no secret. The secret is 256 random bits. The checksum is the CRC-32 (IEEE) of all that stands before it: a
// scanner tells a key from what only looks like one, and a mistyped key is told without looking it up.
const (
	keyPrefix      = "bl_ak_"
	uplinkPrefix   = "bl_uk_"
	publicIDLength = 8
	secretLength   = 43 // base62 digits of 256 bits
	checkLength    = 6  // base62 digits of 32 bits
	keyLength      = len(keyPrefix) + publicIDLength + 1 + secretLength + checkLength
)

// KeyPattern is the regular expression by which scanners for secrets find API keys.
const KeyPattern = `bl_ak_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}`

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newKeyText makes an API key and tells its public id.
func newKeyText() (key connection.Secret, publicID string) {
	publicID = randomBase62(publicIDLength)
	text := keyPrefix + publicID + "_" + randomBits256()
	return connection.Secret(text + checksum(text)), publicID
}

// publicIDOf reads the public id of what has the form of an API key, its checksum included.
func publicIDOf(presented string) (publicID string, ok bool) {
	if len(presented) != keyLength || presented[:len(keyPrefix)] != keyPrefix || presented[len(keyPrefix)+publicIDLength] != '_' {
		return "", false
	}
	publicID = presented[len(keyPrefix) : len(keyPrefix)+publicIDLength]
	if !isBase62(publicID) || !isBase62(presented[len(keyPrefix)+publicIDLength+1:]) {
		return "", false
	}
	end := keyLength - checkLength
	return publicID, presented[end:] == checksum(presented[:end]) // everybody can compute it: nothing is told by the time this takes
}

func checksum(text string) string {
	return inBase62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(text)))), checkLength)
}

func randomBits256() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program where the system gives no randomness
	return inBase62(new(big.Int).SetBytes(b[:]), secretLength)
}

func randomBase62(n int) string {
	most := new(big.Int).Exp(big.NewInt(int64(len(base62))), big.NewInt(int64(n)), nil)
	v, err := rand.Int(rand.Reader, most)
	if err != nil { // never, as above
		panic(err)
	}
	return inBase62(v, n)
}

// inBase62 writes a number with n digits.
func inBase62(v *big.Int, n int) string {
	digits := make([]byte, n)
	base, rest := big.NewInt(int64(len(base62))), new(big.Int)
	for i := n - 1; i >= 0; i-- {
		v, rest = new(big.Int).DivMod(v, base, rest)
		digits[i] = base62[rest.Int64()]
	}
	return string(digits)
}

func isBase62(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
