package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/plot"
)

// exitMissed is the code of a missed gate or SLO.
const exitMissed = 99

// defaultDetect is the change, as a fraction, below which no difference
// matters, where nothing else is said.
const defaultDetect = 0.05

// noGates is what --gate is given to hold none, not those of the suite either.
const noGates = "none"

// compareFlags is what the command line of compare says.
type compareFlags struct {
	options compare.Options
	metrics []string
	detect  string
	gates   []string
	strict  bool
	plots   string
	report  string
	format  string
}

func compareCommand() *cobra.Command {
	c := &compareFlags{detect: fmt.Sprintf("%g%%", 100*defaultDetect), format: "table"}
	cmd := &cobra.Command{
		Use:   "compare OLD NEW | compare --by FIELD RUN",
		Short: "say what changed between two runs, or between the values of a field within one, and how sure that is",
		Long: `Compares two runs (run directories, or the JSON that flightbench run -O json printed), or the values of one field of a run's
configurations, and says of each figure: faster, slower, no difference found, or cannot tell, and then how many more rounds would
tell. Two builds are best measured in one run, whose rounds take turns: what the machine does in between then strikes both.`,
		Example: `  flightbench compare flightbench-results/20260102-150405-run flightbench-results/20260103-150405-run
  flightbench run --server-cmd old='./server-1 --port {port}' --server-cmd new='./server-2 --port {port}' --repeat 10 --path my/table
  flightbench compare --by target flightbench-results/20260104-150405-run
  flightbench compare --by target --gate 'body_bytes_per_second>=-3%' --gate 'batch_gap.p99<=+10%' RUN
  flightbench compare -O benchfmt OLD NEW > both.txt && benchstat -col side both.txt`,
		Args: arguments(1, 2, "name two runs, or one and the field that it is compared --by"),
		RunE: c.run,
	}
	f := cmd.Flags()
	f.StringSliceVar(&c.options.By, "by", nil, "within one run: the field that is compared, such as target, transport, compression; of two runs: fields that may differ")
	f.StringVar(&c.options.Base, "base", "", "the value of --by that the others are compared with; default: the first")
	f.StringSliceVar(&c.metrics, "metrics", []string{"primary"}, "what is compared: primary, all, or a list such as body_bytes_per_second,batch_gap.p99")
	f.StringVar(&c.detect, "detect", c.detect, "the change that matters")
	f.StringArrayVar(&c.gates, "gate", nil, "a limit, such as 'body_bytes_per_second>=-3%' to a change or 'first_batch.p99<=5ms' to new's median; exit code 99 if it is missed; repeatable; default: the gates of the suite that NEW was measured by; none: no gate")
	f.BoolVar(&c.strict, "strict", false, "exit code 3 if it cannot be told of a gate whether it is missed")
	f.StringVar(&c.plots, "plots", "", "folder to draw the latency histograms of both sides into")
	f.StringVar(&c.report, "report", "", "file to write the comparison into as an HTML page of its own, with the histograms")
	f.StringVarP(&c.format, "format", "O", c.format, "of the comparison on stdout: "+strings.Join(compare.Formats, ", "))
	return cmd
}

// parse reads the flags that are words.
func (c *compareFlags) parse(runs int) (err error) {
	if err := compare.CheckFormat(c.format); err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	o := &c.options
	if o.Detect, err = compare.ParseDetect(c.detect); err != nil {
		return fmt.Errorf("--detect: %w", err)
	}
	if o.Figures, o.All, err = compare.ParseFigures(c.metrics); err != nil {
		return fmt.Errorf("--metrics: %w", err)
	}
	if slices.Contains(c.gates, noGates) && len(c.gates) > 1 {
		return errors.New("--gate none holds no gate, and others are given: leave it out")
	}
	for _, s := range c.gates {
		if s == noGates {
			continue
		}
		g, err := compare.ParseGate(s)
		if err != nil {
			return fmt.Errorf("--%w", err)
		}
		o.Gates = append(o.Gates, g)
	}
	return o.Validate(runs)
}

// takeGates takes those of NEW's suite where none was given. What one run's
// suite limits the change of is that from one target to another.
func (c *compareFlags) takeGates(runs []*results.Loaded, stderr io.Writer) {
	if len(c.gates) > 0 || len(runs) == 1 && !slices.Equal(c.options.By, []string{"target"}) {
		return
	}
	gates, err := suiteGates(runs[len(runs)-1].Run)
	if err != nil {
		fmt.Fprintf(stderr, "flightbench: %v\n", err) // an older flightbench may have read it otherwise
		return
	}
	if c.options.Gates = gates; len(gates) > 0 {
		var names []string
		for _, g := range gates {
			names = append(names, g.String())
		}
		fmt.Fprintf(stderr, "flightbench: gates of the suite of %s: %s; --gate takes their place, --gate none leaves them out\n", runs[len(runs)-1].Dir, strings.Join(names, ", "))
	}
}

func (c *compareFlags) run(cmd *cobra.Command, args []string) error {
	if err := c.parse(len(args)); err != nil {
		return usage(err)
	}
	var runs []*results.Loaded
	for _, path := range args {
		l, err := compare.Load(path)
		if err != nil {
			return failed(err)
		}
		for _, w := range l.Warnings {
			fmt.Fprintf(cmd.ErrOrStderr(), "flightbench: %s: %s\n", path, w)
		}
		runs = append(runs, l)
	}
	if len(args) == 2 && samePath(args[0], args[1]) {
		return usage(fmt.Errorf("OLD and NEW are both %s, which differs from itself in nothing: name two runs, or one with --by", args[0]))
	}
	c.takeGates(runs, cmd.ErrOrStderr())
	found, err := compare.Runs(runs, c.options)
	if compare.IsGateError(err) {
		return usage(err)
	}
	if err != nil {
		return failed(err)
	}
	if err := found.Print(cmd.OutOrStdout(), c.format, terminalWidth(cmd.OutOrStdout())); err != nil {
		return failed(err)
	}
	if c.plots != "" {
		notes, err := plot.WriteOverlays(c.plots, found, runs[0], runs[len(runs)-1])
		for _, n := range notes {
			fmt.Fprintf(cmd.ErrOrStderr(), "flightbench: %s\n", n)
		}
		if err != nil {
			return failed(err)
		}
	}
	if c.report != "" {
		if err := writeReport(c.report, found, runs, cmd.ErrOrStderr()); err != nil {
			return failed(err)
		}
	}
	switch {
	case found.Missed():
		return &exitError{exitMissed, errors.New("a gate is missed")}
	case c.strict && found.Untold():
		return &exitError{exitNotValid, errors.New("it cannot be told whether a gate is missed: more rounds would help")}
	}
	return nil
}

// samePath tells whether a and b name the same file or folder.
func samePath(a, b string) bool {
	x, xerr := os.Stat(a)
	y, yerr := os.Stat(b)
	return xerr == nil && yerr == nil && os.SameFile(x, y)
}
