package upgrade

import (
	"strings"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
)

// yamlDocument reads a configuration. Where a key would hold a secret it says what to write instead.
func yamlDocument(data []byte, dir string) (*strictyaml.Reader, *strictyaml.Map) {
	r, top := strictyaml.Document(data)
	r.Dir = dir
	r.Instead = func(key string) (string, bool) {
		instead, ok := yamlSecretKey(key)
		return "secrets are never written in this file; use " + instead, ok
	}
	return r, top
}

// yamlSecretKey says what to write instead of a key that would hold a secret.
func yamlSecretKey(key string) (instead string, ok bool) {
	switch strings.ToLower(key) {
	case "password", "passwd":
		return "password_file or password_env", true
	case "pat":
		return "pat_file or pat_env", true
	case "token", "access_token", "bearer":
		return "token_file (azure, with credential: token_file), or pat_file or pat_env (devops)", true
	case "passphrase", "backup_passphrase":
		return "backup_passphrase_file or backup_passphrase_env", true
	case "key", "private_key":
		return "private_key_file or private_key_env", true
	case "secret", "client_secret", "api_key", "apikey":
		return "a key that ends in _file or _env", true
	}
	return "", false
}
