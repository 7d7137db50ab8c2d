package workloads

import (
	"math"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Spec
		err  string // a part of the error
	}{
		{in: "perf", want: Default()},
		{in: "wide", want: Spec{Name: Wide, Columns: 100, Rows: 65536, Entropy: 1, Seed: 1}},
		{in: "wide:200", want: Spec{Name: Wide, Columns: 200, Rows: 65536, Entropy: 1, Seed: 1}},
		{in: "file:/a:b c.parquet", want: Spec{Name: File, Path: "/a:b c.parquet", Entropy: 1, Seed: 1}},
		{in: "", err: `unknown workload "": use one of perf, lineitem, wide:COLUMNS, strings, dict, nested, nulls, file:PATH`},
		{in: "tpch", err: `unknown workload "tpch": use one of`},
		{in: "Perf", err: "unknown workload"},
		{in: "perf:3", err: "perf takes no parameter"},
		{in: "wide:", err: "give a number from 1 to 10000"},
		{in: "wide:0", err: "give a number from 1 to 10000"},
		{in: "wide:-1", err: "give a number from 1 to 10000"},
		{in: "wide:10001", err: "give a number from 1 to 10000"},
		{in: "wide:9x", err: `columns "9x"`},
		{in: "file", err: "path is missing: write file:PATH"},
		{in: "file:", err: "path is missing"},
		{in: "file:\xff", err: "must be UTF-8"},
		{in: "file:" + strings.Repeat("a", 5000), err: "path of 5000 bytes"},
	} {
		got, err := Parse(tt.in)
		if tt.err != "" {
			wantError(t, err, tt.err)
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", tt.in, got, err, tt.want)
			continue
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", got.String(), again, err, got)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("Parse(%q).Validate() = %v", tt.in, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		change func(*Spec)
		err    string // a part of the error; empty: valid
	}{
		{func(s *Spec) {}, ""},
		{func(s *Spec) { *s = Spec{} }, `unknown workload ""`},
		{func(s *Spec) { s.Name = "x" }, `unknown workload "x": use one of perf,`},
		{func(s *Spec) { s.Rows = 0 }, "rows 0: a batch needs at least 1 row"},
		{func(s *Spec) { s.Rows = -5 }, "rows -5: a batch has 1 to"},
		{func(s *Spec) { s.Rows = MaxRows }, ""},
		{func(s *Spec) { s.Rows = MaxRows + 1 }, "a batch has 1 to 268435456"},
		{func(s *Spec) { s.Rows, s.Name = MaxRows, Strings }, "a batch of strings holds at most"},
		{func(s *Spec) { s.Rows, s.BatchBytes = 0, 1<<20 }, ""},
		{func(s *Spec) { s.Rows, s.BatchBytes = 0, -1 }, "batch bytes -1"},
		{func(s *Spec) { s.Rows, s.BatchBytes = 0, math.MaxInt64 }, "batch bytes 9223372036854775807"},
		{func(s *Spec) { s.BatchBytes = 100 }, "rows 65536 and batch bytes 100: a batch is sized by one of them"},
		{func(s *Spec) { s.Entropy = 0 }, ""},
		{func(s *Spec) { s.Entropy = -0.1 }, "entropy -0.1: give a fraction"},
		{func(s *Spec) { s.Entropy = 1.5 }, "entropy 1.5"},
		{func(s *Spec) { s.Entropy = math.NaN() }, "entropy NaN"},
		{func(s *Spec) { s.Distinct = -1 }, "distinct -1: give 1 to 4096"},
		{func(s *Spec) { s.Distinct = MaxDistinct + 1 }, "distinct 4097"},
		{func(s *Spec) { s.Columns = 3 }, "columns 3: only wide"},
		{func(s *Spec) { s.Name = Wide }, "columns 0: wide has 1 to 10000"},
		{func(s *Spec) { s.Name, s.Columns = Wide, MaxColumns+1 }, "columns 10001"},
		{func(s *Spec) { s.Path = "/x" }, `path "/x": only file`},
		{func(s *Spec) { s.Name = File }, "path is missing"},
		{func(s *Spec) { s.Name, s.Path = File, "x" }, ""},
		{func(s *Spec) { s.Name, s.Path, s.Rows = File, "x", 0 }, ""},
		{func(s *Spec) { s.Name, s.Path, s.Entropy = File, "x", 0.5 }, "entropy 0.5: a file is sent as it is"},
	} {
		s := Default()
		tt.change(&s)
		if err := s.Validate(); tt.err != "" {
			wantError(t, err, tt.err)
			if n := s.EstimateBytes(); n != 0 {
				t.Errorf("%+v is invalid, and estimated at %d bytes", s, n)
			}
		} else if err != nil {
			t.Errorf("%+v.Validate() = %v", s, err)
		}
	}
}

func TestKinds(t *testing.T) {
	for _, k := range Kinds() {
		s := k.Name
		if k.Param == "PATH" {
			s += ":x"
		}
		if _, err := Parse(s); err != nil || k.Doc == "" {
			t.Errorf("%+v: Parse(%q): %v", k, s, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"perf", "wide:200", "wide:+7", "file:a b", "file:", ":", "wide:99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		spec, err := Parse(s)
		if err != nil {
			oneLiner(t, err)
			return
		}
		if err := spec.Validate(); err != nil {
			t.Fatalf("Parse(%q) is invalid: %v", s, err)
		}
		if again, err := Parse(spec.String()); err != nil || again != spec {
			t.Fatalf("Parse(%q) = %+v, %v, want %+v", spec.String(), again, err, spec)
		}
	})
}

// wantError checks that err is one short line with part in it.
func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v, want one with %q", err, part)
		return
	}
	oneLiner(t, err)
}

func oneLiner(t *testing.T, err error) {
	t.Helper()
	if s := err.Error(); strings.ContainsAny(s, "\n\r") || len(s) > 500 {
		t.Errorf("not one short line: %q", s)
	}
}
