package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/export"
)

// exportFlags is what the command line of export says.
type exportFlags struct {
	options export.Options
	metrics []string
	output  string
}

func exportCommand() *cobra.Command {
	e := &exportFlags{}
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "write a run as csv, parquet, Go benchmark lines for benchstat, or hgrm percentile distributions",
		Long: `Writes what a run measured in a format of other programs. RUN is a run directory, or the JSON that flightbench run -O json printed,
which holds no histograms. csv and parquet hold a row per trial, per interval of the timeline, or per bucket of the latency histograms
(--what); hgrm is a file per configuration and latency, its rounds added, in milliseconds, as HdrHistogram's plotter reads it.
docs/merge-and-export.md tells the columns.`,
		Example: `  flightbench export --format parquet -o run.parquet RUN
  flightbench export --format csv --what timeline --where op=get RUN > timeline.csv
  flightbench export --format benchfmt OLD > old.txt && flightbench export --format benchfmt NEW > new.txt && benchstat old.txt new.txt
  flightbench export --format hgrm -o spectra RUN
  flightbench export --format hgrm --where op=get --where rows=65536 --latency batch_gap RUN > gap.hgrm`,
		Args: arguments(1, 1, "name one run directory, or the JSON of a run"),
		RunE: e.run,
	}
	f := cmd.Flags()
	f.StringVar(&e.options.Format, "format", "", "of what is written: "+strings.Join(export.Formats, ", "))
	f.StringVarP(&e.output, "output", "o", "", "file to write, or the folder of hgrm's files; default: stdout")
	f.StringVar(&e.options.Table, "what", export.Tables[0], "rows of csv and parquet: "+strings.Join(export.Tables, ", "))
	f.StringArrayVar(&e.options.Where, "where", nil, "FIELD=VALUE of the configurations that are written, such as op=get; repeatable, all of them hold")
	f.StringSliceVar(&e.metrics, "metrics", []string{"primary"}, "figures of benchfmt: primary, all, or a list such as body_bytes_per_second,batch_gap.p99")
	f.StringSliceVar(&e.options.Latency, "latency", nil, "latencies of hgrm, such as batch_gap; default: all")
	return cmd
}

func (e *exportFlags) run(cmd *cobra.Command, args []string) (err error) {
	if err := checkEmpty(cmd.Flags()); err != nil {
		return usage(err)
	}
	o := &e.options
	if o.Figures, o.All, err = compare.ParseFigures(e.metrics); err != nil {
		return usage(fmt.Errorf("--metrics: %w", err))
	}
	if err := o.Validate(); err != nil {
		return usage(err)
	}
	l, err := compare.Load(args[0])
	if err != nil {
		return failed(err)
	}
	notes := l.Warnings
	if o.Format == "hgrm" {
		more, herr := e.hgrm(cmd, l)
		notes, err = append(notes, more...), herr
	} else {
		more, werr := e.one(cmd, l)
		notes, err = append(notes, more...), werr
	}
	for _, n := range notes {
		fmt.Fprintf(cmd.ErrOrStderr(), "flightbench: %s: %s\n", args[0], n)
	}
	return failed(err)
}

// one writes the one file of a format other than hgrm.
func (e *exportFlags) one(cmd *cobra.Command, l *results.Loaded) (notes []string, err error) {
	if e.output == "" {
		if e.options.Format == "parquet" && terminalWidth(cmd.OutOrStdout()) > 0 {
			return nil, usage(errors.New("parquet is not for a terminal: name a file with -o, or redirect stdout"))
		}
		return export.Write(cmd.OutOrStdout(), l, e.options)
	}
	f := &lateFile{name: e.output}
	notes, err = export.Write(f, l, e.options)
	return notes, errors.Join(err, f.Close())
}

// lateFile is created as it is first written to, so that a mistake that is
// found before costs nobody the file that was there.
type lateFile struct {
	name string
	f    *os.File
}

func (l *lateFile) Write(p []byte) (n int, err error) {
	if l.f == nil {
		if l.f, err = os.Create(l.name); err != nil {
			return 0, err
		}
	}
	return l.f.Write(p)
}

func (l *lateFile) Close() error {
	if l.f == nil {
		return nil
	}
	return l.f.Close()
}

// hgrm writes a file per distribution into the folder -o, or the only one to
// stdout.
func (e *exportFlags) hgrm(cmd *cobra.Command, l *results.Loaded) (notes []string, err error) {
	if e.output != "" {
		if err := os.MkdirAll(e.output, 0o755); err != nil {
			return nil, fmt.Errorf("--output is the folder of the files of hgrm: %w", err)
		}
		return export.Hgrm(l, e.options, func(d export.Distribution) error {
			f, err := os.Create(filepath.Join(e.output, d.Name))
			if err != nil {
				return fmt.Errorf("write the export: %w", err)
			}
			return errors.Join(d.Write(f), f.Close())
		})
	}
	var all []export.Distribution
	notes, err = export.Hgrm(l, e.options, func(d export.Distribution) error { all = append(all, d); return nil })
	if err != nil {
		return notes, err
	}
	if len(all) > 1 {
		return notes, usage(fmt.Errorf("hgrm is %d files, %s and so on: name their folder with -o, or choose one with --where FIELD=VALUE and --latency NAME", len(all), all[0].Name))
	}
	return notes, all[0].Write(cmd.OutOrStdout())
}
