package bench

import (
	"slices"
	"strings"
	"testing"

	"flightbench/results"
)

func TestExpandIsTheProduct(t *testing.T) {
	configs, err := Expand(DefaultConfig(), []Axis{{"op", []string{"get", "put"}}, {"rows", []string{"128", "64Ki"}}, {"concurrency", []string{"1", "2", "4"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(configs) != 12 {
		t.Fatalf("%d Configs, want 12", len(configs))
	}
	seen := map[string]bool{}
	for _, c := range configs {
		seen[c.Key()] = true
	}
	if len(seen) != 12 {
		t.Errorf("%d distinct Configs, want 12", len(seen))
	}
	if c := configs[11]; c.Op != "put" || c.Rows != 65536 || c.Concurrency != 4 {
		t.Errorf("last Config is %s %d %d, want the last value of each axis", c.Op, c.Rows, c.Concurrency)
	}
}

func TestExpandRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		axes []Axis
		want []string
	}{
		{"unknown operation", []Axis{{"op", []string{"fetch"}}}, []string{`"fetch"`, "get, put, exchange"}},
		{"unknown transport", []Axis{{"transport", []string{"quic"}}}, []string{`"quic"`, "stock"}},
		{"unknown codec", []Axis{{"compression", []string{"gzip"}}}, []string{`"gzip"`, "lz4"}},
		{"unknown workload", []Axis{{"workload", []string{"tpcds"}}}, []string{`tpcds`, "lineitem"}},
		{"zero rows", []Axis{{"rows", []string{"0"}}}, []string{"--rows", `"0"`}},
		{"negative rows", []Axis{{"rows", []string{"-5"}}}, []string{"--rows", `"-5"`}},
		{"rows that are no number", []Axis{{"rows", []string{"many"}}}, []string{"--rows", `"many"`}},
		{"zero concurrency", []Axis{{"concurrency", []string{"0"}}}, []string{"--concurrency"}},
		{"more connections than streams", []Axis{{"connections", []string{"64"}}}, []string{"--connections 64", "--concurrency 2"}},
		{"batch over the message limit", []Axis{{"batch_bytes", []string{"1Gi"}}}, []string{"message limit", "--max-message"}},
		{"rows over the message limit", []Axis{{"rows", []string{"100M"}}}, []string{"message limit", "--max-message"}},
		{"value twice", []Axis{{"op", []string{"get", "get"}}}, []string{`"get"`, "--repeat"}},
		{"axis twice", []Axis{{"op", []string{"get"}}, {"op", []string{"put"}}}, []string{"op", "twice"}},
		{"no value", []Axis{{"op", nil}}, []string{"op", "no value"}},
		{"unknown axis", []Axis{{"colour", []string{"1"}}}, []string{"colour", "no axis"}},
	} {
		_, err := Expand(DefaultConfig(), tt.axes)
		if err == nil {
			t.Errorf("%s: no error", tt.name)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q does not name %q", tt.name, err, w)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q has more than one line", tt.name, err)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	for _, tt := range []struct {
		change func(*results.Config)
		want   string
	}{
		{func(c *results.Config) { c.Window = 100 }, "--window 100 "},
		{func(c *results.Config) { c.ConnWindow = 1 << 31 }, "--conn-window 2147483648 "},
		{func(c *results.Config) { c.ReadBuffer = -1 }, "--read-buffer -1 "},
		{func(c *results.Config) { c.WriteBuffer = 3 }, "--write-buffer 3 "},
		{func(c *results.Config) { c.MaxFrame = 1 << 24 }, "--max-frame 16777216 "},
		{func(c *results.Config) { c.MaxFrame, c.Transport = 1<<20, "grpc" }, "--transport direct only"},
		{func(c *results.Config) { c.MaxMessage = 100 }, "--max-message 100 "},
		{func(c *results.Config) { c.Concurrency = 2_000_000_000 }, "--concurrency 2000000000 "},
		{func(c *results.Config) { c.Batches = 1 << 62 }, "batches 4611686018427387904"},
		{func(c *results.Config) { c.Batches = -1 }, "--batches -1 "},
		{func(c *results.Config) { c.Endpoints = 1e9 }, "endpoints 1000000000"},
		{func(c *results.Config) { c.Endpoints = 0 }, "--endpoints 0 "},
		{func(c *results.Config) { c.Warmup = -1 }, "--warmup -1 "},
		{func(c *results.Config) { c.Duration = 0 }, "--duration 0 "},
		{func(c *results.Config) { c.PutAck = "some" }, `"some"`},
		{func(c *results.Config) { c.Decode = "all" }, `"all"`},
	} {
		c := DefaultConfig()
		tt.change(&c)
		if err := Validate(c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Validate said %v, want an error with %s", err, tt.want)
		}
	}
	if err := Validate(DefaultConfig()); err != nil {
		t.Errorf("the default Config: %v", err)
	}
}

func TestRoundsAreSeededPermutations(t *testing.T) {
	configs, err := Expand(DefaultConfig(), []Axis{{"rows", []string{"1", "2", "3", "4", "5", "6", "7", "8"}}})
	if err != nil {
		t.Fatal(err)
	}
	p := Plan{Configs: configs, Repeat: 2, Seed: 7}
	first := p.Round(1)
	if !slices.Equal(first, p.Round(1)) {
		t.Error("the same seed and round give two orders")
	}
	if slices.Equal(first, p.Round(2)) {
		t.Error("two rounds have the same order")
	}
	if sorted := slices.Sorted(slices.Values(first)); !slices.Equal(sorted, []int{0, 1, 2, 3, 4, 5, 6, 7}) {
		t.Errorf("round 1 is %v, no permutation", first)
	}
	if q := (Plan{Configs: configs, Repeat: 2, Seed: 8}); slices.Equal(first, q.Round(1)) {
		t.Error("another seed gives the same order")
	}
}

func TestParseCount(t *testing.T) {
	for in, want := range map[string]int64{"1": 1, "65536": 65536, "64k": 64_000, "64Ki": 65536, "2MiB": 2 << 20, "3GB": 3e9, "0": 0} {
		if got, err := ParseCount(in); err != nil || got != want {
			t.Errorf("ParseCount(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "k", "1.5M", "1kk", "1 k", "1iB", "9223372036854775807k", "0x10"} {
		if got, err := ParseCount(in); err == nil {
			t.Errorf("ParseCount(%q) = %d, want an error", in, got)
		}
	}
}

func TestStampRoundTrip(t *testing.T) {
	var b [stampLen]byte
	if at, ok := readStamp(putStamp(&b, 123456789)); !ok || at != 123456789 {
		t.Errorf("readStamp = %d, %v, want 123456789, true", at, ok)
	}
	for _, other := range [][]byte{nil, {}, []byte("FBSTAMP1"), []byte("somebody's own ack"), []byte("FBSTAMP2 1234567")} {
		if _, ok := readStamp(other); ok {
			t.Errorf("readStamp(%q) took it for a stamp", other)
		}
	}
}
