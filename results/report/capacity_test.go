package report

import (
	"fmt"
	"strings"
	"testing"

	"flightbench/results"
)

func TestCapacitySection(t *testing.T) {
	l := &results.Loaded{}
	for _, n := range []int{1, 2, 4, 8, 16} {
		for i := range 3 {
			x := float64(n) / (1 + 0.1*float64(n-1)) * (1 + 0.01*float64(i))
			l.Trials = append(l.Trials, &results.Trial{ID: fmt.Sprintf("%d.%d", i+1, n), Status: results.StatusOK, Verdict: results.VerdictValid,
				Config:  results.Config{Op: "get", Concurrency: n},
				Metrics: map[string]results.Metric{results.BodyRate: {Value: 1e9 * x}, results.StreamRate: {Value: x}}})
		}
	}
	cases := map[string]struct {
		capacity *results.Capacity
		trials   []*results.Trial
		has      []string
		hasNo    string
	}{
		"a search": {&results.Capacity{Over: "concurrency", Unit: "streams", Outcome: results.CapacityFound, Load: 8, Low: 7, High: 9, Level: 0.95,
			Limit: "the <b>server</b>", Loads: []results.CapacityLoad{{Load: 8, Held: 2, Worst: "x<=1"}}}, l.Trials,
			[]string{"Capacity: 8 streams", "the &lt;b&gt;server", "Universal Scalability Law", "flightbench plan RUN --for", "Loads that were tried", "<td class=\"r\">8 streams</td>"}, "<b>"},
		"no answer": {&results.Capacity{Over: "concurrency", Outcome: results.CapacityUntold, Lost: "the server is gone"}, nil, []string{"Nothing can be said", "gone"}, "plan RUN"},
		"a curve":   {nil, l.Trials, []string{"Universal Scalability Law"}, "plan RUN"},
	}
	for name, c := range cases {
		html, err := capacitySection(&results.Loaded{Run: results.Run{Capacity: c.capacity}, Trials: c.trials})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range c.has {
			if !strings.Contains(string(html), text) {
				t.Errorf("%s: %q is not in\n%s", name, text, html)
			}
		}
		if strings.Contains(string(html), c.hasNo) {
			t.Errorf("%s: %q is in\n%s", name, c.hasNo, html)
		}
	}
	if html, err := capacitySection(&results.Loaded{}); html != "" || err != nil {
		t.Errorf("without anything the section is %q, %v", html, err)
	}
}
