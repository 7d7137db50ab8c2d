package bench

import (
	"strings"
	"testing"

	"flightbench/internal/target"
	"flightbench/results"
)

// TestForeignServersCost is what the system's word on a server's process is
// worth: nothing where processes that it counted have ended, and not all where
// other addresses served streams.
func TestForeignServersCost(t *testing.T) {
	for _, tt := range []struct {
		name       string
		begin, end float64
		elsewhere  string
		cost       float64 // 0: none
		warning    string
	}{
		{"one process", 1, 3, "", 2, ""},
		{"its children ended", 5, 3, "", 0, "processes of the server ended"},
		{"another address", 1, 3, "grpc://other:1", 2, "grpc://other:1"},
	} {
		tr := &trial{config: &results.Config{}, target: target.Target{PID: 7},
			processBegin: &target.Usage{CPUSeconds: tt.begin}, processEnd: &target.Usage{CPUSeconds: tt.end}}
		tr.servers = servers{t: tr, home: &server{uri: "grpc://home:1"}}
		if tt.elsewhere != "" {
			s := &server{uri: tt.elsewhere}
			s.streams.Add(1)
			tr.servers.tried.Store(s.uri, func() (*server, error) { return s, nil })
		}
		got := map[string]float64{}
		put := func(name string, v float64, _, _ string) {
			if v == v {
				got[name] = v
			}
		}
		tr.reportServer(put, &sample{}, &sample{wholeBody: gigabyte})
		if cost := got["server_cpu_seconds_per_gigabyte"]; cost != tt.cost {
			t.Errorf("%s: %v s/GB, want %v", tt.name, cost, tt.cost)
		}
		if w := strings.Join(tr.warnings, "; "); (w != "") != (tt.warning != "") || !strings.Contains(w, tt.warning) {
			t.Errorf("%s: warnings %q, want %q", tt.name, w, tt.warning)
		}
	}
}
