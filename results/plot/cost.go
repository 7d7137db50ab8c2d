package plot

import (
	"slices"

	"flightbench/results"
	"flightbench/results/compare"
)

// maxRows is how many configurations one picture of bars lists.
const maxRows = 14

// cost is what a unit of work of a kind costs.
type cost struct {
	kind        *results.Kind
	file, title string
	label       string
}

var costs = []cost{
	{results.KindStreams, "cpu", "CPU time per gigabyte", "CPU seconds per GB of Arrow IPC bodies"},
	{results.KindQueries, "cpu-per-query", "CPU time per query", "CPU µs per query"},
	{results.KindCalls, "cpu-per-call", "CPU time per call", "CPU µs per call"},
}

// costs draws what a unit of work of each kind costs.
func (d *drawer) costs() error {
	for _, c := range costs {
		d.cost(c)
	}
	return nil
}

// cost draws what a unit of work costs, client and server side by side.
func (d *drawer) cost(c cost) {
	var groups []results.Group
	server := false
	for _, g := range d.groups {
		if g.Kind() == c.kind && g.Metric(c.kind.ClientCPU).N+g.Metric(c.kind.ServerCPU).N > 0 {
			groups = append(groups, g)
			server = server || g.Metric(c.kind.ServerCPU).N > 0
		}
	}
	l := list{
		file: c.file, title: c.title, remark: "less is better", values: c.label,
		entries: []entry{{label: "client", style: styles[0], bar: true}, {label: "server", style: styles[1], bar: true}},
		bars: func(g results.Group) []results.Spread {
			return []results.Spread{scaled(g.Metric(c.kind.ClientCPU), c.kind.CostScale), scaled(g.Metric(c.kind.ServerCPU), c.kind.CostScale)}
		},
	}
	if !server {
		l.notes = []string{"The server's CPU time is not known."}
	}
	d.list(l, groups)
}

// list is a picture of bars with a row a configuration.
type list struct {
	file, title, remark string
	values              string // label of the axis of figures
	notes               []string
	entries             []entry
	bars                func(results.Group) []results.Spread // one each style
}

// list draws l for groups.
func (d *drawer) list(l list, groups []results.Group) {
	axes := results.Varying(groups)
	for _, f := range d.facets(l.title, compare.ByAxis(groups, "", axes), axes, maxRows) {
		fig := &Figure{Name: l.file + f.file, Title: l.title + f.head, Notes: append(f.notes, l.notes...),
			Subtitle: f.subtitle(l.remark, repeats(groups)), entries: l.entries}
		b := &bars{format: results.FormatNumber, styles: styles[:max(len(l.entries), 1)]}
		var names []string
		for _, s := range f.Series {
			row := l.bars(s.Groups[0])
			b.rows, b.doubt = append(b.rows, row), append(b.doubt, slices.Repeat([]bool{doubtful(s.Groups[0])}, len(row)))
			name := f.Label(s)
			if name == "" {
				name = s.Config.Op
			}
			names = append(names, name)
		}
		fig.lay(b, names, "", l.values)
		d.add(fig)
	}
}
