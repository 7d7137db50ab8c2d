package plot_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
	"flightbench/results/plot"
)

var keep = flag.String("keep", "", "draw the figures of each case into this folder, to be looked at")

func cases() map[string][]*results.Trial {
	zero := resultstest.Matrix(1, resultstest.Ops("get", "put"))
	for _, t := range zero {
		t.Bytes, t.Rows, t.Batches, t.Timeline, t.Hists, t.Latencies = results.Bytes{}, 0, 0, nil, nil, nil
		for name, m := range t.Metrics {
			m.Value = 0
			t.Metrics[name] = m
		}
	}
	nothing := resultstest.Matrix(1)
	nothing[0].Metrics, nothing[0].Latencies, nothing[0].Hists, nothing[0].Timeline = nil, nil, nil, nil
	failed := resultstest.Matrix(1, resultstest.Rows(128, 4096))
	failed[0].Status = results.StatusFailed
	long := resultstest.Matrix(2, resultstest.Workloads("file:/a/very/long/path/to/some/table/that/nobody/can/remember/part-00000-of-00512.parquet", "perf", "bad\x00\x1b<b>&\u202e"), resultstest.Ops("get", "put"))
	shared := resultstest.Matrix(2, resultstest.Ops("get", "put"), resultstest.Transports("direct", "grpc"), resultstest.Rows(128, 65536))
	resultstest.TimeShares(shared)
	shared[2].Verdict, shared[5].Verdict = results.VerdictUnstable, results.VerdictGeneratorBound
	return map[string][]*results.Trial{
		"open":       resultstest.OpenLoop(2, []float64{100, 500, 1200}),
		"shares":     shared,
		"default":    resultstest.Matrix(2, resultstest.Ops("get", "put"), resultstest.Rows(128, 1024, 65536)),
		"ops":        resultstest.Matrix(1, resultstest.Ops("get", "put", "exchange"), resultstest.Rows(128, 65536), resultstest.Transports("direct", "grpc", "stock")),
		"codecs":     resultstest.Matrix(1, resultstest.Ops("get", "put"), resultstest.Codecs("none", "lz4", "zstd:1", "zstd:3")),
		"streams":    resultstest.Matrix(1, resultstest.Streams(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48, 64, 1024)),
		"seven":      resultstest.Matrix(1, resultstest.Streams(1, 16), resultstest.Codecs("none", "lz4", "zstd", "zstd:3", "zstd:5", "zstd:7", "zstd:9")),
		"one":        resultstest.Matrix(1),
		"queries":    resultstest.Matrix(2, resultstest.Ops("query", "prepared"), resultstest.Streams(1, 2, 4)),
		"one call":   resultstest.Matrix(1, resultstest.Ops("poll")),
		"calls":      resultstest.Matrix(2, resultstest.Ops("info", "schema", "list-flights", "action:ping"), resultstest.Streams(1, 4, 16)),
		"mixed":      resultstest.Matrix(2, resultstest.Ops("get", "put", "handshake"), resultstest.Headers(0, 1, 10)),
		"features":   resultstest.FeatureCosts(2),
		"zero bytes": zero,
		"nothing":    nothing,
		"failed":     failed,
		"long names": long,
		"empty":      nil,
	}
}

func TestFigures(t *testing.T) {
	for name, trials := range cases() {
		t.Run(name, func(t *testing.T) {
			l := &results.Loaded{Run: resultstest.Run(len(trials)), Trials: trials}
			figures, notes, err := plot.All(l)
			if err != nil {
				t.Fatal(err)
			}
			if name == "default" && len(figures) < 6 {
				t.Errorf("only %d figures", len(figures))
			}
			for _, f := range figures {
				if svg, err := f.SVG(); err != nil {
					t.Error(err)
				} else {
					checkSVG(t, f.Name, svg, f.Title)
				}
			}
			dir := filepath.Join(t.TempDir(), "plots")
			if *keep != "" {
				dir = filepath.Join(*keep, name)
				t.Logf("%d figures, notes %q", len(figures), notes)
			}
			if *keep == "" && len(figures) > 2 {
				figures = figures[:2] // rasters take their time
			}
			if err := plot.Write(dir, figures); err != nil {
				t.Fatal(err)
			}
			for _, f := range figures {
				checkPNG(t, filepath.Join(dir, f.Name+".png"))
			}
			if n, _ := filepath.Glob(filepath.Join(dir, "*")); len(n) != 2*len(figures) {
				t.Errorf("%d files for %d figures", len(n), len(figures))
			}
		})
	}
}

