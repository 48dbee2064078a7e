package main

import (
	"context"
	"flag"
	"slices"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// command is one subcommand: it declares its flags and returns what to do once they are parsed. Help, completion, the
// man page and the tables in README.md are made from it.
type command struct {
	name, args, help string
	// formats are those of -output beside text, which all know; examples come without the program's name.
	formats  []string
	examples []string
	// exits are the codes that it can end with, beside 0, 1 and 2.
	exits []int
	setup func(*flag.FlagSet, *app) func(ctx context.Context, args []string) (int, error)
}

const (
	formatText    = "text"
	formatJSON    = "json"
	formatADO     = "ado"
	formatMermaid = "mermaid"
)

var (
	asJSON  = []string{formatJSON}
	jsonADO = []string{formatJSON, formatADO}
	// driving are the codes of what drives a run.
	driving = []int{upgrade.ExitWaiting, upgrade.ExitDecision, upgrade.ExitEnded, upgrade.ExitActive, upgrade.ExitStopped}
)

// commands is a function because help and completion use it themselves.
func commands() []command {
	return []command{
		{name: "rehearse", help: "a whole upgrade against simulated systems; human steps are answered by itself, and it says so",
			formats: jsonADO, exits: []int{upgrade.ExitRefused, upgrade.ExitStopped}, setup: rehearse,
			examples: []string{"rehearse", "rehearse -both -dir rehearsal", "rehearse -swapped"}},
		{name: "plan", args: "-config FILE", help: "the steps with their clauses, and what every check says now",
			formats: []string{formatJSON, formatADO, formatMermaid}, exits: []int{upgrade.ExitRefused}, setup: plan,
			examples: []string{"plan -config upgrade.yaml", "plan -config upgrade.yaml -environment production -output json", "plan -output mermaid > plan.mmd"}},
		{name: "run", args: "-config FILE", help: "shows the plan, refuses what the checks refuse, then upgrades; questions go to the answers file, the prompt, or wait",
			formats: jsonADO, exits: append([]int{upgrade.ExitRefused}, driving...), setup: run,
			examples: []string{"run -config upgrade.yaml", "run -environment production -answers answers.yaml -prompt never", "run -prompt never -output ado"}},
		{name: "decide", args: "-run RUN -step STEP attest|approve|retry|done|waive|rollback|abort", help: "`attest`, `approve`, `retry`, `done`, `waive`, `rollback` or `abort`, from another terminal",
			formats: asJSON, setup: decide,
			examples: []string{"decide -run test-0001 -step approve-plan -statement 'read and agreed' approve", "decide -run test-0001 -step attest-release-notes -statement 'read both pages' -value link=https://docs.pexip.com -value reviewer=Kim -value read-on=2026-03-01 attest", "decide -run test-0001 -statement 'not tonight' abort"}},
		{name: "resume", args: "-config FILE", help: "goes on with a run whose process has ended, also after a crash",
			formats: jsonADO, exits: append([]int{upgrade.ExitRefused}, driving...), setup: resume,
			examples: []string{"resume -config upgrade.yaml", "resume -environment production -reason 'the laptop died'"}},
		{name: "takeover", args: "-config FILE -reason TEXT", help: "goes on with a run whose driver seems alive but is not: a stopped process, a machine that sleeps",
			formats: jsonADO, exits: append([]int{upgrade.ExitRefused}, driving...), setup: takeOver,
			examples: []string{"takeover -config upgrade.yaml -reason 'the other laptop sleeps'", "takeover -run production-0004 -reason 'agreed with Kim'"}},
		{name: "settle", args: "-config FILE -reason TEXT", help: "puts back everything that a run changed, and ends it",
			formats: jsonADO, exits: driving, setup: settle,
			examples: []string{"settle -config upgrade.yaml -reason 'not tonight'", "settle -environment production -run production-0004 -reason 'called off'"}},
		{name: "sweep", args: "-config FILE", help: "for a timer: puts back what runs without a living driver changed, and ends them",
			formats: asJSON, exits: driving[1:], setup: sweep,
			examples: []string{"sweep -config upgrade.yaml", "sweep -silent 1h -waiting 72h -reason 'nobody came back'"}},
		{name: "status", args: "-config FILE", help: "runs, what they owe, what they wait for, what to type next",
			formats: asJSON, setup: status,
			examples: []string{"status -config upgrade.yaml", "status -run test-0001", "status -output json"}},
		{name: "serve", args: "-config FILE", help: "shows the runs as pages in a browser, and takes answers, approvals and decisions there",
			formats: asJSON, setup: serve,
			examples: []string{"serve -config upgrade.yaml", "serve -read-only", "serve -listen 10.0.0.5:8443 -tls-cert site.pem -tls-key site.key -token-file tokens"}},
		{name: "verify", args: "FOLDER|EVIDENCE.json", help: "checks an `evidence.json` offline",
			formats: asJSON, exits: []int{upgrade.ExitRefused}, setup: verify,
			examples: []string{"verify state/runs/test-0001", "verify -public-key team.pub state/runs/test-0001"}},
		{name: "help", args: "[COMMAND]", help: "what a command does, its flags, examples and exit codes", setup: help,
			examples: []string{"help", "help run"}},
		{name: "completion", args: "bash|zsh|fish|powershell", help: "a script that completes commands, flags, values, runs and steps in a shell", setup: completion,
			examples: []string{"completion bash > /etc/bash_completion.d/upgrade", "completion zsh > \"${fpath[1]}/_upgrade\"", "completion fish > ~/.config/fish/completions/upgrade.fish", "completion powershell | Out-String | Invoke-Expression"}},
		{name: "man", help: "the manual page", setup: man,
			examples: []string{"man > upgrade.1", "man | man -l -"}},
		{name: "version", help: "the version of the program, and what it was built from", formats: asJSON, setup: version,
			examples: []string{"version"}},
	}
}

// allExits are a command's exit codes with their meanings.
func (c command) allExits() (out []upgrade.ExitMeaning) {
	for _, m := range upgrade.ExitMeanings {
		if m.Code <= upgrade.ExitInput || slices.Contains(c.exits, m.Code) {
			out = append(out, m)
		}
	}
	return out
}

func find(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}
