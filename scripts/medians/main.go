// Command medians reads the JSON Document of a run on standard input and prints
// the median of each metric for every point, and its ratio to the same point at
// the first value of one axis. The bench-*.sh scripts use it.
//
//	flightbench run --transport stock,grpc --repeat 7 -O json | go run ./scripts/medians -by transport -base stock
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"flightbench/results"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "medians:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	f := flag.NewFlagSet("medians", flag.ContinueOnError)
	by := f.String("by", "transport", "axis whose values are compared")
	base := f.String("base", "stock", "its value that the others are divided by")
	list := f.String("metrics", "body_bytes_per_second,client_cpu_seconds_per_gigabyte,server_cpu_seconds_per_gigabyte,client_alloc_bytes_per_gigabyte,server_alloc_bytes_per_gigabyte",
		"comma list of metrics")
	if err := f.Parse(args); err != nil {
		return err
	}
	var d results.Document
	if err := json.NewDecoder(in).Decode(&d); err != nil {
		return fmt.Errorf("standard input is no JSON of a run: %w", err)
	}
	groups := results.GroupTrials(d.Trials)
	rest := func(g results.Group) string {
		var s []string
		for _, a := range results.Varying(groups) {
			if a != *by {
				s = append(s, g.Config.Phrase(a))
			}
		}
		return strings.Join(s, ", ")
	}
	bases := map[string]results.Group{}
	for _, g := range groups {
		if v, _ := g.Config.Axis(*by); v == *base {
			bases[rest(g)] = g
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "point\t%s\tmetric\tmedian\tmin\tmax\tn\tx %s\n", *by, *base)
	for _, g := range groups {
		v, _ := g.Config.Axis(*by)
		for _, m := range strings.Split(*list, ",") {
			s := g.Metric(m)
			ratio := "-"
			if b, ok := bases[rest(g)]; ok && b.Metric(m).Median != 0 {
				ratio = fmt.Sprintf("%.3f", s.Median/b.Metric(m).Median)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%.4g\t%.4g\t%.4g\t%d\t%s\n", rest(g), v, m, s.Median, s.Min, s.Max, s.N, ratio)
		}
	}
	return w.Flush()
}
