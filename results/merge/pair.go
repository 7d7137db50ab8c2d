package merge

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"flightbench/results"
)

// own are the Config fields in which generators may differ: how much each of
// them asks for, and what it is itself.
var own = []string{"seed", "gomaxprocs", "concurrency", "connections", "total", "rps", "rate"}

// shared is c without what is a generator's own.
func shared(c results.Config) results.Config {
	c.Seed, c.GOMAXPROCS, c.Concurrency, c.Connections, c.Total, c.RPS, c.Rate = 0, 0, 0, 0, 0, 0, 0
	return c
}

// set is the trials of one Config and round, one of each part.
type set struct {
	label  string
	trials []*results.Trial // by part
	common window
	spans  []span // by part; nil where a trial failed or measured nothing
}

// pair finds the sets. Configs that are the same but for a generator's own
// fields are paired in their order, the k-th of one part with the k-th of the
// others.
func (m *Merge) pair() error {
	groups := make([][]results.Group, len(m.parts))
	index := make([]map[string][]results.Group, len(m.parts))
	for i, p := range m.parts {
		groups[i], index[i] = results.GroupTrials(p.Trials), map[string][]results.Group{}
		for _, g := range groups[i] {
			key := shared(g.Config).Key()
			index[i][key] = append(index[i][key], g)
		}
	}
	for i := range m.parts {
		for j := range m.parts {
			for _, g := range groups[i] {
				key := shared(g.Config).Key()
				if len(index[i][key]) > len(index[j][key]) {
					return unpaired(m.parts[i], m.parts[j], g, groups[j])
				}
			}
		}
	}
	names := results.NamesOf(groups[0])
	seen := map[string]int{}
	for n, g := range groups[0] {
		key := shared(g.Config).Key()
		k := seen[key]
		seen[key]++
		each := make([]results.Group, len(m.parts))
		for i := range m.parts {
			each[i] = index[i][key][k]
		}
		if err := m.rounds(names[n], each); err != nil {
			return err
		}
	}
	if len(m.sets) == 0 {
		return fmt.Errorf("no round of a configuration is in all runs")
	}
	m.order()
	return nil
}

// unpaired says in what a Config of a differs from the nearest one of b.
func unpaired(a, b *part, g results.Group, others []results.Group) error {
	var nearest []string
	for i, o := range others {
		var fields []string
		for _, field := range fieldNames() {
			x, _ := g.Config.Axis(field)
			y, _ := o.Config.Axis(field)
			if x != y && !slices.Contains(own, field) {
				fields = append(fields, fmt.Sprintf("%s is %s in %s and %s in %s", field, orNone(x), a.name, orNone(y), b.name))
			}
		}
		if i == 0 || len(fields) < len(nearest) {
			nearest = fields
		}
	}
	if len(nearest) == 0 {
		return fmt.Errorf("%s has more configurations of %s than %s: generators that are merged run the same ones", a.name, g.Config.Op, b.name)
	}
	return fmt.Errorf("a configuration of %s is not in %s: %s; generators that are merged run the same ones, against the same target", a.name, b.name, strings.Join(nearest, ", "))
}

func orNone(s string) string {
	if s == "" {
		return "–"
	}
	return results.Clean(s)
}

// fieldNames are the JSON names of the fields of a Config.
func fieldNames() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[results.Config]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// rounds makes a set of each round that all parts have of a Config.
func (m *Merge) rounds(label string, each []results.Group) error {
	type place struct{ round, nth int }
	byPlace := make([]map[place]*results.Trial, len(each))
	var places []place
	for i, g := range each {
		byPlace[i] = map[place]*results.Trial{}
		nth := map[int]int{}
		for _, t := range g.Trials {
			at := place{t.Round, nth[t.Round]}
			nth[t.Round]++
			byPlace[i][at] = t
			if i == 0 {
				places = append(places, at)
			}
		}
	}
	used := 0
	for _, at := range places {
		s := set{label: strings.TrimPrefix(fmt.Sprintf("%s, round %d", label, at.round), ", ")}
		for i := range each {
			if t := byPlace[i][at]; t != nil {
				s.trials = append(s.trials, t)
			}
		}
		if len(s.trials) < len(each) {
			continue
		}
		if err := m.oneServer(s); err != nil {
			return err
		}
		m.sets = append(m.sets, s)
		used++
	}
	for i, g := range each {
		if n := len(g.Trials) - used; n > 0 {
			m.parts[i].left += n
			m.notes = append(m.notes, fmt.Sprintf("%d of %d rounds of %s are left out: other runs lack them", n, len(g.Trials),
				strings.TrimSuffix(m.parts[i].name+", "+label, ", ")))
		}
	}
	return nil
}

// oneServer refuses trials of which two servers of ours say that they served.
func (m *Merge) oneServer(s set) error {
	first := -1
	for i, t := range s.trials {
		switch {
		case t.Server == nil:
		case first < 0:
			first = i
		case t.Server.PID != s.trials[first].Server.PID || t.Server.Version != s.trials[first].Server.Version:
			return fmt.Errorf("%s: %s and %s measured two servers (processes %d and %d): generators that are merged measure one", s.label,
				m.parts[first].name, m.parts[i].name, s.trials[first].Server.PID, t.Server.PID)
		}
	}
	return nil
}

// order puts the sets in the order in which the first part measured them.
func (m *Merge) order() {
	at := map[*results.Trial]int{}
	for i, t := range m.parts[0].Trials {
		at[t] = i
	}
	slices.SortStableFunc(m.sets, func(a, b set) int { return at[a.trials[0]] - at[b.trials[0]] })
}
