package upgradetest

import (
	"net/http"

	"github.com/verify-by-video/pexip-upgrade/internal/double"
	"github.com/verify-by-video/pexip-upgrade/policy"
)

// Service stands for the Verified by Video endpoints: /test/health and /production/health are well
// while that environment's Management Node is reachable.
type Service struct {
	double.Core
	URL    string
	listen *double.Server
}

func newService(w *World) *Service {
	mux := http.NewServeMux()
	for _, env := range []policy.Environment{policy.Test, policy.Production} {
		mux.HandleFunc("GET /"+string(env)+"/health", func(rw http.ResponseWriter, _ *http.Request) {
			status, text := http.StatusOK, "ok"
			if !w.Pexip(env).Reachable() {
				status, text = http.StatusServiceUnavailable, "impaired"
			}
			double.WriteJSON(rw, status, "application/json", map[string]string{"status": text, "environment": string(env)})
		})
	}
	s := &Service{URL: "https://service.invalid"}
	s.Init("service", nil, mux)
	return s
}

func (s *Service) start() error {
	l, err := double.Serve("", s, s.Down)
	if err != nil {
		return err
	}
	s.listen, s.URL = l, l.URL
	return nil
}

func (s *Service) close() {
	if s.listen != nil {
		s.listen.Close()
	}
}
