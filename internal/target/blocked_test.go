package target_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"

	"flightbench/internal/target"
	"flightbench/internal/wire"
)

// sleeper takes its time before it answers and before it reads.
type sleeper struct {
	flight.BaseFlightServer
	nap time.Duration
}

func (s *sleeper) DoAction(_ *flight.Action, stream flight.FlightService_DoActionServer) error {
	time.Sleep(s.nap)
	return stream.Send(&flight.Result{})
}

func (s *sleeper) DoPut(stream flight.FlightService_DoPutServer) error {
	time.Sleep(s.nap)
	for {
		if _, err := stream.Recv(); err != nil {
			return nil
		}
	}
}

// Who waits for a server is blocked for as long as that takes, on every
// transport; one that sends more than fits is blocked on the way out.
func TestBlocked(t *testing.T) {
	const nap = 100 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer(grpc.StaticStreamWindowSize(1<<16), grpc.StaticConnWindowSize(1<<16))
	flight.RegisterFlightServiceServer(srv, &sleeper{nap: nap})
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() { srv.Stop(); <-served })
	tgt, err := target.Parse("grpc://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range []wire.Transport{wire.Direct, wire.GRPC, wire.Stock} {
		s, err := tgt.Open(target.Tuning{Transport: tr, MaxMessage: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		conn, err := s.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		client := flight.NewClientFromConn(conn, nil)
		var in, out target.Blocked

		began := target.Nanos()
		actions, err := client.DoAction(target.WithBlocked(t.Context(), &in), &flight.Action{})
		for err == nil {
			_, err = actions.Recv()
		}
		now := target.Nanos()
		if got, all := in.Receiving.Total(now), now-began; err != io.EOF || got < int64(nap) || got > all {
			t.Errorf("%s: receiving blocked %v of %v: %v", tr, time.Duration(got), time.Duration(all), err)
		}

		put, err := client.DoPut(target.WithBlocked(t.Context(), &out))
		if err != nil {
			t.Fatal(err)
		}
		began = target.Nanos()
		for i := 0; i < 64 && err == nil; i++ {
			err = put.Send(&flight.FlightData{DataBody: make([]byte, 16<<10)})
		}
		now = target.Nanos()
		if got, all := out.Sending.Total(now), now-began; err != nil || got < all/2 || got > all {
			t.Errorf("%s: sending blocked %v of %v: %v", tr, time.Duration(got), time.Duration(all), err)
		}
		_ = put.CloseSend()
		for err == nil {
			_, err = put.Recv()
		}
	}
}
