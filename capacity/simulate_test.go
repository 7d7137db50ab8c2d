package capacity

import (
	"math"
	"math/rand/v2"
	"slices"

	"flightbench/bench"
	"flightbench/results"
)

// simulated is a server in virtual time: workers that serve streams in the
// order of their arrival, or all of them at once by a Universal Scalability
// Law, on a machine with neighbours. Its capacity is arithmetic.
type simulated struct {
	workers int
	service float64 // seconds of a stream
	body    float64 // bytes of a stream; 0: calls
	jitter  float64 // relative standard deviation of service times, of their sum unbiased

	gamma, alpha, beta float64 // of a server that scales by USL: its rate with n streams is gamma·n/(1+alpha(n-1)+beta·n(n-1))

	bursts float64 // a second, of neighbours
	burst  float64 // seconds that one lasts on average
	left   float64 // of the server's speed, while one lasts

	remembers bool       // it works off what was given up by the client
	pending   float64    // seconds of that
	amid      bool       // it dies within the window of a trial, while other processes use the machine
	diesAt    float64    // streams a second; 0: it does not
	downFor   float64    // seconds
	up        float64    // when it is up again
	collapse  float64    // of its speed, for ever after an overload; 0: none
	generator float64    // streams a second that the client can begin at most; 0: any
	crowded   [2]float64 // from when to when other processes use the machine, so that some of the streams take long

	now float64
	rng *rand.Rand
}

const rtt = 0.0002

// run is the trial that step asks for.
func (s *simulated) run(step bench.Step) *results.Trial {
	c := step.Config
	s.now += step.Rest.Seconds()
	t := &results.Trial{ID: step.ID, Round: step.Round, Phase: step.Phase, Config: c, Status: results.StatusOK, Verdict: results.VerdictValid,
		Metrics: map[string]results.Metric{"client_cpu_share": {Value: 0.1}, "error_share": {Unit: "1"}}, Latencies: map[string]results.Latency{}, Errors: map[string]int64{}}
	asked := c.RPS
	if s.body > 0 && c.Rate > 0 {
		asked = c.Rate / s.body
	}
	if s.now < s.up || s.diesAt > 0 && asked > s.diesAt {
		if s.now >= s.up {
			s.up = s.now + 1 + s.downFor
			if s.amid {
				t.Seconds, t.Took, t.Streams, t.Metrics["error_share"], t.Metrics["others_cpu_share"] = c.Duration, 1, 10, results.Metric{Value: 0.98, Unit: "1"}, results.Metric{Value: 0.6}
				s.now++
				return t
			}
		}
		t.Status, t.Verdict, t.Error, t.Failures = results.StatusFailed, results.VerdictIncomplete, "Unavailable: connection refused", map[string]int64{"unavailable": 9}
		t.Took = 1
		s.now++
		return t
	}
	seconds := c.Duration
	if c.Total > 0 {
		seconds = s.service*float64(c.Total) + s.pending/float64(max(1, s.workers))
		s.pending = 0
	}
	var latencies []float64
	var ended int
	if asked > 0 {
		latencies, ended = s.openLoop(asked, c)
		t.Metrics[results.AskedRate] = results.Metric{Value: asked}
		t.Metrics[results.AchievedRate] = results.Metric{Value: float64(ended) / seconds}
		if s.generator > 0 && asked > s.generator {
			t.Verdict, t.Evidence = results.VerdictGeneratorBound, []string{"client CPU 1.99 of 2 cores"}
		}
	} else {
		x := s.closed(c.Concurrency)
		ended = int(x * seconds)
		for range max(ended, 3) {
			latencies = append(latencies, float64(c.Concurrency)/x*(1+0.02*s.rng.Float64())+rtt)
		}
	}
	t.Seconds, t.Took, t.Streams = seconds, seconds+c.Warmup+0.15, int64(ended)
	t.Whole.Streams = t.Streams
	s.now += t.Took
	name := "action"
	if s.body > 0 {
		name = "stream"
		t.Bytes.Body = int64(float64(ended) * s.body)
		t.Metrics[results.BodyRate] = results.Metric{Value: float64(t.Bytes.Body) / seconds}
		t.Metrics[results.StreamRate] = results.Metric{Value: float64(ended) / seconds}
		if c.Rate > 0 {
			t.Metrics["asked_body_bytes_per_second"] = results.Metric{Value: c.Rate}
		}
	} else {
		t.Metrics[results.CallRate] = results.Metric{Value: float64(ended) / seconds}
	}
	if s.now >= s.crowded[0] && s.now < s.crowded[1] {
		t.Metrics["others_cpu_share"] = results.Metric{Value: 0.6}
		for i := range latencies {
			if i%20 == 0 {
				latencies[i] += 0.3
			}
		}
	}
	if len(latencies) > 0 {
		slices.Sort(latencies)
		at := func(q float64) int64 { return int64(latencies[int(q*float64(len(latencies)-1))] * 1e9) }
		t.Latencies[name] = results.Latency{Unit: "ns", Count: int64(len(latencies)), P50: at(0.5), P99: at(0.99), Max: at(1)}
	}
	return t
}

