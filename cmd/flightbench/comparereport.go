package main

import (
	"fmt"
	"io"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/report"
)

// writeReport writes the comparison as a page of its own into path.
func writeReport(path string, c *compare.Comparison, runs []*results.Loaded, stderr io.Writer) error {
	if err := report.WriteComparison(path, version(), c, runs[0], runs[len(runs)-1]); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "report:  %s\n", path)
	return nil
}
