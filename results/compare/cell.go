package compare

import (
	"math"
	"slices"

	"golang.org/x/perf/benchmath"

	"flightbench/results"
)

// Outcomes of a Cell.
const (
	Better  = "better"
	Worse   = "worse"
	Same    = "same"    // the whole interval is within ± what matters
	Unknown = "unknown" // the interval is too wide to say
)

// Reasons of Unknown.
const (
	tooNoisy = "too noisy"
	tooFew   = "too few rounds"
	drifting = "the machine drifts" // more than the rounds differ, so that more of them do not help
	noRatio  = "values of 0 or less have no ratio"
)

// Cell is one figure of one configuration, compared.
type Cell struct {
	Figure      Figure   `json:"metric"`
	Unit        string   `json:"unit"`
	Better      string   `json:"better"` // higher or lower
	Old         Sample   `json:"old"`
	New         Sample   `json:"new"`
	Rounds      int      `json:"rounds"`                // that measured both sides, or of the side with fewer
	Change      *float64 `json:"change"`                // fraction of old; null where none can be said
	ChangeLow   *float64 `json:"change_low"`            // null: without bound
	ChangeHigh  *float64 `json:"change_high"`           //
	Primary     bool     `json:"primary"`               // of the figures that are tested first
	P           float64  `json:"p"`                     // corrected for the number of cells
	MannWhitney float64  `json:"mann_whitney_p"`        // of this cell alone, rounds not paired, not corrected: what benchstat prints
	Outcome     string   `json:"outcome"`               // better, worse, same, unknown
	Word        string   `json:"word"`                  // the outcome for people
	Reason      string   `json:"reason,omitempty"`      // of unknown
	MoreRounds  int      `json:"more_rounds,omitempty"` // of unknown: about how many more would tell a change of Detect, or the one seen where its interval excludes 0; 0: more than 1,000, or they would not help

	shift shift
	drift float64 // that the interval holds besides
}

// Sample is one side's values, one a round.
type Sample struct {
	N      int       `json:"n"`
	Median float64   `json:"median"`
	Low    *float64  `json:"low"` // of the median's interval; null: without bound
	High   *float64  `json:"high"`
	Values []float64 `json:"values"`
}

func sampleOf(byRound []float64) Sample {
	var values []float64
	for _, v := range byRound {
		if !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds), confidence)
	return Sample{N: len(values), Median: s.Center, Low: finite(s.Lo), High: finite(s.Hi), Values: values}
}

// series is the values of a figure, by round; NaN where a round has none. A
// round that measured a configuration several times has their median.
func series(trials []*results.Trial, f Figure, rounds []int) (values []float64, m results.Metric, ok bool) {
	of := map[int][]float64{}
	for _, t := range trials {
		if v, has := f.Of(t); has {
			of[t.Round] = append(of[t.Round], v.Value)
			m, ok = v, true
		}
	}
	values = make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = math.NaN()
		if len(of[r]) > 0 {
			values[i] = median(of[r])
		}
	}
	return values, m, ok
}

// roundsOf are the rounds of trials, ascending.
func roundsOf(trials ...[]*results.Trial) []int {
	var rounds []int
	for _, t := range slices.Concat(trials...) {
		rounds = append(rounds, t.Round)
	}
	slices.Sort(rounds)
	return slices.Compact(rounds)
}

// measure makes the cells of all pairs and tests them together.
func (c *Comparison) measure(o Options) {
	var olds, news []*results.Trial
	for _, p := range c.Pairs {
		olds, news = append(olds, p.old...), append(news, p.new...)
	}
	oldRounds, newRounds := roundsOf(olds), roundsOf(news)
	if c.Paired {
		oldRounds = roundsOf(olds, news)
		newRounds = oldRounds
	}
	var cells []*Cell
	var rows [][]float64 // log ratios, or logarithms of old and then new
	var leads []bool
	for i := range c.Pairs {
		p := &c.Pairs[i]
		figures := o.figures(*p)
		p.Cells = make([]Cell, 0, len(figures))
		for _, f := range figures {
			old, metric, ok := series(p.old, f, oldRounds)
			new, _, also := series(p.new, f, newRounds)
			if !ok || !also {
				continue
			}
			cell := Cell{Figure: f, Unit: metric.Unit, Better: metric.Better, Old: sampleOf(old), New: sampleOf(new), P: 1, MannWhitney: 1, Primary: o.leads(f, *p)}
			a := benchmath.NewSample(slices.Clone(cell.Old.Values), &benchmath.DefaultThresholds)
			b := benchmath.NewSample(slices.Clone(cell.New.Values), &benchmath.DefaultThresholds)
			cell.MannWhitney = math.Min(1, benchmath.AssumeNothing.Compare(a, b).P)
			rows, leads = append(rows, cell.estimate(old, new, c.Paired)), append(leads, cell.Primary)
			p.Cells = append(p.Cells, cell)
			cells = append(cells, &p.Cells[len(p.Cells)-1]) // p.Cells has room for all: it does not move
		}
	}
	p, families := inTurn(rows, leads, func(rows [][]float64) []float64 {
		if c.Paired {
			return pairedP(withoutEmpty(rows), maxShuffles)
		}
		return unpairedP(rows, len(oldRounds), maxShuffles)
	})
	for i, cell := range cells {
		cell.P = p[i]
		if c.Paired && cell.Reason != noRatio {
			cell.shift = testedShift(numbers(rows[i]), maxShuffles)
		}
		cell.decide(c.Paired, o.Detect, families[i])
	}
}

