package doctor

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
)

// methods are Flight's calls in the order of Flight.proto. Each asks for something that is not there, or ends at once.
var methods = []struct {
	name   string
	writes bool
	call   func(ctx context.Context, l *link, f *found, opts ...grpc.CallOption) error
}{
	{"Handshake", false, func(ctx context.Context, l *link, _ *found, opts ...grpc.CallOption) error {
		s, err := l.Handshake(ctx, opts...)
		if err != nil {
			return err
		}
		_ = s.CloseSend()
		_, err = s.Recv()
		return err
	}},
	{"ListFlights", false, func(ctx context.Context, l *link, f *found, opts ...grpc.CallOption) (err error) {
		s, err := l.ListFlights(ctx, &flight.Criteria{}, opts...)
		if err != nil {
			return err
		}
		f.flights, f.more, err = collect(s.Recv, maxFlights)
		return err
	}},
	{"GetFlightInfo", false, func(ctx context.Context, l *link, _ *found, opts ...grpc.CallOption) error {
		_, err := l.GetFlightInfo(ctx, unknown(), opts...)
		return err
	}},
	{"PollFlightInfo", false, func(ctx context.Context, l *link, _ *found, opts ...grpc.CallOption) error {
		_, err := l.PollFlightInfo(ctx, unknown(), opts...)
		return err
	}},
	{"GetSchema", false, func(ctx context.Context, l *link, _ *found, opts ...grpc.CallOption) error {
		_, err := l.GetSchema(ctx, unknown(), opts...)
		return err
	}},
	{"DoGet", false, func(ctx context.Context, l *link, _ *found, opts ...grpc.CallOption) error {
		s, err := l.DoGet(ctx, &flight.Ticket{Ticket: []byte(nobody)}, opts...)
		if err == nil {
			_, err = s.Recv()
		}
		return err
	}},
	{"DoPut", true, func(ctx context.Context, l *link, _ *found, opts ...grpc.CallOption) error {
		s, err := l.DoPut(ctx, opts...)
		if err != nil {
			return err
		}
		return offerNothing(s)
	}},
	{"DoExchange", true, func(ctx context.Context, l *link, _ *found, opts ...grpc.CallOption) error {
		s, err := l.DoExchange(ctx, opts...)
		if err != nil {
			return err
		}
		return offerNothing(s)
	}},
	{"DoAction", false, func(ctx context.Context, l *link, _ *found, opts ...grpc.CallOption) error {
		s, err := l.DoAction(ctx, &flight.Action{Type: nobody}, opts...)
		if err == nil {
			_, err = s.Recv()
		}
		return err
	}},
	{"ListActions", false, func(ctx context.Context, l *link, f *found, opts ...grpc.CallOption) error {
		s, err := l.ListActions(ctx, &flight.Empty{}, opts...)
		if err != nil {
			return err
		}
		f.actions, _, err = collect(s.Recv, maxActions)
		return err
	}},
}

func unknown() *flight.FlightDescriptor {
	return &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: []byte(nobody)}
}

// offerNothing opens an upload with an empty descriptor, sends no data, and reads the first answer.
func offerNothing[A any](s interface {
	Send(*flight.FlightData) error
	CloseSend() error
	Recv() (A, error)
}) error {
	_ = s.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{}})
	_ = s.CloseSend()
	_, err := s.Recv()
	return err
}
