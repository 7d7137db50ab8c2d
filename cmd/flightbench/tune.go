package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flightbench/bench"
	"flightbench/recipes"
	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/tune"
)

// tuneVerb searches settings: how often each is measured is the search's to say.
var tuneVerb = verb{name: "tune", suite: "tuning", begin: beginTune,
	omit: []string{"gate", "repeat", "until", "max-time", "one-at-a-time"}}

func tuneCommand() *cobra.Command {
	return tuneVerb.command(&cobra.Command{
		Use:   "tune [[NAME=]URI...]",
		Short: "find the best batch size, windows, buffers, codec and connections",
		Long: `Searches the settings (--knobs) that are best for an objective: it races the values of one after another in interleaved rounds, says what
each is worth by setting it back, and confirms the gain over the defaults in fresh rounds. What is not shown to be better stays as it is by
default. The flag of a knob takes a list, whose first value is the default; a single value takes the knob out of the search. The answer
also says where to write the settings down in Go, Python, C++, Java, Rust and the drivers of Flight SQL. docs/tuning.md explains it.`,
		Example: `  flightbench tune
  flightbench tune --knobs rows,window,conn-window --rows 65536,1024,8192 --max-time 2m
  flightbench tune grpc://db.example:31337 --path my/table --transport grpc
  flightbench tune --op put --minimize server_cpu_seconds_per_gigabyte --slo 'put_ack.p99<=20ms'
  flightbench tune --rtt 50ms --bandwidth 1Gbit
  flightbench tune --resume flightbench-results/20260102-150405-tuning`,
	})
}

// tuneFlags is what the command line says beside the flags of run.
type tuneFlags struct {
	knobs              []string
	maximize, minimize string
	slo                []string
	detect             string
	maxTime            time.Duration
	search             *tune.Search
}

func beginTune(f *pflag.FlagSet) measurer {
	t := &tuneFlags{}
	names := make([]string, len(tune.Knobs))
	for i, k := range tune.Knobs {
		names[i] = flagName(k)
	}
	f.StringSliceVar(&t.knobs, "knobs", nil, "which settings to search: "+strings.Join(names, ", ")+"; default: all that the target and transport have")
	f.StringVar(&t.maximize, "maximize", "", "`figure` to make large: body_bytes_per_second by default (logical_bytes_per_second where codecs are raced, calls_per_second of calls)")
	f.StringVar(&t.minimize, "minimize", "", "`figure` to make small instead, such as server_cpu_seconds_per_gigabyte or first_batch.p99")
	f.StringArrayVar(&t.slo, "slo", nil, "an objective that the settings must meet, such as 'first_batch.p99<=5ms'; exit code 99 if none does; repeatable")
	f.StringVar(&t.detect, "detect", "5%", "a smaller difference does not matter")
	f.DurationVar(&t.maxTime, "max-time", 5*time.Minute, "what all trials may take")
	return measurer{
		extend:   func(p *bench.Plan) error { return t.extend(f, p) },
		schedule: t.schedule,
		conclude: t.conclude,
		print:    printTuning,
		outcome:  tuneOutcome,
	}
}

// extend gives the plan the knobs that the suite cannot have, as not every
// transport and load has them, and takes those out that are not asked for.
func (t *tuneFlags) extend(f *pflag.FlagSet, p *bench.Plan) error {
	p.Repeat = 1
	for i := range p.Configs { // windows and what estimates them take some round trips to open
		c := &p.Configs[i]
		if !f.Changed("warmup") {
			c.Warmup += 10 * c.RTT
		}
		if !f.Changed("duration") && c.Total == 0 {
			c.Duration += 10 * c.RTT
		}
	}
	base := p.Configs[0]
	if !f.Changed("file") {
		if base.Transport == "direct" && !f.Changed("max-frame") {
			for _, v := range []int64{16 << 10, 1 << 20} {
				c := base
				c.MaxFrame = v
				p.Configs = append(p.Configs, c)
			}
		}
		if base.Concurrency > 1 && !f.Changed("connections") {
			c := base
			c.Connections = 2
			p.Configs = append(p.Configs, c)
		}
	}
	asked, err := t.asked()
	if err != nil {
		return err
	}
	for _, k := range asked {
		if !slices.ContainsFunc(p.Configs, func(c results.Config) bool { return differ(base, c, k) }) {
			return fmt.Errorf("--knobs %s: it has one value here: give it several, such as --%s A,B,C, or leave it out; --op %s over %s may not have it", flagName(k), flagName(k), base.Op, base.Transport)
		}
	}
	figure, err := t.figure(*p)
	if err != nil {
		return err
	}
	drop := func(k string) {
		p.Configs = slices.DeleteFunc(p.Configs, func(c results.Config) bool { return differ(base, c, k) })
	}
	for _, k := range tune.Knobs {
		if len(asked) > 0 && !slices.Contains(asked, k) {
			drop(k)
		}
	}
	if ofBodies(figure) && raced(*p, "compression") {
		if slices.Contains(asked, "compression") || f.Changed("compression") {
			return fmt.Errorf("%s counts bytes as the codec made them: with --compression as a knob use --maximize logical_bytes_per_second or rows_per_second, or give --compression one value", figure)
		}
		drop("compression")
	}
	return nil
}

