package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"flightbench/results"
)

// expand is the product of the axes.
func expand(axes []Axis) ([]results.Config, error) {
	return Matrix{Base: DefaultConfig(), Axes: axes}.Expand()
}

func TestExpandIsTheProduct(t *testing.T) {
	configs, err := expand([]Axis{{"op", []string{"get", "put"}}, {"rows", []string{"128", "64Ki"}}, {"concurrency", []string{"1", "2", "4"}}})
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

// TestOneAtATime expects the first point and those that differ from it in one
// axis, for every operation and target.
func TestOneAtATime(t *testing.T) {
	base := DefaultConfig()
	base.Headers = 7 // 0 on the axis is none, not this
	for _, tt := range []struct {
		name string
		axes []Axis
		want string // op transport rows headers, of each point
	}{
		{"nothing", nil, "get direct 65536 7"},
		{"one axis", []Axis{{"rows", []string{"1", "2"}}}, "get direct 1 7, get direct 2 7"},
		{"two axes", []Axis{{"rows", []string{"1", "2", "3"}}, {"transport", []string{"stock", "grpc"}}},
			"get stock 1 7, get stock 2 7, get stock 3 7, get grpc 1 7"},
		{"headers", []Axis{{"headers", []string{"0", "10"}}, {"rows", []string{"1", "2"}}}, "get direct 1 0, get direct 1 10, get direct 2 0"},
		{"operations", []Axis{{"op", []string{"put", "get"}}, {"rows", []string{"1", "2"}}, {"headers", []string{"0", "5"}}},
			"put direct 1 0, put direct 2 0, put direct 1 5, get direct 1 0, get direct 2 0, get direct 1 5"},
		{"calls have no workload", []Axis{{"op", []string{"get", "list-actions"}}, {"rows", []string{"1", "2"}}},
			"get direct 1 7, get direct 2 7, list-actions direct 0 7"},
	} {
		configs, err := Matrix{Base: base, Axes: tt.axes, OneAtATime: true}.Expand()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		var got []string
		for _, c := range configs {
			got = append(got, fmt.Sprint(c.Op, " ", c.Transport, " ", c.Rows, " ", c.Headers))
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
	for _, axes := range [][]Axis{{{"rows", nil}}, {{"rows", []string{"1", "1"}}}, {{"op", []string{"dance"}}}, {{"colour", []string{"1"}}}} {
		if got, err := (Matrix{Base: base, Axes: axes, OneAtATime: true}).Expand(); err == nil {
			t.Errorf("%v: %d points, want an error", axes, len(got))
		}
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
		{"two sizes", []Axis{{"batch_bytes", []string{"64Ki"}}, {"rows", []string{"5"}}}, []string{"rows and batch_bytes"}},
		{"negative headers", []Axis{{"headers", []string{"-1"}}}, []string{"--headers"}},
		{"unknown axis", []Axis{{"colour", []string{"1"}}}, []string{"colour", "no axis"}},
	} {
		_, err := expand(tt.axes)
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
		{func(c *results.Config) { c.Warmup = -1 }, "--warmup -1s "},
		{func(c *results.Config) { c.Duration = 0 }, "--duration 0s "},
		{func(c *results.Config) { c.PutAck = "some" }, `"some"`},
		{func(c *results.Config) { c.Decode = "all" }, `"all"`},
		{func(c *results.Config) { c.Op = "action" }, `--op "action" is unknown`},
		{func(c *results.Config) { c.Op = "action:" }, `--op "action:" names no action`},
		{func(c *results.Config) { c.Op = "action::x" }, `--op "action::x" names no action`},
		{func(c *results.Config) { c.Auth = "kerberos" }, `--auth "kerberos" is unknown`},
		{func(c *results.Config) { c.Headers = -1 }, "--headers -1 "},
		{func(c *results.Config) { c.Headers = 201 }, "--headers 201 "},
		{func(c *results.Config) { c.Middleware = -1 }, "--middleware -1 "},
		{func(c *results.Config) { c.Middleware = 201 }, "--middleware 201 "},
		{func(c *results.Config) { c.Timeout = -0.5 }, "--timeout -500ms "},
		{func(c *results.Config) { c.Stall = -1 }, "--stall -1s "},
		{func(c *results.Config) { c.CancelAfter = "0" }, `--cancel-after "0"`},
		{func(c *results.Config) { c.CancelAfter = "-5ms" }, `--cancel-after "-5ms"`},
		{func(c *results.Config) { c.CancelAfter = "soon" }, `--cancel-after "soon"`},
		{func(c *results.Config) { c.Op, c.CancelAfter = "info", "5" }, "--cancel-after ends streams"},
		{func(c *results.Config) { c.Location = "" }, `--location "" is unknown`},
		{func(c *results.Config) { c.Location = "rewrite:a" }, `--location "rewrite:a"`},
		{func(c *results.Config) { c.Location = "rewrite:=b" }, `--location "rewrite:=b"`},
		{func(c *results.Config) { c.Location = "rewrite:a=" }, `--location "rewrite:a="`},
		{func(c *results.Config) { c.Location = "a=b" }, `--location "a=b"`},
		{func(c *results.Config) { c.Path, c.Cmd = "a", "b" }, "--path and --cmd each say"},
		{func(c *results.Config) { c.Path, c.Ticket = "a", "b" }, "--path and --ticket each say"},
		{func(c *results.Config) { c.Ticket, c.Op = "a", "put" }, "--ticket is for --op get"},
		{func(c *results.Config) { c.Ticket, c.Op = "a", "info" }, "--ticket is for --op get"},
		{func(c *results.Config) { c.Ticket, c.Poll = "a", true }, "--poll asks with a descriptor"},
		{func(c *results.Config) { c.Path, c.Decode = "a", "verify" }, "--decode verify compares with a workload"},
		{func(c *results.Config) { c.Provoke = "boredom" }, `--provoke "boredom" is unknown`},
		{func(c *results.Config) { c.Provoke = "internal:0" }, `--provoke "internal:0"`},
		{func(c *results.Config) { c.Provoke = "internal:x" }, `--provoke "internal:x"`},
		{func(c *results.Config) { c.Provoke, c.Op = "internal", "list-flights" }, "--provoke has streams of the workload fail, and --op list-flights"},
		{func(c *results.Config) { c.Provoke, c.Cmd = "internal", "x" }, "--cmd with --op get"},
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
	for _, change := range []func(*results.Config){
		func(c *results.Config) { c.Op = "action:a:b:c" },
		func(c *results.Config) { c.CancelAfter = "1k" },
		func(c *results.Config) { c.CancelAfter = "1.5s" },
		func(c *results.Config) { c.Location = "rewrite:a=b=c" },
		func(c *results.Config) { c.Provoke = "internal:10" },
		func(c *results.Config) { c.Path, c.Op = "a/b", "put" },
		func(c *results.Config) { c.Cmd, c.Op = "x", "schema" },
		func(c *results.Config) { c.Headers, c.Middleware, c.Timeout, c.Stall = 200, 200, 1, 1 },
	} {
		c := DefaultConfig()
		change(&c)
		if err := Validate(c); err != nil {
			t.Error(err)
		}
	}
}

func TestRoundsAreSeededPermutations(t *testing.T) {
	configs, err := expand([]Axis{{"rows", []string{"1", "2", "3", "4", "5", "6", "7", "8"}}})
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
