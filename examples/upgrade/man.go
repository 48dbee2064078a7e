package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func man(_ *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	return func(context.Context, []string) (int, error) {
		writeMan(a.out)
		return upgrade.ExitCompleted, nil
	}
}

// writeMan is the manual page in the macros of man(7).
func writeMan(out io.Writer) {
	var b strings.Builder
	b.WriteString(".TH UPGRADE 1 \"\" \"pexip\\-upgrade\" \"User Commands\"\n.SH NAME\nupgrade \\- upgrades Pexip Infinity on Azure as the written process says\n" +
		".SH SYNOPSIS\n.B upgrade\n.I COMMAND\n[flags]\n.SH COMMANDS\n")
	for _, c := range commands() {
		manCommand(&b, c)
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, m := range upgrade.ExitMeanings {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", m.Code, roff(m.Meaning))
	}
	b.WriteString(".SH ENVIRONMENT\n.TP\n.B NO_COLOR, CI\nif set, plain lines are printed also on a terminal, as with TERM=dumb\n" +
		".SH SIGNALS\nThe first Ctrl\\-C lets the current step finish, the second stops at once. resume goes on, settle puts everything back.\n")
	_, _ = io.WriteString(out, b.String())
}

func manCommand(b *strings.Builder, c command) {
	fmt.Fprintf(b, ".SS %s\n%s\n", roff(strings.TrimSpace(c.name+" "+c.args)), roff(c.help))
	for _, f := range c.flagList() {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(f.head()), roff(f.Usage))
	}
	b.WriteString(".PP\nExamples:\n.nf\n")
	for _, e := range c.examples {
		fmt.Fprintf(b, "    upgrade %s\n", roff(e))
	}
	b.WriteString(".fi\n.PP\nExit codes:")
	for _, m := range c.allExits() {
		fmt.Fprintf(b, " %d", m.Code)
	}
	b.WriteString("\n")
}

// roff keeps a text from being markup.
func roff(s string) string {
	s = strings.NewReplacer("\\", "\\e", "-", "\\-", "'", "\\(aq", "`", "").Replace(s)
	if strings.HasPrefix(s, ".") {
		return "\\&" + s
	}
	return s
}
