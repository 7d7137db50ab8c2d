package target

import (
	"fmt"
	"testing"

	"flightbench/internal/wire"
)

// TestDressingIsCheap bounds what a call pays that carries a token and ten headers.
func TestDressingIsCheap(t *testing.T) {
	at, err := Parse("grpc://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	at.Auth = Auth{Method: AuthToken, Token: "t"}
	for i := range 10 {
		at.Headers = append(at.Headers, Header{fmt.Sprintf("x-%d", i), "v"})
	}
	s, err := at.Open(tuned(wire.Direct))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &dressed{s: s}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { c.dress(ctx, nil) }); n > 6 {
		t.Errorf("%v allocations a call", n)
	}
}
