package compare

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"flightbench/results"
)

// Difference is something besides the compared field in which the sides
// differ, and which may be why their figures do.
type Difference struct {
	What string `json:"what"` // name of the field, as in run.json or in a config
	Old  string `json:"old"`
	New  string `json:"new"`
}

// environments tells in what the machines and programs of two runs differ.
// The share of stolen CPU time is a measurement, and is told where it is large.
func environments(old, new results.Run) []Difference {
	var out []Difference
	add := func(what, a, b string) {
		if a != b {
			out = append(out, Difference{what, orNone(a), orNone(b)})
		}
	}
	add("version", old.Version, new.Version)
	a, b := reflect.ValueOf(old.Environment), reflect.ValueOf(new.Environment)
	for i := range a.NumField() {
		name := jsonName(a.Type().Field(i))
		if name != "steal_share" {
			add(name, fmt.Sprint(a.Field(i).Interface()), fmt.Sprint(b.Field(i).Interface()))
		}
	}
	const much = 0.02
	if x, y := old.Environment.StealShare, new.Environment.StealShare; max(x, y)-min(x, y) > much {
		add("steal_share", stolen(x), stolen(y))
	}
	return out
}

func stolen(v float64) string { return results.FormatNumber(v*100) + " %" }

func orNone(s string) string {
	if s == "" {
		return "–"
	}
	return results.Clean(s)
}

// configurations tells in what the pairs differ besides by, which of itself
// is no difference worth telling, and what their servers say they are.
func configurations(pairs []Pair, by []string, within bool) []Difference {
	var out []Difference
	for _, field := range configFields() {
		if within && slices.Contains(by, field) {
			continue // each pair says it
		}
		out = appendDifference(out, field, pairs, func(p Pair, new bool) string {
			if new {
				return valueOf(p.newFull, field)
			}
			return valueOf(p.Config, field)
		})
	}
	return appendDifference(out, "server's version", pairs, func(p Pair, new bool) string {
		if new {
			return serverVersion(p.new)
		}
		return serverVersion(p.old)
	})
}

// appendDifference adds what differs within pairs, unless each differs by itself.
func appendDifference(out []Difference, what string, pairs []Pair, of func(p Pair, new bool) string) []Difference {
	found := map[Difference]bool{}
	var order []Difference
	for _, p := range pairs {
		d := Difference{what, of(p, false), of(p, true)}
		if d.Old != d.New && !found[d] {
			found[d] = true
			order = append(order, d)
		}
	}
	const several = 4
	if len(order) > several {
		order = append(order[:several:several], Difference{what, "…", fmt.Sprintf("and %d more", len(order)-several)})
	}
	return append(out, order...)
}

// serverVersion is what the embedded server said of itself.
func serverVersion(trials []*results.Trial) string {
	set := map[string]bool{}
	for _, t := range trials {
		if t.Server != nil && t.Server.Version != "" {
			set[results.Clean(t.Server.Version)] = true
		}
	}
	return orNone(strings.Join(results.InOrder(set, nil), ", "))
}

// configFields are the JSON names of the fields of a Config, in its order.
func configFields() []string {
	t := reflect.TypeFor[results.Config]()
	var names []string
	for i := range t.NumField() {
		names = append(names, jsonName(t.Field(i)))
	}
	return names
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
