package main

import (
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
