package main

import (
	"fmt"
	"io"

	"flightbench/results"
	"flightbench/results/compare"
)

// parseGates reads the gates of a run.
func parseGates(given []string) (gates []compare.Gate, err error) {
	for _, s := range given {
		g, err := compare.ParseGate(s)
		if err != nil {
			return nil, fmt.Errorf("--%w", err)
		}
		gates = append(gates, g)
	}
	return gates, nil
}

// judge holds gates against each configuration of trials, tells which are
// missed and returns their number. A limit to a change is for compare, and one
// to a figure that no trial has is an error.
func judge(gates []compare.Gate, trials []*results.Trial, stderr io.Writer) (missed int, err error) {
	groups := results.GroupTrials(trials)
	axes := results.Varying(groups)
	if len(axes) == 0 {
		axes = []string{"op", "rows"}
	}
	for _, g := range gates {
		if g.Relative {
			fmt.Fprintf(stderr, "flightbench: gate %s limits a change, which one run does not have: hold it with `flightbench compare --gate '%s'`\n", g, g)
			continue
		}
		var none error
		told := false
		for _, group := range groups {
			j, err := g.JudgeTrials(group.Measured())
			if err != nil {
				none = err
				continue
			}
			told = true
			if j.Status == compare.GateMissed {
				missed++
				fmt.Fprintf(stderr, "flightbench: gate %s is missed at %s: %s\n", g, compare.Label(group.Config, axes), j.Text)
			}
		}
		if !told && none != nil {
			return missed, none
		}
	}
	return missed, nil
}
