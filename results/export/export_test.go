package export_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/export"
	"flightbench/results/internal/resultstest"
)

// stored is a run of four Configs in three rounds, of which one trial failed.
func stored(t *testing.T) *results.Loaded {
	trials := resultstest.Matrix(3, resultstest.Ops("get", "put"), resultstest.Rows(128, 65536))
	trials[1].Status, trials[1].Verdict, trials[1].Metrics, trials[1].Latencies, trials[1].Hists = results.StatusFailed, results.VerdictIncomplete, nil, nil, nil
	return resultstest.Store(t, resultstest.Run(len(trials)), trials)
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		o    export.Options
		want string // of the error
	}{
		"csv":             {export.Options{Format: "csv", Table: "timeline", Where: []string{"op=get", "path="}}, ""},
		"no format":       {export.Options{}, "--format is missing"},
		"unknown format":  {export.Options{Format: "xls"}, `"xls" is unknown: use csv, parquet, benchfmt, hgrm`},
		"unknown table":   {export.Options{Format: "csv", Table: "x"}, `--what "x" is unknown`},
		"table of hgrm":   {export.Options{Format: "hgrm", Table: "latencies"}, "hgrm has none"},
		"first table":     {export.Options{Format: "hgrm", Table: "trials"}, ""},
		"figures of csv":  {export.Options{Format: "csv", Figures: []compare.Figure{"x"}}, "--metrics chooses figures of benchfmt"},
		"latency of csv":  {export.Options{Format: "csv", Latency: []string{"stream"}}, "--latency chooses files of hgrm"},
		"unknown latency": {export.Options{Format: "hgrm", Latency: []string{"x"}}, `--latency "x"`},
		"no field":        {export.Options{Format: "csv", Where: []string{"colour=red"}}, `--where "colour=red"`},
		"no value":        {export.Options{Format: "csv", Where: []string{"op"}}, `--where "op"`},
	} {
		if err := c.o.Validate(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestParquet reads a table of many row groups back.
func TestParquet(t *testing.T) {
	l := stored(t)
	for _, table := range export.Tables {
		var b bytes.Buffer
		if _, err := export.Write(&b, l, export.Options{Format: "parquet", Table: table}); err != nil {
			t.Fatal(err)
		}
		r, err := file.NewParquetReader(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		fr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		got, err := fr.ReadTable(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var csv bytes.Buffer
		if _, err := export.Write(&csv, l, export.Options{Format: "csv", Table: table}); err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(csv.String(), "\n")
		if rows := int64(strings.Count(csv.String(), "\n") - 1); got.NumRows() != rows || rows < 12 || int(got.NumCols()) != strings.Count(head, ",")+1 {
			t.Errorf("%s: %d rows of %d columns, csv has %d of %q", table, got.NumRows(), got.NumCols(), rows, head)
		}
		if i := got.Schema().FieldIndices(results.BodyRate); table == "trials" {
			if f := got.Schema().Field(i[0]); f.Type != arrow.PrimitiveTypes.Float64 || !slices.Contains(f.Metadata.Values(), "B/s") || got.Column(i[0]).NullN() != 1 {
				t.Errorf("%s: %v with %d nulls, want a float64 in B/s with that of the failed trial", results.BodyRate, f, got.Column(i[0]).NullN())
			}
		}
		got.Release()
	}
}

func TestWhere(t *testing.T) {
	l := stored(t)
	var b bytes.Buffer
	if _, err := export.Write(&b, l, export.Options{Format: "csv", Where: []string{"op=get", "rows=128"}}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 1+3 {
		t.Errorf("%d lines, want a head and 3 rounds", n)
	}
	_, err := export.Write(&b, l, export.Options{Format: "csv", Where: []string{"op=get", "rows=7"}})
	if want := "--where rows=7: no trial has it: rows is 128, 65536"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestBenchfmtTellsWhatIsLeftOut(t *testing.T) {
	l := stored(t)
	var b bytes.Buffer
	notes, err := export.Write(&b, l, export.Options{Format: "benchfmt"})
	if want := "1 of 12 trials are left out: they failed, are partial, or measured nothing"; err != nil || !slices.Equal(notes, []string{want}) {
		t.Errorf("%v, notes %q, want %q", err, notes, want)
	}
	if n := strings.Count(b.String(), "\nBenchmark"); n != 11 {
		t.Errorf("%d lines, want 11:\n%s", n, &b)
	}
	if !strings.Contains(b.String(), "BenchmarkGet/workload=perf/rows=128/transport=grpc/compression=none/concurrency=4-8 1 ") {
		t.Errorf("names are others:\n%.2000s", &b)
	}
	if _, err := export.Write(failing{}, l, export.Options{Format: "benchfmt"}); err == nil {
		t.Error("a full disk is no error")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestHgrm(t *testing.T) {
	l := stored(t)
	all := map[string]int64{}
	var first string
	notes, err := export.Hgrm(l, export.Options{Format: "hgrm"}, func(d export.Distribution) error {
		all[d.Name] = d.Histogram.TotalCount()
		if d.Name == "get-128-rows.batch_gap.hgrm" {
			var b strings.Builder
			err := d.Write(&b)
			first = b.String()
			return err
		}
		return nil
	})
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "1 of 3 rounds of ") {
		t.Errorf("%v, notes %q, want the failed round", err, notes)
	}
	if len(all) != 2*4+2*3 {
		t.Errorf("%d files, want 4 latencies of each get and 3 of each put: %v", len(all), all)
	}
	sum := int64(0)
	for _, tr := range l.Trials {
		if tr.Config.Op == "get" && tr.Config.Rows == 128 {
			sum += tr.Latencies["batch_gap"].Count
		}
	}
	if n := all["get-128-rows.batch_gap.hgrm"]; n != sum || sum == 0 {
		t.Errorf("%d samples, want those of all rounds, %d", n, sum)
	}
	if !strings.HasPrefix(first, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n") || !strings.Contains(first, " 1.000000000000 ") || strings.Contains(first, "Inf") {
		t.Errorf("not as plotters read it:\n%.500s", first)
	}
	if _, err := export.Hgrm(l, export.Options{Format: "hgrm", Latency: []string{"cancel"}}, nil); err == nil || !strings.Contains(err.Error(), "none of the trials has") {
		t.Errorf("%v, want that there is no such latency", err)
	}
	document := &results.Loaded{Dir: "one.json", Run: l.Run, Trials: l.Trials}
	if _, err := export.Hgrm(document, export.Options{Format: "hgrm"}, nil); err == nil || !strings.Contains(err.Error(), "one.json holds no histograms") {
		t.Errorf("%v, want a document refused", err)
	}
}

// TestDamagedLog has what the log lacks told wherever histograms are exported.
func TestDamagedLog(t *testing.T) {
	whole := stored(t)
	path := filepath.Join(whole.Dir, results.HlogFile)
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(log, []byte("\n"))
	if err := os.WriteFile(path, bytes.Join(lines[:len(lines)/2], nil), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := results.Open(whole.Dir)
	if err != nil {
		t.Fatal(err)
	}
	notes, err := export.Write(io.Discard, l, export.Options{Format: "csv", Table: "latencies"})
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "latency.hlog holds ") {
		t.Errorf("csv: %v, notes %q", err, notes)
	}
	notes, err = export.Hgrm(l, export.Options{Format: "hgrm", Where: []string{"op=put", "rows=128"}}, func(export.Distribution) error { return nil })
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "latency.hlog holds ") {
		t.Errorf("hgrm: %v, notes %q", err, notes)
	}
	if notes, err := export.Write(io.Discard, whole, export.Options{Format: "csv", Table: "trials"}); err != nil || len(notes) > 0 {
		t.Errorf("trials need no log: %v, notes %q", err, notes)
	}
}
