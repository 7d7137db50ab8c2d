package results

import (
	"fmt"
	"io"
)

// CheckFormat refuses what Print cannot print.
func CheckFormat(format string) error {
	switch format {
	case "table", "json", "csv":
		return nil
	}
	return fmt.Errorf("%q is unknown: use table, json or csv", format)
}

// Print writes a run in format: a table no wider than width columns (0: as wide
// as it is), one JSON Document, or CSV.
func Print(w io.Writer, format string, run Run, trials []*Trial, width int) error {
	if err := CheckFormat(format); err != nil {
		return err
	}
	switch format {
	case "json":
		return WriteJSON(w, run, trials)
	case "csv":
		return WriteCSV(w, run, trials)
	}
	return WriteTable(w, run, trials, width)
}
