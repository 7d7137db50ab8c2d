package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/results"
	"flightbench/results/report"
)

// runFlags is what the command line of run says.
type runFlags struct {
	fields     []*fieldFlag
	suite      string // as named on the command line
	text       string // of that suite
	repeat     int
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

func runCommand() *cobra.Command {
	r := newRunFlags()
	cmd := &cobra.Command{
		Use:   "run [[NAME=]URI...]",
		Short: "measure DoGet, DoPut, DoExchange and Flight's other calls",
		Long: `Measures a Flight server and leaves a run directory with results, plots and a report. Without a URI it starts the embedded
server as a child process. Flags that take a list are axes: every combination is measured, --repeat times, in rounds of random order.
Bytes and counts may carry a unit: 64Ki, 2MiB, 10M. A suite, -f, says all this in a file: docs/suites.md.`,
		Example: `  flightbench run
  flightbench run -f batch-size --op get
  flightbench run --op get --rows 128,4096,65536 --compression none,zstd
  flightbench run grpc://db.example:31337 -c 8 --connections 2 -z 10s
  flightbench run old=grpc://db.example:31337 new=grpc://db.example:31338
  flightbench run --server-cmd old='./server-1 --port {port}' --server-cmd new='./server-2 --port {port}' --path my/table
  flightbench run --resume flightbench-results/20260102-150405-run
  flightbench run grpc+tls://db.example:443 --user me --password-env DB_PASSWORD --sql 'SELECT * FROM lineitem'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, uris []string) error {
			r.servers.targets = append(r.servers.targets, uris...)
			return r.run(cmd)
		},
	}
	r.bind(cmd.Flags())
	return cmd
}

// run plans, measures, stores and draws.
func (r *runFlags) run(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	if r.resume != "" {
		return r.goOn(cmd)
	}
	plan, err := r.plan(cmd.Flags())
	if err != nil {
		return usage(err)
	}
	if r.dryRun {
		return r.rehearse(ctx, plan, cmd.OutOrStdout())
	}
	targets, err := r.resolve(ctx, &plan, cmd.InOrStdin(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	w, err := results.Create(r.output, results.Run{Schema: results.Schema, Name: r.name, Version: version(), Command: redacted(os.Args), Started: time.Now(),
		Suite: r.text, Planned: plan.Trials(), Plan: results.PlanOf(plan.Configs, plan.Repeat), Seed: plan.Seed, Environment: bench.WatchHost(ctx).Environment(ctx)})
	if err != nil {
		return errors.Join(failed(err), targets.close())
	}
	return r.measure(cmd, plan, targets, w, w.Run())
}

// measure runs what is not Done of plan, and stores it with w. begun is the
// run's header as it was when it began.
func (r *runFlags) measure(cmd *cobra.Command, plan bench.Plan, targets *targets, w *results.Writer, begun results.Run) (err error) {
	ctx := cmd.Context()
	defer func() { err = errors.Join(err, failed(targets.close())) }()
	host := bench.WatchHost(ctx)
	doubt := doubts(begun, results.Run{Version: version(), Environment: host.Environment(ctx)})
	targets.logs = filepath.Join(w.Dir(), "servers")
	show := newView(cmd.ErrOrStderr(), plan)
	runner := bench.Runner{Targets: targets, Observe: show.progress}
	runErr := runner.Run(ctx, plan, func(t *results.Trial) error {
		t.Warnings = append(t.Warnings, doubt...)
		show.done(t)
		err := w.Append(t)
		t.Hists = nil // stored; the rest of the run should not carry them
		return err
	})
	show.close()
	status := results.StatusComplete
	if runErr != nil {
		status = results.StatusPartial
	}
	w.Update(func(run *results.Run) {
		e := host.Environment(context.WithoutCancel(ctx))
		if len(run.Resumed) > 0 {
			e.StealShare = max(e.StealShare, begun.Environment.StealShare)
		}
		run.Environment = e
	})
	if err := w.Close(status); err != nil {
		return failed(errors.Join(runErr, err))
	}
	loaded, err := finish(w.Dir(), r.format, cmd.OutOrStdout(), cmd.ErrOrStderr())
	if err != nil {
		return failed(errors.Join(err, runErr))
	}
	return outcome(loaded, runErr, r.gates, cmd.ErrOrStderr())
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
	whole, each, guessed := p.Estimate()
	planned := results.Planned{Schema: results.Schema, Name: r.name, Repeat: p.Repeat, Trials: p.Trials(), Seconds: whole.Seconds(), Guessed: guessed,
		Seed: p.Seed, Configs: p.Configs}
	for _, d := range each {
		planned.Each = append(planned.Each, d.Seconds())
	}
	return failed(planned.Print(stdout, r.format, terminalWidth(stdout)))
}

// finish draws the run in dir and prints it in the asked format.
func finish(dir, format string, stdout, stderr io.Writer) (*results.Loaded, error) {
	loaded, err := results.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := results.Print(stdout, format, loaded.Run, loaded.Trials, terminalWidth(stdout)); err != nil {
		return loaded, err
	}
	if err := report.Write(dir, loaded); err != nil {
		return loaded, fmt.Errorf("draw the report: %w", err)
	}
	for _, w := range loaded.Warnings {
		fmt.Fprintf(stderr, "flightbench: %s\n", w)
	}
	fmt.Fprintf(stderr, "results: %s\nreport:  %s\n", dir, filepath.Join(dir, results.ReportFile))
	return loaded, nil
}

// outcome turns what was measured into the exit code.
func outcome(l *results.Loaded, err error, gates []string, stderr io.Writer) error {
	if errors.Is(err, context.Canceled) {
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d trials are stored; go on with: flightbench run --resume %s", len(l.Trials), l.Run.Planned, l.Dir)}
	}
	if err != nil {
		return failed(err)
	}
	bad, valid := 0, 0
	for _, t := range l.Trials {
		if t.Status == results.StatusFailed {
			bad++
		}
		if t.Verdict == results.VerdictValid {
			valid++
		}
	}
	switch {
	case bad > 0:
		return &exitError{exitFailed, fmt.Errorf("%d of %d trials failed", bad, len(l.Trials))}
	case valid == 0:
		return &exitError{exitNotValid, errors.New("no trial is valid: see the warnings")}
	}
	limits, err := parseGates(gates)
	if err != nil {
		return usage(err)
	}
	missed, err := judge(limits, l.Trials, stderr)
	if err == nil && missed > 0 {
		err = &exitError{exitMissed, fmt.Errorf("missed gates: %d", missed)}
	}
	return failed(err)
}
