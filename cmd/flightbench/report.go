package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"flightbench/results"
)

func reportCommand() *cobra.Command {
	format := "table"
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "draw a run again from its directory",
		Long: `Prints the results of an older run, complete or not, and writes its plots and report.html again. DIR is the folder that
flightbench run named in its line "results:". The measurements in it stay as they are.`,
		Example: `  flightbench report flightbench-results/20260102-150405-run
  flightbench report -O csv flightbench-results/20260102-150405-run > run.csv`,
		Args: arguments(1, 1, "name one run directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := results.CheckFormat(format); err != nil {
				return usage(fmt.Errorf("--format: %w", err))
			}
			_, err := finish(args[0], format, printAnswer, cmd.OutOrStdout(), cmd.ErrOrStderr())
			return failed(err)
		},
	}
	cmd.Flags().StringVarP(&format, "format", "O", format, "of the results on stdout: table, json, csv")
	return cmd
}

// printAnswer writes what a search found, or the table of another run's trials.
func printAnswer(w io.Writer, l *results.Loaded, width int) error {
	switch {
	case l.Run.Tuning != nil:
		return printTuning(w, l, width)
	case l.Run.Capacity != nil:
		return l.Run.Capacity.WriteText(w, width)
	}
	return printTrials(w, l, width)
}
