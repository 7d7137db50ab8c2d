package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"flightbench/results"
)

// Load reads a run: its directory, or the JSON document that
// `flightbench run -O json` printed, which holds no histograms.
func Load(path string) (*results.Loaded, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read a run: %w", err)
	}
	if info.IsDir() {
		return results.Open(path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a run: %w", err)
	}
	var d results.Document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("%s is neither a run directory nor the JSON that `flightbench run -O json` prints: %w", path, at(b, err))
	}
	switch {
	case d.Schema == 0:
		return nil, fmt.Errorf("%s is JSON, but not what `flightbench run -O json` prints: it has no schema", path)
	case d.Schema > results.Schema:
		return nil, fmt.Errorf("%s has schema %d, this version reads up to %d; use a newer flightbench", path, d.Schema, results.Schema)
	}
	l := &results.Loaded{Dir: path, Run: d.Run, Trials: d.Trials}
	for i, t := range d.Trials {
		if t == nil {
			return nil, fmt.Errorf("%s: trial %d is null", path, i+1)
		}
	}
	if d.Run.Status != results.StatusComplete {
		l.Warnings = append(l.Warnings, d.Run.Incomplete(len(d.Trials)))
	}
	return l, nil
}

// at adds the line to a syntax error.
func at(b []byte, err error) error {
	var s *json.SyntaxError
	if errors.As(err, &s) && s.Offset <= int64(len(b)) {
		return fmt.Errorf("line %d: %w", 1+bytes.Count(b[:s.Offset], []byte("\n")), err)
	}
	return err
}
