package plot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/internal/resultstest"
)

// TestOverlays draws a picture for each compared latency, and says what it
// cannot draw.
func TestOverlays(t *testing.T) {
	trials := resultstest.Matrix(3, resultstest.Ops("get", "info"), resultstest.Transports("direct", "grpc"))
	l := resultstest.Store(t, resultstest.Run(len(trials)), trials)
	c, err := compare.Within(l, compare.Options{By: []string{"transport"}, Detect: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.svg"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	notes, err := WriteOverlays(dir, c, l, l)
	if err != nil || len(notes) != 1 || !strings.HasPrefix(notes[0], "4 histograms") {
		t.Errorf("notes %q, %v", notes, err)
	}
	for _, name := range []string{"mine", "overlay-first-batch-get-direct-grpc", "overlay-batch-gap-get-direct-grpc", "overlay-stream-get-direct-grpc", "overlay-info-info-direct-grpc"} {
		b, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		if name != "mine" && (!strings.Contains(string(b), "direct: p50") || !strings.Contains(string(b), "grpc: p50") || !strings.Contains(string(b), "samples")) {
			t.Errorf("%s has no legend", name)
		}
	}
	bare := &results.Loaded{Run: l.Run, Trials: l.Trials}
	figures, notes, err := Overlays(c, bare, bare)
	if err != nil || len(figures) != 0 || len(notes) != 1 || !strings.Contains(notes[0], "4 latencies have no histograms") {
		t.Errorf("without histograms: %d figures, %q, %v", len(figures), notes, err)
	}
}

// TestSteps keeps every sample in the outline.
func TestSteps(t *testing.T) {
	h := results.NewHistogram()
	for _, v := range []int64{500, 20_000, 20_000, 7_000_000} {
		if err := h.RecordValue(v); err != nil {
			t.Fatal(err)
		}
	}
	xy := steps(h)
	var sum float64
	for i := 1; i+1 < len(xy); i += 2 {
		sum += xy[i].Y
	}
	if sum < 99.9 || sum > 100.1 || xy[0].Y != 0 || xy[len(xy)-1].Y != 0 {
		t.Errorf("the steps add up to %v %%, from %v to %v", sum, xy[0], xy[len(xy)-1])
	}
}
