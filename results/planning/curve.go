package planning

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"flightbench/results"
	"flightbench/results/model"
)

// Curve is what came of rising loads, and the laws that were fitted to it.
type Curve struct {
	Over     string            // the Config field that rises
	Config   results.Config    // of the least load
	Kind     *results.Kind     // what throughput is of
	Latency  string            // the latency that stands for an operation, "" where none does
	Loads    []Load            // rising
	Capacity *results.Capacity // what a search found; nil without one

	USL   *model.USL   // of throughput in Kind.Rate by load; nil where it does not fit, or is no law for such loads
	Queue *model.Queue // of the mean of Latency in seconds by starts a second; nil as USL
	Notes []string     // why there is no fit, and what a fit is of
}

// Load is what came of one.
type Load struct {
	Load   float64
	Trials []*results.Trial // that measured something
}

// Rate is the throughput, in the unit of kind.
func (l Load) Rate(kind *results.Kind) results.Spread { return l.group().Metric(kind.Rate) }

// Starts is how many operations a second were done.
func (l Load) Starts() results.Spread {
	for _, name := range []string{results.AchievedRate, results.QueryRate, results.CallRate, results.StreamRate} {
		if s := l.group().Metric(name); s.N > 0 {
			return s
		}
	}
	return results.Spread{}
}

// Figure is the spread of a figure of a latency, in nanoseconds.
func (l Load) Figure(latency string, of func(results.Latency) float64) results.Spread {
	return l.group().Latency(latency, of)
}

// Doubtful tells whether a trial is not valid.
func (l Load) Doubtful() bool {
	return slices.ContainsFunc(l.Trials, func(t *results.Trial) bool { return t.Verdict != results.VerdictValid })
}

func (l Load) group() results.Group { return results.Group{Trials: l.Trials} }

// loadFields are those that a Curve may be over.
var loadFields = []string{"rate", "rps", "connections", "concurrency"}

// asides are the phases of a search in which one stream at a time is measured,
// for other ends than a load: they are short, and their connections others.
var asides = []string{"unloaded", "recover"}

// leastCurve is how many loads make a curve of a run that searched for none.
const leastCurve = 4

// Curves are those of l: of its search for a capacity, or where it made none
// of each set of trials that differ in one load field alone, at four loads or
// more.
func Curves(l *results.Loaded) []*Curve {
	if l.Run.Tuning != nil {
		return nil // its loads are settings among others
	}
	var measured []*results.Trial
	for _, t := range results.WithoutRungs(l.Trials) {
		if t.Status == results.StatusOK && t.Metrics[t.Kind().Rate].Value > 0 {
			measured = append(measured, t)
		}
	}
	if c := l.Run.Capacity; c != nil {
		measured = slices.DeleteFunc(measured, func(t *results.Trial) bool { return slices.Contains(asides, t.Phase) })
		curve := newCurve(c.Over, measured)
		if curve == nil {
			return nil
		}
		curve.Capacity, curve.Latency = c, cmp.Or(c.Unloaded.Latency, curve.Latency)
		curve.fit()
		return []*Curve{curve}
	}
	var curves []*Curve
	for _, over := range loadFields {
		for _, part := range alike(over, measured) {
			if c := newCurve(over, part); c != nil && len(c.Loads) >= leastCurve {
				c.fit()
				curves = append(curves, c)
			}
		}
	}
	return curves
}

// alike parts trials into those that differ at most in the field over and in
// how long they took.
func alike(over string, trials []*results.Trial) (parts [][]*results.Trial) {
	index := map[string]int{}
	for _, t := range trials {
		c := t.Config
		c.Duration, c.Warmup, c.Total = 0, 0, 0
		switch over {
		case "rate":
			c.Rate = 0
		case "rps":
			c.RPS = 0
		case "connections":
			c.Connections = 0
		case "concurrency":
			c.Concurrency = 0
		}
		if c.Open() && (over == "concurrency" || over == "connections") {
			continue // the rate is the load
		}
		i, ok := index[c.Key()]
		if !ok {
			i = len(parts)
			index[c.Key()], parts = i, append(parts, nil)
		}
		parts[i] = append(parts[i], t)
	}
	return parts
}

