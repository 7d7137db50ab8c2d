package h2

import (
	"testing"
)

// Nothing allocates per message in steady state, on either side: both run in this process. TLS is left out: crypto/tls
// allocates 24 bytes for each record that it reads.
func TestNoAllocationPerMessage(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, tc := range map[string]struct {
		size, parts int
		count       bool
	}{
		"count 2 MiB": {2 << 20, 4, true}, "batch 2 MiB": {2 << 20, 4, false},
		"count 4 KiB": {4 << 10, 8, true}, "batch 4 KiB": {4 << 10, 8, false},
	} {
		for _, security := range []string{"plain", "unix"} {
			t.Run(name+" "+security, func(t *testing.T) {
				cc := link{client: "direct", server: "direct", security: security}.start(t)
				s, err := openBlob(testContext(t), cc, "Echo")
				if err != nil {
					t.Fatal(err)
				}
				out := &blob{data: make([]byte, tc.size), parts: tc.parts}
				in := &blob{count: tc.count}
				step := func() {
					for range 8 {
						if err := s.SendMsg(out); err != nil {
							t.Fatal(err)
						}
						if err := s.RecvMsg(in); err != nil || in.n != tc.size {
							t.Fatal(err, in.n)
						}
					}
				}
				for range 5 {
					step()
				}
				if n := testing.AllocsPerRun(20, step); n > 1 {
					t.Fatalf("%v allocations for 8 messages there and back", n)
				}
			})
		}
	}
}
