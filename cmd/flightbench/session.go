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
	"github.com/spf13/pflag"

	"flightbench/bench"
	"flightbench/results"
	"flightbench/results/report"
	"flightbench/suites"
)

// verb is what measures by the flags of run: run itself, and others that bring
// a Schedule of their own:
//
//	func capacityCommand() *cobra.Command {
//		return capacityVerb.command(&cobra.Command{Use: "capacity [[NAME=]URI...]", Short: ..., Long: ..., Example: ...})
//	}
//	var capacityVerb = verb{name: "capacity", suite: "capacity", omit: []string{"gate", "repeat"}, begin: beginCapacity}
//
//	func beginCapacity(f *pflag.FlagSet) measurer {
//		var slo []string                       // of this one command line
//		f.StringArrayVar(&slo, "slo", nil, "...")
//		var search *capacity.Search
//		return measurer{
//			schedule: func(p bench.Plan) (_ bench.Schedule, err error) { search, err = capacity.New(p.Configs, slo); return search, err },
//			conclude: func(run *results.Run) { run.Capacity = search.Answer() },
//			print:    func(w io.Writer, l *results.Loaded, width int) error { ... },
//			outcome:  func(l *results.Loaded, stderr io.Writer) error { ... },
//		}
//	}
//
// Its flags, targets, servers, credentials, live line, storage, report, -O,
// --dry-run and --resume are run's.
type verb struct {
	name  string   // as on the command line, which --resume reads again
	suite string   // what is measured where no suite is named; "" for suites.Tour
	omit  []string // flags of run that it does not have
	begin func(f *pflag.FlagSet) measurer
}

// measurer is one invocation of a verb. begin binds the verb's own flags to
// variables that these functions share; they are called once the flags are
// parsed, in this order. One that is nil does what run does.
type measurer struct {
	// extend changes the plan that the flags and the suite make, before targets
	// are made. It is not called to go on with an interrupted run, whose plan
	// is stored. Its error is the user's.
	extend func(p *bench.Plan) error
	// complete adds to the plan what follows from how its targets are reached.
	// It is not called either to go on with a run. Its error is the user's.
	complete func(p *bench.Plan) error
	// schedule decides what is measured, by the Configs of the plan, which are
	// as they will be measured. It is the place to check the verb's own flags:
	// nothing has been started, and its error is the user's.
	schedule func(p bench.Plan) (bench.Schedule, error)
	// varying are the Config fields that the schedule varies beside those that
	// differ between the plan's Configs: the live line tells them.
	varying []string
	// conclude completes the header at the end, also of an interrupted run:
	// what the trials that the schedule was told of say.
	conclude func(run *results.Run)
	// print writes the answer for -O table; the other formats are of the whole run.
	print func(w io.Writer, l *results.Loaded, width int) error
	// outcome is the exit code of a run that came to its end.
	outcome func(l *results.Loaded, stderr io.Writer) error
}

// measuring are the names of all verbs that are made so: the first of them on
// a command line is its verb.
var measuring = []string{"run", "capacity", "tune", "ceiling"}

// command makes cmd measure by v.
func (v verb) command(cmd *cobra.Command) *cobra.Command {
	r := newFlags(v)
	r.bind(cmd.Flags())
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, uris []string) error {
		r.servers.targets = append(r.servers.targets, uris...)
		return r.run(cmd)
	}
	return cmd
}

// tour is the suite that v measures where none is named.
func (v verb) tour() (*suites.Suite, error) {
	if v.suite == "" {
		return suites.Embedded(suites.Tour)
	}
	return suites.Embedded(v.suite)
}

// session is a run under way.
type session struct {
	*runFlags
	plan     bench.Plan
	schedule bench.Schedule
	stored   []*results.Trial // of the interrupted run; the schedule was told them
	targets  *targets
	writer   *results.Writer
	begun    results.Run // its header as it was when it began
}

// begin makes the session of a new run.
func (r *runFlags) begin(cmd *cobra.Command, p bench.Plan) (_ *session, err error) {
	ctx := cmd.Context()
	s := &session{runFlags: r, plan: p}
	if s.targets, err = r.resolve(ctx, &s.plan, cmd.InOrStdin(), cmd.ErrOrStderr()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.targets.close())
		}
	}()
	if err = r.complete(&s.plan); err != nil {
		return nil, usage(err)
	}
	if s.schedule, err = r.scheduleOf(s.plan); err != nil {
		return nil, usage(err)
	}
	trials, _ := s.schedule.Left()
	s.writer, err = results.Create(r.output, results.Run{Schema: results.Schema, Name: r.name, Version: version(), Command: redacted(os.Args), Started: time.Now(),
		Suite: r.text, Planned: trials, Plan: r.stored(s.plan, s.schedule), Seed: p.Seed, Environment: bench.WatchHost(ctx).Environment(ctx)})
	if err != nil {
		return nil, failed(err)
	}
	s.begun = s.writer.Run()
	return s, nil
}

