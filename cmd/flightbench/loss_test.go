package main

import (
	"os"
	"strings"
	"testing"

	"flightbench/results"
)

func TestNetem(t *testing.T) {
	for _, c := range []struct {
		config results.Config
		want   string
	}{
		{results.Config{}, "qdisc replace dev lo root pfifo limit 1000"},
		{results.Config{Loss: 0.001}, "qdisc replace dev lo root netem limit 1000 loss 0.1%"},
		{results.Config{Loss: 0.02, RTT: 0.02, Bandwidth: 125e6}, "qdisc replace dev lo root netem limit 2666 delay 10000us loss 2% rate 1000000000bit"},
		{results.Config{Loss: 0.01, RTT: 0.05, Bandwidth: 1.25e6}, "qdisc replace dev lo root netem limit 1041 delay 25000us loss 1% rate 10000000bit"},
		{results.Config{RTT: 0.05, Bandwidth: 1.25e6}, "qdisc replace dev lo root pfifo limit 1000"}, // the connections imitate it
	} {
		if got := strings.Join(netem(c.config), " "); got != c.want {
			t.Errorf("%+v:\ngot  %s\nwant %s", c.config, got, c.want)
		}
	}
}

// TestLossLeavesTheMachineAlone: only a network namespace that flightbench made
// is shaped, whatever the environment says.
func TestLossLeavesTheMachineAlone(t *testing.T) {
	own, err := os.Readlink(ownNamespace)
	if err != nil {
		t.Skip("NOT RUN: there are no network namespaces here")
	}
	for _, outer := range []string{own, "1"} {
		t.Setenv(inNamespace, outer)
		ran, err := shaped(t.Context(), []results.Config{{Loss: 0.1}}, func() error { return nil })
		if !ran || err == nil || !strings.Contains(err.Error(), "unset it") {
			t.Errorf("%s=%s: %v, %v", inNamespace, outer, ran, err)
		}
	}
}
