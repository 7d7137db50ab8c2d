package plot

import (
	"bytes"
	"strings"
	"testing"

	"flightbench/results"
)

// ladder is a run of a get and a put with their rungs, in rounds; server says
// whether it has the other end of them.
func ladder(server bool) *results.Loaded {
	l := &results.Loaded{}
	rates := map[string]float64{"get": 1, "put": 2, results.RungCopy: 10, results.RungSocket: 5, results.RungGRPC: 0.9, results.RungEncode: 4, results.RungDecode: 400}
	for _, op := range []string{"get", "put"} {
		c := results.Config{Op: op, Transport: "direct", TLS: "off", Workload: "perf", Rows: 1000, Distinct: 8, Batches: 64, Compression: "none", Decode: "count", Concurrency: 4, Connections: 2, Duration: 1}
		for i, x := range append([]results.Config{c}, c.Rungs()...) {
			for round := 1; round <= 3; round++ {
				name, way, rung := x.Rung()
				t := &results.Trial{ID: strings.Repeat("x", i+1), Round: round, Config: x, Status: results.StatusOK, Verdict: results.VerdictValid, Metrics: map[string]results.Metric{}}
				if !rung {
					name = op
				}
				t.Metrics[results.BodyRate] = results.Metric{Value: rates[name] * 1e9 * float64(10+round), Unit: "B/s", Better: "higher"}
				if way != "" && !server {
					t.Status, t.Error, t.Metrics = results.StatusUnavailable, "not available: <b>", nil
				}
				l.Trials = append(l.Trials, t)
			}
		}
	}
	return l
}

func TestLadders(t *testing.T) {
	for _, server := range []bool{true, false} {
		figures, notes, err := All(ladder(server))
		if err != nil || len(notes) > 0 {
			t.Fatal(notes, err)
		}
		drawn := map[string]string{}
		for _, f := range figures {
			svg, err := f.SVG()
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(svg, []byte(results.RungPrefix)) {
				t.Errorf("figure %s draws rungs as operations", f.Name)
			}
			if strings.HasPrefix(f.Name, "ladder") {
				drawn[f.Name] = string(svg)
			}
		}
		for _, name := range []string{"ladder-get", "ladder-put"} {
			svg := drawn[name]
			for _, want := range []string{">memory copy<", ">encode<", ">decode<"} {
				if !strings.Contains(svg, want) {
					t.Errorf("%s does not show %s", name, want)
				}
			}
			if there := strings.Contains(svg, ">socket<"); there != server {
				t.Errorf("%s shows a socket: %v, want %v", name, there, server)
			}
			if told := strings.Contains(svg, "Not available: socket · gRPC"); told == server {
				t.Errorf("%s tells of what is missing: %v, want %v", name, told, !server)
			}
			if slower := strings.Contains(svg, "no ceiling"); slower != server {
				t.Errorf("%s tells of a rung slower than Flight: %v, want %v", name, slower, server)
			}
		}
		if len(drawn) != 2 {
			t.Errorf("%d ladders are drawn, want 2", len(drawn))
		}
	}
}
