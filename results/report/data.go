package report

import (
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
	Alarm    string   // what makes the run unsafe, "" where nothing does
	Warnings []string // about the run as a whole
	Sections []section
	Facts    []fact
	Trials   []trial
}

// best is the configuration of an operation that moved most, or made most calls.
type best struct {
	Op, Rate, Unit, At string
	Details            []string
	Verdict            string // "" where it is valid
}

// section is the figures that answer one question. Those of Folded are of
// interest to fewer.
type section struct {
	Title  string
	SVGs   []template.HTML
	Folded bool
}

type fact struct{ Name, Value string }

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
	if slices.ContainsFunc(l.Trials, func(t *results.Trial) bool { return t.Config.TLSSkipVerify }) {
		d.Alarm = results.NotVerified + ": the server's certificate was not verified (--tls-skip-verify), so anybody may have answered"
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

// rates are what an operation is measured by: batches moved, or calls made.
var rates = []struct {
	metric, unit, cost string
	client, server     string
	scale, costScale   float64
	latencies          func(results.Group) []string
}{
	{results.BodyRate, "GB/s", "CPU s/GB", results.ClientCPU, results.ServerCPU, 1e9, 1,
		func(results.Group) []string { return []string{"batch_gap", "put_ack", "exchange"} }},
	{results.CallRate, "calls/s", "CPU µs/call", results.ClientCallCPU, results.ServerCallCPU, 1, 1e-6,
		func(g results.Group) []string { return []string{g.CallLatency()} }},
}

// bests finds the highest median rate of each operation.
func bests(groups []results.Group, axes []string) []best {
	var bs []best
	for _, r := range rates {
		var ops []string
		top := map[string]results.Group{}
		for _, g := range groups {
			op := g.Config.Op
			s := g.Metric(r.metric)
			if s.N == 0 {
				continue
			}
			if _, ok := top[op]; !ok {
				ops = append(ops, op)
				top[op] = g
			} else if s.Median > top[op].Metric(r.metric).Median {
				top[op] = g
			}
		}
		for _, op := range ops {
			g := top[op]
			s := g.Metric(r.metric)
			b := best{Op: op, Rate: results.FormatNumber(s.Median / r.scale), Unit: r.unit, At: compare.Label(g.Config, compare.Rest(axes, "op"))}
			if s.N > 1 {
				b.Details = append(b.Details, fmt.Sprintf("median of %d repeats, %s to %s", s.N, results.FormatNumber(s.Min/r.scale), results.FormatNumber(s.Max/r.scale)))
			}
			for _, name := range r.latencies(g) {
				if p := g.Latency(name, results.P99); p.N > 0 {
					b.Details = append(b.Details, fmt.Sprintf("%s p99 %s", strings.ReplaceAll(name, "_", " "), results.FormatNanoseconds(p.Median)))
				}
			}
			if c := g.Metric(r.client); c.N > 0 {
				text := r.cost + ": client " + results.FormatNumber(c.Median/r.costScale)
				if s := g.Metric(r.server); s.N > 0 {
					text += ", server " + results.FormatNumber(s.Median/r.costScale)
				}
				b.Details = append(b.Details, text)
			}
			if v := g.Verdict(); v != results.VerdictValid {
				b.Verdict = v
			}
			bs = append(bs, b)
		}
	}
	return bs
}

func sections(figures []*plot.Figure) ([]section, error) {
	kinds := []struct {
		title    string
		prefixes []string
		folded   bool
	}{
		{"Cost of each feature", []string{"relative"}, false},
		{"Throughput", []string{"throughput"}, false},
		{"Calls", []string{"calls", "latency-call"}, false},
		{"Latency", []string{"latency-batch-gap", "latency-put-ack", "latency-exchange", "latency-first-batch", "latency-cancel"}, false},
		{"Cost", []string{"cpu"}, false},
		{"Over time", []string{"timeline"}, false},
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
