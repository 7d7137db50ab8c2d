package results_test

import (
	"slices"
	"testing"

	"flightbench/results"
	"flightbench/results/internal/resultstest"
)

func TestStarOf(t *testing.T) {
	star := func(axes ...resultstest.Axis) []*results.Trial {
		return resultstest.Plan(1, resultstest.OneAtATime(nil, axes...))
	}
	for _, c := range []struct {
		name   string
		trials []*results.Trial
		base   string // what is in the middle, "" where nothing is
		names  []string
	}{
		{"none", nil, "", nil},
		{"features", star(resultstest.TLS("off", "on", "mtls"), resultstest.Codecs("none", "zstd"), resultstest.Auth("none", "basic", "token"), resultstest.Headers(0, 10, 1)),
			"TLS off · no codec · no auth · no headers", []string{"TLS on", "mTLS", "zstd", "token auth", "basic auth", "1 header", "10 headers"}},
		{"a base that is not first in order", star(resultstest.TLS("on", "off"), resultstest.Codecs("lz4", "none", "zstd")),
			"TLS on · lz4 · no auth · no headers", []string{"TLS off", "no codec", "zstd"}},
		{"one feature", resultstest.Matrix(1, resultstest.Headers(100, 0, 1, 10)), "TLS off · no codec · no auth · no headers", []string{"1 header", "10 headers", "100 headers"}},
		{"two axes", star(resultstest.TLS("off", "on"), resultstest.Headers(0, 1)), "TLS off · no codec · no auth · no headers", []string{"TLS on", "1 header"}},
		{"too few", resultstest.Matrix(1, resultstest.Headers(0, 1, 10)), "", nil},
		{"two", resultstest.Matrix(1, resultstest.TLS("off", "on")), "", nil},
		{"a product", resultstest.Matrix(1, resultstest.TLS("off", "on", "mtls"), resultstest.Headers(0, 1)), "", nil},
		{"no feature", resultstest.Matrix(1, resultstest.Rows(1, 2, 3, 4)), "", nil},
		{"operations", resultstest.Matrix(1, resultstest.Ops("get", "put", "exchange", "info")), "", nil},
	} {
		groups := results.GroupTrials(c.trials)
		star, ok := results.StarOf(groups)
		if ok != (c.base != "") {
			t.Errorf("%s: ok is %v", c.name, ok)
			continue
		}
		var names []string
		for _, r := range star.Relatives {
			names = append(names, r.Name())
		}
		if !slices.Equal(names, c.names) {
			t.Errorf("%s: relatives are %q, want %q", c.name, names, c.names)
		}
		if ok {
			if got := star.Base.Config.Label([]string{"tls", "compression", "auth", "headers"}); got != c.base {
				t.Errorf("%s: the base is %s, want %s", c.name, got, c.base)
			}
		}
	}
}

func TestRatio(t *testing.T) {
	group := func(byRound map[int]float64) (g results.Group) {
		for round := range 10 {
			if v, ok := byRound[round]; ok {
				g.Trials = append(g.Trials, &results.Trial{Round: round, Status: results.StatusOK, Metrics: map[string]results.Metric{"m": {Value: v}}})
			}
		}
		return g
	}
	for name, c := range map[string]struct {
		a, base map[int]float64
		want    results.Spread
	}{
		"within rounds": {map[int]float64{1: 50, 2: 30, 3: 10}, map[int]float64{1: 100, 2: 50, 3: 40}, results.Spread{N: 3, Median: 0.5, Min: 0.25, Max: 0.6}},
		"enough for an interval": {map[int]float64{1: 101, 2: 102, 3: 103, 4: 104, 5: 105, 6: 106, 7: 107, 8: 99, 9: 108}, map[int]float64{1: 100, 2: 100, 3: 100, 4: 100, 5: 100, 6: 100, 7: 100, 8: 100, 9: 100},
			results.Spread{N: 9, Median: 1.04, Min: 0.99, Max: 1.08, Low: 1.01, High: 1.07}}, // one round of nine makes it not unsure
		"rounds that both had": {map[int]float64{1: 50, 2: 30}, map[int]float64{2: 60, 3: 1}, results.Spread{N: 1, Median: 0.5, Min: 0.5, Max: 0.5}},
		"no round in common":   {map[int]float64{1: 50}, map[int]float64{2: 200}, results.Spread{N: 1, Median: 0.25, Min: 0.25, Max: 0.25}},
		"nothing moved":        {map[int]float64{1: 50}, map[int]float64{1: 0}, results.Spread{}},
		"no figure":            {nil, map[int]float64{1: 10}, results.Spread{}},
		"no base":              {map[int]float64{1: 10}, nil, results.Spread{}},
	} {
		if got := results.Ratio(group(c.a), group(c.base), "m"); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
