package bench

import (
	"fmt"
	"time"

	"flightbench/results"
)

// achieves is the share of the asked rate below which a warning is due: what
// is in flight at both ends of a window differs by little more than chance.
const achieves = 0.98

// asked is how many starts of the window were asked for from a to b, seconds
// since it began.
func (l *load) asked(a, b float64) float64 {
	return l.pacer.Asked(time.Duration(b*1e9)) - l.pacer.Asked(time.Duration(a*1e9))
}

// reportLoad tells how the load came about that was asked for.
func (t *trial) reportLoad(put putMetric, d interval) {
	l, out := t.load, t.out
	if l == nil {
		return
	}
	asked := l.asked(0, out.Seconds) / out.Seconds
	if t.config.Total > 0 { // the window goes on after the last start
		asked = l.steps[0].From
	}
	put(results.AskedRate, asked, "streams/s", "higher")
	put(results.AchievedRate, float64(d.ends)/out.Seconds, "streams/s", "higher")
	if l.bytes > 0 {
		put("asked_body_bytes_per_second", asked*l.bytes, "B/s", "higher")
	}
	var delayed int64
	for i := range t.recs.all {
		delayed += t.recs.all[i].delayed.Load()
	}
	delayed += l.missed // they waited, too
	put("delayed_starts", float64(delayed), "starts", "lower")
	put("missed_starts", float64(l.missed), "starts", "lower")
	put("peak_streams_in_flight", float64(l.peak), "streams", "lower")
	if delayed > 0 {
		t.warn(fmt.Sprintf("%d starts were delayed because --concurrency %d streams were in flight, and %d of them never came to their turn: the server does not keep up, or the cap is too low",
			delayed, t.config.Concurrency, l.missed))
	}
	if share := float64(d.ends) / (asked * out.Seconds); share < achieves && t.config.Total == 0 && d.starts-d.ends > 10 {
		t.warn(fmt.Sprintf("%s streams/s were asked for and %s achieved; those that had not ended with the window are in no percentile",
			results.FormatNumber(asked), results.FormatNumber(float64(d.ends)/out.Seconds)))
	}
}

// paced adds asked and achieved rates to the timeline.
func (t *trial) paced(timeline []results.Interval, spans []span) {
	if t.load == nil {
		return
	}
	for i := range timeline {
		iv := &timeline[i]
		d := t.sampler.samples[spans[i].to].totals.minus(t.sampler.samples[spans[i].from].totals)
		iv.Pace = &results.Pace{Started: float64(d.starts) / iv.Seconds, Ended: float64(d.ends) / iv.Seconds}
		if t.config.Total == 0 {
			iv.Pace.Asked = t.load.asked(iv.Start, iv.Start+iv.Seconds) / iv.Seconds
		} else if n := t.load.asked(0, iv.Start); n < float64(t.config.Total) {
			iv.Pace.Asked = min(t.load.asked(iv.Start, iv.Start+iv.Seconds), float64(t.config.Total)-n) / iv.Seconds
		}
	}
}
