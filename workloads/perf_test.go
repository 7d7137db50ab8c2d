package workloads

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"strings"
	"testing"
)

// What protoc's C++ makes of the benchmark's defaults: 4 streams of 10,000,000
// records in batches of 4096.
const perfBytes = "1004" + "1880ade204" + "208020"

func TestPerf(t *testing.T) {
	want := PerfRequest{Streams: 4, RecordsPerStream: 10_000_000, RecordsPerBatch: 4096}
	b, err := hex.DecodeString(perfBytes)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParsePerf(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParsePerf(%x) = %+v, %v, want %+v", b, got, err, want)
	}
	if !bytes.Equal(want.Marshal(), b) {
		t.Errorf("marshalled to %x, want %x", want.Marshal(), b)
	}
	token := want.Stream(2)
	if token.Start != 20_000_000 || token.End != 30_000_000 {
		t.Errorf("stream 2 is %d to %d", token.Start, token.End)
	}
	b = token.Marshal()
	if again, err := ParsePerfToken(b); err != nil || !reflect.DeepEqual(again, token) {
		t.Errorf("ParsePerfToken(%x) = %+v, %v, want %+v", b, again, err, token)
	}
	if err := token.Validate(); err != nil {
		t.Error(err)
	}
}

func TestPerfBatches(t *testing.T) {
	for _, tt := range []struct {
		stream           int64
		batch            int32
		rows, full, last int64
	}{
		{10, 4, 4, 2, 2}, {8, 4, 4, 2, 0}, {3, 4, 3, 1, 0}, {4, 4, 4, 1, 0}, {10_000_000, 4096, 4096, 2441, 1664},
	} {
		p := PerfRequest{Streams: 1, RecordsPerStream: tt.stream, RecordsPerBatch: tt.batch}
		rows, full, last := p.Batches()
		if rows != tt.rows || full != tt.full || last != tt.last {
			t.Errorf("%d records by %d: %d batches of %d and one of %d, want %d, %d, %d", tt.stream, tt.batch, full, rows, last, tt.full, tt.rows, tt.last)
		}
	}
}

func TestPerfRefuses(t *testing.T) {
	ok := PerfRequest{Streams: 4, RecordsPerStream: 100, RecordsPerBatch: 10}
	with := func(change func(*PerfRequest)) PerfRequest {
		p := ok
		change(&p)
		return p
	}
	for _, tt := range []struct {
		p   PerfRequest
		err string
	}{
		{ok, ""},
		{with(func(p *PerfRequest) { p.RecordsPerStream = maxExact / 4 }), ""},
		{with(func(p *PerfRequest) { p.Streams = 0 }), "stream_count 0"},
		{with(func(p *PerfRequest) { p.Streams = -1 }), "stream_count -1"},
		{with(func(p *PerfRequest) { p.Streams = math.MaxInt32 }), "stream_count 2147483647"},
		{with(func(p *PerfRequest) { p.RecordsPerStream = 0 }), "records_per_stream 0"},
		{with(func(p *PerfRequest) { p.RecordsPerStream = maxExact/4 + 1 }), "records_per_stream 2251799813685249"},
		{with(func(p *PerfRequest) { p.RecordsPerBatch = 0 }), "records_per_batch 0"},
		{with(func(p *PerfRequest) { p.RecordsPerBatch = math.MaxInt32 }), "records_per_batch 2147483647"},
	} {
		if err := tt.p.Validate(); !says(err, tt.err) {
			t.Errorf("%+v: %v, want %q", tt.p, err, tt.err)
		}
	}
	for _, tt := range []struct {
		start, end int64
		err        string
	}{
		{0, 100, ""}, {300, 400, ""}, {400, 500, "from 400 to 500"}, {50, 150, "from 50 to 150"}, {0, 99, "from 0 to 99"}, {-100, 0, "from -100 to 0"},
	} {
		if err := (PerfToken{Perf: ok, Start: tt.start, End: tt.end}).Validate(); !says(err, tt.err) {
			t.Errorf("token %d to %d: %v, want %q", tt.start, tt.end, err, tt.err)
		}
	}
	if err := (PerfToken{End: 100}).Validate(); !says(err, "stream_count 0") {
		t.Errorf("token of nothing: %v", err)
	}
	for in, want := range map[string]string{
		"":                                "it is empty",
		"hello":                           "not a Perf message",
		"\x28\x01":                        "field 5",
		"\x12\x00":                        "field 2",
		"\x08\x01":                        "field 1",
		"\x15\x00\x00\x00\x00":            "field 2 has a type",
		"\x10":                            "unexpected EOF",
		"\x0a\x05ab":                      "unexpected EOF",
		"\x10\x80\x80\x80\x80 ":           "no int32",
		`{"flightbench":1}`:               "not a Perf message",
		"\x0a\x01\x10\x01":                "not a Perf message",
		"    ":                            "field 4 comes twice",
		strings.Repeat("\x10\x01", 1<<16): "131072 bytes",
	} {
		if _, err := ParsePerf([]byte(in)); !says(err, want) {
			t.Errorf("ParsePerf(%q): %v, want %q", in, err, want)
		}
	}
	for in, want := range map[string]string{
		"":                 "no definition",
		"\x10\x01":         "no definition",
		"\x0a\x00":         "it is empty",
		"\x0a\x02\x28\x01": "field 5",
		"\x20\x01":         "field 4",
	} {
		if _, err := ParsePerfToken([]byte(in)); !says(err, want) {
			t.Errorf("ParsePerfToken(%q): %v, want %q", in, err, want)
		}
	}
}

// says is whether err is nil where want is empty, and otherwise has it in one line.
func says(err error, want string) bool {
	if want == "" || err == nil {
		return want == "" && err == nil
	}
	return strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "\n")
}

func FuzzParsePerf(f *testing.F) {
	for _, p := range []PerfRequest{{Streams: 4, RecordsPerStream: 100, RecordsPerBatch: 10}, {Schema: []byte("s"), Streams: -1}} {
		f.Add(p.Marshal())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePerf(b)
		if err != nil {
			if !says(err, "not a Perf message") {
				t.Errorf("%v", err)
			}
			return
		}
		if len(p.Marshal()) == 0 {
			return // all zeros, which proto3 leaves out
		}
		if again, err := ParsePerf(p.Marshal()); err != nil || !bytes.Equal(again.Marshal(), p.Marshal()) {
			t.Errorf("%+v came back as %+v, %v", p, again, err)
		}
	})
}

func FuzzParsePerfToken(f *testing.F) {
	f.Add(PerfRequest{Streams: 4, RecordsPerStream: 100, RecordsPerBatch: 10}.Stream(3).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		token, err := ParsePerfToken(b)
		if err != nil || token.Validate() != nil {
			return
		}
		again, err := ParsePerfToken(token.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), token.Marshal()) {
			t.Errorf("%+v came back as %+v, %v", token, again, err)
		}
	})
}
