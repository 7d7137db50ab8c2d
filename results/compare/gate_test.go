package compare_test

import (
	"strings"
	"testing"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/internal/resultstest"
)

func TestParseGate(t *testing.T) {
	for text, want := range map[string]string{
		"body_bytes_per_second>=-3%":     "body_bytes_per_second>=-3%",
		" batch_gap.p99 <= +10 % ":       "batch_gap.p99<=+10%",
		"batch_gap.p99<=-10%":            "batch_gap.p99<=-10%", // it must fall
		"first_batch.p99<=5ms":           "first_batch.p99<=5ms",
		"first_batch.p99<=1.5s":          "first_batch.p99<=1.5s",
		"put_ack.mean<=250us":            "put_ack.mean<=250us",
		"errors<=0.1%":                   "error_share<=0.1%",
		"errors<=0%":                     "error_share<=0%",
		"error_share<=0":                 "error_share<=0",
		"body_bytes_per_second>=2.5GB/s": "body_bytes_per_second>=2.5GB/s",
		"rows_per_second>=12M":           "rows_per_second>=12000000",
		"client_peak_rss_bytes<=512MiB":  "client_peak_rss_bytes<=536.870912MB",
		"calls_per_second>=+1e1%":        "calls_per_second>=+10%",
	} {
		g, err := compare.ParseGate(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := g.String(); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"errors<=5":                  "not more than all can fail",
		"":                           "such as",
		"body_bytes_per_second":      "such as",
		"body_bytes_per_second=3":    "such as",
		"body_bytes_per_second>=":    "such as",
		"body_bytes_per_second<=-3%": "write body_bytes_per_second>=-3%",
		"batch_gap.p99>=+10%":        "write batch_gap.p99<=+10%",
		"body_bytes_per_second>=3%":  "needs a sign",
		"batch_gap<=5ms":             "batch_gap.p99",
		"batch_gap.p98<=5ms":         "p99",
		"gap.p99<=5ms":               "no latency",
		"speed>=3":                   "no metric",
		"batch_gap.p99<=5lightyears": "unit",
		"batch_gap.p99<=+5ms":        "a sign is for a change",
		"batch_gap.p99<=1.2.3ms":     "no number",
		"batch_gap.p99<=-100%":       "100 %",
		"batch_gap.p99<=5":           "needs a unit: batch_gap.p99<=5ms",
		"batch_gap.p99<=5MB":         "measured in ns",
		"body_bytes_per_second>=5ms": "measured in B/s",
		"body_bytes_per_second>=5MB": "measured in B/s",
		"client_peak_rss_bytes<=5s":  "measured in B,",
		"steal_share<=5ms":           "measured in 1",
	} {
		if g, err := compare.ParseGate(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, %v, want one line with %q", text, g, err, want)
		}
	}
}

func FuzzParseGate(f *testing.F) {
	for _, s := range []string{"body_bytes_per_second>=-3%", "batch_gap.p99<=+10%", "first_batch.p99<=5ms", "errors<=0.1%", "x<=1e999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := compare.ParseGate(s)
		if err != nil {
			return
		}
		again, err := compare.ParseGate(g.String())
		if err != nil || again.Figure != g.Figure || again.Op != g.Op || again.Relative != g.Relative {
			t.Errorf("%q is %s, which reads as %v, %v", s, g, again, err)
		}
	})
}

func TestJudge(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	cell := func(figure compare.Figure, change, low, high float64, outcome string) compare.Cell {
		return compare.Cell{Figure: figure, Unit: "B/s", Better: "higher", Change: f(change), ChangeLow: f(low), ChangeHigh: f(high), Outcome: outcome,
			New: compare.Sample{N: 7, Median: 2e9}}
	}
	rate := compare.Figure(results.BodyRate)
	for _, c := range []struct {
		gate string
		cell compare.Cell
		want string
	}{
		{"body_bytes_per_second>=-3%", cell(rate, -0.05, -0.07, -0.02, compare.Worse), compare.GateMissed},
		{"body_bytes_per_second>=-3%", cell(rate, -0.02, -0.04, -0.01, compare.Worse), compare.GateMet},
		{"body_bytes_per_second>=-3%", cell(rate, 0.02, 0.01, 0.04, compare.Better), compare.GateMet},
		{"body_bytes_per_second>=-3%", cell(rate, 0, -0.01, 0.01, compare.Same), compare.GateMet},
		{"body_bytes_per_second>=-3%", cell(rate, -0.02, -0.045, 0.01, compare.Same), compare.GateUntold},
		{"body_bytes_per_second>=-3%", cell(rate, -0.05, -0.2, 0.1, compare.Unknown), compare.GateUntold},
		{"body_bytes_per_second>=-3%", cell(rate, 0.05, -0.2, 0.3, compare.Unknown), compare.GateUntold},
		{"body_bytes_per_second>=-3%", cell(rate, -0.3, -0.4, -0.2, compare.Unknown), compare.GateMissed},
		{"body_bytes_per_second>=+10%", cell(rate, 0, -0.01, 0.01, compare.Same), compare.GateMissed},
		{"body_bytes_per_second>=-3%", compare.Cell{Figure: rate, Outcome: compare.Unknown}, compare.GateUntold},
		{"body_bytes_per_second>=1.9GB/s", cell(rate, 0, 0, 0, compare.Same), compare.GateMet},
		{"body_bytes_per_second>=2.1GB/s", cell(rate, 0, 0, 0, compare.Same), compare.GateMissed},
		{"body_bytes_per_second>=2e9", cell(rate, 0, 0, 0, compare.Same), compare.GateMet},
	} {
		g, err := compare.ParseGate(c.gate)
		if err != nil {
			t.Fatal(err)
		}
		if j, err := g.Judge(c.cell); err != nil || j.Status != c.want {
			t.Errorf("%s of %+v: %s, %v, want %s", c.gate, c.cell, j.Status, err, c.want)
		}
	}
}

// TestJudgeTrials is what a capacity search asks: is this load within the SLO?
func TestJudgeTrials(t *testing.T) {
	trials := resultstest.Matrix(5)
	for i, tr := range trials {
		l := tr.Latencies["first_batch"]
		l.P99 = int64(1e6 * (i + 1))
		tr.Latencies["first_batch"] = l
		tr.Metrics["error_share"] = results.Metric{Value: 0.002, Unit: "1", Better: "lower"}
		tr.Metrics[results.ServerCPU] = results.Metric{Value: 0.3, Unit: "s/GB", Better: "lower"}
	}
	for gate, want := range map[string]string{
		"first_batch.p99<=3ms": compare.GateMet, "first_batch.p99<=2.9ms": compare.GateMissed,
		"errors<=0.1%": compare.GateMissed, "errors<=0.2%": compare.GateMet, "errors<=0.002": compare.GateMet,
		"server_cpu_seconds_per_gigabyte<=300ms": compare.GateMet, "server_cpu_seconds_per_gigabyte<=0.29": compare.GateMissed,
	} {
		g, err := compare.ParseGate(gate)
		if err != nil {
			t.Fatal(err)
		}
		if j, err := g.JudgeTrials(trials); err != nil || j.Status != want {
			t.Errorf("%s: %+v, %v, want %s", gate, j, err, want)
		}
	}
	for gate, want := range map[string]string{
		"first_batch.p99<=+3%": "nothing to compare with", "put_ack.p99<=3ms": "no trial has", "rows_per_second>=3ms": "measured in rows/s",
	} {
		g, err := compare.ParseGate(gate)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.JudgeTrials(trials); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", gate, err, want)
		}
	}
}
