package compare

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"flightbench/results"
)

// pairing is two groups that are to be compared, with the words that tell
// their sides and them apart.
type pairing struct {
	label    string
	from, to string
	old, new results.Group
}

// softFields describe the machine and the server, not what is asked of them:
// runs may differ in them and are compared all the same, which is told.
var softFields = []string{"gomaxprocs", "server_transport", "tls_min", "tls_skip_verify"}

// counts tells whether the figures of t count in a comparison.
func counts(t *results.Trial) bool {
	return t.Status == results.StatusOK && t.Verdict != results.VerdictIncomplete
}

// counted are the groups of trials that are no rungs of ladders, each with those trials alone that count.
func counted(trials []*results.Trial) []results.Group {
	groups := results.GroupTrials(results.WithoutRungs(trials))
	for i := range groups {
		groups[i].Trials = slices.DeleteFunc(slices.Clone(groups[i].Trials), func(t *results.Trial) bool { return !counts(t) })
	}
	return groups
}

// pairWithin pairs what differs in axis alone: the groups of its value base,
// or of the first one, each with those of the others.
func pairWithin(trials []*results.Trial, axis, base string) ([]pairing, error) {
	groups := counted(trials)
	varying := results.Varying(groups)
	if _, ok := (results.Config{}).Axis(axis); !ok {
		return nil, fmt.Errorf("--by %q is no field of a configuration: %s", axis, vary(varying))
	}
	values := Values(groups, axis)
	if len(values) < 2 {
		return nil, fmt.Errorf("--by %s: all trials have %s: %s", axis, valueOf(groups[0].Config, axis), vary(varying))
	}
	if base == "" {
		base, _ = values[0].Axis(axis)
	}
	var names []string
	for _, c := range values {
		v, _ := c.Axis(axis)
		names = append(names, v)
	}
	if !slices.Contains(names, base) {
		return nil, fmt.Errorf("--base %q: %s has the values %s", base, axis, strings.Join(names, ", "))
	}
	rest := slices.DeleteFunc(Rest(varying, axis), func(field string) bool {
		return axis == "target" && (field == "tls" || field == "auth") && follows(groups, field, axis)
	})
	var pairs []pairing
	for _, s := range ByAxis(groups, axis, rest) {
		i := slices.IndexFunc(s.Groups, func(g results.Group) bool { v, _ := g.Config.Axis(axis); return v == base })
		if i < 0 {
			continue
		}
		for j, g := range s.Groups {
			if j != i {
				pairs = append(pairs, pairing{Label(s.Config, rest), valueOf(s.Groups[i].Config, axis), valueOf(g.Config, axis), s.Groups[i], g})
			}
		}
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("--by %s: no configuration differs from one of %s %s in that alone", axis, axis, base)
	}
	return pairs, nil
}

// vary says what --by could name.
func vary(axes []string) string {
	if len(axes) == 0 {
		return "nothing varies in this run"
	}
	return "in this run vary " + strings.Join(axes, ", ")
}

// valueOf is the value of a field for people, "–" where it is empty.
func valueOf(c results.Config, field string) string { return results.Clean(c.Value(field)) }

// follows tells whether each value of axis goes with one value of field.
func follows(groups []results.Group, field, axis string) bool {
	of := map[string]string{}
	for _, g := range groups {
		a, _ := g.Config.Axis(axis)
		v, _ := g.Config.Axis(field)
		if old, ok := of[a]; ok && old != v {
			return false
		}
		of[a] = v
	}
	return true
}

// pairRuns pairs the configurations of two runs that are equal but for
// softFields, for the fields that except names, and for the target where each
// run has one. notes tell what is in one of the runs alone.
func pairRuns(old, new []*results.Trial, except []string) (pairs []pairing, notes []string, err error) {
	olds, news := counted(old), counted(new)
	for name, groups := range map[string][]results.Group{"OLD": olds, "NEW": news} {
		if len(groups) == 0 {
			return nil, nil, fmt.Errorf("%s holds no trial", name)
		}
	}
	skip := slices.Concat(softFields, except)
	if len(Values(olds, "target")) == 1 && len(Values(news, "target")) == 1 {
		skip = append(skip, "target")
	}
	fields := slices.DeleteFunc(configFields(), func(f string) bool { return slices.Contains(skip, f) })
	at := map[string]results.Group{}
	for _, g := range news {
		key := g.Config.Tuple(fields)
		if _, ok := at[key]; ok {
			return nil, nil, alike("NEW", except)
		}
		at[key] = g
	}
	seen := map[string]bool{}
	var lost []results.Group
	for _, g := range olds {
		key := g.Config.Tuple(fields)
		if seen[key] {
			return nil, nil, alike("OLD", except)
		}
		seen[key] = true
		if n, ok := at[key]; ok {
			pairs = append(pairs, pairing{from: "old", to: "new", old: g, new: n})
		} else {
			lost = append(lost, g)
		}
	}
	if len(pairs) == 0 {
		return nil, nil, errors.New("the runs have no configuration in common: " + apart(olds, news, fields))
	}
	axes := results.Varying(olds)
	for i := range pairs {
		pairs[i].label = Label(pairs[i].old.Config, axes)
	}
	if n := len(lost); n > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d configurations of OLD are not in NEW: %s", n, len(olds), some(lost, axes)))
	}
	if n := len(news) - len(pairs); n > 0 {
		extra := slices.DeleteFunc(slices.Clone(news), func(g results.Group) bool { return seen[g.Config.Tuple(fields)] })
		notes = append(notes, fmt.Sprintf("%d of %d configurations of NEW are not in OLD: %s", n, len(news), some(extra, results.Varying(news))))
	}
	return pairs, notes, nil
}

func alike(run string, except []string) error {
	return fmt.Errorf("%s has several configurations that differ in nothing but %s: leave that out of --by, or compare within one run", run, strings.Join(slices.Concat(except, softFields), ", "))
}

// some names the first groups.
func some(groups []results.Group, axes []string) string {
	const shown = 3
	var names []string
	for i, g := range groups {
		if i == shown {
			names = append(names, fmt.Sprintf("and %d more", len(groups)-shown))
			break
		}
		names = append(names, Label(g.Config, axes))
	}
	return results.Clean(strings.Join(names, "; "))
}

// apart tells in which fields no two of the groups agree.
func apart(olds, news []results.Group, fields []string) string {
	var parts, names []string
	for _, f := range fields {
		a, b := Values(olds, f), Values(news, f)
		if slices.ContainsFunc(a, func(c results.Config) bool {
			return slices.ContainsFunc(b, func(d results.Config) bool { return results.CompareAxis(c, d, f) == 0 })
		}) {
			continue
		}
		names = append(names, f)
		parts = append(parts, fmt.Sprintf("%s is %s in OLD and %s in NEW", f, valuesOf(a, f), valuesOf(b, f)))
	}
	if len(parts) == 0 {
		return "no two of them agree in every field; `flightbench report` shows what each holds"
	}
	return strings.Join(parts, ", ") + "; to compare in spite of it: --by " + strings.Join(names, ",")
}

func valuesOf(configs []results.Config, field string) string {
	var values []string
	for _, c := range configs {
		values = append(values, valueOf(c, field))
	}
	return strings.Join(values, ", ")
}
