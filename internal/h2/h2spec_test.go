package h2

import (
	"net"
	"os"
	"testing"

	"google.golang.org/grpc/interop"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// TestServeForH2spec serves on H2SPEC_LISTEN until its input ends; scripts/h2spec.sh runs it.
func TestServeForH2spec(t *testing.T) {
	addr := os.Getenv("H2SPEC_LISTEN")
	if addr == "" {
		t.Skip("scripts/h2spec.sh sets H2SPEC_LISTEN")
	}
	lis, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultServerOptions()
	o.MaxStreams = 100
	if os.Getenv("H2SPEC_FRAME") != "" {
		o.MaxFrame = minFrame
	}
	s := NewServer(o)
	testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
	done := make(chan error, 1)
	go func() { done <- s.Serve(lis) }()
	_, _ = os.Stdin.Read(make([]byte, 1))
	s.Stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
