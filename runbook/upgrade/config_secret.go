package upgrade

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/internal/strictyaml"
	"github.com/verify-by-video/pexip-upgrade/policy"
)

// SecretSource says where a secret is kept: in a file or in an environment variable. The zero value is none.
type SecretSource struct {
	File string
	Env  string
	Key  string // key in the configuration, for messages
	Line int    // its line
}

// IsZero reports whether there is no secret.
func (s SecretSource) IsZero() bool { return s.File == "" && s.Env == "" }

// String says where the secret is kept.
func (s SecretSource) String() string {
	switch {
	case s.File != "":
		return "file " + s.File
	case s.Env != "":
		return "environment variable " + s.Env
	}
	return "none"
}

// Secrets are all secrets that a configuration names; what it does not name is empty. Printed, logged or
// marshalled as a whole they do not show.
type Secrets struct {
	DevOpsPAT  string
	AzureToken string
	SigningKey string // PEM
	Test       EnvironmentSecrets
	Production EnvironmentSecrets
}

// EnvironmentSecrets are those of one Management Node.
type EnvironmentSecrets struct {
	PexipPassword    string // of the Basic account
	PexipPrivateKey  string // of the OAuth2 client, PEM
	BackupPassphrase string
}

const secretText = "[secrets]"

// Format prints no secret, whatever the verb.
func (s Secrets) Format(f fmt.State, _ rune) { io.WriteString(f, secretText) }

// LogValue logs no secret.
func (s Secrets) LogValue() slog.Value { return slog.StringValue(secretText) }

// MarshalText marshals no secret.
func (s Secrets) MarshalText() ([]byte, error) { return []byte(secretText), nil }

// Format prints no secret, whatever the verb.
func (s EnvironmentSecrets) Format(f fmt.State, _ rune) { io.WriteString(f, secretText) }

// LogValue logs no secret.
func (s EnvironmentSecrets) LogValue() slog.Value { return slog.StringValue(secretText) }

// MarshalText marshals no secret.
func (s EnvironmentSecrets) MarshalText() ([]byte, error) { return []byte(secretText), nil }

// Environment returns the secrets of one environment; none when e is neither.
func (s Secrets) Environment(e policy.Environment) EnvironmentSecrets {
	switch e {
	case policy.Test:
		return s.Test
	case policy.Production:
		return s.Production
	}
	return EnvironmentSecrets{}
}

// Values returns every secret there is, for a filter that removes them from what is written down.
func (s Secrets) Values() []string {
	all := []string{s.DevOpsPAT, s.AzureToken, s.SigningKey}
	for _, e := range []EnvironmentSecrets{s.Test, s.Production} {
		all = append(all, e.PexipPassword, e.PexipPrivateKey, e.BackupPassphrase)
	}
	return slices.DeleteFunc(all, func(one string) bool { return one == "" })
}

// maxSecretSize is far beyond any key.
const maxSecretSize = 64 << 10

// ReadSecrets reads every secret the configuration names, from its file or environment variable, without the
// line break at its end. All that cannot be read or is empty is reported together, as *ConfigError, and
// nothing is returned then. It may be repeated at will, for example after a secret was renewed.
func (c *Config) ReadSecrets() (Secrets, error) {
	r := secretReader{}
	s := Secrets{
		DevOpsPAT:  r.line(c.DevOps.PAT),
		AzureToken: r.line(c.Azure.TokenFile),
		SigningKey: r.text(c.Evidence.SigningKey),
		Test:       r.environment(c.Test.Pexip),
		Production: r.environment(c.Production.Pexip),
	}
	if _, err := signingKey(s.SigningKey); err != nil {
		r.fault(c.Evidence.SigningKey, "%s: %v", c.Evidence.SigningKey, err)
	}
	if len(r.problems) > 0 {
		return Secrets{}, newConfigError(c.File, r.problems)
	}
	return s, nil
}

type secretReader struct{ problems []Problem }

func (r *secretReader) environment(p PexipConfig) EnvironmentSecrets {
	e := EnvironmentSecrets{BackupPassphrase: r.line(p.BackupPassphrase)}
	if p.Basic != nil {
		e.PexipPassword = r.line(p.Basic.Password)
	}
	if p.OAuth2 != nil {
		e.PexipPrivateKey = r.text(p.OAuth2.PrivateKey)
	}
	return e
}

// line reads a secret of one line.
func (r *secretReader) line(source SecretSource) string {
	s := r.text(source)
	if strings.ContainsAny(s, "\r\n") {
		r.fault(source, "%s holds more than one line", source)
	}
	return s
}

func (r *secretReader) text(source SecretSource) string {
	if source.IsZero() {
		return ""
	}
	raw, err := source.read()
	text := strings.TrimRight(string(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))), "\r\n")
	switch {
	case err != nil:
		r.fault(source, "%v", err)
	case len(raw) > maxSecretSize:
		r.fault(source, "%s is larger than 64 KiB; it is no secret", source)
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		r.fault(source, "%s is UTF-16, as PowerShell's > writes it; save it as UTF-8", source)
	case strings.TrimSpace(text) == "":
		r.fault(source, "%s is empty", source)
	default:
		return text
	}
	return ""
}

func (r *secretReader) fault(source SecretSource, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: source.Line, Path: source.Key, Message: fmt.Sprintf(format, args...)})
}

func (s SecretSource) read() ([]byte, error) {
	if s.File == "" {
		value, ok := os.LookupEnv(s.Env)
		if !ok {
			return nil, fmt.Errorf("environment variable %s is not set", s.Env)
		}
		return []byte(value), nil
	}
	file, err := os.Open(s.File)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", s.File, withoutPath(err))
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxSecretSize+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", s.File, withoutPath(err))
	}
	return raw, nil
}

// withoutPath drops the file's name, which the message has already.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// readSecret reads where a secret is kept, under key_file or key_env.
func readSecret(m *strictyaml.Map, key string) SecretSource {
	s := readSecretFile(m, key+"_file")
	s.Env = strictyaml.May(m, key+"_env", "", yamlEnv)
	if m.Has(key + "_env") {
		if m.Has(key + "_file") {
			m.Fault("%s_file and %s_env exclude each other", key, key)
		}
		s.Key, s.Line = m.Path(key+"_env"), m.Line(key+"_env")
	}
	return s
}

func readSecretFile(m *strictyaml.Map, key string) SecretSource {
	s := SecretSource{File: strictyaml.May(m, key, "", yamlPath(m))}
	if m.Has(key) {
		s.Key, s.Line = m.Path(key), m.Line(key)
	}
	return s
}

// needSecret is readSecret for one that must be there.
func needSecret(m *strictyaml.Map, key, why string) SecretSource {
	s := readSecret(m, key)
	if !m.Has(key+"_file") && !m.Has(key+"_env") {
		m.Missing(key+"_file", "give it or "+key+"_env; "+why)
	}
	return s
}