// complete has the verb add to a plan whose targets are known.
func (r *runFlags) complete(p *bench.Plan) error {
	if r.own.complete == nil {
		return nil
	}
	return r.own.complete(p)
}

// scheduleOf is what decides what is measured of p.
func (r *runFlags) scheduleOf(p bench.Plan) (bench.Schedule, error) {
	if r.own.schedule == nil {
		return p.Schedule(), nil
	}
	return r.own.schedule(p)
}

// stored is the plan for the run's header.
func (r *runFlags) stored(p bench.Plan, s bench.Schedule) *results.Plan {
	out := results.PlanOf(p.Configs, p.Repeat)
	out.Until, out.MaxSeconds = p.Until, p.MaxTime.Seconds()
	_, rounds := s.(*bench.Rounds)
	out.Search = !rounds
	return out
}

// measure runs what the schedule asks for, stores it, and tells what was found.
func (s *session) measure(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	defer func() { err = errors.Join(err, failed(s.targets.close())) }()
	host := bench.WatchHost(ctx)
	doubt := doubts(s.begun, results.Run{Version: version(), Environment: host.Environment(ctx)})
	s.targets.logs = filepath.Join(s.writer.Dir(), "servers")
	_, rounds := s.schedule.(*bench.Rounds)
	show := newView(cmd.ErrOrStderr(), varying(s.plan, s.own.varying), !rounds || s.plan.Until > 0)
	runner := bench.Runner{Targets: s.resolver(), Observe: show.progress, Before: len(s.stored)}
	n := len(s.stored)
	runErr := runner.Run(ctx, s.schedule, func(t *results.Trial) error {
		t.Warnings = append(t.Warnings, doubt...)
		show.done(t)
		err := s.writer.Append(t)
		t.Hists = nil // stored; the rest of the run should not carry them
		if err == nil && t.Status != results.StatusPartial {
			n++
		}
		return err
	})
	show.close()
	status := results.StatusComplete
	if runErr != nil {
		status = results.StatusPartial
	}
	s.writer.Update(func(run *results.Run) {
		e := host.Environment(context.WithoutCancel(ctx))
		if len(run.Resumed) > 0 {
			e.StealShare = max(e.StealShare, s.begun.Environment.StealShare)
		}
		run.Environment = e
		left, _ := s.schedule.Left()
		run.Planned = n + left
		if s.own.conclude != nil {
			s.own.conclude(run)
		}
	})
	if err := s.writer.Close(status); err != nil {
		return failed(errors.Join(runErr, err))
	}
	loaded, err := finish(s.writer.Dir(), s.format, s.own.print, cmd.OutOrStdout(), cmd.ErrOrStderr())
	switch {
	case err != nil:
		return failed(errors.Join(err, runErr))
	case errors.Is(runErr, context.Canceled):
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %d of %d trials are stored; go on with: flightbench %s --resume %s",
			len(loaded.Trials), max(loaded.Run.Planned, len(loaded.Trials)), s.verb.name, loaded.Dir)}
	case runErr != nil:
		return failed(runErr)
	case s.own.outcome != nil:
		return failed(s.own.outcome(loaded, cmd.ErrOrStderr()))
	}
	return outcome(loaded, s.gates, cmd.ErrOrStderr())
}

// resolver finds the Configs' targets.
func (s *session) resolver() bench.Targets {
	if loses(s.plan.Configs) {
		return lossy{s.targets}
	}
	return s.targets
}

// wordsIndent is where the sentences of report.InWords begin, behind their heads.
const wordsIndent = len("What limited it: ")

// printTrials writes the table of trials, and what they come to in words.
func printTrials(w io.Writer, l *results.Loaded, width int) error {
	if err := results.Print(w, "table", l.Run, l.Trials, width); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s", results.Fold(report.InWords(l).String(), wordsIndent, width))
	return err
}

// finish draws the run in dir and prints it in the asked format, where that is
// table by print; nil for the table of trials.
func finish(dir, format string, print func(io.Writer, *results.Loaded, int) error, stdout, stderr io.Writer) (*results.Loaded, error) {
	loaded, err := results.Open(dir)
	if err != nil {
		return nil, err
	}
	if print == nil {
		print = printTrials
	}
	if width := terminalWidth(stdout); format == "table" {
		err = print(stdout, loaded, width)
	} else {
		err = results.Print(stdout, format, loaded.Run, loaded.Trials, width)
	}
	if err != nil {
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
