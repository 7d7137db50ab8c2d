package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flightbench/bench"
	"flightbench/capacity"
	"flightbench/results"
	"flightbench/results/planning"
)

// capacityVerb searches a load: flags that set one, or several Configs, are
// none of its.
var capacityVerb = verb{name: "capacity", suite: "capacity", begin: beginCapacity,
	omit: []string{"gate", "repeat", "until", "max-time", "one-at-a-time", "rps", "rate", "schedule", "arrival", "total"}}

func capacityCommand() *cobra.Command {
	return capacityVerb.command(&cobra.Command{
		Use:   "capacity [[NAME=]URI...]",
		Short: "find the highest load that a server holds within objectives",
		Long: `Searches the highest load at which every objective (--slo) is met: it doubles the load until one is missed, comes down again, narrows
down where that begins by many short trials, and confirms the answer by longer ones. Streams are begun when they are due, whether or not
others have ended, as a closed loop hides overload. Without --slo a load must not make calls fail, nor take tenfold the time of an
unloaded server. Without a URI the embedded server is searched. docs/capacity.md explains the answer.`,
		Example: `  flightbench capacity
  flightbench capacity grpc://db.example:31337 --path my/table --slo 'first_batch.p99<=50ms' --slo 'errors<=0.1%'
  flightbench capacity grpc://db.example:31337 --sql 'SELECT 1' --slo 'query.p99<=20ms' --plan 2000/s
  flightbench capacity grpc://db.example:31337 --op action:ping --from 100 --to 5000 --max-time 5m
  flightbench capacity grpc://db.example:31337 --path my/table --over concurrency --slo 'stream.p99<=2s'
  flightbench capacity --resume flightbench-results/20260102-150405-capacity`,
	})
}

// capacityFlags is what the command line says beside the flags of run.
type capacityFlags struct {
	slo            []string
	over, from, to string
	arrival        string
	maxTime        time.Duration
	plan           planFlags
	axis           [1]string // what is searched over, once that is known
	search         *capacity.Search
}

func beginCapacity(f *pflag.FlagSet) measurer {
	c := &capacityFlags{plan: planFlags{utilisation: "70%"}}
	f.StringArrayVar(&c.slo, "slo", nil, "an objective, such as 'first_batch.p99<=50ms' or 'errors<=0.1%'; exit code 99 if no load meets it; repeatable")
	f.StringVar(&c.over, "over", "", "what is searched over: "+strings.Join(capacity.Axes, ", ")+"; default: rate (body bytes a second) for get, put and exchange, else rps")
	f.StringVar(&c.from, "from", "", "lowest load to try, such as 100 or 50MB/s")
	f.StringVar(&c.to, "to", "", "highest load to try")
	f.StringVar(&c.arrival, "arrival", "", "over rps and rate: how starts are spread: constant, poisson; default: constant")
	f.DurationVar(&c.maxTime, "max-time", capacity.DefaultMaxTime, "what all trials may take; more gives a narrower interval on a noisy machine")
	f.StringVar(&c.plan.demand, "plan", "", "say also how many servers this load takes: 25GB/s, 500/s")
	f.StringVar(&c.plan.utilisation, "utilisation", c.plan.utilisation, "with --plan: of what a server holds, the share that it may be used to")
	return measurer{
		extend:   func(p *bench.Plan) error { return c.extend(f, p) },
		schedule: func(p bench.Plan) (bench.Schedule, error) { return c.schedule(f, p) },
		varying:  c.axis[:],
		conclude: func(run *results.Run) { run.Capacity = c.search.Answer(); c.search.Stop() },
		print:    c.print,
		outcome:  c.outcome,
	}
}

// extend makes the one Config of the plan that of a search: its window is the
// search's to choose, and an open loop's cap on streams is high, where nobody
// says.
func (c *capacityFlags) extend(f *pflag.FlagSet, p *bench.Plan) error {
	if n := len(p.Configs); n > 1 {
		return fmt.Errorf("capacity searches one configuration, and these flags make %d: give one value of each", n)
	}
	p.Repeat = 1
	config := &p.Configs[0]
	ofSuite := f.Changed("file")
	if !f.Changed("duration") && !ofSuite {
		config.Duration = 0
	}
	if c.arrival != "" {
		config.Arrival = c.arrival
	}
	o, err := c.options(f, *config)
	if err == nil && o.Open() && !f.Changed("concurrency") && !ofSuite {
		config.Concurrency = bench.OpenConcurrency
	}
	return err
}

