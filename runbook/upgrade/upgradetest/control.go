package upgradetest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/verify-by-video/pexip-upgrade/internal/double"
	"github.com/verify-by-video/pexip-upgrade/pexip/pexiptest"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// Control is the simulation's own interface, for people and scripts:
//
//	GET    /state                  the state of all parts
//	GET    /requests?system=…      what arrived, in order; without system: everywhere
//	DELETE /requests               forget it
//	POST   /faults                 {"system": "azure", "fault": {"kind": "drop-after", "path": "…"}}
//	DELETE /faults                 disarm all
//	POST   /tick?action=stop       the pipeline's schedule fires
//	POST   /call?environment=test  somebody calls the service
//	POST   /down?system=…&down=true  take a system off the air, or back
//
// It has no login: serve it on loopback only.
func (w *World) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(rw http.ResponseWriter, _ *http.Request) { reply(rw, w.State()) })
	mux.HandleFunc("GET /requests", w.controlRequests)
	mux.HandleFunc("DELETE /requests", func(rw http.ResponseWriter, _ *http.Request) { w.each(Core.ForgetRequests); reply(rw, "forgotten") })
	mux.HandleFunc("POST /faults", w.controlFault)
	mux.HandleFunc("DELETE /faults", func(rw http.ResponseWriter, _ *http.Request) { w.each(Core.ClearFaults); reply(rw, "disarmed") })
	mux.HandleFunc("POST /tick", w.controlTick)
	mux.HandleFunc("POST /call", w.controlCall)
	mux.HandleFunc("POST /down", w.controlDown)
	return mux
}

func reply(rw http.ResponseWriter, v any) {
	double.WriteJSON(rw, http.StatusOK, "application/json", v)
}

func refuse(rw http.ResponseWriter, err error) {
	double.WriteJSON(rw, http.StatusBadRequest, "application/json", map[string]string{"error": err.Error()})
}

func (w *World) each(do func(Core)) {
	for _, name := range systems {
		if part, err := w.Part(name); err == nil {
			do(part)
		}
	}
}

func (w *World) controlRequests(rw http.ResponseWriter, r *http.Request) {
	system := r.URL.Query().Get("system")
	out := []double.Request{}
	for _, q := range w.Requests() {
		if system == "" || q.System == system {
			q.Body = nil // bodies may hold credentials
			out = append(out, q)
		}
	}
	reply(rw, out)
}

func (w *World) controlFault(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		System string       `json:"system"`
		Fault  double.Fault `json:"fault"`
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		refuse(rw, err)
		return
	}
	part, err := w.Part(in.System)
	if err == nil {
		err = part.Inject(in.Fault)
	}
	if err != nil {
		refuse(rw, err)
		return
	}
	reply(rw, "armed")
}

func (w *World) controlTick(rw http.ResponseWriter, r *http.Request) {
	action := r.URL.Query().Get("action")
	if action != "start" && action != "stop" {
		refuse(rw, fmt.Errorf("action is %q; it is start or stop", action))
		return
	}
	w.Tick(action)
	reply(rw, "queued")
}

func (w *World) controlCall(rw http.ResponseWriter, r *http.Request) {
	env, err := upgrade.ParseEnvironment(r.URL.Query().Get("environment"))
	if err == nil {
		err = w.Pexip(env).AddCall(pexiptest.Call{})
	}
	if err != nil {
		refuse(rw, err)
		return
	}
	reply(rw, "called")
}

func (w *World) controlDown(rw http.ResponseWriter, r *http.Request) {
	part, err := w.Part(r.URL.Query().Get("system"))
	if err != nil {
		refuse(rw, err)
		return
	}
	part.SetDown(r.URL.Query().Get("down") == "true")
	reply(rw, "done")
}
