package upgrade

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
)

// EvidenceConfig is about the proof of evidence. A key pair is made with
// openssl genpkey -algorithm ed25519 and openssl pkey -pubout.
type EvidenceConfig struct {
	SigningKey    SecretSource // Ed25519, PEM (PKCS#8); none: evidence is not signed
	PublicKeyFile string       // Ed25519, PEM (PKIX); given, the evidence of Test must be signed with its key
}

func readEvidenceConfig(m *strictyaml.Map) EvidenceConfig {
	defer m.Close()
	return EvidenceConfig{SigningKey: readSecret(m, "signing_key"), PublicKeyFile: strictyaml.May(m, "public_key_file", "", yamlPath(m))}
}

// publicKey is the configured key, nil without one.
func (c EvidenceConfig) publicKey() (ed25519.PublicKey, error) {
	if c.PublicKeyFile == "" {
		return nil, nil
	}
	key, err := ReadPublicKey(c.PublicKeyFile)
	if err != nil {
		return nil, newConfigError("", []Problem{{Path: "evidence.public_key_file", Message: err.Error()}})
	}
	return key, nil
}

// ReadPublicKey reads the Ed25519 key with which signatures of evidence are checked: PEM (PKIX), as openssl pkey
// -pubout writes it. A file that cannot be read or holds anything else is an error.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	key, err := pemKey(raw, "PUBLIC KEY", x509.ParsePKIXPublicKey)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T, not an Ed25519 key", path, key)
	}
	return public, nil
}

// signingKey reads a private key; no text is no key. Its errors quote nothing of it.
func signingKey(text string) (ed25519.PrivateKey, error) {
	if text == "" {
		return nil, nil
	}
	key, err := pemKey([]byte(text), "PRIVATE KEY", x509.ParsePKCS8PrivateKey)
	if err != nil {
		return nil, err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, not an Ed25519 key", key)
	}
	return private, nil
}

func pemKey(raw []byte, kind string, parse func([]byte) (any, error)) (any, error) {
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("it is not a PEM file with a %s", kind)
	}
	key, err := parse(block.Bytes)
	if err != nil {
		return nil, errors.New("the key in it does not read")
	}
	return key, nil
}
