package planning

import (
	"fmt"
	"strings"

	"flightbench/results"
)

func (p *planner) suppose(format string, args ...any) {
	p.plan.Assumptions = append(p.plan.Assumptions, fmt.Sprintf(format, args...))
}

// limits say what a capacity is worth that something other than the server
// limited.
var limits = map[string]string{
	results.LimitNeighbours:  "Other processes used the server's machine meanwhile: on an idle one it may hold more, and fewer may do.",
	results.LimitGenerator:   "The generator was the limit, not the server: a server holds at least this, and fewer may do.",
	results.LimitMachine:     "Client and server shared a machine, whose CPU was the limit: a server of its own holds more, and fewer may do.",
	results.LimitNetwork:     "The network was the limit: a server there holds no more, whatever its CPU.",
	results.LimitFlowControl: "Flow control was the limit: larger windows may let a server hold more (`flightbench tune`).",
}

// assume adds what is taken for granted.
func (p *planner) assume() {
	q := p.plan
	var gates []string
	for _, o := range p.c.Objectives {
		gates = append(gates, strings.Replace(o.Gate, "error_share", "errors", 1))
	}
	objectives := strings.Join(gates, ", ")
	if objectives == "" {
		objectives = "no objective but that the load is carried"
	}
	p.suppose("Each server is like the one measured, and is used to %s %% of what it holds or less; the objectives are met there (%s).", share(q.Utilisation), objectives)
	p.suppose("Servers scale linearly: N of them hold N times as much. Nothing that they share (storage, network, a load balancer) was measured.")
	p.suppose("The load is balanced evenly, and is that of the run: %s.", p.workload())
	switch p.at[0].Config.Arrival {
	case "constant":
		p.suppose("Requests came at even intervals; bursts need more room: measure with --arrival poisson.")
	case "":
		p.suppose("Clients waited for an answer before they asked again (closed loop); such that do not wait queue sooner: measure with --over rps.")
	}
	if text := limits[p.c.LimitedBy]; text != "" {
		p.suppose("%s", text)
	}
	switch {
	case p.c.Outcome == results.CapacityHighest:
		p.suppose("The search ended at the highest load that was allowed, which still held: a server holds at least this, and fewer may do.")
	case !p.c.Told:
		p.suppose("The search ended before its interval was as narrow as was asked for.")
	}
	if p.c.Hysteresis.Found {
		p.suppose("After an overload the server held less for a while; that is not in the plan.")
	}
	if len(p.c.Deaths) > 0 {
		p.suppose("The server went away %d times under more load; a lost server must not push the others there: keep one to spare.", len(p.c.Deaths))
	}
}

// workload says what was measured, in the words of the table.
func (p *planner) workload() string {
	fields := []string{p.c.Over, "rps", "rate"}
	if p.c.Over != "connections" {
		fields = append(fields, "concurrency")
	}
	return results.Common([]results.Group{{Config: p.at[0].Config, Trials: p.at}}, fields)
}