// options are those of the search for config.
func (c *capacityFlags) options(f *pflag.FlagSet, config results.Config) (o capacity.Options, err error) {
	o = capacity.Options{Config: config, Over: c.over, MaxTime: c.maxTime, Cores: runtime.NumCPU(), Local: local(f, config)}
	if o.Over == "" {
		o.Over = capacity.DefaultOver(config.Op)
	}
	if c.maxTime <= 0 {
		return o, fmt.Errorf("--max-time %v is no length of time: use one such as %v", c.maxTime, capacity.DefaultMaxTime)
	}
	for _, b := range []struct {
		flag, value string
		to          *float64
	}{{"from", c.from, &o.From}, {"to", c.to, &o.To}} {
		if *b.to, err = parseLoad(o.Over, b.value); err != nil {
			return o, fmt.Errorf("--%s %q %w", b.flag, b.value, err)
		}
	}
	if o.Gates, err = parseGates(c.slo); err != nil {
		return o, errors.New(strings.Replace(err.Error(), "--gate ", "--slo ", 1))
	}
	if c.arrival != "" && !o.Open() {
		return o, fmt.Errorf("--arrival %s spreads the starts of an open loop, and over %s a stream begins when another ends: use --over rps, or leave it out", c.arrival, o.Over)
	}
	if c.plan.demand != "" {
		if _, _, err = c.plan.parse("plan"); err != nil {
			return o, err
		}
	} else if f.Changed("utilisation") {
		return o, errors.New("--utilisation is of --plan: give that, too")
	}
	return o, o.Validate()
}

// parseLoad reads a load; "" is none, 0.
func parseLoad(over, s string) (float64, error) {
	switch {
	case s == "":
		return 0, nil
	case over == "rate":
		v, err := bench.ParseByteRate(s)
		if err != nil {
			return 0, errors.New("is no rate of bytes above 0: write 50MB/s or 2GB/s")
		}
		return v, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		n, err := bench.ParseCount(s)
		if err != nil {
			return 0, fmt.Errorf("is no load for --over %s: write a number, such as 100 or 2k", over)
		}
		v = float64(n)
	}
	if !(v > 0) {
		return 0, errors.New("is no load: use one above 0")
	}
	return v, nil
}

// local tells whether the server is on this machine, as far as its address says.
func local(f *pflag.FlagSet, config results.Config) bool {
	if config.Target == "embedded" || f.Changed("server-cmd") {
		return true
	}
	uris, _ := f.GetStringArray("target")
	for _, s := range append(uris, f.Args()...) {
		_, uri := splitTarget(s)
		for _, here := range []string{"//localhost", "//127.", "//[::1]", "+unix:"} {
			if strings.Contains(uri, here) {
				return true
			}
		}
	}
	return false
}

func (c *capacityFlags) schedule(f *pflag.FlagSet, p bench.Plan) (bench.Schedule, error) {
	o, err := c.options(f, p.Configs[0])
	if err != nil {
		return nil, err
	}
	c.search, c.axis[0] = capacity.New(o), o.Over
	return c.search, nil
}

// print writes the answer, the loads and the plan.
func (c *capacityFlags) print(w io.Writer, l *results.Loaded, width int) error {
	found := l.Run.Capacity
	if err := found.WriteText(w, width); err != nil || c.plan.demand == "" || !found.Tells() {
		return err
	}
	demand, utilisation, err := c.plan.parse("plan")
	if err != nil {
		return err
	}
	plan, err := planning.For(found, l.Trials, demand, utilisation)
	if err != nil {
		_, err = fmt.Fprintf(w, "\nNo plan: %v.\n", err)
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return plan.Print(w, "table")
}

// outcome is the exit code: what cannot be said, and what no load meets.
func (c *capacityFlags) outcome(l *results.Loaded, _ io.Writer) error {
	found := l.Run.Capacity
	line := strings.TrimSuffix(found.Lines()[0], ".")
	switch {
	case found.Outcome == results.CapacityLowest:
		return &exitError{exitMissed, errors.New(line)}
	case found.Outcome != results.CapacityUntold:
		return nil
	case c.search.Misused():
		return usage(errors.New(found.Lost))
	case len(found.Loads) == 0 && found.Lost != "":
		return &exitError{exitFailed, errors.New(line)}
	}
	return &exitError{exitNotValid, errors.New(line)}
}
