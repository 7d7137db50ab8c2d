package report

import (
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/plot"
)

// data is what the page shows.
type data struct {
	Title    string
	Size     string // how many trials, and whether that is all
	Run      results.Run
	When     string
	Command  string
	DarkCSS  template.CSS
	Best     []best
	Table    results.Table
	Warnings []string // about the run as a whole
	Sections []section
	Facts    []fact
	Trials   []trial
}

// best is the configuration of an operation that moved most.
type best struct {
	Op, Rate, At string
	Details      []string
	Verdict      string // "" where it is valid
}

// section is the figures that answer one question. Those of Folded are of
// interest to fewer.
type section struct {
	Title  string
	SVGs   []template.HTML
	Folded bool
}

type fact struct{ Name, Value string }

type trial struct {
	*results.Trial
	Label     string
	Outcome   string
	Bad       bool
	Metrics   []fact
	Latencies []latency
	Errors    []fact
	Config    string
	Counts    []fact
}

type latency struct {
	Name, Doc string
	results.Latency
}

func newData(l *results.Loaded, figures []*plot.Figure) (*data, error) {
	groups := results.GroupTrials(l.Trials)
	axes := results.Varying(groups)
	d := &data{
		Title: l.Run.Name, Run: l.Run, Command: quote(l.Run.Command), DarkCSS: plot.DarkCSS,
		Table: results.Tabulate(l.Run, l.Trials), Warnings: l.Warnings, Facts: facts(l.Run), Best: bests(groups, axes),
	}
	if d.Title == "" {
		d.Title = "run"
	}
	d.Size = strings.TrimPrefix(d.Table.Title, d.Title+": ")
	if !l.Run.Started.IsZero() {
		d.When = l.Run.Started.Format("2006-01-02 15:04:05 MST")
		if took := l.Run.Ended.Sub(l.Run.Started); !l.Run.Ended.IsZero() {
			d.When += ", took " + took.Round(time.Second).String()
		}
	}
	var err error
	if d.Sections, err = sections(figures); err != nil {
		return nil, err
	}
	for _, t := range l.Trials {
		v, err := newTrial(t, axes)
		if err != nil {
			return nil, err
		}
		d.Trials = append(d.Trials, v)
	}
	return d, nil
}

// bests finds the highest median rate of each operation.
func bests(groups []results.Group, axes []string) []best {
	var ops []string
	top := map[string]results.Group{}
	for _, g := range groups {
		op := g.Config.Op
		s := g.Metric(results.BodyRate)
		if s.N == 0 {
			continue
		}
		if _, ok := top[op]; !ok {
			ops = append(ops, op)
			top[op] = g
		} else if s.Median > top[op].Metric(results.BodyRate).Median {
			top[op] = g
		}
	}
	var bs []best
	for _, op := range ops {
		g := top[op]
		s := g.Metric(results.BodyRate)
		b := best{Op: op, Rate: results.FormatNumber(s.Median / 1e9), At: compare.Label(g.Config, compare.Rest(axes, "op"))}
		if s.N > 1 {
			b.Details = append(b.Details, fmt.Sprintf("median of %d repeats, %s to %s", s.N, results.FormatNumber(s.Min/1e9), results.FormatNumber(s.Max/1e9)))
		}
		for _, name := range []string{"batch_gap", "put_ack", "exchange"} {
			if p := g.Latency(name, results.P99); p.N > 0 {
				b.Details = append(b.Details, fmt.Sprintf("%s p99 %s", strings.ReplaceAll(name, "_", " "), results.FormatNanoseconds(p.Median)))
			}
		}
		if c := g.Metric(results.ClientCPU); c.N > 0 {
			text := "CPU s/GB: client " + results.FormatNumber(c.Median)
			if s := g.Metric(results.ServerCPU); s.N > 0 {
				text += ", server " + results.FormatNumber(s.Median)
			}
			b.Details = append(b.Details, text)
		}
		if v := g.Verdict(); v != results.VerdictValid {
			b.Verdict = v
		}
		bs = append(bs, b)
	}
	return bs
}

