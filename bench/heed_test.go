package bench

import (
	"strings"
	"testing"

	"flightbench/results"
)

// TestCheckHeeded refuses flags that nothing heeds, and those alone.
func TestCheckHeeded(t *testing.T) {
	all := []string{"poll", "ordered", "location", "endpoints", "put-ack", "ingest-mode", "workload", "rows", "batch-bytes", "compression", "decode"}
	for _, tt := range []struct {
		ops    string
		change func(*results.Config)
		heeded string
	}{
		{"get", nil, "poll ordered location endpoints workload rows batch-bytes compression decode"},
		{"get", func(c *results.Config) { c.Path = "a" }, "poll ordered location decode"},
		{"get", func(c *results.Config) { c.Ticket = "a" }, "poll ordered location decode"},
		{"put", nil, "put-ack workload rows batch-bytes compression decode"},
		{"put", func(c *results.Config) { c.Path = "a" }, "put-ack workload rows batch-bytes compression decode"},
		{"exchange", nil, "workload rows batch-bytes compression decode"},
		{"list-actions put", nil, "put-ack workload rows batch-bytes compression decode"},
		{"info", nil, "endpoints workload rows batch-bytes compression"},
		{"action:ping handshake", nil, ""},
		{"query", func(c *results.Config) { c.SQL = "SELECT 1" }, "poll ordered location decode"},
		{"tables", nil, "poll ordered location"},
		{"ingest", func(c *results.Config) { c.Table = "t" }, "put-ack ingest-mode workload rows batch-bytes compression"},
	} {
		var configs []results.Config
		for _, op := range strings.Fields(tt.ops) {
			c := DefaultConfig()
			if c.Op = op; tt.change != nil {
				tt.change(&c)
			}
			configs = append(configs, c)
		}
		var got []string
		for _, flag := range all {
			err := CheckHeeded(configs, func(f string) bool { return f == flag })
			if err == nil {
				got = append(got, flag)
			} else if !strings.HasPrefix(err.Error(), "--"+flag+" is for ") {
				t.Errorf("%s: %v does not name --%s", tt.ops, err, flag)
			}
		}
		if g := strings.Join(got, " "); g != tt.heeded {
			t.Errorf("%s heeds %s, want %s", tt.ops, g, tt.heeded)
		}
	}
}
