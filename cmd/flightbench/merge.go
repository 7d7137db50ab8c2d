package main

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/spf13/cobra"

	"flightbench/results"
	"flightbench/results/merge"
)

// mergeFlags is what the command line of merge says.
type mergeFlags struct{ output, name, format string }

func mergeCommand() *cobra.Command {
	m := &mergeFlags{output: "flightbench-results", name: "merge", format: "table"}
	cmd := &cobra.Command{
		Use:   "merge RUN RUN...",
		Short: "make one run of those that several generators measured at the same time",
		Long: `Makes one run directory of several, whose generators loaded the same server at the same time from different machines or processes.
Trials are paired by configuration and round. Rates are those within the window that the generators have in common, added; histograms
are added; the verdict is the worst. Runs of different configurations, servers or windows are refused. docs/merge-and-export.md tells
what becomes of each figure.`,
		Example: `  flightbench serve --listen grpc://0.0.0.0:31337                                                       # on the server
  flightbench run grpc://db.example:31337 --op get -z 30s --warmup 5s --repeat 1                        # on each client, at the same time
  flightbench merge client-1/20260102-150405-run client-2/20260102-150406-run`,
		Args: arguments(1, math.MaxInt, "name two run directories or more"),
		RunE: m.run,
	}
	f := cmd.Flags()
	f.StringVarP(&m.output, "output", "o", m.output, "folder that the run directory is made in")
	f.StringVar(&m.name, "name", m.name, "of the run directory")
	f.StringVarP(&m.format, "format", "O", m.format, "of the results on stdout: table, json, csv")
	return cmd
}

func (m *mergeFlags) run(cmd *cobra.Command, args []string) error {
	stdout, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	if err := checkEmpty(cmd.Flags()); err != nil {
		return usage(err)
	}
	if err := results.CheckFormat(m.format); err != nil {
		return usage(fmt.Errorf("--format: %w", err))
	}
	if len(args) < 2 {
		return usage(errors.New("one run is nothing to merge: name two run directories or more"))
	}
	var runs []*results.Loaded
	for _, dir := range args {
		l, err := merge.Open(dir)
		if err != nil {
			return failed(err)
		}
		for _, w := range l.Warnings {
			fmt.Fprintf(stderr, "flightbench: %s: %s\n", dir, w)
		}
		runs = append(runs, l)
	}
	merged, err := merge.New(runs)
	if err != nil {
		return failed(err)
	}
	for _, n := range merged.Notes() {
		fmt.Fprintf(stderr, "flightbench: %s\n", n)
	}
	dir, err := m.store(merged)
	if err != nil {
		return failed(err)
	}
	l, err := finish(dir, m.format, nil, stdout, stderr)
	if err != nil {
		return failed(err)
	}
	return outcome(l, nil, stderr)
}

// store writes the merged run and returns its directory.
func (m *mergeFlags) store(merged *merge.Merge) (dir string, err error) {
	run := merged.Run()
	run.Name, run.Version, run.Command = m.name, version(), redacted(os.Args)
	w, err := results.Create(m.output, run)
	if err != nil {
		return "", err
	}
	status := merged.Status()
	if err = merged.Trials(w.Append); err != nil {
		status = results.StatusPartial
	}
	return w.Dir(), errors.Join(err, w.Close(status))
}