func sections(figures []*plot.Figure) ([]section, error) {
	kinds := []struct {
		title    string
		prefixes []string
		folded   bool
	}{
		{"Throughput", []string{"throughput"}, false},
		{"Latency", []string{"latency-batch-gap", "latency-put-ack", "latency-exchange", "latency-first-batch"}, false},
		{"Cost", []string{"cpu"}, false},
		{"Throughput over time", []string{"timeline"}, false},
		{"Further latencies", []string{""}, true},
	}
	out := make([]section, len(kinds))
	for _, f := range figures {
		svg, err := f.SVG()
		if err != nil {
			return nil, err
		}
		for i, k := range kinds {
			if slices.ContainsFunc(k.prefixes, func(p string) bool { return strings.HasPrefix(f.Name, p) }) {
				out[i].Title, out[i].Folded = k.title, k.folded
				// #nosec G203: drawn by us; every text in it is escaped.
				out[i].SVGs = append(out[i].SVGs, template.HTML(svg))
				break
			}
		}
	}
	return slices.DeleteFunc(out, func(s section) bool { return len(s.SVGs) == 0 }), nil
}

func newTrial(t *results.Trial, axes []string) (trial, error) {
	v := trial{Trial: t, Label: compare.Label(t.Config, axes), Outcome: t.Outcome()}
	v.Bad = v.Outcome != results.VerdictValid
	for _, name := range results.InOrder(t.Metrics, results.Metrics) {
		v.Metrics = append(v.Metrics, fact{name, t.Metrics[name].String()})
	}
	for _, name := range results.InOrder(t.Latencies, results.Latencies) {
		v.Latencies = append(v.Latencies, latency{name, results.LatencyDoc(name), t.Latencies[name]})
	}
	for _, code := range results.InOrder(t.Errors, nil) {
		v.Errors = append(v.Errors, fact{code, results.FormatInteger(t.Errors[code])})
	}
	size := func(n int64) string { return results.FormatInteger(n) + " B" } // these are compared, not skimmed
	v.Counts = []fact{
		{"window", results.FormatSeconds(t.Seconds)},
		{"streams", results.FormatInteger(t.Streams)},
		{"batches", results.FormatInteger(t.Batches)},
		{"rows", results.FormatInteger(t.Rows)},
		{"logical bytes", size(t.Bytes.Logical)},
		{"body bytes", size(t.Bytes.Body)},
		{"wire bytes", size(t.Bytes.Wire)},
	}
	b, err := json.MarshalIndent(t.Config, "", "  ")
	if err != nil {
		return v, fmt.Errorf("write the report: trial %s: %w", t.ID, err)
	}
	v.Config = string(b)
	return v, nil
}

// facts are the environment, with what is unknown left out.
func facts(r results.Run) []fact {
	e := r.Environment
	all := []fact{
		{"flightbench", r.Version},
		{"Machine", e.Hostname},
		{"CPU", e.CPU},
		{"Cores", positive(int64(e.Cores))},
		{"Memory", ""},
		{"System", strings.TrimSpace(e.OS + " " + e.Arch)},
		{"Kernel", e.Kernel},
		{"CPU governor", e.Governor},
		{"Hypervisor", e.Virtual},
		{"CPU time stolen", results.FormatNumber(e.StealShare*100) + " %"},
		{"Clock source", e.ClockSource},
		{"Go", e.Go},
		{"GOMAXPROCS", positive(int64(e.GOMAXPROCS))},
		{"GOGC", e.GOGC},
		{"GOMEMLIMIT", e.GOMEMLIMIT},
		{"grpc-go", e.GRPC},
		{"arrow-go", e.Arrow},
		{"Seed", fmt.Sprint(r.Seed)},
	}
	if e.MemoryBytes > 0 {
		all[4].Value = results.FormatSI(float64(e.MemoryBytes), "B")
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Value == "" })
}

func positive(n int64) string {
	if n <= 0 {
		return ""
	}
	return results.FormatInteger(n)
}

// quote writes argv so that a POSIX shell reads it back.
func quote(argv []string) string {
	out := make([]string, len(argv))
	for i, a := range argv {
		if a != "" && strings.Trim(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+,./:@%") == "" {
			out[i] = a
			continue
		}
		out[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(out, " ")
}
