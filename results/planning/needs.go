package planning

import (
	"fmt"

	"flightbench/results"
	"flightbench/results/model"
)

// needs adds what the demand takes beside servers.
func (p *planner) needs() {
	p.network()
	p.cores()
	p.inFlight()
	p.process("server", "server_rss_bytes")
	p.process("client", "client_peak_rss_bytes")
}

// metric is the spread of a metric at the answer, as an Estimate.
func (p *planner) metric(of func(*results.Trial) (float64, bool)) (model.Estimate, bool) {
	var v []float64
	for _, t := range p.at {
		if x, ok := of(t); ok {
			v = append(v, x)
		}
	}
	s := results.SpreadOf(v)
	return model.Estimate{Value: s.Median, Low: s.Min, High: s.Max}, s.N > 0
}

func named(name string) func(*results.Trial) (float64, bool) {
	return func(t *results.Trial) (float64, bool) {
		m, ok := t.Metrics[name]
		return m.Value, ok
	}
}

// rate is what t did a second, in the unit of the demand.
func (p *planner) rate(t *results.Trial) float64 {
	if p.plan.Demand.Unit == "B/s" {
		return t.Metrics[results.BodyRate].Value
	}
	for _, name := range []string{results.QueryRate, results.CallRate, results.StreamRate} {
		if m, ok := t.Metrics[name]; ok {
			return m.Value
		}
	}
	return 0
}

// shared adds a Need that grows with the demand: a share of it is each server's.
func (p *planner) shared(n Need, perUnit model.Estimate) {
	total := perUnit.Map(func(v float64) float64 { return v * p.plan.Demand.Rate })
	each := perUnit.Map(func(v float64) float64 { return v * p.plan.Each })
	n.Total, n.Each = &total, &each
	p.plan.Needs = append(p.plan.Needs, n)
}

func (p *planner) unknown(name, unit, why string, args ...any) {
	p.plan.Needs = append(p.plan.Needs, Need{Name: name, Unit: unit, Note: fmt.Sprintf(why, args...)})
}

// network is by the bytes on the wire of what was moved at the answer.
func (p *planner) network() {
	per, ok := p.metric(func(t *results.Trial) (float64, bool) {
		m, ok := t.Metrics[results.WireRate]
		done := p.rate(t)
		return m.Value * 8 / done, ok && m.Value > 0 && done > 0
	})
	if !ok {
		p.unknown("network", "bit/s", "the run did not count the bytes on the wire")
		return
	}
	p.shared(Need{Name: "network", Unit: "bit/s", Note: "both directions, without TCP/IP headers"}, per)
}

// cores is by the server's CPU seconds for what was moved at the answer.
func (p *planner) cores() {
	per, ok := p.metric(func(t *results.Trial) (float64, bool) {
		m, ok := t.Metrics[p.kind.ServerCPU]
		if !ok {
			return 0, false
		}
		if p.kind != results.KindStreams {
			return m.Value, true
		}
		if p.plan.Demand.Unit == "B/s" {
			return m.Value / 1e9, true
		}
		done := p.rate(t)
		return m.Value / 1e9 * t.Metrics[results.BodyRate].Value / done, done > 0
	})
	switch {
	case p.at[0].Config.InProcess:
		p.unknown("server cores", "cores", "client and server shared a process")
	case !ok:
		p.unknown("server cores", "cores", "the server did not tell its CPU time, as `flightbench serve` does; watch it on the server at %s", p.c.Format(p.c.Load))
	default:
		p.shared(Need{Name: "server cores", Unit: "cores", Note: "busy, by the server's CPU time at its capacity"}, per)
	}
}

// streams is how many streams t had in flight.
func streams(t *results.Trial) (float64, bool) {
	if t.Config.Open() {
		m, ok := t.Metrics["peak_streams_in_flight"]
		return m.Value, ok
	}
	return float64(t.Config.Concurrency), true
}

func (p *planner) inFlight() {
	e, ok := p.metric(streams)
	if !ok {
		return
	}
	note := "in flight at its capacity"
	if p.at[0].Config.Open() {
		note = "at most in flight at its capacity"
	}
	p.plan.Needs = append(p.plan.Needs, Need{Name: "streams", Unit: "streams", Each: &e, Note: note})
}

// process adds the memory of the server or the client: at the answer, and what
// a stream and a connection add to it.
func (p *planner) process(who, metric string) {
	e, ok := p.metric(named(metric))
	switch {
	case !ok:
		p.unknown(who+" memory", "B", "the run did not measure it%s", map[string]string{"server": ": --server-pid or --server-cmd would"}[who])
		return
	case p.at[0].Config.InProcess:
		p.unknown(who+" memory", "B", "client and server shared a process")
		return
	}
	note := "resident at its capacity"
	if who != "server" {
		note = "resident, of a generator at that load"
	}
	p.plan.Needs = append(p.plan.Needs, Need{Name: who + " memory", Unit: "B", Each: &e, Note: note})
	p.slope(who+" memory per stream", metric, "connections", streams, func(t *results.Trial) float64 { return float64(t.Config.Connections) })
	p.slope(who+" memory per connection", metric, "streams",
		func(t *results.Trial) (float64, bool) { return float64(t.Config.Connections), true },
		func(t *results.Trial) float64 { v, _ := streams(t); return v })
}

// slope adds by how much metric grows with along, among those trials that have
// the same value of fixed.
func (p *planner) slope(name, metric, same string, along func(*results.Trial) (float64, bool), fixed func(*results.Trial) float64) {
	points := map[float64][]model.Point{}
	var most []model.Point
	for _, t := range p.trials {
		x, ok := along(t)
		m, has := t.Metrics[metric]
		if !ok || !has || t.Status != results.StatusOK {
			continue
		}
		k := fixed(t)
		points[k] = append(points[k], model.Point{Load: x, Value: m.Value})
		if len(points[k]) > len(most) {
			most = points[k]
		}
	}
	e, err := model.FitSlope(most)
	if err != nil {
		p.unknown(name, "B", "among trials with as many %s, %v", same, err)
		return
	}
	note := fmt.Sprintf("what each adds, by %d trials", len(most))
	if e.Low == 0 {
		note = fmt.Sprintf("by %d trials, which cannot tell it from nothing", len(most))
	}
	p.plan.Needs = append(p.plan.Needs, Need{Name: name, Unit: "B", Each: &e, Note: note})
}