// newCurve gathers trials by their load; nil where there is none.
func newCurve(over string, trials []*results.Trial) *Curve {
	of := map[float64][]*results.Trial{}
	for _, t := range trials {
		if load, ok := t.Config.Number(over); ok && load > 0 {
			of[load] = append(of[load], t)
		}
	}
	if len(of) == 0 {
		return nil
	}
	c := &Curve{Over: over}
	for load, ts := range of {
		c.Loads = append(c.Loads, Load{load, ts})
	}
	slices.SortFunc(c.Loads, func(a, b Load) int { return cmp.Compare(a.Load, b.Load) })
	first := c.Loads[0].Trials[0]
	c.Config, c.Kind = first.Config, first.Kind()
	switch c.Kind {
	case results.KindStreams:
		c.Latency = "stream"
	case results.KindQueries:
		c.Latency = "query"
	default:
		c.Latency = c.Loads[0].group().CallLatency()
	}
	return c
}

// Open tells whether the load is a rate of starts.
func (c *Curve) Open() bool { return c.Over == "rate" || c.Over == "rps" }

func (c *Curve) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// fit tries the law that fits to the kind of load.
func (c *Curve) fit() {
	if c.Open() {
		c.fitQueue()
	} else {
		c.fitUSL()
	}
	bound, all := 0, 0
	for _, l := range c.Loads {
		for _, t := range l.Trials {
			all++
			if t.Verdict == results.VerdictGeneratorBound {
				bound++
			}
		}
	}
	if bound > 0 && c.USL != nil {
		c.note("%d of %d trials are generator-bound: the fit is of client and server together, not of the server alone.", bound, all)
	}
}

func (c *Curve) fitUSL() {
	var points []model.Point
	for _, l := range c.Loads {
		for _, t := range l.Trials {
			points = append(points, model.Point{Load: l.Load, Value: t.Metrics[c.Kind.Rate].Value})
		}
	}
	u, err := model.FitUSL(points)
	if err != nil {
		c.note("No scalability law (USL) is shown: %v.", err)
		return
	}
	c.USL = u
	if !u.Tested {
		c.note("No load was measured twice, so that the law's shape could not be tested: --repeat 3 would.")
	}
}

// pace is how many starts a second t began and ended, by its timeline or else
// by what was asked for: in a short window random arrivals are some percent
// more or fewer than asked.
func pace(t *results.Trial) (begun, ended float64) {
	seconds := 0.0
	for _, iv := range t.Timeline {
		if iv.Pace != nil {
			begun, ended, seconds = begun+iv.Pace.Started*iv.Seconds, ended+iv.Pace.Ended*iv.Seconds, seconds+iv.Seconds
		}
	}
	if begun == 0 {
		return t.Metrics[results.AskedRate].Value, t.Metrics[results.AchievedRate].Value
	}
	return begun / seconds, ended / seconds
}

// keptUp tells whether t ended what it began, without waiting for a free slot.
func keptUp(t *results.Trial) bool {
	begun, ended := pace(t)
	return ended >= 0.98*begun && t.Metrics["delayed_starts"].Value == 0 && t.Metrics["missed_starts"].Value == 0
}

// fitQueue fits the queue that the points scatter least about.
func (c *Curve) fitQueue() {
	if c.Config.Arrival != "poisson" {
		c.note("No queueing law (M/D/c) is shown: it is one of random arrivals, and these came at even intervals; measure with --arrival poisson.")
		return
	}
	points, overload, bound := c.responses()
	var why error
	for _, service := range []model.Service{model.Deterministic, model.Exponential} {
		q, err := model.FitQueue(points, service)
		if err != nil {
			why = cmp.Or(why, err)
		} else if c.Queue == nil || q.Scatter < c.Queue.Scatter {
			c.Queue = q
		}
	}
	switch {
	case c.Queue == nil:
		c.note("No queueing law (M/D/c, M/M/c) is shown: %v.", why)
	case overload > 0:
		c.note("%d trials at overload, at which the line grows without end, are not in the queue's fit.", overload)
	}
	if bound > 0 {
		c.note("%d generator-bound trials are not in the queue's fit: their latencies are in part the client's.", bound)
	}
}