// closed is the rate with so many streams at a time.
func (s *simulated) closed(n int) float64 {
	if s.gamma > 0 {
		return s.usl(n) * (1 - 0.02*s.rng.Float64())
	}
	return float64(min(n, s.workers)) / s.service * (1 - 0.02*s.rng.Float64())
}

func (s *simulated) usl(n int) float64 {
	m := float64(n)
	return s.gamma * m / (1 + s.alpha*(m-1) + s.beta*m*(m-1))
}

// openLoop serves warm-up and window, and returns the response times of what
// ended within the window.
func (s *simulated) openLoop(asked float64, c results.Config) (latencies []float64, ended int) {
	from, to := -c.Warmup, c.Duration
	var slow [][2]float64
	for t := from; s.bursts > 0; {
		if t += s.rng.ExpFloat64() / s.bursts; t >= to {
			break
		}
		d := s.rng.ExpFloat64() * s.burst
		slow = append(slow, [2]float64{t, t + d})
		t += d
	}
	speed := func(t float64) (of, until float64) {
		for _, b := range slow {
			if t < b[0] {
				return 1, b[0]
			}
			if t < b[1] {
				return s.left, b[1]
			}
		}
		return 1, math.Inf(1)
	}
	begun := asked
	if s.generator > 0 {
		begun = min(begun, s.generator)
	}
	var due []float64
	for t := from; t < to; {
		due = append(due, t)
		if c.Arrival == bench.ArrivalPoisson {
			t += s.rng.ExpFloat64() / begun
		} else {
			t += 1 / begun
		}
	}
	record := func(at, done float64) {
		if done >= 0 && done < to {
			ended++
			latencies = append(latencies, done-at+rtt)
		}
	}
	if s.gamma > 0 {
		s.share(due, to, speed, record)
		return latencies, ended
	}
	free := make([]float64, s.workers)
	for i := range free {
		free[i] = from + s.pending/float64(s.workers)
	}
	s.pending = 0
	for _, at := range due {
		i := 0
		for j := range free {
			if free[j] < free[i] {
				i = j
			}
		}
		t, work := max(at, free[i]), s.service*max(0, 1+s.jitter*s.rng.NormFloat64())
		if t >= to && !s.remembers {
			break
		}
		for work > 0 {
			v, until := speed(t)
			if need := work / v; t+need <= until {
				t, work = t+need, 0
			} else {
				work -= (until - t) * v
				t = until
			}
		}
		free[i] = t
		record(at, t)
	}
	if s.remembers {
		s.pending = max(0, (slices.Min(free)-to)*float64(s.workers))
	}
	if s.collapse > 0 && float64(ended) < 0.7*float64(len(due)) {
		s.service, s.collapse = s.service/s.collapse, 0
	}
	return latencies, ended
}

// share serves all streams at a time: each has the n-th part of usl(n).
func (s *simulated) share(due []float64, to float64, speed func(float64) (float64, float64), record func(at, done float64)) {
	type job struct{ at, needs float64 } // needs: of the service that each stream had by now
	var in []job
	done, t := 0.0, due[0]
	for next := 0; ; {
		arrive := to
		if next < len(due) {
			arrive = due[next]
		}
		if len(in) > 0 {
			v, until := speed(t)
			each := s.usl(len(in)) / float64(len(in)) * v
			end := t + (in[0].needs-done)/each
			if step := min(end, until); step <= arrive {
				done += (step - t) * each
				if t = step; step == end {
					record(in[0].at, t)
					in = in[1:]
				}
				continue
			}
			done += (arrive - t) * each
		}
		if t = arrive; next >= len(due) {
			return
		}
		in = append(in, job{t, done + 1})
		next++
	}
}

// within is the rate of Poisson arrivals at which s, without neighbours, has
// the 99th percentile p99, of a quarter of an hour of it.
func (s simulated) within(p99 float64) float64 {
	low, high := 0.0, float64(s.workers)/s.service
	for high-low > 0.002*high {
		mid := (low + high) / 2
		s.rng = rand.New(rand.NewPCG(1, 2))
		all, _ := s.openLoop(mid, results.Config{Duration: 900, Arrival: bench.ArrivalPoisson})
		slices.Sort(all)
		if all[int(0.99*float64(len(all)))] > p99 {
			high = mid
		} else {
			low = mid
		}
	}
	return low
}

// simulate runs a search against s to its end.
func simulate(o Options, s *simulated, seed uint64) (*results.Capacity, []*results.Trial) {
	s.rng = rand.New(rand.NewPCG(seed, 1))
	if s.gamma > 0 {
		s.service = 1 / s.gamma
	}
	search := New(o)
	defer search.Stop()
	var trials []*results.Trial
	for {
		step, more := search.Next()
		if !more {
			return search.Answer(), trials
		}
		t := s.run(step)
		trials = append(trials, t)
		search.Add(t)
	}
}

func options(over string) Options {
	c := bench.DefaultConfig()
	c.Op, c.Duration, c.Warmup, c.Workload, c.Concurrency = "action:work", 0, 0.5, "", bench.OpenConcurrency
	if over == "rate" {
		c.Op, c.Workload = bench.OpGet, "perf"
	}
	return Options{Config: c, Over: over, MaxTime: DefaultMaxTime, Cores: 2, Local: true}
}
