package bench_test

import (
	"slices"
	"strings"
	"testing"

	"flightbench/bench"
	"flightbench/internal/wire"
	"flightbench/results"
)

// TestDistance: a stream of one window moves at most a window each round trip,
// and one of wide windows at most what the network carries, on every transport.
func TestDistance(t *testing.T) {
	const rtt, window, bandwidth = 0.04, 256 << 10, 20e6
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		uri, _ := serve(t, tr)
		for _, op := range []string{bench.OpGet, bench.OpExchange} { // a put's window is the server's
			c := config(op, tr)
			c.Total, c.Duration, c.Warmup, c.Rows, c.Concurrency, c.Connections, c.RTT = 0, 1, 0.3, 1024, 1, 1, rtt
			c.Window, c.ConnWindow = window, 16<<20
			narrow := run(t, t.Context(), uri, c)
			if rate, most := received(narrow), float64(window/rtt); narrow.Batches == 0 || rate > 1.25*most { // what was under way when the window began
				t.Errorf("%s: %.3g B/s of bodies in %d batches, want some, and at most %.3g", op, rate, narrow.Batches, most)
			}
			if !slices.Contains(narrow.Approximate, "client_cpu_seconds_per_gigabyte") {
				t.Errorf("%s: the relay's CPU is in the client's, and that is not said: %v", op, narrow.Approximate)
			}
			c.Window, c.Bandwidth, c.Concurrency, c.Connections = 16<<20, bandwidth, 2, 2
			wide := run(t, t.Context(), uri, c)
			if rate := received(wide); wide.Batches == 0 || rate > 1.25*bandwidth {
				t.Errorf("%s: %.3g B/s of bodies over two connections in %d batches, want some, and at most the network's %.3g", op, rate, wide.Batches, bandwidth)
			}
		}
	})
}

// received is the rate of one direction.
func received(t *results.Trial) float64 {
	rate := t.Metrics["body_bytes_per_second"].Value
	if t.Config.Op == bench.OpExchange {
		rate /= 2
	}
	return rate
}

func TestParseBandwidth(t *testing.T) {
	for in, want := range map[string]float64{"1Gbit": 125e6, "100Mbit/s": 12.5e6, "2.5Gbit": 312.5e6, "56kbit": 7e3, "8000bit": 1e3, "125MB/s": 125e6, "0": 0} {
		if got, err := bench.ParseBandwidth(in); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "1", "1G", "Gbit", "-1Gbit", "1 Gbit", "1Gbits", "NaNGbit", "infGbit", "0Gbit"} {
		if got, err := bench.ParseBandwidth(in); err == nil {
			t.Errorf("%q: %v, want an error", in, got)
		}
	}
}

func TestDistanceRefused(t *testing.T) {
	for want, change := range map[string]func(*results.Config){
		"--in-process has no network": func(c *results.Config) { c.RTT, c.InProcess = 0.02, true },
		"shorter than timers":         func(c *results.Config) { c.RTT = 1e-5 },
		"in flight":                   func(c *results.Config) { c.RTT, c.Bandwidth = 100, 1e9 },
	} {
		c := bench.DefaultConfig()
		change(&c)
		if err := bench.Validate(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	c := bench.DefaultConfig()
	for _, bad := range [][2]string{{"loss", "1"}, {"loss", "100%"}, {"loss", "-1%"}, {"bandwidth", "fast"}, {"rtt", "20"}} {
		if err := bench.Set(&c, bad[0], bad[1]); err == nil {
			t.Errorf("--%s %s is accepted", bad[0], bad[1])
		}
	}
}
