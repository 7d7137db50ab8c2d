package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"flightbench/results"
	"flightbench/results/planning"
)

// planFlags are those of plan, and of capacity's --plan.
type planFlags struct {
	demand, utilisation string
}

// parse reads the flags that are words; demandFlag is the name of the one that
// holds the demand.
func (p *planFlags) parse(demandFlag string) (d planning.Demand, utilisation float64, err error) {
	if d, err = planning.ParseDemand(p.demand); err != nil {
		return d, 0, fmt.Errorf("--%s: %w", demandFlag, err)
	}
	if utilisation, err = planning.ParseUtilisation(p.utilisation); err != nil {
		return d, 0, fmt.Errorf("--utilisation: %w", err)
	}
	return d, utilisation, nil
}

func planCommand() *cobra.Command {
	p := &planFlags{utilisation: "70%"}
	format := "table"
	cmd := &cobra.Command{
		Use:   "plan RUN --for LOAD",
		Short: "say how many servers a load takes, from a run of capacity",
		Long: `Says what a load takes, by the capacity that flightbench capacity found of one server: servers, also with one to spare, network, cores
and memory, each with its interval, and what is assumed. RUN is the folder that flightbench capacity named in its line "results:".`,
		Example: `  flightbench plan flightbench-results/20260102-150405-capacity --for 25GB/s
  flightbench plan flightbench-results/20260102-150405-capacity --for 2000/s --utilisation 60% -O json`,
		Args: arguments(1, 1, "name one run directory of `flightbench capacity`"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := planning.CheckFormat(format); err != nil {
				return usage(fmt.Errorf("--format: %w", err))
			}
			if p.demand == "" {
				return usage(errors.New("--for is missing: say which load to plan for, such as --for 25GB/s or --for 500/s"))
			}
			demand, utilisation, err := p.parse("for")
			if err != nil {
				return usage(err)
			}
			run, err := results.Open(args[0])
			if err != nil {
				return failed(err)
			}
			for _, w := range run.Warnings {
				fmt.Fprintf(cmd.ErrOrStderr(), "flightbench: %s: %s\n", args[0], w)
			}
			plan, err := planning.For(run.Run.Capacity, run.Trials, demand, utilisation)
			switch {
			case errors.Is(err, planning.ErrNoCapacity):
				return &exitError{exitNotValid, fmt.Errorf("%s: %w", args[0], err)}
			case err != nil:
				return usage(err)
			}
			return failed(plan.Print(cmd.OutOrStdout(), format))
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.demand, "for", "", "the load to plan for: 25GB/s, 200Gbit/s, 500/s (of whatever the run counts), 2k queries/s")
	f.StringVar(&p.utilisation, "utilisation", p.utilisation, "of what a server holds, the share that it may be used to")
	f.StringVarP(&format, "format", "O", format, "of the plan on stdout: "+strings.Join(planning.Formats, ", "))
	return cmd
}
