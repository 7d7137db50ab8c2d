package compare_test

import (
	"slices"
	"testing"

	"flightbench/results"
	"flightbench/results/compare"
	"flightbench/results/internal/resultstest"
)

func TestByAxis(t *testing.T) {
	trials := resultstest.Matrix(3, resultstest.Ops("put", "get"), resultstest.Rows(65536, 128, 4096))
	for _, tr := range trials {
		tr.Config.Distinct = int(tr.Config.Rows) // follows from rows
	}
	groups := results.GroupTrials(trials)
	axes := results.Varying(groups)
	if want := []string{"op", "rows"}; !slices.Equal(axes, want) {
		t.Fatalf("varying axes are %q, want %q", axes, want)
	}
	series := compare.ByAxis(groups, "rows", compare.Rest(axes, "rows"))
	if len(series) != 2 {
		t.Fatalf("%d series, want one an operation", len(series))
	}
	for i, op := range []string{"get", "put"} {
		s := series[i]
		if got := compare.Label(s.Config, []string{"op"}); got != op {
			t.Errorf("series %d is %s, want %s", i, got, op)
		}
		for j, rows := range []int64{128, 4096, 65536} {
			if g := s.Groups[j]; g.Config.Rows != rows || g.Config.Op != op || len(g.Trials) != 3 {
				t.Errorf("%s: point %d is %d trials at %d rows, want 3 at %d", op, j, len(g.Trials), g.Config.Rows, rows)
			}
		}
	}
	if got := compare.Values(groups, "rows"); len(got) != 3 || got[0].Rows != 128 || got[2].Rows != 65536 {
		t.Errorf("values of rows: %v", got)
	}
	if got := compare.ByAxis(groups, "", axes); len(got) != 6 {
		t.Errorf("%d series along no axis, want one a group", len(got))
	}
}

func TestFacets(t *testing.T) {
	for _, c := range []struct {
		name    string
		trials  []*results.Trial
		sizes   []int
		dropped int
	}{
		{"none", nil, []int{0}, 0},
		{"few", resultstest.Matrix(1, resultstest.Ops("get", "put")), []int{2}, 0},
		{"by op", resultstest.Matrix(1, resultstest.Ops("get", "put", "exchange"), resultstest.Rows(1, 2, 3)), []int{3, 3, 3}, 0},
		{"by op and rows", resultstest.Matrix(1, resultstest.Ops("get", "put"), resultstest.Rows(1, 2), resultstest.Codecs("none", "lz4", "zstd", "zstd:9")), []int{4, 4, 4, 4}, 0},
		{"one axis", resultstest.Matrix(1, resultstest.Rows(1, 2, 3, 4, 5, 6, 7, 8, 9)), []int{4}, 5},
	} {
		groups := results.GroupTrials(c.trials)
		axes := results.Varying(groups)
		facets := compare.Facets(compare.ByAxis(groups, "", axes), axes, 4)
		var sizes []int
		dropped := 0
		for _, f := range facets {
			sizes = append(sizes, len(f.Series))
			dropped += f.Dropped
			labels := map[string]bool{}
			for _, s := range f.Series {
				labels[compare.Label(s.Config, f.Rest)] = true
			}
			if len(labels) != len(f.Series) {
				t.Errorf("%s: %d labels for %d series", c.name, len(labels), len(f.Series))
			}
		}
		if !slices.Equal(sizes, c.sizes) || dropped != c.dropped {
			t.Errorf("%s: facets of %v with %d dropped, want %v with %d", c.name, sizes, dropped, c.sizes, c.dropped)
		}
	}
	groups := results.GroupTrials(resultstest.Matrix(1, resultstest.Rows(1, 2, 3, 4, 5)))
	f := compare.Facets(compare.ByAxis(groups, "", []string{"rows"}), []string{"rows"}, 2)[0]
	if f.Series[0].Config.Rows != 1 || f.Series[1].Config.Rows != 5 {
		t.Errorf("the kept series do not reach over the axis")
	}
}

// Configs that depart from a base are shown with it, an axis a facet.
func TestFacetsAroundABase(t *testing.T) {
	groups := results.GroupTrials(resultstest.FeatureCosts(1))
	axes := results.Varying(groups)
	series := compare.ByAxis(groups, "", axes)
	var got []string
	for _, f := range compare.Facets(series, axes, 7) {
		s := f.Series[0].Config.Op + " " + f.Along + ":"
		for _, x := range f.Series {
			s += " " + f.Label(x)
		}
		got = append(got, s)
	}
	want := []string{
		"get tls: TLS off TLS on mTLS", "get compression: no codec lz4 zstd", "get auth: no auth token auth basic auth",
		"get headers: no headers 1 header 10 headers 100 headers", "get middleware: no middlewares 10 middlewares",
	}
	for _, w := range slices.Clone(want) {
		want = append(want, "info"+w[len("get"):])
	}
	if !slices.Equal(got, want) {
		t.Errorf("facets are %q, want %q", got, want)
	}
	whole := compare.Facets(series, axes, 14)
	if len(whole) != 2 || whole[0].Label(whole[0].Series[0]) != "base" || whole[0].Label(whole[0].Series[1]) != "TLS on" {
		t.Errorf("%d facets where an operation fits into one", len(whole))
	}
	if got := whole[1].BaseLabel(); got != "base: TLS off · no codec · no auth · no headers · no middlewares" {
		t.Errorf("the base is %q", got)
	}
}

// Targets are in the order of the plan, wherever they are shown.
func TestTargetsInTheOrderOfThePlan(t *testing.T) {
	var configs []results.Config
	for _, target := range []string{"new", "old", "base"} {
		for _, rows := range []int64{1, 2, 3} {
			c := resultstest.Config()
			c.Target, c.Rows = target, rows
			configs = append(configs, c)
		}
	}
	groups := results.GroupTrials(resultstest.Plan(2, configs))
	want := []string{"new", "old", "base"}
	names := func(cs []results.Config) (out []string) {
		for _, c := range cs {
			out = append(out, c.Target)
		}
		return out
	}
	if got := names(compare.Values(groups, "target")); !slices.Equal(got, want) {
		t.Errorf("values are %q, want %q", got, want)
	}
	for i, s := range compare.ByAxis(groups, "rows", []string{"target"}) {
		if s.Config.Target != want[i] {
			t.Errorf("series %d is %s, want %s", i, s.Config.Target, want[i])
		}
	}
	for i, g := range compare.ByAxis(groups, "target", []string{"rows"})[0].Groups {
		if g.Config.Target != want[i] {
			t.Errorf("point %d is %s, want %s", i, g.Config.Target, want[i])
		}
	}
	axes := results.Varying(groups)
	for i, f := range compare.Facets(compare.ByAxis(groups, "", axes), []string{"target", "rows"}, 2) {
		if i > 0 && results.CompareAxis(f.Series[0].Config, groups[0].Config, "rows") < 0 {
			t.Errorf("facet %d is out of order", i)
		}
	}
}
