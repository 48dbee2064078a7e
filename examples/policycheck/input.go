package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/verify-by-video/pexip-upgrade/policy"
	"github.com/verify-by-video/pexip-upgrade/runbook/upgrade"
)

// options are the flags.
type options struct {
	environment, target, test, production, releases string
	config, waivers, risks, promises, windows       string
	output, at, by                                  string
	acknowledge                                     []policy.Acknowledgement
	effort                                          policy.Effort
}

func (o *options) flags(errOut io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("policycheck", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.StringVar(&o.environment, "environment", "", "test or production (needed)")
	f.StringVar(&o.target, "target", "", `version and build of the package, such as "39.1 (83067)"; without it the configuration's`)
	f.StringVar(&o.test, "test", "", "what Test runs, instead of asking its Management Node")
	f.StringVar(&o.production, "production", "", "what Production runs, likewise")
	f.StringVar(&o.releases, "releases", "", "all releases from Production's to the target's, separated by commas")
	f.StringVar(&o.config, "config", "", "an upgrade's configuration: its Management Nodes are asked; its rules, files and change windows count unless a flag says otherwise")
	f.StringVar(&o.waivers, "waivers", "", "file of waivers")
	f.StringVar(&o.risks, "risks", "", "file of direct paths, named risks and acceptances")
	f.StringVar(&o.promises, "promises", "", "file of promises")
	f.StringVar(&o.windows, "windows", "", "file of change windows")
	f.Func("acknowledge", "`RULE=REASON`: acknowledge a should-rule; may be repeated, needs -by", o.addAcknowledgement)
	f.StringVar(&o.by, "by", "", "who acknowledges")
	f.Int64Var(&o.effort.Size, "size", 0, "bytes of the package, for the estimate of the time")
	f.Float64Var(&o.effort.Rate, "rate", 0, "bytes per second of the upload, likewise (0: 12.5 million)")
	f.IntVar(&o.effort.Nodes, "nodes", 0, "Conferencing Nodes, likewise (0 with -config: the configuration's)")
	f.BoolVar(&o.effort.Calls, "calls", false, "calls may be going on, likewise")
	f.StringVar(&o.output, "output", outputText, "text, json, or ado: logging commands of Azure Pipelines")
	f.StringVar(&o.at, "at", "", "when the upgrade starts, such as 2026-12-01T18:00:00-08:00; without it now")
	return f
}

func (o *options) addAcknowledgement(s string) error {
	rule, reason, _ := strings.Cut(s, "=")
	class, ok := policy.RuleClass(rule)
	switch {
	case !ok:
		return fmt.Errorf("%q is not the name of a rule", rule)
	case class != policy.Should:
		return fmt.Errorf("%s is a %s; only a should can be acknowledged", rule, class)
	case strings.TrimSpace(reason) == "":
		return errors.New("there is no reason after =")
	}
	o.acknowledge = append(o.acknowledge, policy.Acknowledgement{Rule: rule, Reason: reason})
	return nil
}

// request gathers what the decision depends on, and reports everything that is wrong with the input.
func (o *options) request(ctx context.Context, flags *flag.FlagSet, now time.Time, errOut io.Writer) (policy.Request, time.Time, error) {
	in := &input{options: o}
	if flags.NArg() > 0 {
		in.fault("unexpected argument %q", flags.Arg(0))
	}
	at := in.readAt(now)
	in.readFlags()
	in.readFiles()
	if o.config != "" {
		in.readConfig(ctx)
	} else if o.target == "" {
		in.fault("-target or -config is needed")
	}
	if len(in.faults) == 0 {
		in.askNodes(ctx, errOut)
	}
	return in.r, at, errors.Join(in.faults...)
}

type input struct {
	*options
	r      policy.Request
	cfg    *upgrade.Config
	sys    *upgrade.Systems
	faults []error
}

func (in *input) fault(format string, args ...any) {
	in.faults = append(in.faults, fmt.Errorf(format, args...))
}

func (in *input) readAt(now time.Time) time.Time {
	if in.at == "" {
		return now
	}
	at, err := time.Parse(time.RFC3339, in.at)
	if err != nil {
		in.fault("-at is %q; write a time such as 2026-12-01T18:00:00-08:00", in.at)
	}
	return at
}

func (in *input) readFlags() {
	env, err := upgrade.ParseEnvironment(in.environment)
	if err != nil {
		in.fault("-environment: %w", err)
	}
	in.r.Environment = env
	in.r.Target = in.version("-target", in.target)
	in.r.Test = in.version("-test", in.test)
	in.r.Production = in.version("-production", in.production)
	for s := range strings.FieldsFuncSeq(in.releases, func(r rune) bool { return r == ',' }) {
		if v := in.version("-releases", s); v != nil {
			in.r.Releases = append(in.r.Releases, *v)
		}
	}
	in.readAcknowledgements()
	if in.effort.Size < 0 || in.effort.Rate < 0 || in.effort.Nodes < 0 {
		in.fault("-size, -rate and -nodes cannot be negative")
	}
}

func (in *input) readAcknowledgements() {
	if len(in.acknowledge) > 0 && strings.TrimSpace(in.by) == "" {
		in.fault("-acknowledge needs -by: who acknowledges")
	}
	for _, a := range in.acknowledge {
		a.By = in.by
		in.r.Acknowledgements = append(in.r.Acknowledgements, a)
	}
}

func (in *input) version(name, s string) *policy.Version {
	if s == "" {
		return nil
	}
	v, err := policy.ParseVersion(s)
	if err != nil {
		in.fault("%s: %w", name, err)
		return nil
	}
	return &v
}

func (in *input) readFiles() {
	in.r.Waivers = readFile(in, in.waivers, policy.ParseWaivers)
	in.r.Risks = readFile(in, in.risks, policy.ParseRisks)
	in.r.Promises = readFile(in, in.promises, policy.ParsePromises)
	if in.windows != "" {
		c := readFile(in, in.windows, policy.ParseCalendar)
		in.r.Budget = &policy.Budget{Estimate: in.effort.Estimate(), Calendar: &c}
	} else if in.effort.Size > 0 {
		in.r.Budget = &policy.Budget{Estimate: in.effort.Estimate()}
	}
}

func readFile[T any](in *input, name string, parse func([]byte) (T, error)) (v T) {
	if name == "" {
		return v
	}
	data, err := os.ReadFile(name)
	if err != nil {
		in.faults = append(in.faults, err)
		return v
	}
	v, err = parse(data)
	if err != nil {
		in.fault("%s: %s", name, strings.ReplaceAll(err.Error(), "\n", "\n  "+name+": "))
	}
	return v
}
