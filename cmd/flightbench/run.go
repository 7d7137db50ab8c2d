package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/results"
	"flightbench/results/compare"
)

// runFlags is what the command line of run says.
type runFlags struct {
	verb       verb
	own        measurer
	fields     []*fieldFlag
	suite      string // as named on the command line
	text       string // of that suite
	repeat     int
	until      string
	maxTime    time.Duration
	oneAtATime bool
	dryRun     bool
	resume     string // a run directory
	gates      []string
	name       string
	output     string
	format     string
	access     accessFlags
	servers    serverFlags
}

// runVerb measures the plan as it is, on request with its ceilings.
var runVerb = verb{name: "run", begin: beginRun}

func runCommand() *cobra.Command {
	return runVerb.command(&cobra.Command{
		Use:   "run [[NAME=]URI...]",
		Short: "measure DoGet, DoPut, DoExchange and Flight's other calls",
		Long: `Measures a Flight server and leaves a run directory with results, plots and a report. Without a URI it starts the embedded
server as a child process. Flags that take a list are axes: every combination is measured, --repeat times or --until its rate is known
that well, in rounds of random order.
Bytes and counts may carry a unit: 64Ki, 2MiB, 10M. A suite, -f, says all this in a file: docs/suites.md.`,
		Example: `  flightbench run
  flightbench run -f batch-size --op get
  flightbench run --op get --rows 128,4096,65536 --compression none,zstd
  flightbench run grpc://db.example:31337 -c 8 --connections 2 -z 10s
  flightbench run old=grpc://db.example:31337 new=grpc://db.example:31338
  flightbench run --server-cmd old='./server-1 --port {port}' --server-cmd new='./server-2 --port {port}' --path my/table
  flightbench run --rows 4096,65536 --until 2% --max-time 10m
  flightbench run --resume flightbench-results/20260102-150405-run
  flightbench run grpc+tls://db.example:443 --user me --password-env DB_PASSWORD --sql 'SELECT * FROM lineitem'`,
	})
}

// run plans, measures, stores and draws.
func (r *runFlags) run(cmd *cobra.Command) error {
	if r.resume != "" {
		return r.goOn(cmd)
	}
	plan, err := r.plan(cmd.Flags())
	if err == nil && r.own.extend != nil {
		err = r.own.extend(&plan)
	}
	if err != nil {
		return usage(err)
	}
	if r.dryRun {
		return r.rehearse(cmd.Context(), plan, cmd.OutOrStdout())
	}
	if err := r.servers.checkLoss(plan.Configs); err != nil {
		return usage(err)
	}
	if ran, err := shaped(cmd.Context(), plan.Configs, func() error { return nil }); ran || err != nil {
		return err
	}
	s, err := r.begin(cmd, plan)
	if err != nil {
		return err
	}
	return s.measure(cmd)
}

// rehearse prints what run would measure. It reads the files that are named,
// and no secret.
func (r *runFlags) rehearse(ctx context.Context, p bench.Plan, stdout io.Writer) error {
	if _, err := bench.CheckFiles(ctx, p.Configs); err != nil {
		return failed(err)
	}
	if r.servers.any() {
		if _, err := r.reach(&p, target.Auth{}); err != nil {
			return err
		}
	}
	if err := r.complete(&p); err != nil {
		return usage(err)
	}
	schedule, err := r.scheduleOf(p)
	if err != nil {
		return usage(err)
	}
	_, each, guessed := p.Estimate()
	trials, whole := schedule.Left()
	planned := results.Planned{Schema: results.Schema, Name: r.name, Repeat: p.Repeat, Trials: trials, Seconds: whole.Seconds(), Guessed: guessed,
		Seed: p.Seed, Configs: p.Configs, Until: p.Until, MaxSeconds: p.MaxTime.Seconds()}
	for _, d := range each {
		planned.Each = append(planned.Each, d.Seconds())
	}
	return failed(planned.Print(stdout, r.format, terminalWidth(stdout)))
}

// outcome turns what was measured into the exit code. That a ceiling is valid
// makes no run so.
func outcome(l *results.Loaded, gates []string, stderr io.Writer) error {
	bad := 0
	for _, t := range l.Trials {
		if t.Status == results.StatusFailed {
			bad++
		}
	}
	valid := slices.ContainsFunc(results.WithoutRungs(l.Trials), func(t *results.Trial) bool { return t.Verdict == results.VerdictValid })
	if bad > 0 {
		return &exitError{exitFailed, fmt.Errorf("%d of %d trials failed", bad, len(l.Trials))}
	}
	limits, err := parseGates(gates)
	if err != nil {
		return usage(err)
	}
	switch missed, err := judge(limits, l, stderr); {
	case compare.IsGateError(err):
		return usage(err)
	case err != nil:
		return failed(err)
	case !valid && missed > 0:
		return &exitError{exitNotValid, fmt.Errorf("no trial is valid: see the warnings; missed gates: %d", missed)}
	case !valid:
		return &exitError{exitNotValid, errors.New("no trial is valid: see the warnings")}
	case missed > 0:
		return &exitError{exitMissed, fmt.Errorf("missed gates: %d", missed)}
	}
	return nil
}
