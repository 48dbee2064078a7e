package features_test

import (
	"net/http"

	"github.com/h2non/gock"
)

func (w *world) serviceSteps() []step {
	return []step{
		{`^the VbV service is impaired for the next (\d+) checks?$`, w.impaired},
	}
}

func (w *world) impaired(checks int) {
	w.mocks = append(w.mocks, func() {
		req := gock.New(w.sim.Service.URL).Get("^/(test|production)/health$").Times(checks)
		w.named[req.Mock] = "the VbV service"
		req.Reply(http.StatusServiceUnavailable).JSON(map[string]string{"status": "impaired"})
	})
}
