package bench_test

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
)

// TestServerIsLostForGood fails a trial whose server died in its window, also
// where the window was over before that could end it, and keeps what it measured.
func TestServerIsLostForGood(t *testing.T) {
	t.Parallel()
	for _, op := range []string{bench.OpGet, bench.OpPut, "list-actions"} {
		uri, kill := serve(t, wire.Direct)
		c := config(op, wire.Direct)
		c.Total, c.Duration = 0, 1.8
		got := runMeasuring(t, uri, c, kill)
		if got.Status != results.StatusFailed || !strings.Contains(got.Error, "one after another") || got.Verdict == results.VerdictValid || got.Streams == 0 || len(got.Metrics) == 0 {
			t.Errorf("%s: %s, %s, error %q, %d streams", op, got.Status, got.Verdict, got.Error, got.Streams)
		}
	}
}

// TestNoStreamGoesWell fails a trial in which batches came and every stream had
// to be given up, however long it is.
func TestNoStreamGoesWell(t *testing.T) {
	t.Parallel()
	uri, _ := serve(t, wire.Direct)
	for _, op := range []string{bench.OpGet, bench.OpExchange} {
		c := config(op, wire.Direct)
		c.Total, c.Duration, c.Batches, c.Timeout, c.Concurrency = 0, 0.6, 1<<20, 0.1, 2
		got := run(t, t.Context(), uri, c)
		if got.Status != results.StatusFailed || got.Batches == 0 || !strings.Contains(got.Error, "--timeout") {
			t.Errorf("%s: %s, %s, %d batches, error %q, %v", op, got.Status, got.Verdict, got.Batches, got.Error, got.Failures)
		}
	}
}

// chatty is a server that repeats what it was told.
type chatty struct{ flight.BaseFlightServer }

func (chatty) GetFlightInfo(ctx context.Context, _ *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	return nil, status.Errorf(codes.PermissionDenied, "not with %v", md.Get("authorization"))
}

// TestServersDoNotTellSecrets keeps a token out of the result that the server
// repeats.
func TestServersDoNotTellSecrets(t *testing.T) {
	t.Parallel()
	c := config("info", wire.Direct)
	c.Cmd = "x"
	got := runAt(t, t.Context(), fixed{serveFlight(t, &chatty{}), target.Auth{Method: "token", Token: "t0ken-Correct-Battery"}}, c)
	if all := got.Error + strings.Join(got.Warnings, ""); got.Status != results.StatusFailed || !strings.Contains(all, "not with") || strings.Contains(all, "t0ken") {
		t.Errorf("%s: %s %q", got.Status, got.Error, got.Warnings)
	}
}
