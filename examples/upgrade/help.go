package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/verify-by-video/pexip-upgrade/internal/wrap"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

func help(_ *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	return func(_ context.Context, args []string) (int, error) {
		if len(args) == 0 {
			writeOverview(a.out)
			return upgrade.ExitCompleted, nil
		}
		c, ok := find(args[0])
		if !ok || len(args) > 1 {
			return upgrade.ExitInput, fmt.Errorf("unknown command %q", strings.Join(args, " "))
		}
		writeHelp(a.out, c)
		return upgrade.ExitCompleted, nil
	}
}

// writeOverview lists the commands and the exit codes.
func writeOverview(out io.Writer) {
	fmt.Fprint(out, "upgrade COMMAND [flags]: upgrades Pexip Infinity on Azure as the written process says\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		for i, l := range wrap.Words(plain(c.help), 64) {
			fmt.Fprintf(w, "  %s\t%s\n", []string{c.name, ""}[min(i, 1)], l)
		}
	}
	_ = w.Flush()
	fmt.Fprint(out, "\nupgrade help COMMAND tells its flags, with examples\n\n")
	writeExits(out, upgrade.ExitMeanings)
}

func writeExits(out io.Writer, codes []upgrade.ExitMeaning) {
	fmt.Fprintln(out, "exit codes:")
	for _, m := range codes {
		fmt.Fprintf(out, "  %d  %s\n", m.Code, plain(m.Meaning))
	}
}

// writeHelp is all about one command.
func writeHelp(out io.Writer, c command) {
	fmt.Fprintf(out, "upgrade %s\n", strings.TrimSpace(c.name+" [flags] "+c.args))
	for _, l := range wrap.Words(plain(c.help), 78) {
		fmt.Fprintln(out, l)
	}
	fmt.Fprintln(out, "\nflags:")
	for _, f := range c.flagList() {
		fmt.Fprintf(out, "  %s\n", f.head())
		for _, l := range wrap.Words(plain(f.Usage), 72) {
			fmt.Fprintf(out, "      %s\n", l)
		}
	}
	fmt.Fprintln(out, "\nexamples:")
	for _, e := range c.examples {
		fmt.Fprintf(out, "  upgrade %s\n", e)
	}
	fmt.Fprintln(out)
	writeExits(out, c.allExits())
}

// flagOf is a command's flag. value names what it takes, "" for a switch.
type flagOf struct {
	*flag.Flag
	value string
}

func (c command) flagList() (out []flagOf) {
	flags, _ := c.flags(&app{})
	flags.VisitAll(func(f *flag.Flag) {
		value, _ := flag.UnquoteUsage(f)
		out = append(out, flagOf{f, value})
	})
	return out
}

// head is the flag with what it takes and what it is without it.
func (f flagOf) head() string {
	text := "-" + f.Name
	if f.value != "" {
		text += " " + strings.ToUpper(f.value)
	}
	if f.value != "" && f.DefValue != "" && f.DefValue != "0" && f.DefValue != "0s" {
		text += fmt.Sprintf(" (default %s)", f.DefValue)
	}
	return text
}

// plain is a text without the marks of Markdown.
func plain(s string) string { return strings.ReplaceAll(s, "`", "") }

// build is what the program was built from, as Go knows it.
func build() map[string]string {
	out := map[string]string{"version": "(devel)"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	out["version"], out["go"] = cmp.Or(info.Main.Version, out["version"]), info.GoVersion
	for _, s := range info.Settings {
		if slices.Contains([]string{"vcs.revision", "vcs.time", "vcs.modified", "GOOS", "GOARCH"}, s.Key) {
			out[s.Key] = s.Value
		}
	}
	return out
}

func version(_ *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	return func(context.Context, []string) (int, error) {
		b := build()
		return upgrade.ExitCompleted, a.show("version", b, func() {
			fmt.Fprintf(a.out, "upgrade %s, %s, %s/%s %s\n", b["version"], b["go"], b["GOOS"], b["GOARCH"], b["vcs.revision"])
		})
	}
}
