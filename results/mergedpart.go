package results

import "time"

// MergedPart is one of the runs that `flightbench merge` made a run of, each by a
// generator of its own.
type MergedPart struct {
	Name        string       `json:"name"` // of the generator, before what it warned of
	Dir         string       `json:"dir"`
	Version     string       `json:"version"`
	Command     []string     `json:"command"`
	Started     time.Time    `json:"started"`
	Environment Environment  `json:"environment"`
	Parts       []MergedPart `json:"parts,omitempty"` // where it is a merged run itself
	Left        int          `json:"left"`            // trials that are not in the merged run, since other parts lack them
	Offset      float64      `json:"offset"`          // seconds by which a window of it began after the earliest one of the others, at most; by their clocks
	Cut         float64      `json:"cut"`             // share of a window of it that is outside of the common one, at most
}
