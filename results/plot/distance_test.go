package plot_test

import (
	"bytes"
	"testing"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
	"flightbench/results/plot"
)

// TestDistance marks the bandwidth-delay product where it is known: divided by
// the streams that share it, and only where all points imitate the same network.
func TestDistance(t *testing.T) {
	for name, c := range map[string]struct {
		change func(i int, c *results.Config)
		want   string // "": no mark
	}{
		"one stream":     {func(_ int, c *results.Config) { c.RTT, c.Bandwidth, c.Concurrency = 0.05, 125e6, 1 }, "6.25 MB: bandwidth × round trip"},
		"four streams":   {func(_ int, c *results.Config) { c.RTT, c.Bandwidth, c.Concurrency = 0.05, 125e6, 4 }, "1.56 MB: bandwidth × round trip, divided by 4"},
		"no bandwidth":   {func(_ int, c *results.Config) { c.RTT, c.Concurrency = 0.05, 1 }, ""},
		"other networks": {func(i int, c *results.Config) { c.RTT, c.Bandwidth = 0.05*float64(1+i), 125e6 }, ""},
	} {
		var configs []results.Config
		for i := range 3 {
			config := resultstest.Config()
			config.Window = 1 << (16 + 4*i)
			c.change(i, &config)
			configs = append(configs, config)
		}
		trials := resultstest.Plan(2, configs)
		figures, _, err := plot.All(&results.Loaded{Run: resultstest.Run(len(trials)), Trials: trials})
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		for _, f := range figures {
			svg, err := f.SVG()
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(svg, []byte("bandwidth × round trip")) {
				seen = true
				if c.want == "" || !bytes.Contains(svg, []byte(c.want)) {
					t.Errorf("%s: %s has a mark, and not %q", name, f.Name, c.want)
				}
			}
		}
		if seen != (c.want != "") {
			t.Errorf("%s: marked: %v", name, seen)
		}
	}
}
