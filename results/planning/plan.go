package planning

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"flightbench/results"
	"flightbench/results/model"
)

// Plan is what a Demand takes. Intervals are those of the capacity, or where a
// figure is measured by itself, of that figure.
type Plan struct {
	Demand      Demand         `json:"demand"` // in the unit that the capacity was told in
	Utilisation float64        `json:"utilisation"`
	Capacity    model.Estimate `json:"capacity"` // of one server, in the demand's unit
	Servers     model.Estimate `json:"servers"`  // so that none is used to more than Utilisation
	Spare       model.Estimate `json:"spare"`    // one more, so that it stays so when one is lost
	Each        float64        `json:"each"`     // what each of Servers carries, in the demand's unit
	Needs       []Need         `json:"needs"`
	Assumptions []string       `json:"assumptions"`
}

// Need is something beside servers that the demand takes.
type Need struct {
	Name  string          `json:"name"`
	Unit  string          `json:"unit"`  // bit/s, cores, B, streams
	Total *model.Estimate `json:"total"` // nil: not known, or it makes no sense
	Each  *model.Estimate `json:"each"`  // of a server, stream or connection, as Name says; nil: not known
	Note  string          `json:"note"`  // how it was found, or why it is not known
}

// ErrNoCapacity is wrapped where the run found no load that held.
var ErrNoCapacity = errors.New("no capacity was found to plan with")

// planner works out one Plan.
type planner struct {
	c      *results.Capacity
	trials []*results.Trial
	at     []*results.Trial // those at the answer
	kind   *results.Kind
	plan   *Plan
}

// For plans d by the capacity c of one server, found by trials. utilisation is
// the share of its capacity that a server may be used to. An error is a demand
// in a unit that the run did not measure, or wraps ErrNoCapacity.
func For(c *results.Capacity, trials []*results.Trial, d Demand, utilisation float64) (*Plan, error) {
	if err := checkUtilisation(utilisation); err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("%w: the run did not look for one: `flightbench capacity` does", ErrNoCapacity)
	}
	if !c.Tells() {
		why := map[string]string{
			results.CapacityLowest: "an objective was missed at the lowest load already",
			results.CapacityUntold: "too little was measured for any statement; `flightbench capacity --resume` goes on",
		}[c.Outcome]
		return nil, fmt.Errorf("%w: %s", ErrNoCapacity, why)
	}
	p := &planner{c: c, trials: trials, at: atLoad(c, trials), plan: &Plan{Demand: d, Utilisation: utilisation}}
	if len(p.at) == 0 {
		return nil, fmt.Errorf("%w: no trial at %s is stored", ErrNoCapacity, c.Format(c.Load))
	}
	p.kind = p.at[0].Kind()
	if err := p.capacity(); err != nil {
		return nil, err
	}
	p.servers()
	p.needs()
	p.assume()
	return p.plan, nil
}

// atLoad are the trials at the answer that measured something.
func atLoad(c *results.Capacity, trials []*results.Trial) []*results.Trial {
	ids := map[string]bool{}
	for _, l := range c.Loads {
		if l.Load == c.Load {
			for _, id := range l.Trials {
				ids[id] = true
			}
		}
	}
	for _, f := range c.Confirmed {
		if f.Load == c.Load {
			ids[f.Trial] = true
		}
	}
	var at []*results.Trial
	for _, t := range trials {
		if ids[t.ID] && t.Status == results.StatusOK {
			at = append(at, t)
		}
	}
	return at
}

// counted is what the run's starts are: streams/s, queries/s, calls/s.
func (p *planner) counted() string {
	switch p.kind {
	case results.KindQueries:
		return "queries/s"
	case results.KindCalls:
		return "calls/s"
	}
	return "streams/s"
}

