package workloads

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestTicketRoundTrip(t *testing.T) {
	wide, _ := Parse("wide:7")
	wide.Rows, wide.BatchBytes, wide.Seed, wide.Entropy, wide.Distinct = 0, 1<<20, 1<<64-1, 0.1, 9
	file, _ := Parse(`file:/tmp/<a> & "b".arrow`)
	for _, tt := range []Ticket{
		{Spec: Default(), Batches: 16, Compression: "none", Endpoints: 1, Decode: DecodeCount},
		{Spec: wide, Batches: MaxBatches >> 10, Compression: "zstd:3", Endpoints: 16, Start: maxExact, Decode: DecodeVerify},
		{Spec: file, Batches: 1, Compression: "lz4", Endpoints: 1, Decode: DecodeBatch},
		{
			Spec: Default(), Batches: 16, Compression: "none", Endpoints: 1, Decode: DecodeCount,
			Fail: FailServerError, FailAfter: 3, FailEvery: 10, Delay: 1500 * time.Microsecond, Quirk: QuirkEmpty, Expires: 1_900_000_000_123, Poll: 2,
		},
	} {
		b := tt.Marshal()
		got, err := ParseTicket(b)
		if err != nil || got != tt {
			t.Errorf("ParseTicket(%s) = %+v, %v, want %+v", b, got, err, tt)
		}
	}
	plain := `{"flightbench":1,"workload":"perf","rows":65536,"entropy":1,"seed":1,"batches":16,"compression":"none","endpoints":1,"decode":"count"}`
	if got := (Ticket{Spec: Default(), Batches: 16}).Marshal(); string(got) != plain {
		t.Errorf("%s, want %s: a plain ticket says nothing of what may go wrong", got, plain)
	}
	short := Ticket{Spec: Default(), Batches: 1}
	if want := (Ticket{Spec: Default(), Batches: 1, Compression: "none", Endpoints: 1, Decode: DecodeCount}); !bytes.Equal(short.Marshal(), want.Marshal()) {
		t.Errorf("%s, want %s", short.Marshal(), want.Marshal())
	}
}

