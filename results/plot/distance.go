package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"flightbench/results"
)

// distance adds to a figure of q against a window what arithmetic makes of it
// over the network that all groups imitate: n windows a round trip, at most the
// bandwidth. The bend is at the bandwidth-delay product.
func (fig *Figure) distance(p *plot.Plot, groups []results.Group, axis string, q quantity) {
	c := groups[0].Config
	n := c.Concurrency
	if axis == "conn_window" {
		n = c.Connections
	}
	for _, a := range []string{"rtt", "bandwidth", "concurrency", "connections", "op"} {
		for _, g := range groups {
			if results.CompareAxis(g.Config, c, a) != 0 {
				return
			}
		}
	}
	if axis != "window" && axis != "conn_window" || q.kind != results.KindStreams || c.RTT <= 0 || c.Bandwidth <= 0 {
		return
	}
	both := 1.0 // an exchange's figure is of both directions
	if c.Op == "exchange" {
		both = 2
	}
	bend := c.Bandwidth * c.RTT / float64(n)
	low, high := math.Inf(1), bend*2
	for _, g := range groups {
		w, _ := g.Config.Number(axis)
		low, high = min(low, w), max(high, w)
	}
	law := &curve{style: quiet, smooth: true}
	const points = 60
	for i := range points + 1 {
		x := math.Log2(low) + float64(i)/points*(math.Log2(high)-math.Log2(low))
		law.xy = append(law.xy, plotter.XY{X: x, Y: both * min(c.Bandwidth, float64(n)*math.Exp2(x)/c.RTT) / q.scale})
	}
	label := results.FormatSI(bend, "B") + ": bandwidth × round trip"
	if n > 1 {
		label += fmt.Sprintf(", divided by %d", n)
	}
	p.Add(law, upright{at: math.Log2(bend), label: label, style: found})
	fig.entries = append(fig.entries, entry{label: "arithmetic: a window each round trip, up to the bandwidth", style: quiet})
}