// What a run has decides which figures it gets.
func TestWhichFigures(t *testing.T) {
	for _, c := range []struct {
		name      string
		trials    []*results.Trial
		want, not []string // beginnings of names
	}{
		{"streams", resultstest.Matrix(1, resultstest.Rows(128, 1024)), []string{"throughput-by-rows", "timeline", "cpu", "latency-batch-gap"},
			[]string{"calls", "timeline-calls", "cpu-per-call", "latency-call", "relative"}},
		{"calls", resultstest.Matrix(1, resultstest.Ops("info", "poll")), []string{"calls-by-op", "timeline-calls", "cpu-per-call", "latency-calls"},
			[]string{"throughput", "latency-info", "latency-poll", "relative"}},
		{"one kind of call", resultstest.Matrix(1, resultstest.Ops("info"), resultstest.Streams(1, 2)), []string{"calls-by-concurrency", "latency-call-info"}, []string{"latency-calls", "throughput"}},
		{"both", resultstest.Matrix(1, resultstest.Ops("get", "info")), []string{"throughput", "calls", "latency-info", "latency-call-info", "cpu", "cpu-per-call", "timeline", "timeline-calls"}, nil},
		{"queries", resultstest.Matrix(1, resultstest.Ops("query", "prepared"), resultstest.Streams(1, 2, 4)),
			[]string{"queries-by-concurrency", "timeline-queries", "cpu-per-query", "latency-query", "latency-bind"}, []string{"throughput", "timeline-by", "cpu-by", "cpu-2", "calls"}},
		{"features", resultstest.FeatureCosts(1), []string{"relative", "throughput", "calls", "latency-call-info-by-tls"}, []string{"throughput-by", "calls-by"}},
		{"two targets", resultstest.Plan(1, resultstest.OneAtATime([]resultstest.Axis{resultstest.Targets("b", "a")}, resultstest.Codecs("none", "lz4"), resultstest.Headers(0, 1, 2))),
			[]string{"relative-b", "relative-a"}, nil},
		{"one feature", resultstest.Matrix(1, resultstest.Headers(0, 1, 10, 100)), []string{"relative", "throughput-by-headers"}, nil},
		{"too few for a base", resultstest.Matrix(1, resultstest.Headers(0, 1, 10)), nil, []string{"relative"}},
		{"no feature", resultstest.Matrix(1, resultstest.Rows(1, 10, 100, 1000)), nil, []string{"relative"}},
		{"open loop", resultstest.OpenLoop(1, []float64{100, 1200}), []string{"spectrum-stream", "spectrum-first-batch", "latency-batch-gap", "latency-lateness", "pace-100-streams-s", "pace-1200", "heat-stream-100", "time-shares"},
			[]string{"latency-stream", "latency-first-batch", "spectrum-lateness", "spectrum-batch-gap", "pace-3"}},
		{"closed loop", resultstest.Matrix(1, resultstest.Rows(128, 1024)), []string{"latency-stream", "heat-batch-gap-128-rows"}, []string{"spectrum", "pace", "time-shares"}},
		{"curves and a base", resultstest.Plan(1, resultstest.OneAtATime(nil, resultstest.Codecs("none", "lz4"), resultstest.Rows(128, 1024, 8192))),
			[]string{"relative", "throughput", "throughput-by-rows"}, []string{"throughput-by-compression"}},
	} {
		l := &results.Loaded{Run: resultstest.Run(len(c.trials)), Trials: c.trials}
		figures, _, err := plot.All(l)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range figures {
			names = append(names, f.Name)
		}
		for _, want := range c.want {
			if !slices.ContainsFunc(names, func(n string) bool { return n == want || strings.HasPrefix(n, want+"-") }) {
				t.Errorf("%s: no figure %s among %q", c.name, want, names)
			}
		}
		for _, not := range c.not {
			if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, not) }) {
				t.Errorf("%s: a figure %s among %q", c.name, not, names)
			}
		}
	}
}

func TestRelativeFigureTellsItsBase(t *testing.T) {
	trials := resultstest.FeatureCosts(2)
	figures, _, err := plot.All(&results.Loaded{Run: resultstest.Run(len(trials)), Trials: trials})
	if err != nil {
		t.Fatal(err)
	}
	f := figures[0]
	if f.Name != "relative" || !strings.Contains(f.Subtitle, "100 % is TLS off · no codec · no auth · no headers · no middlewares: get ") {
		t.Errorf("the first figure is %s, %q", f.Name, f.Subtitle)
	}
	svg, err := f.SVG()
	if err != nil {
		t.Fatal(err)
	}
	// What the rounds cannot tell from the base is pale, and the figure says so.
	if !strings.Contains(f.Subtitle, "pale: not to be told from the base") || !bytes.Contains(svg, []byte("fill-opacity")) || bytes.Count(svg, []byte("fill-opacity")) > 8 {
		t.Errorf("%d pale bars, %q", bytes.Count(svg, []byte("fill-opacity")), f.Subtitle)
	}
	for _, want := range []string{">TLS on<", ">mTLS<", ">zstd<", ">basic auth<", ">100 headers<", ">10 middlewares<", ">info, calls/s<"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("it does not say %s", want)
		}
	}
}

