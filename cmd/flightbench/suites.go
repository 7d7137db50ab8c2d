package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"flightbench/results"
	"flightbench/suites"
)

func suitesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "suites [NAME]",
		Short: "list the suites that flightbench comes with, or print one to start one's own from",
		Long: `A suite is a YAML file that says what a run measures: docs/suites.md. Those listed here are run by their name,
flightbench run -f NAME; with NAME its YAML is printed.`,
		Example: `  flightbench suites
  flightbench suites batch-size > mine.yaml && flightbench run -f mine.yaml --dry-run`,
		Args: arguments(0, 1, "name one suite at most"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return failed(listSuites(cmd.OutOrStdout()))
			}
			s, err := suites.Embedded(args[0])
			if err != nil {
				return usage(err)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), s.Text)
			return failed(err)
		},
		ValidArgs: suites.Names(),
	}
}

// listSuites prints a line a suite.
func listSuites(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tTRIALS\tTIME\tWHAT IT ANSWERS")
	for _, name := range suites.Names() {
		s, err := suites.Embedded(name)
		if err != nil {
			return err
		}
		p, err := s.Plan()
		if err != nil {
			return err
		}
		d, _, _ := p.Estimate()
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", name, results.FormatInteger(int64(p.Trials())), about(d), s.Summary())
	}
	return t.Flush()
}
