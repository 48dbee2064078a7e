package pexiptest

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// authorized accepts the account and tokens that were issued and have not expired.
func (s *Server) authorized(r *http.Request) bool {
	if user, password, ok := r.BasicAuth(); ok {
		return !s.opt.BasicDisabled && same(user, s.opt.Basic.Username) && same(password, s.opt.Basic.Password)
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	until, known := s.world.tokens[token]
	return ok && known && time.Now().Before(until)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// token answers the OAuth2 client credentials grant with a signed assertion (RFC 7523).
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		notAllowed(w, []string{http.MethodPost})
		return
	}
	if err := r.ParseForm(); err != nil {
		reply(w, http.StatusBadRequest, object{"error": "invalid_request"})
		return
	}
	if r.PostForm.Get("grant_type") != "client_credentials" ||
		r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		reply(w, http.StatusBadRequest, object{"error": "unsupported_grant_type"})
		return
	}
	if scope := strings.Fields(r.PostForm.Get("scope")); len(scope) > 0 && !slices.Contains(scope, "use_api") {
		reply(w, http.StatusBadRequest, object{"error": "invalid_scope"})
		return
	}
	if err := s.checkAssertion(r.PostForm.Get("client_assertion"), "https://"+r.Host+r.URL.Path); err != nil {
		reply(w, http.StatusUnauthorized, object{"error": "invalid_client", "error_description": err.Error()})
		return
	}
	token := newID()
	s.mu.Lock()
	s.world.tokens[token] = time.Now().Add(s.opt.TokenLifetime)
	s.mu.Unlock()
	reply(w, http.StatusOK, object{"access_token": token, "token_type": "Bearer", "expires_in": int(s.opt.TokenLifetime.Seconds())})
}

// checkAssertion wants ES256, typ JWT, issuer and subject the client, the token address as
// audience, at most an hour of validity, and an id never seen before.
func (s *Server) checkAssertion(assertion, audience string) error {
	var claims jwt.RegisteredClaims
	token, err := jwt.ParseWithClaims(assertion, &claims, func(*jwt.Token) (any, error) { return s.opt.OAuth2.PublicKey, nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience(audience), jwt.WithIssuer(s.ClientID()), jwt.WithSubject(s.ClientID()),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(time.Minute))
	if err != nil {
		return err
	}
	if token.Header["typ"] != "JWT" || claims.IssuedAt == nil || claims.ExpiresAt.Sub(claims.IssuedAt.Time) > time.Hour {
		return fmt.Errorf("assertion has the wrong type or validity")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if claims.ID == "" || s.world.jtis[claims.ID] {
		return fmt.Errorf("assertion without a new jti")
	}
	s.world.jtis[claims.ID] = true
	return nil
}

// ExpireTokens makes all access tokens that were issued so far invalid.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.world.tokens)
}
