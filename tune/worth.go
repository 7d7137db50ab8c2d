package tune

import (
	"math"
	"time"

	"flightbench/results"
	"flightbench/results/compare"
)

// worths sets back each setting that differs from the defaults, by itself, and
// gives up the one that costs least if that may be nothing; and so on.
//
// Note: not all of them at once. Two may stand in for each other, so that
// neither is missed alone.
func (w *walk) worths() error {
	w.stage = phaseWorth
	for first := true; ; first = false {
		field := w.setBack()
		if len(field) == 1 {
			return nil
		}
		if cost := time.Duration(worthRounds*len(field))*w.takes(1) + 2*confirmRounds*w.takes(confirmFactor); !first && w.spent+cost > w.o.MaxTime {
			w.note("the time was up before each setting could be set back again: some may be worth nothing")
			return nil
		}
		w.todo = worthRounds * len(field)
		for range worthRounds {
			if err := w.measure(phaseWorth, field, 1); err != nil {
				return err
			}
		}
		weakest, least := (*candidate)(nil), math.Inf(1)
		for _, c := range field[1:] {
			v := w.valueOf(c, field[0])
			w.reports[c.label].Worth = &v
			if v.Outcome == compare.Worse || v.Outcome == "failed" || v.Outcome == compare.GateMissed {
				continue
			}
			if loss, _ := field[0].aheadOf(c, w.o.Objective, w.o.Better); loss < least {
				weakest, least = c, loss
			}
		}
		if weakest == nil {
			return nil
		}
		w.best = weakest.config
		w.reports[weakest.label].Note = "set back to the default: nothing was lost by it"
	}
}

// setBack is the best and, for each knob, the best with that as by default.
func (w *walk) setBack() []*candidate {
	field := []*candidate{{config: w.best}}
	for _, k := range w.changed(w.best) {
		set := map[string]string{k: w.reports[k].Default}
		c, ok := with(w.best, set)
		for _, pair := range together {
			if ok || k != pair[0] || w.reports[pair[1]] == nil {
				continue
			}
			set[pair[1]] = w.reports[pair[1]].Default
			c, ok = with(w.best, set)
			w.reports[k].Note = "set back together with --" + flagName(pair[1]) + ", which cannot be without it"
		}
		if ok {
			field = append(field, &candidate{config: c, label: k})
		}
	}
	return field
}

// confirm holds the best against the defaults, in rounds of their own.
func (w *walk) confirm() error {
	w.stage = phaseConfirm
	if len(w.changed(w.best)) == 0 {
		return nil
	}
	w.base, w.recommended = &candidate{config: w.o.Configs[0]}, &candidate{config: w.best}
	rounds := int((w.o.MaxTime - w.spent) / (2 * w.takes(confirmFactor)))
	rounds = min(max(rounds, confirmRounds), maxConfirm)
	w.todo = 2 * rounds
	for range rounds {
		if err := w.measure(phaseConfirm, []*candidate{w.base, w.recommended}, confirmFactor); err != nil {
			return err
		}
	}
	return nil
}

// verdictOf says what became of a knob that was raced.
func verdictOf(k *results.Knob, raced bool) string {
	switch {
	case k.Best != k.Default && k.Worth != nil && k.Worth.Outcome != compare.Same && k.Worth.Outcome != compare.Better:
		return results.KnobMatters
	case k.Best != k.Default:
		return results.KnobKept
	case !raced:
		return results.KnobUnraced
	case len(k.Values) == 0:
		return results.KnobNone
	}
	for _, v := range k.Values {
		if v.Outcome == compare.Same || v.Outcome == compare.Better {
			return results.KnobSame
		}
	}
	return results.KnobBest
}
