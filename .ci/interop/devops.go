package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/devops/devopstest"
)

// devopsWorld has one build that goes on for hours and one that waits behind it.
func devopsWorld() (world, error) {
	srv := devopstest.NewServer(devopstest.Options{PAT: "interop", Speed: 1000, RunDuration: 1000 * time.Hour})
	if err := srv.Start(); err != nil {
		return world{}, err
	}
	srv.Tick(map[string]string{"action": "start"})
	srv.Tick(map[string]string{"action": "stop"})
	return world{url: srv.OrganizationURL(), ca: string(srv.CertificatePEM()), close: srv.Close,
		check: func() error { return checkDevops(srv) }}, nil
}

// checkDevops wants one pause and one resume that lost nothing, one refused write, and no build left.
func checkDevops(srv *devopstest.Server) error {
	var errs []error
	want := func(what, want string, got any) {
		if fmt.Sprint(got) != want {
			errs = append(errs, fmt.Errorf("%s: %v, want %s", what, got, want))
		}
	}
	state := srv.State()
	want("queue status", "enabled", state.QueueStatus)
	want("revision", "5", state.Revision)
	want("writes", "3", state.PutCount)
	want("builds", "3", len(state.Builds))
	for _, b := range state.Builds {
		want(fmt.Sprintf("result of build %d", b.ID), "canceled", b.Result)
	}
	want("secret", "stored-secret", srv.Secret("servicePrincipalKey"))
	raw, err := json.Marshal(srv.Document())
	if err != nil {
		errs = append(errs, err)
	}
	for _, kept := range []string{`"aFieldNoSDKKnows"`, `"triggerType":"schedule"`, `"jobAuthorizationScope":"project"`, `"daysToBuild":"all"`} {
		want(kept, "true", strings.Contains(string(raw), kept))
	}
	return errors.Join(errs...)
}
