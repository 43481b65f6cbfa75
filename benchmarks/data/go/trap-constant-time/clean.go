// Package token checks tokens of a fixed length.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

const size = 32

// New returns a token that nobody can guess.
func New() (string, error) {
	raw := make([]byte, size)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// Digest returns what is stored of a token.
func Digest(token string) [sha256.Size]byte {
	return sha256.Sum256([]byte(token))
}

// Matches tells whether stored is the digest of a token.
func Matches(stored []byte, token string) bool {
	digest := Digest(token)
	if len(stored) != len(digest) {
		return false
	}
	return subtle.ConstantTimeCompare(stored, digest[:]) == 1
}
