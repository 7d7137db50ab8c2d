package tune

import (
	"cmp"

	"flightbench/results"
	"flightbench/results/compare"
)

// sideEffects are the figures that are told beside the objective.
var sideEffects = []compare.Figure{results.BodyRate, "first_batch.p99", "batch_gap.p99", "put_ack.p99", "call.p99", results.ServerCPU, results.ClientCPU}

// answer is what the walk knows.
func (w *walk) answer() *results.Tuning {
	base := w.o.Configs[0]
	a := &results.Tuning{Objective: string(w.o.Objective), Better: w.o.Better, Detect: w.o.Detect, Base: base, Best: w.best, Outcome: results.TuningUnfinished,
		Settings: []results.Setting{}, Notes: append([]string{}, w.notes...), SearchTrial: w.search, Seconds: w.spent.Seconds(), Budget: w.o.MaxTime.Seconds()}
	for _, g := range w.o.SLO {
		a.SLO = append(a.SLO, g.String())
	}
	if w.stop != "" {
		a.Best, a.Outcome, a.Failed = base, results.TuningFailed, w.stop
	}
	if w.stage == phaseEnd {
		w.conclude(a)
		w.judge(a)
	}
	for _, field := range w.changed(a.Best) {
		v, _ := a.Best.Axis(field)
		was, _ := base.Axis(field)
		a.Settings = append(a.Settings, results.Setting{Field: field, Value: v, Was: was})
	}
	for _, k := range w.knobs {
		r := *w.reports[k.field]
		r.Best, _ = a.Best.Axis(k.field)
		r.Verdict = verdictOf(&r, w.wasRaced(k.field))
		a.Knobs = append(a.Knobs, r)
	}
	return a
}

func (w *walk) wasRaced(field string) bool {
	for _, sw := range w.sweeps {
		if len(sw.fields) == 1 && sw.fields[0] == field {
			return sw.racedAt != (results.Config{})
		}
	}
	return false
}

// conclude says what the confirming rounds showed.
func (w *walk) conclude(a *results.Tuning) {
	a.Outcome = results.TuningDefaults
	if w.recommended == nil {
		return
	}
	c, err := compare.Sides(w.base.trials, w.recommended.trials, compare.Options{Figures: []compare.Figure{w.o.Objective}, Detect: w.o.Detect})
	shown := false
	switch {
	case err != nil:
		a.Notes = append(a.Notes, "the confirming trials did not end well: "+cmp.Or(w.recommended.failure(), w.base.failure()))
	case len(c.Pairs[0].Cells) > 0:
		a.Gain = changeOf(c.Pairs[0].Cells[0])
		shown = a.Gain.Word == compare.Better
		a.Effects = w.effects()
		a.Notes = append(a.Notes, c.Notes...)
	}
	missed, of := w.misses(w.recommended)
	before, _ := w.misses(w.base)
	switch {
	case len(missed) == 0 && len(before) > 0 && err == nil:
		shown = true // what the defaults do not hold
	case len(missed) > 0 && len(before) > 0: // then what is nearer
		by, p := w.recommended.aheadOf(w.base, of[0].Figure, of[0].Figure.Better())
		shown = len(missed) < len(before) || by > 0 && p.P <= alpha
	case len(missed) > 0 && shown:
		shown = false
		a.Notes = append(a.Notes, "what the search took for best misses "+missed[0].Gate+" in fresh rounds: "+missed[0].Text)
	}
	if shown {
		a.Outcome = results.TuningImproved
		return
	}
	best := w.best
	a.Best, a.Candidate = w.o.Configs[0], &best
}

// judge holds the objectives against what is recommended.
func (w *walk) judge(a *results.Tuning) {
	c := w.recommended
	if a.Best == w.o.Configs[0] {
		c = w.base
	}
	if c == nil {
		c = &candidate{trials: w.defaults}
	}
	for _, g := range w.o.SLO {
		j, err := g.JudgeTrials(c.trials)
		if err != nil {
			a.Notes = append(a.Notes, err.Error())
			continue
		}
		a.Judgements = append(a.Judgements, results.TuningJudgement{Gate: j.Gate, Status: j.Status, Text: j.Text})
		if j.Status == compare.GateMissed {
			a.Outcome = results.TuningMissed
		}
	}
}

// effects are the other figures of the confirming rounds.
func (w *walk) effects() (out []results.TuningChange) {
	var figures []compare.Figure
	for _, f := range sideEffects {
		if f != w.o.Objective {
			figures = append(figures, f)
		}
	}
	c, err := compare.Sides(w.base.trials, w.recommended.trials, compare.Options{Figures: figures, Detect: w.o.Detect})
	if err != nil {
		return nil
	}
	for _, cell := range c.Pairs[0].Cells {
		out = append(out, *changeOf(cell))
	}
	return out
}

func changeOf(c compare.Cell) *results.TuningChange {
	return &results.TuningChange{Metric: string(c.Figure), Unit: c.Unit, Better: c.Better, Old: c.Old.Median, New: c.New.Median,
		Change: c.Change, Low: c.ChangeLow, High: c.ChangeHigh, P: c.P, Rounds: c.Rounds, Word: c.Outcome}
}
