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
	Facts    []string // counts that are worth knowing and no fault of anybody

	Words       Words
	Banner      *banner // nil where there is nothing to tell
	Alarmed     bool    // the banner comes first
	Environment []fact
	Trials      []trial
}

// best is the configuration of an operation that moved most, or made most calls.
type best struct {
	Op, Rate, Unit, At string
	Details            []string
	Verdict            string // "" where it is valid
}

type fact struct{ Name, Value string }

func newData(l *results.Loaded, figures []*plot.Figure) (*data, error) {
	groups := results.GroupTrials(results.WithoutRungs(l.Trials))
	axes := results.Varying(groups)
	d := &data{
		Title: l.Run.Name, Run: l.Run, Command: quote(l.Run.Command), DarkCSS: plot.DarkCSS,
		Table: results.Tabulate(l.Run, l.Trials), Warnings: l.Warnings, Environment: facts(l.Run),
	}
	if l.Run.Capacity == nil && l.Run.Tuning == nil { // the best of what a search tried is not its answer
		d.Best = bests(groups, axes)
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
	d.Words, d.Banner = InWords(l), newBanner(l.Trials, d.Table.Notes)
	for _, n := range d.Table.Notes {
		if n.Kind == results.NoteFact {
			d.Facts = append(d.Facts, n.Text)
		}
	}
	d.Alarmed = d.Banner != nil && d.Banner.Alarm
	axes = results.Varying(results.GroupTrials(l.Trials)) // of rungs as well
	var err error
	if d.Sections, err = sections(l, figures); err != nil {
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

// bests are the cards of the best of each operation.
func bests(groups []results.Group, axes []string) (bs []best) {
	best, base := tops(groups)
	for _, g := range best {
		bs = append(bs, bestOf(g, axes, base))
	}
	return bs
}

// bestOf is g as the best of its operation.
func bestOf(g results.Group, axes []string, base bool) best {
	k := g.Kind()
	s := g.Metric(k.Rate)
	unit, scale := k.Unit(s.Median)
	b := best{Op: g.Config.Op, Rate: results.FormatNumber(s.Median / scale), Unit: unit, At: g.Config.Label(compare.Rest(axes, "op"))}
	if base {
		b.At = strings.TrimSpace(results.BaseName + ", " + b.At)
	}
	if s.N > 1 {
		b.Details = append(b.Details, fmt.Sprintf("median of %d repeats, %s to %s", s.N, results.FormatNumber(s.Min/scale), results.FormatNumber(s.Max/scale)))
	}
	for _, name := range g.Latencies() {
		if p := g.P99(name); p != "" {
			b.Details = append(b.Details, fmt.Sprintf("%s p99 %s", strings.ReplaceAll(name, "_", " "), p))
		}
	}
	if c := g.Metric(k.ClientCPU); c.N > 0 {
		text := k.Cost + ": client " + results.FormatNumber(c.Median/k.CostScale)
		if s := g.Metric(k.ServerCPU); s.N > 0 {
			text += ", server " + results.FormatNumber(s.Median/k.CostScale)
		}
		b.Details = append(b.Details, text)
	}
	if v := g.Verdict(); v != results.VerdictValid {
		b.Verdict = v
	}
	return b
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
