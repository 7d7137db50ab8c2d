package plot

import (
	"flightbench/results"
	"flightbench/results/compare"
)

// maxRows is how many configurations one picture of bars lists.
const maxRows = 14

// cost draws the CPU seconds a GB costs, client and server side by side.
func (d *drawer) cost() {
	var groups []results.Group
	for _, g := range d.groups {
		if g.Metric(results.ClientCPU).N+g.Metric(results.ServerCPU).N > 0 {
			groups = append(groups, g)
		}
	}
	axes := results.Varying(groups)
	const what = "CPU time per gigabyte"
	for _, f := range d.facets(what, compare.ByAxis(groups, "", axes), axes, maxRows) {
		fig := &Figure{Name: "cpu" + f.file, Title: what + f.head, Notes: f.notes, Subtitle: f.subtitle("less is better", repeats(groups))}
		b := &bars{format: results.FormatNumber, styles: styles[:2]}
		var names []string
		server := false
		for _, s := range f.Series {
			g := s.Groups[0]
			b.rows = append(b.rows, []results.Spread{g.Metric(results.ClientCPU), g.Metric(results.ServerCPU)})
			server = server || g.Metric(results.ServerCPU).N > 0
			name := compare.Label(s.Config, f.Rest)
			if name == "" {
				name = s.Config.Op
			}
			names = append(names, name)
		}
		fig.entries = []entry{{label: "client", style: styles[0], bar: true}, {label: "server", style: styles[1], bar: true}}
		if !server {
			fig.Notes = append(fig.Notes, "The server's CPU time is not known.")
		}
		fig.lay(b, names, "", "CPU seconds per GB of Arrow IPC bodies")
		d.add(fig)
	}
}