func TestParseTicket(t *testing.T) {
	for _, tt := range []struct{ in, err string }{
		{`{"flightbench":1,"workload":"perf"}`, ""},
		{` {"flightbench":1,"workload":"wide:3","batch_bytes":1000,"entropy":0} `, ""},
		{`{"flightbench":1,"workload":"file:x"}`, ""},
		{`{"flightbench":1,"workload":"perf","fail":"internal","fail_after":2,"delay":"10ms","quirk":"metadata"}`, ""},
		{`{"flightbench":1,"workload":"dict","quirk":"dictionaries"}`, ""},
		{`{"flightbench":1,"workload":"perf","fail":"lost"}`, `fail "lost": use one of unavailable, unauthenticated, unauthorized, timed_out, cancelled, internal, server_error`},
		{`{"flightbench":1,"workload":"perf","fail_after":2}`, "fail_after 2 and fail_every 0: they say when fail happens"},
		{`{"flightbench":1,"workload":"perf","fail_every":2}`, "fail_after 0 and fail_every 2: they say when fail happens"},
		{`{"flightbench":1,"workload":"perf","fail":"internal","fail_after":-1}`, "fail_after -1"},
		{`{"flightbench":1,"workload":"perf","fail":"internal","fail_every":-1}`, "fail_every -1"},
		{`{"flightbench":1,"workload":"perf","delay":"10"}`, `delay "10": give a duration such as 10ms`},
		{`{"flightbench":1,"workload":"perf","delay":"-1s"}`, "delay -1s: give 0 to 1h0m0s"},
		{`{"flightbench":1,"workload":"perf","delay":"2h"}`, "delay 2h0m0s: give 0 to 1h0m0s"},
		{`{"flightbench":1,"workload":"perf","quirk":"odd"}`, `quirk "odd": use metadata, empty or dictionaries`},
		{`{"flightbench":1,"workload":"perf","quirk":"dictionaries"}`, "quirk dictionaries: only workload dict has any, not perf"},
		{`{"flightbench":1,"workload":"dict","distinct":1,"quirk":"dictionaries"}`, "quirk dictionaries: one distinct batch has nothing to replace"},
		{`{"flightbench":1,"workload":"perf","expires":-1}`, "expires -1"},
		{`{"flightbench":1,"workload":"perf","poll":-1}`, "poll -1"},
		{``, "it is no JSON object"},
		{`hello`, "it is no JSON object"},
		{`null`, "it is no JSON object"},
		{`[1]`, "it is no JSON object"},
		{"\x0a\x04\x08\x01", "it is no JSON object"},
		{`{"flightbench":1,"workload":"perf"`, "unexpected EOF"},
		{`{}`, `member "flightbench" is 0: this version reads 1`},
		{`{"workload":"perf"}`, `member "flightbench" is 0`},
		{`{"flightbench":2,"workload":"perf"}`, `member "flightbench" is 2`},
		{`{"flightbench":1}`, `unknown workload ""`},
		{`{"flightbench":1,"workload":"perf","color":1}`, `unknown field "color"`},
		{`{"flightbench":1,"workload":"perf"}{}`, "data after the JSON object"},
		{`{"flightbench":1,"workload":"perf"}x`, "data after the JSON object"},
		{`{"flightbench":1,"workload":7}`, "cannot unmarshal"},
		{`{"flightbench":1,"workload":"perf","rows":0}`, "rows 0"},
		{`{"flightbench":1,"workload":"perf","rows":-1}`, "rows -1"},
		{`{"flightbench":1,"workload":"perf","rows":1e99}`, "cannot unmarshal"},
		{`{"flightbench":1,"workload":"perf","rows":5,"batch_bytes":5}`, "sized by one of them"},
		{`{"flightbench":1,"workload":"perf","batches":0}`, "batches 0: a stream has 1 to"},
		{`{"flightbench":1,"workload":"perf","batches":1099511627777}`, "batches 1099511627777"},
		{`{"flightbench":1,"workload":"perf","batches":1099511627776,"endpoints":4096}`, "together they exceed"},
		{`{"flightbench":1,"workload":"perf","endpoints":-1}`, "endpoints -1"},
		{`{"flightbench":1,"workload":"perf","endpoints":100000}`, "endpoints 100000"},
		{`{"flightbench":1,"workload":"perf","start":-1}`, "start -1"},
		{`{"flightbench":1,"workload":"perf","decode":"all"}`, `decode "all": use count, batch or verify`},
		{`{"flightbench":1,"workload":"perf","compression":"gzip"}`, `compression "gzip": use none, lz4, zstd`},
		{`{"flightbench":1,"workload":"perf","compression":"none:1"}`, "a level is a small number"},
		{`{"flightbench":1,"workload":"perf","compression":"zstd:x"}`, "a level is a small number"},
		{`{"flightbench":1,"workload":"` + strings.Repeat("x", 64<<10) + `"}`, "a ticket has at most 65536"},
		{`{"flightbench":1,"workload":"` + strings.Repeat("x\\n", 9999) + `"}`, "unknown workload"},
		{`{"flightbench":1,"workload":"perf","` + strings.Repeat("x\\n", 9999) + `":0}`, "unknown field"},
	} {
		got, err := ParseTicket([]byte(tt.in))
		if tt.err != "" {
			wantError(t, err, tt.err)
			wantError(t, err, "not a flightbench ticket: ")
		} else if err != nil {
			t.Errorf("ParseTicket(%s): %v", tt.in, err)
		} else if err := got.Validate(); err != nil {
			t.Errorf("ParseTicket(%s) is invalid: %v", tt.in, err)
		}
	}
}

func FuzzParseTicket(f *testing.F) {
	f.Add(Ticket{Spec: Default(), Batches: 3}.Marshal())
	f.Add([]byte(`{"flightbench":1,"workload":"wide:10000","rows":268435456,"distinct":4096,"entropy":0.5,"endpoints":4096}`))
	f.Add([]byte(`{"flightbench":1,"workload":"file:x","batches":9,"compression":"zstd:3","start":7,"decode":"verify"}`))
	f.Add([]byte("{\"flightbench\":1,\"\\ud800\":\"\x00\"}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		tk, err := ParseTicket(b)
		if err != nil {
			oneLiner(t, err)
			return
		}
		if n := tk.Spec.EstimateBytes(); n <= 0 && tk.Spec.Name != File {
			t.Fatalf("%+v: estimate %d", tk.Spec, n)
		}
		again, err := ParseTicket(tk.Marshal())
		if err != nil || again != tk {
			t.Fatalf("ParseTicket(%s) = %+v, %v, want %+v", tk.Marshal(), again, err, tk)
		}
	})
}
