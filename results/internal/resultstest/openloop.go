package resultstest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"flightbench/results"
)

// OpenLoop is Matrix in an open loop at each of the rates: asked and achieved
// rates, the pace of each interval, and the latencies of streams from the
// intended start and from the actual one. From 1,000 streams a second on the
// made-up server does not keep up. All have TimeShares.
func OpenLoop(repeats int, rates []float64, axes ...Axis) []*results.Trial {
	rng := rand.New(rand.NewPCG(3, 4))
	var trials []*results.Trial
	for round := 1; round <= repeats; round++ {
		for i, c := range product(append([]Axis{axis(rates, func(c *results.Config, r float64) { c.RPS = r })}, axes...)) {
			c.Arrival, c.Concurrency, c.Duration = "poisson", 1000, 20
			t := Trial(fmt.Sprintf("%d.%d", round, i+1), round, c, rng)
			pace(t, rng)
			trials = append(trials, t)
		}
	}
	TimeShares(trials)
	return trials
}

// pace adds to t what an open loop tells.
func pace(t *results.Trial, rng *rand.Rand) {
	const most = 900 // streams a second
	asked := t.Config.RPS
	achieved := min(asked, most*(1+0.02*rng.Float64()))
	queue := 0.0
	for i := range t.Timeline {
		iv := &t.Timeline[i]
		started := asked * (1 + 0.05*(rng.Float64()-0.5))
		iv.Pace = &results.Pace{Asked: asked, Started: started, Ended: min(started, achieved)}
		queue += max(0, started-achieved) * iv.Seconds
	}
	t.Metrics[results.AskedRate] = results.Metric{Value: asked, Unit: "streams/s", Better: "higher"}
	t.Metrics[results.AchievedRate] = results.Metric{Value: achieved, Unit: "streams/s", Better: "higher"}
	for _, name := range []string{"first_batch", "stream"} {
		base := map[string]float64{"first_batch": 4e5, "stream": 9e5}[name]
		latency(t, rng, name+results.FromActual, base, 0.25, 500)
		latency(t, rng, name, base*1.05+1e9*queue/most/2, 0.35, 500)
	}
	latency(t, rng, "lateness", 2e4, 0.5, 500)
}

// TimeShares gives trials shares of where the time of their streams went. They
// are approximations but on direct.
func TimeShares(trials []*results.Trial) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, t := range trials {
		idle := 0.0
		if t.Config.Open() {
			idle = max(0.02, 1-t.Config.RPS/900)
		}
		waiting, flow := 0.8+0.1*rng.Float64(), 0.02
		if t.Config.Op == "put" {
			waiting, flow = 0.15, 0.6+0.1*rng.Float64()
		}
		for name, v := range map[string]float64{"waiting": waiting * (1 - idle), "flow_control": flow * (1 - idle), "busy": (1 - waiting - flow) * (1 - idle), "idle": idle} {
			t.Metrics["time_share_"+name] = results.Metric{Value: v, Unit: "1", Better: "lower"}
		}
		if !strings.HasPrefix(t.Config.Transport, "direct") {
			t.Approximate = []string{"time_share_waiting", "time_share_flow_control", "time_share_busy"}
		}
	}
}