// figures are those that p is compared by, and those of relative gates.
func (o Options) figures(p Pair) []Figure {
	figures := o.Figures
	switch {
	case o.All:
		figures = every(slices.Concat(p.old, p.new))
	case figures == nil:
		figures = primary(p.old, p.new)
	}
	figures = slices.Clone(figures)
	for _, g := range o.Gates {
		if g.Relative && !slices.Contains(figures, g.Figure) {
			figures = append(figures, g.Figure)
		}
	}
	return figures
}

// estimate sets how far the figure moved, of paired rounds only how much noise
// there is, and returns the row to test it by.
func (cell *Cell) estimate(old, new []float64, paired bool) []float64 {
	all := slices.Concat(cell.Old.Values, cell.New.Values)
	allZero := slices.Min(all) == 0 && slices.Max(all) == 0
	log := func(values []float64) []float64 {
		logs := make([]float64, len(values))
		for i, v := range values {
			logs[i] = math.Log(v)
			if allZero && !math.IsNaN(v) {
				logs[i] = 0
			}
		}
		return logs
	}
	a, b := log(old), log(new)
	row := slices.Concat(a, b)
	if paired {
		row = make([]float64, len(a))
		for i := range a {
			row[i] = b[i] - a[i]
		}
	}
	if slices.Min(all) <= 0 && !allZero {
		cell.Reason, cell.shift = noRatio, shift{lo: math.Inf(-1), hi: math.Inf(1)}
		for i := range row {
			row[i] = math.NaN()
		}
		cell.Rounds = min(cell.Old.N, cell.New.N)
		return row
	}
	if paired {
		ratios := numbers(row)
		cell.Rounds, cell.shift.spread = len(ratios), deviation(ratios)
		return row
	}
	cell.Rounds = min(cell.Old.N, cell.New.N)
	x, y := numbers(a), numbers(b)
	cell.drift = 2 * math.Max(math.Abs(trend(a)), math.Abs(trend(b)))
	cell.shift = unpairedShift(x, y).widened(cell.drift)
	cell.shift.spread = math.Hypot(deviation(x), deviation(y))
	return row
}

// withoutEmpty leaves out the rounds that no row has a number for.
func withoutEmpty(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for r := 0; len(rows) > 0 && r < len(rows[0]); r++ {
		if !slices.ContainsFunc(rows, func(row []float64) bool { return !math.IsNaN(row[r]) }) {
			continue
		}
		for i, row := range rows {
			out[i] = append(out[i], row[r])
		}
	}
	return out
}

func numbers(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}

// decide says what the cell amounts to, in its family.
func (cell *Cell) decide(paired bool, detect float64, in family) {
	s := cell.shift
	low, high := math.Expm1(s.lo), math.Expm1(s.hi)
	if cell.Reason == noRatio || cell.Rounds == 0 {
		low, high = math.Inf(-1), math.Inf(1)
	} else {
		cell.Change = finite(math.Expm1(s.at))
	}
	if !math.IsInf(s.lo, 0) {
		cell.ChangeLow, cell.ChangeHigh = finite(low), finite(high)
	}
	switch up := s.lo > 0; {
	case cell.P <= 1-confidence && s.excludesZero():
		cell.Outcome = Worse
		if up == (cell.Better == "higher") {
			cell.Outcome = Better
		}
	case low > -detect && high < detect:
		cell.Outcome = Same
	default:
		cell.Outcome = Unknown
		cell.doubt(paired, detect, in)
	}
	cell.Word = cell.word()
}

// doubt says why the cell is Unknown, and what would help.
func (cell *Cell) doubt(paired bool, detect float64, in family) {
	if cell.Reason == noRatio {
		return
	}
	least := leastRounds(paired, in)
	size := math.Log1p(detect)
	if cell.shift.excludesZero() { // all but told
		size = math.Max(size, math.Abs(cell.shift.at))
	}
	more := func(detect float64) int {
		n := enough(cell.shift.spread, detect, in, least)
		if n == 0 {
			return 0
		}
		// Where the formula says that it was enough, the change is near the limit, or luck was bad.
		return max(n-cell.Rounds, (cell.Rounds+1)/2)
	}
	switch {
	case cell.Rounds < least:
		cell.Reason = tooFew
		if math.IsNaN(cell.shift.spread) {
			cell.MoreRounds = least - cell.Rounds
			return
		}
		cell.MoreRounds = more(size)
	case cell.drift >= size:
		cell.Reason = drifting
	default:
		cell.Reason = tooNoisy
		cell.MoreRounds = more(size - cell.drift)
	}
}

// leastRounds is with how many rounds a change of one cell can be found at all.
func leastRounds(paired bool, in family) int {
	n := 1
	if paired {
		for math.Ldexp(1, 1-n) > in.alpha {
			n++
		}
		return n
	}
	for float64(in.figures)*2/binomial(2*n, n) > in.alpha {
		n++
	}
	return n
}

func (cell *Cell) word() string {
	switch {
	case cell.Outcome == Same:
		return "no difference found"
	case cell.Outcome == Unknown:
		return "cannot tell: " + cell.Reason
	case !cell.Figure.isSpeed():
		return cell.Outcome
	case cell.Outcome == Better:
		return "faster"
	}
	return "slower"
}
