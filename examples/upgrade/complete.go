package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// completeCommand is what the scripts call: all words of the line follow, the last one is completed. It prints a
// candidate a line; nothing means that the shell completes file names.
const completeCommand = "__complete"

// scripts ask the program itself, so that they need no change with it.
var scripts = map[string]string{
	"bash": `_upgrade() {
    local IFS=$'\n'
    COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _upgrade upgrade
`,
	"zsh": `#compdef upgrade
_upgrade() {
    local -a found
    found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
}
compdef _upgrade upgrade
`,
	"fish": `function __upgrade_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] __complete $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c upgrade -f -a '(__upgrade_complete)'
`,
	"powershell": `Register-ArgumentCompleter -Native -CommandName upgrade -ScriptBlock {
    param($word, $line, $position)
    $words = @($line.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    if ($word -eq '') { $words += '""' }
    & $line.CommandElements[0].ToString() __complete @words | Where-Object { $_ -like "$word*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
`,
}

var shells = []string{"bash", "zsh", "fish", "powershell"}

func completion(_ *flag.FlagSet, a *app) func(context.Context, []string) (int, error) {
	return func(_ context.Context, args []string) (int, error) {
		if len(args) != 1 || scripts[args[0]] == "" {
			return upgrade.ExitInput, errors.New("give one of " + strings.Join(shells, ", "))
		}
		fmt.Fprint(a.out, scripts[args[0]])
		return upgrade.ExitCompleted, nil
	}
}

// complete prints what may stand where the last word is.
func complete(ctx context.Context, out io.Writer, words []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	last := strings.Trim(words[len(words)-1], `"`)
	for _, s := range candidates(ctx, words[:len(words)-1]) {
		if strings.HasPrefix(s, last) {
			fmt.Fprintln(out, s)
		}
	}
}

// candidates are what may follow the words.
func candidates(ctx context.Context, words []string) (out []string) {
	if len(words) == 0 {
		return names()
	}
	c, ok := find(words[0])
	if !ok {
		return nil
	}
	if values, ok := c.values(ctx, words[1:]); ok {
		return values
	}
	for _, f := range c.flagList() {
		out = append(out, "-"+f.Name)
	}
	return append(c.words(), out...)
}

func names() (out []string) {
	for _, c := range commands() {
		out = append(out, c.name)
	}
	return out
}

// words are what may stand beside the flags.
func (c command) words() []string {
	switch c.name {
	case "help":
		return names()
	case "completion":
		return shells
	case "decide":
		return []string{"attest", "approve", "retry", "done", "waive", "rollback", "abort"}
	}
	return nil
}

// values are what the flag before the last word takes; ok if there is such a flag. For files they are empty.
func (c command) values(ctx context.Context, words []string) (out []string, ok bool) {
	if len(words) == 0 {
		return nil, false
	}
	name := strings.TrimLeft(words[len(words)-1], "-")
	i := slices.IndexFunc(c.flagList(), func(f flagOf) bool { return f.Name == name && f.value != "" })
	if i < 0 || !strings.HasPrefix(words[len(words)-1], "-") {
		return nil, false
	}
	switch name {
	case "environment":
		return []string{"test", "production"}, true
	case "output":
		return append([]string{formatText}, c.formats...), true
	case "prompt":
		return []string{"auto", "always", "wait", "never"}, true
	case "run", "step":
		return fromJournals(ctx, words, name), true
	}
	return nil, true
}

// fromJournals are the runs that have not ended, or the steps that they wait in. What cannot be read completes to
// nothing.
func fromJournals(ctx context.Context, words []string, what string) (out []string) {
	config := "upgrade.yaml"
	if i := slices.Index(words, "-config"); i >= 0 && i+1 < len(words) {
		config = words[i+1]
	}
	r, err := new(app).journals(config)
	if err != nil {
		return nil
	}
	runs, err := r.List(ctx)
	if err != nil {
		return nil
	}
	for _, info := range runs {
		if info.Outcome != "" {
			continue
		}
		if what == "run" {
			out = append(out, info.Run)
		} else if s, err := r.State(ctx, info.Run); err == nil && s.Waiting != nil {
			out = append(out, s.Waiting.Question.Step)
		}
	}
	return out
}