// Rates are in the unit that fits the fastest.
func TestUnitOfThroughput(t *testing.T) {
	trials := resultstest.Matrix(1, resultstest.Rows(128, 1024))
	for _, tr := range trials {
		m := tr.Metrics[results.BodyRate]
		m.Value /= 1000
		tr.Metrics[results.BodyRate] = m
	}
	figures, _, err := plot.All(&results.Loaded{Run: resultstest.Run(len(trials)), Trials: trials})
	if err != nil {
		t.Fatal(err)
	}
	svg, err := figures[0].SVG()
	if err != nil || !bytes.Contains(svg, []byte(">MB/s of Arrow IPC bodies<")) {
		t.Errorf("%v, %s has another unit", err, figures[0].Name)
	}
}

func checkPNG(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if img.Bounds().Dx() != 1600 {
		t.Errorf("%s is %v", path, img.Bounds())
	}
	colors := map[[3]uint32]bool{}
	for y := 0; y < img.Bounds().Dy(); y += 3 {
		for x := 0; x < 1600; x += 3 {
			r, g, b, _ := img.At(x, y).RGBA()
			colors[[3]uint32{r, g, b}] = true
		}
	}
	if len(colors) < 3 {
		t.Errorf("%s holds %d colours: nothing is drawn", path, len(colors))
	}
}

func checkSVG(t *testing.T, path string, b []byte, title string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	var texts []string
	root := ""
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if root == "" {
				root = tok.Name.Local
			}
			for _, a := range tok.Attr {
				if a.Name.Local == "aria-label" {
					continue
				}
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s: <%s %s=%q>", path, tok.Name.Local, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			texts = append(texts, strings.TrimSpace(string(tok)))
		}
	}
	if root != "svg" || !strings.Contains(strings.Join(texts, " "), strings.Fields(title)[0]) {
		t.Errorf("%s: root is %q, texts are %q", path, root, texts)
	}
}

// What cannot be drawn legibly is told, in the figure and to the caller.
func TestTooManySeriesIsTold(t *testing.T) {
	codecs := strings.Fields("none lz4 zstd:1 zstd:2 zstd:3 zstd:4 zstd:5 zstd:6 zstd:7")
	l := &results.Loaded{Run: resultstest.Run(9), Trials: resultstest.Matrix(1, resultstest.Codecs(codecs...))}
	figures, notes, err := plot.All(l)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "7 of 9 lines are drawn") }) {
		t.Errorf("notes are %q", notes)
	}
	if !slices.ContainsFunc(figures, func(f *plot.Figure) bool { return len(f.Notes) > 0 }) {
		t.Error("no figure tells")
	}
}

func TestDamagedHistogramIsAnError(t *testing.T) {
	l := resultstest.Store(t, resultstest.Run(1), resultstest.Matrix(1))
	path := filepath.Join(l.Dir, results.HlogFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(b, []byte("HISTF"), []byte("HISTG")), 0o644); err != nil {
		t.Fatal(err)
	}
	if l, err = results.Open(l.Dir); err != nil {
		t.Fatal(err)
	}
	figures, _, err := plot.All(l)
	if err == nil || !strings.Contains(err.Error(), "trial t001") || len(figures) == 0 {
		t.Errorf("%d figures, error %v", len(figures), err)
	}
}

func TestPartialTrialsWithStrangeNumbers(t *testing.T) {
	trials := resultstest.Matrix(2, resultstest.Rows(1, 2, 3))
	for i, tr := range trials {
		tr.Status = results.StatusPartial
		m := tr.Metrics[results.BodyRate]
		m.Value = []float64{math.MaxFloat64, 1e-300, 0, -5, 1e18, math.NaN()}[i%6]
		tr.Metrics[results.BodyRate] = m
		tr.Config.Rows = []int64{0, 1, 1 << 40}[tr.Config.Rows-1]
		tr.Timeline[0].Seconds = 0
		tr.Timeline[1].Bytes.Body = math.MaxInt64
	}
	l := &results.Loaded{Run: resultstest.Run(len(trials)), Trials: trials}
	figures, _, err := plot.All(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		svg, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		checkSVG(t, f.Name, svg, f.Title)
	}
}
