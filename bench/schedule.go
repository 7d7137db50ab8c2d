package bench

import (
	"time"

	"flightbench/results"
)

// Step is a trial to be run.
type Step struct {
	Config results.Config
	ID     string        // unique within the run, of A-Z, a-z, 0-9, '.', '_' and '-'
	Round  int           // from 1
	Phase  string        // a word for the live line, stored with the trial: "" in a plain run; ramp, bracket, narrow, confirm, race, ...
	Takes  time.Duration // all of it, as far as one knows; 0: what Config asks for and a little
	Rest   time.Duration // to wait before it, for a server to recover
}

// Schedule says what a run measures next, by what it has measured so far. It
// is a deterministic function of the trials that it was told of, and reads no
// clock: an interrupted run goes on with a new Schedule that is told the
// stored trials in their order (without their Hists). How long a trial took is
// Trial.Took. Not for concurrent use.
//
// Plan.Schedule makes the one of a fixed set of Configs; package capacity and
// package tune bring others. They do no I/O, so that their tests are loops of
// Next, a simulated Trial with the Step's ID, and Add.
type Schedule interface {
	// Next is the next trial; false when there is nothing left. Called again
	// without an Add it returns the same.
	Next() (Step, bool)
	// Add tells the outcome of a Step, which may be a failed trial, or a trial
	// of the interrupted run. A partial one, cut by the run's own end, is not told.
	Add(t *results.Trial)
	// Left estimates what is still to come, the Step of Next included.
	Left() (trials int, d time.Duration)
}

// takes is how long s lasts, its rest apart.
func (s Step) takes() time.Duration {
	switch {
	case s.Takes > 0:
		return s.Takes
	case s.Config.Total > 0:
		return asked(s.Config) + typicalOverhead + typicalTotal
	}
	return asked(s.Config) + typicalOverhead
}