// asked are the fields that --knobs names.
func (t *tuneFlags) asked() (fields []string, err error) {
	for _, k := range t.knobs {
		field := strings.ReplaceAll(strings.TrimSpace(k), "-", "_")
		if !slices.Contains(tune.Knobs, field) {
			return nil, fmt.Errorf("--knobs %q is none: there are %s", k, strings.ReplaceAll(strings.Join(tune.Knobs, ", "), "_", "-"))
		}
		fields = append(fields, field)
	}
	return fields, nil
}

func differ(a, b results.Config, field string) bool {
	x, _ := a.Axis(field)
	y, _ := b.Axis(field)
	return x != y
}

func raced(p bench.Plan, field string) bool {
	return slices.ContainsFunc(p.Configs, func(c results.Config) bool { return differ(p.Configs[0], c, field) })
}

// ofBodies tells whether the figure is of bytes after the codec.
func ofBodies(f compare.Figure) bool {
	return f == results.BodyRate || f == results.WireRate || strings.HasSuffix(string(f), "_per_gigabyte")
}

// figure is the objective, for the plan p.
func (t *tuneFlags) figure(p bench.Plan) (compare.Figure, error) {
	if t.maximize != "" && t.minimize != "" {
		return "", errors.New("--maximize and --minimize are both given: give one, and limit the other's figure by --slo")
	}
	if name := t.maximize + t.minimize; name != "" {
		f, err := compare.ParseFigure(name)
		flag, good := "maximize", "higher"
		if t.minimize != "" {
			flag, good = "minimize", "lower"
		}
		switch {
		case err != nil:
			return "", fmt.Errorf("--%s %w", flag, err)
		case f.Better() != good:
			return "", fmt.Errorf("--%s %s: of that %s is better", flag, name, map[string]string{"higher": "more", "lower": "less"}[f.Better()])
		}
		return f, nil
	}
	switch c := p.Configs[0]; {
	case c.Decode == "": // of calls
		return results.CallRate, nil
	case raced(p, "compression") && (len(t.knobs) == 0 || slices.Contains(t.knobs, "compression")):
		return results.LogicalRate, nil
	}
	return results.BodyRate, nil
}

func (t *tuneFlags) schedule(p bench.Plan) (bench.Schedule, error) {
	figure, err := t.figure(p)
	if err != nil {
		return nil, err
	}
	detect, err := compare.ParseDetect(t.detect)
	if err != nil {
		return nil, fmt.Errorf("--detect: %w", err)
	}
	o := tune.Options{Configs: p.Configs, Objective: figure, Better: figure.Better(), MaxTime: t.maxTime, Detect: detect, Seed: p.Seed}
	if o.SLO, err = parseGates(t.slo); err != nil {
		return nil, errors.New(strings.Replace(err.Error(), "--gate ", "--slo ", 1))
	}
	t.search, err = tune.New(o)
	return t.search, err
}

// conclude stores the answer, and where to write it down.
func (t *tuneFlags) conclude(run *results.Run) {
	run.Tuning = t.search.Answer()
	if run.Tuning.Outcome == results.TuningImproved {
		run.Tuning.Recipes = recipes.For(run.Tuning.Best, run.Tuning.Fields())
	}
}

// printTuning writes the answer, and where to write it down.
func printTuning(w io.Writer, l *results.Loaded, _ int) error {
	if err := l.Run.Tuning.WriteText(w); err != nil {
		return err
	}
	return recipes.Write(w, l.Run.Tuning.Recipes)
}

func tuneOutcome(l *results.Loaded, _ io.Writer) error {
	t := l.Run.Tuning
	switch t.Outcome {
	case results.TuningFailed:
		if slices.ContainsFunc(l.Trials, func(t *results.Trial) bool { return t.Status == results.StatusFailed }) {
			return &exitError{exitFailed, errors.New(t.Failed)}
		}
		return &exitError{exitNotValid, errors.New(t.Failed)}
	case results.TuningMissed:
		return &exitError{exitMissed, errors.New("an objective is missed by every setting")}
	}
	if !slices.ContainsFunc(l.Trials, func(t *results.Trial) bool { return t.Verdict == results.VerdictValid }) {
		return &exitError{exitNotValid, errors.New("no trial is valid: see the warnings")}
	}
	return nil
}
