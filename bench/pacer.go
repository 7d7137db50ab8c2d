package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// How the starts of an open loop are spread: results.Config.Arrival.
const (
	ArrivalConstant = "constant" // evenly
	ArrivalPoisson  = "poisson"  // independently of each other, as those of many people are
)

// maxRPS is more starts a second than one generator can make.
const maxRPS = 1e6

// Stretch is a part of a schedule: its rate goes from one to the other, in
// starts a second, evenly over its length. A length of 0 is for ever, and is
// the last step's only.
type Stretch struct {
	From, To float64
	For      time.Duration
}

// starts is how many are asked for in the first t seconds of the step.
func (s Stretch) starts(t float64) float64 {
	if s.For == 0 {
		return s.From * t
	}
	return s.From*t + (s.To-s.From)*t*t/(2*s.For.Seconds())
}

// at is the inverse of starts.
func (s Stretch) at(n float64) float64 {
	if n == 0 || s.From == s.To || s.For == 0 {
		if n == 0 {
			return 0
		}
		return n / s.From
	}
	// The form of the quadratic's solution that neither cancels nor divides by 0.
	return 2 * n / (s.From + math.Sqrt(max(0, s.From*s.From+2*(s.To-s.From)*n/s.For.Seconds())))
}

// ParseSchedule reads steps and ramps, RATE/LENGTH or FROM-TO/LENGTH, joined
// by commas: 100/10s,100-1000/60s. Rates are streams a second.
func ParseSchedule(s string) ([]Stretch, error) {
	var steps []Stretch
	for _, part := range strings.Split(s, ",") {
		rates, length, ok := strings.Cut(strings.TrimSpace(part), "/")
		if !ok {
			return nil, fmt.Errorf("%q is no step: write RATE/LENGTH (100/10s) or FROM-TO/LENGTH (100-1000/60s)", part)
		}
		d, err := time.ParseDuration(length)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("%q: %q is no length of time above 0 (examples: 10s, 500ms)", part, length)
		}
		from, to, ramp := strings.Cut(rates, "-")
		step := Stretch{For: d}
		if step.From, err = parseRate(from); err != nil {
			return nil, fmt.Errorf("%q: %w", part, err)
		}
		step.To = step.From
		if ramp {
			if step.To, err = parseRate(to); err != nil {
				return nil, fmt.Errorf("%q: %w", part, err)
			}
		}
		steps = append(steps, step)
	}
	var n float64
	for _, p := range steps {
		n += p.starts(p.For.Seconds())
	}
	if n < 1 {
		return nil, fmt.Errorf("%q asks for no start: give a rate above 0", s)
	}
	return steps, nil
}

func parseRate(s string) (float64, error) {
	r, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(r) || r < 0 || r > maxRPS {
		return 0, fmt.Errorf("%q is no rate: use 0 to %.0f starts a second", s, float64(maxRPS))
	}
	return r, nil
}

// length is that of all steps together, 0 for one that has no end.
func length(steps []Stretch) (d time.Duration) {
	for _, s := range steps {
		if s.For == 0 {
			return 0
		}
		d += s.For
	}
	return d
}

// Pacer says when the starts of an open loop are due. What it answers depends
// on nothing but its steps, its seed and the arguments: it reads no clock. Not
// for concurrent use.
//
// Note: a Poisson process of a rate that changes is one of rate 1 whose time is
// stretched, so both arrivals share the way from a number of starts to a time.
// A model that asks "how many by now?" would draw anew at each question.
type Pacer struct {
	steps   []Stretch
	poisson bool
	seed    uint64

	gaps   *rand.Rand // of the Poisson process of rate 1
	drawn  int64      // how many gaps were drawn
	events float64    // their sum
}

// NewPacer returns the pacer of steps, the arrivals of which are constant or
// Poisson. Equal seeds give equal times.
func NewPacer(steps []Stretch, arrival string, seed uint64) *Pacer {
	return &Pacer{steps: steps, poisson: arrival == ArrivalPoisson, seed: seed}
}

// Pace says when start n, from 0, is due, as time since the beginning, and how
// long that is after elapsed, 0 if it is due by now. more is false if the
// schedule is over before it. It is fast for starts in order.
func (p *Pacer) Pace(elapsed time.Duration, n int64) (due, wait time.Duration, more bool) {
	k := float64(n)
	if p.poisson {
		k = p.event(n)
	}
	var began time.Duration
	for _, s := range p.steps {
		if s.For > 0 {
			if all := s.starts(s.For.Seconds()); k >= all {
				k -= all
				began += s.For
				continue
			}
		} else if s.From <= 0 {
			return 0, 0, false
		}
		due = began + time.Duration(s.at(k)*float64(time.Second))
		return due, max(0, due-elapsed), true
	}
	return 0, 0, false
}

// event is when start n of a Poisson process of rate 1 is.
func (p *Pacer) event(n int64) float64 {
	if p.gaps == nil || n+1 < p.drawn {
		p.gaps, p.drawn, p.events = rand.New(rand.NewPCG(p.seed, 0x9e3779b97f4a7c15)), 0, 0
	}
	for ; p.drawn <= n; p.drawn++ {
		p.events += p.gaps.ExpFloat64()
	}
	return p.events
}

// Asked is how many starts are asked for until elapsed; of Poisson arrivals it
// is the mean.
func (p *Pacer) Asked(elapsed time.Duration) (n float64) {
	for _, s := range p.steps {
		d := elapsed
		if s.For > 0 {
			d = min(d, s.For)
		}
		n += s.starts(d.Seconds())
		if elapsed -= d; elapsed <= 0 {
			break
		}
	}
	return n
}