// responses are the mean response times, in seconds, by the starts a second of
// trials that kept up; and how many did not, or were bound by the generator.
func (c *Curve) responses() (points []model.Point, overload, bound int) {
	for _, l := range c.Loads {
		var rates, means []float64
		for _, t := range l.Trials {
			begun, _ := pace(t)
			switch mean := t.Latencies[c.Latency].Mean; {
			case !(begun > 0) || !(mean > 0):
			case !keptUp(t):
				overload++
			case t.Verdict == results.VerdictGeneratorBound:
				bound++
			default:
				rates, means = append(rates, begun), append(means, mean/1e9)
			}
		}
		for _, mean := range means {
			points = append(points, model.Point{Load: results.SpreadOf(rates).Median, Value: mean})
		}
	}
	return points, overload, bound
}

// Joined are the loads of c, those within 4 % of each other as one, at
// their median: a search tries many that differ little.
func (c *Curve) Joined() []Load {
	if c.Capacity == nil {
		return c.Loads
	}
	var joined []Load
	for i := 0; i < len(c.Loads); {
		first, at, l := c.Loads[i].Load, []float64{}, Load{}
		for ; i < len(c.Loads) && c.Loads[i].Load <= 1.04*first; i++ {
			for _, t := range c.Loads[i].Trials {
				l.Trials, at = append(l.Trials, t), append(at, c.Loads[i].Load)
			}
		}
		l.Load = results.SpreadOf(at).Median
		joined = append(joined, l)
	}
	return joined
}

// PerStart is how much of Kind's rate one start makes: 1 for calls and
// queries, the bytes of a stream for streams; the median over loads.
func (c *Curve) PerStart() float64 {
	var v []float64
	for _, l := range c.Loads {
		if r, s := l.Rate(c.Kind), l.Starts(); r.N > 0 && s.Median > 0 {
			v = append(v, r.Median/s.Median)
		}
	}
	return results.SpreadOf(v).Median
}

// Lines say in words what was fitted, or why nothing was.
func (c *Curve) Lines() (lines []string) {
	if u := c.USL; u != nil {
		lines = append(lines, c.uslLine(u))
	}
	if q := c.Queue; q != nil {
		lines = append(lines, fmt.Sprintf("It queues like %s: %s requests at a time of %s each, a capacity of %s requests/s, by the mean %s times at %s to %s requests/s.",
			q.Name(), interval(q.Workers, results.FormatNumber), interval(q.Time, results.FormatSeconds), interval(q.Capacity, results.FormatNumber),
			c.Latency, results.FormatNumber(q.Least), results.FormatNumber(q.Most)))
	}
	return append(lines, c.Notes...)
}

func (c *Curve) uslLine(u *model.USL) string {
	percent := func(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }
	s := fmt.Sprintf("It scales by the Universal Scalability Law: %s with one, contention σ %s, coherency κ %s",
		c.Kind.FormatRate(u.Lambda.Value), interval(u.Sigma, percent), interval(u.Kappa, percent))
	noun := map[string]string{"concurrency": "streams"}[c.Over]
	noun = cmp.Or(noun, c.Over)
	switch {
	case u.Peak.Value == 1:
		return s + fmt.Sprintf("; its peak is with one: more %s bring nothing.", noun)
	case math.IsInf(u.Peak.Value, 1) && u.Top.Value < 1.05*u.At(u.Most):
		return s + fmt.Sprintf("; no peak, but it levels off: more %s than the %s measured bring less than 5 %% more.", noun, results.FormatNumber(u.Most))
	case math.IsInf(u.Peak.Value, 1):
		return s + fmt.Sprintf("; no peak: more %s than the %s measured still bring more.", noun, results.FormatNumber(u.Most))
	case u.Peak.Value > u.Most:
		return s + fmt.Sprintf("; its peak would be at %s %s, beyond the %s measured.", interval(u.Peak, results.FormatNumber), noun, results.FormatNumber(u.Most))
	}
	return s + fmt.Sprintf("; its peak is %s at %s %s.", c.Kind.FormatRate(u.Top.Value), interval(u.Peak, results.FormatNumber), noun)
}
