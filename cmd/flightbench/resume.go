package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flightbench/bench"
	"flightbench/results"
)

// resumable are the flags that may be given with --resume, beside those of
// access: they do not change what is measured.
var resumable = []string{"resume", "format"}

// goOn measures what an interrupted run has not: its plan, from its directory,
// with the flags of its command line and, in place of what is not stored, the
// credentials of this one.
func (r *runFlags) goOn(cmd *cobra.Command) (err error) {
	if err := r.checkResume(cmd.Flags()); err != nil {
		return usage(err)
	}
	w, loaded, err := results.Resume(r.resume)
	if err != nil {
		return failed(err)
	}
	begun := false
	defer func() {
		if !begun {
			err = errors.Join(err, w.Close(results.StatusPartial))
		}
	}()
	old, err := r.recall(loaded, cmd.Flags())
	if err != nil {
		return usage(fmt.Errorf("go on with %s: %w", r.resume, err))
	}
	s := &session{runFlags: old, stored: loaded.Trials, writer: w, begun: loaded.Run}
	of := loaded.Run.Plan
	s.plan = bench.Plan{Repeat: of.Repeat, Seed: loaded.Run.Seed, Until: of.Until, MaxTime: seconds(of.MaxSeconds)}
	if s.plan.Configs, err = of.Configs(); err != nil {
		return usage(fmt.Errorf("go on with %s: %w", r.resume, err))
	}
	if ran, err := shaped(cmd.Context(), s.plan.Configs, func() error { return w.Close(results.StatusPartial) }); ran || err != nil {
		return err
	}
	for _, warning := range loaded.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "flightbench: %s\n", warning)
	}
	if s.targets, err = old.resolve(cmd.Context(), &s.plan, cmd.InOrStdin(), cmd.ErrOrStderr()); err != nil {
		return err
	}
	if s.schedule, err = old.scheduleOf(s.plan); err != nil {
		return errors.Join(usage(fmt.Errorf("go on with %s: %w", r.resume, err)), s.targets.close())
	}
	for _, t := range s.stored {
		s.schedule.Add(t)
	}
	if left, _ := s.schedule.Left(); left == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "flightbench: nothing is left to measure in %s\n", r.resume)
	}
	begun = true
	return s.measure(cmd)
}

// checkResume refuses what would change the plan.
func (r *runFlags) checkResume(f *pflag.FlagSet) error {
	if err := checkEmpty(f); err != nil {
		return err
	}
	if err := results.CheckFormat(r.format); err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	if len(r.servers.targets) > 0 {
		return fmt.Errorf("a target is named, and the run in %s has its own: name none with --resume", r.resume)
	}
	allowed := accessNames()
	var err error
	f.Visit(func(fl *pflag.Flag) {
		if err == nil && !slices.Contains(allowed, fl.Name) && !slices.Contains(resumable, fl.Name) {
			err = fmt.Errorf("--%s is said by the run in %s already: with --resume only credentials and --format are given", fl.Name, r.resume)
		}
	})
	return err
}

// accessNames are the flags that say how a target is trusted and who calls.
func accessNames() (names []string) {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&accessFlags{}).bind(f)
	f.VisitAll(func(fl *pflag.Flag) { names = append(names, fl.Name) })
	return names
}

// recall returns the flags of the interrupted run.
func (r *runFlags) recall(l *results.Loaded, now *pflag.FlagSet) (*runFlags, error) {
	if n := l.Run.Plan.Base.GOMAXPROCS; n != runtime.GOMAXPROCS(0) {
		return nil, fmt.Errorf("it was begun with GOMAXPROCS %d, and this is %d: set the environment variable GOMAXPROCS=%d", n, runtime.GOMAXPROCS(0), n)
	}
	old := newFlags(r.verb)
	f := pflag.NewFlagSet(r.verb.name, pflag.ContinueOnError)
	old.bind(f)
	verb := slices.IndexFunc(l.Run.Command, func(arg string) bool { return slices.Contains(measuring, arg) })
	if verb < 0 {
		return nil, errors.New("its command line is lost, which says where its servers are: measure anew")
	}
	if name := l.Run.Command[verb]; name != r.verb.name {
		return nil, fmt.Errorf("it was begun by another verb: flightbench %s --resume %s", name, r.resume)
	}
	if err := f.Parse(l.Run.Command[verb+1:]); err != nil {
		return nil, fmt.Errorf("its command line cannot be read by this version: %w", err)
	}
	old.servers.targets = append(old.servers.targets, f.Args()...)
	if err := replaceAccess(old, f, now); err != nil {
		return nil, err
	}
	if old.suite != "" {
		old.text = l.Run.Suite
	}
	if _, err := old.takeSuite(f); err != nil {
		return nil, err
	}
	if _, err := old.servers.names(); err != nil {
		return nil, err
	}
	old.format = r.format
	return old, nil
}

// replaceAccess gives f, the flags of the interrupted run, what the present
// command line says in place of secrets that are not stored.
func replaceAccess(old *runFlags, f, now *pflag.FlagSet) (err error) {
	if now.Changed("header") {
		old.access.headers = nil
	}
	if now.Changed("token-env") || now.Changed("token-file") {
		old.access.token.visible = ""
	}
	allowed := accessNames()
	now.Visit(func(fl *pflag.Flag) {
		if err != nil || !slices.Contains(allowed, fl.Name) {
			return
		}
		if list, ok := fl.Value.(pflag.SliceValue); ok {
			err = f.Lookup(fl.Name).Value.(pflag.SliceValue).Replace(list.GetSlice())
			return
		}
		err = f.Set(fl.Name, fl.Value.String())
	})
	switch {
	case err != nil:
		return err
	case old.access.token.visible == hidden:
		return errors.New("its --token was not stored: give it again, better by --token-env or --token-file")
	case slices.ContainsFunc(old.access.headers, func(h string) bool { return strings.HasSuffix(h, hidden) }):
		return errors.New("the values of its headers were not stored: give all its -H again")
	}
	return nil
}

// doubts tells what may set the trials of a resumed run apart from those that
// it had.
func doubts(was, is results.Run) (out []string) {
	differ := func(what, a, b string) {
		if a != b {
			out = append(out, fmt.Sprintf("measured after a resume, by another %s (%s) than the run was begun with (%s)", what, b, a))
		}
	}
	differ("version of flightbench", was.Version, is.Version)
	a, b := was.Environment, is.Environment
	differ("machine", a.Hostname, b.Hostname)
	differ("CPU", a.CPU, b.CPU)
	differ("number of cores", fmt.Sprint(a.Cores), fmt.Sprint(b.Cores))
	differ("kernel", a.Kernel, b.Kernel)
	differ("frequency governor", a.Governor, b.Governor)
	return out
}
