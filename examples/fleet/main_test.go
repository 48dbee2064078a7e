package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/verify-by-video/pexip-upgrade/internal/pgtest"
)

// server is nil on machines without PostgreSQL.
var server *pgtest.Server

// withServer runs the tests with a database.
type withServer struct{ m *testing.M }

func (w withServer) Run() int { return pgtest.Main(w.m, "examples/fleet", &server) }

func TestMain(m *testing.M) {
	testscript.Main(withServer{m}, map[string]func(){"fleet": main})
}

// TestScripts runs the program as it is used: its workers are processes, too.
func TestScripts(t *testing.T) {
	if pgtest.LeftOut(t, server) {
		return
	}
	testscript.Run(t, testscript.Params{Dir: "testdata", Setup: func(e *testscript.Env) error {
		e.Setenv("DSN", server.DSN())
		return nil
	}})
}
