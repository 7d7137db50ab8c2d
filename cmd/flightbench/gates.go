package main

import (
	"fmt"
	"io"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/suites"
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

// judge holds gates against what l holds, tells which are missed and returns
// their number: limits to a figure at each configuration, limits to a change
// between the first target and each other. Where there is one target the
// latter are for compare. A gate on a figure that no trial has is an error.
func judge(gates []compare.Gate, l *results.Loaded, stderr io.Writer) (missed int, err error) {
	trials := results.WithoutRungs(l.Trials)
	groups := results.GroupTrials(trials)
	var changes []compare.Gate
	for _, g := range gates {
		if g.Relative {
			changes = append(changes, g)
			continue
		}
		n, err := judgeValue(g, groups, stderr)
		if err != nil {
			return missed, err
		}
		missed += n
	}
	if len(changes) == 0 {
		return missed, nil
	}
	if len(compare.Values(groups, "target")) < 2 {
		for _, g := range changes {
			fmt.Fprintf(stderr, "flightbench: gate %s limits a change, which a run of one target does not have: hold it with `flightbench compare --gate '%s'`\n", g, g)
		}
		return missed, nil
	}
	n, err := judgeTargets(changes, &results.Loaded{Dir: l.Dir, Run: l.Run, Trials: trials}, stderr)
	return missed + n, err
}

// judgeValue holds g against each of groups.
func judgeValue(g compare.Gate, groups []results.Group, stderr io.Writer) (missed int, err error) {
	axes := results.Varying(groups)
	if len(axes) == 0 {
		axes = []string{"op", "rows"}
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
		return missed, &compare.GateError{Err: none}
	}
	return missed, nil
}

// judgeTargets holds gates on a change against the targets of l, of which the
// first is the old one.
func judgeTargets(gates []compare.Gate, l *results.Loaded, stderr io.Writer) (missed int, err error) {
	c, err := compare.Within(l, compare.Options{By: []string{"target"}, Detect: defaultDetect, Gates: gates})
	if err != nil {
		return 0, err
	}
	for _, j := range c.Gates {
		where := "at " + j.Pair
		if len(c.Pairs) == 1 {
			where = "from " + c.Pairs[0].From + " to " + c.Pairs[0].To
		}
		switch j.Status {
		case compare.GateMissed:
			missed++
			fmt.Fprintf(stderr, "flightbench: gate %s is missed %s: %s\n", j.Gate, where, j.Text)
		case compare.GateUntold:
			fmt.Fprintf(stderr, "flightbench: gate %s: one cannot tell %s: %s; `flightbench compare --by target %s` says how many more rounds would tell\n", j.Gate, where, j.Text, l.Dir)
		}
	}
	return missed, nil
}

// suiteGates are those of the suite that run was made by.
func suiteGates(run results.Run) ([]compare.Gate, error) {
	if run.Suite == "" {
		return nil, nil
	}
	s, err := suites.Parse("the suite of "+run.Name, []byte(run.Suite))
	if err != nil {
		return nil, fmt.Errorf("its gates are not held: %w", err)
	}
	return parseGates(s.Gates)
}
