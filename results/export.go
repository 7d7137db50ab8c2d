package results

import (
	"encoding/json"
	"fmt"
	"io"
)

// WriteJSON prints run and trials as one Document.
func WriteJSON(w io.Writer, run Run, trials []*Trial) error {
	d := Document{Schema: Schema, Run: run, Trials: make([]*Trial, len(trials)), Summary: SummaryOf(run, trials)}
	if d.Run.Schema == 0 {
		d.Run.Schema = Schema
	}
	if d.Run.Command == nil {
		d.Run.Command = []string{}
	}
	for i, t := range trials {
		d.Trials[i] = t.Storable()
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("write json: %w", err)
	}
	return nil
}

// WriteCSV prints a row per trial, see TrialSheet.
func WriteCSV(w io.Writer, run Run, trials []*Trial) error {
	return TrialSheet(run, trials).WriteCSV(w)
}