// capacity sets Plan.Capacity in the unit of the demand.
func (p *planner) capacity() error {
	d := &p.plan.Demand
	if d.Unit == "/s" {
		d.Unit = p.counted()
	}
	if d.Unit != "B/s" && d.Unit != p.counted() {
		return fmt.Errorf("the demand is in %s, and the run measured %s: plan for those, or for B/s where it moved batches", d.Unit, p.counted())
	}
	loads := within(p.c)
	bytes := spreadOf(loads, func(l results.CapacityLoad) results.Spread { return l.Bytes })
	if d.Unit == "B/s" && bytes.N == 0 {
		return fmt.Errorf("the demand is in B/s, and the run measured %s, which moved no batches: plan for those", p.counted())
	}
	asked := model.Estimate{Value: p.c.Load, Low: min(p.c.Low, p.c.Load), High: max(p.c.High, p.c.Load)}
	if p.c.Outcome == results.CapacityHighest {
		asked.Low, asked.High = p.c.Load, math.Inf(1)
	} else if p.c.High == 0 {
		asked.High = math.Inf(1)
	}
	each := p.perStream(loads)
	switch {
	case p.c.Over == "rate" && d.Unit == "B/s", p.c.Over == "rps" && d.Unit != "B/s":
		p.plan.Capacity = asked
	case p.c.Over == "rate":
		p.plan.Capacity = asked.Map(func(v float64) float64 { return v / each })
		p.suppose("A stream is of %s, as in the run.", results.FormatSI(each, "B"))
	case p.c.Over == "rps":
		p.plan.Capacity = asked.Map(func(v float64) float64 { return v * each })
		p.suppose("A stream is of %s, as in the run.", results.FormatSI(each, "B"))
	default: // the search was over streams or connections: what they moved is the capacity
		achieved := spreadOf(loads, func(l results.CapacityLoad) results.Spread { return l.Achieved })
		if d.Unit == "B/s" {
			achieved = bytes
		}
		p.plan.Capacity = model.Estimate{Value: achieved.Median, Low: achieved.Min, High: achieved.Max}
		p.suppose("What one server holds is what it moved with %s; the interval is from the least to the most at the loads that may be its limit.", p.c.Format(p.c.Load))
	}
	if !(p.plan.Capacity.Value > 0) {
		return fmt.Errorf("%w: nothing was moved at %s", ErrNoCapacity, p.c.Format(p.c.Load))
	}
	return nil
}

// within are the loads that may be the limit, the answer first.
func within(c *results.Capacity) []results.CapacityLoad {
	var loads []results.CapacityLoad
	for _, l := range c.Loads {
		switch {
		case l.Load == c.Load:
			loads = slices.Insert(loads, 0, l)
		case l.Load >= c.Low && l.Load <= c.High:
			loads = append(loads, l)
		}
	}
	return loads
}

// spreadOf has the median of the first load and the range of all.
func spreadOf(loads []results.CapacityLoad, of func(results.CapacityLoad) results.Spread) results.Spread {
	var all results.Spread
	for i, l := range loads {
		s := of(l)
		switch {
		case i == 0:
			all = s
		case s.N > 0 && all.N > 0:
			all.Min, all.Max = min(all.Min, s.Min), max(all.Max, s.Max)
		}
	}
	return all
}

// perStream is the body bytes of a stream at the answer, else without load.
func (p *planner) perStream(loads []results.CapacityLoad) float64 {
	if len(loads) > 0 && loads[0].Achieved.Median > 0 && loads[0].Bytes.N > 0 {
		return loads[0].Bytes.Median / loads[0].Achieved.Median
	}
	return p.c.Unloaded.Body
}

// servers divides the demand by what one server may carry.
func (p *planner) servers() {
	q := p.plan
	q.Servers = q.Capacity.Map(func(held float64) float64 {
		switch {
		case math.IsInf(held, 1):
			return 1
		case held <= 0:
			return math.Inf(1)
		}
		return max(1, math.Ceil(q.Demand.Rate/(held*q.Utilisation)*(1-1e-9)))
	})
	q.Spare = q.Servers.Map(func(n float64) float64 { return n + 1 })
	q.Each = q.Demand.Rate / q.Servers.Value
}
