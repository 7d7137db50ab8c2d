package results_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"flightbench/results"
)

// TestPlannedPrint compares what a dry run prints with golden files.
func TestPlannedPrint(t *testing.T) {
	c := results.Config{Target: "embedded", Op: "get", Transport: "direct", TLS: "off", Workload: "perf", Rows: 65536, Entropy: 1, Seed: 1, Compression: "none",
		Decode: "count", PutAck: "last", Concurrency: 2, Connections: 1, Endpoints: 1, Duration: 1.5, Warmup: 0.5, Auth: "none", Location: "listed", MaxMessage: 1 << 30, ReadBuffer: 1 << 16}
	p := results.Planned{Schema: 1, Name: "mine", Repeat: 3, Seed: 7, Seconds: 75.3, Guessed: 3}
	for i, window := range []int64{0, 1 << 20, 2_000_000} {
		d := c
		d.Window = window
		if i == 2 {
			d.Duration, d.Total = 0, 4
		}
		p.Configs, p.Each = append(p.Configs, d), append(p.Each, 2.2)
	}
	p.Trials = 9
	for _, format := range []string{"table", "json", "csv"} {
		var b bytes.Buffer
		if err := p.Print(&b, format, 0); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "planned."+format)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s: %v, got\n%s\nwant\n%s\nrun with -update if that is meant", format, err, &b, want)
		}
	}
	var back results.Planned
	var b bytes.Buffer
	if err := p.Print(&b, "json", 0); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || len(back.Configs) != 3 || back.Configs[1] != p.Configs[1] {
		t.Errorf("read back: %v, %+v", err, back)
	}
}
