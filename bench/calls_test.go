package bench_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/server"
	"flightbench/workloads"
)

// callLatency is what an operation records, by its name.
var callLatency = map[string]string{
	"info": "info", "poll": "poll", "schema": "schema", "list-flights": "list_flights", "list-actions": "list_actions",
	"action:ping": "action", "action:flightbench.stats:ignored": "action", "handshake": "handshake",
}

// logins are the credentials of a server of each kind.
var logins = []struct {
	name   string
	access server.Access
	auth   target.Auth
}{
	{"none", server.Access{}, target.Auth{}},
	{"token", server.Access{Auth: "token", Token: "t0ken"}, target.Auth{Method: "token", Token: "t0ken"}},
	{"basic", server.Access{Auth: "basic", User: "me", Password: "hunter2"}, target.Auth{Method: "basic", User: "me", Password: "hunter2"}},
	{"handshake", server.Access{Auth: "handshake", User: "me", Password: "hunter2"}, target.Auth{Method: "handshake", User: "me", Password: "hunter2"}},
	{"handshake-plain", server.Access{Auth: "handshake", User: "me", Password: "hunter2"}, target.Auth{Method: "handshake-plain", User: "me", Password: "hunter2"}},
}

// TestCallsAreCounted makes every call with every kind of credentials: one
// latency sample and one call for each that was asked for.
func TestCallsAreCounted(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		for _, login := range logins {
			uri, _ := serveWith(t, tr, func(o *server.Options) { o.Access = login.access; o.Middleware = 2 })
			for op, latency := range callLatency {
				c := config(op, tr)
				c.Auth, c.Total, c.Headers = login.name, 12, 3
				got := runAt(t, t.Context(), fixed{uri, login.auth}, c)
				n := got.Latencies[latency].Count
				if got.Status != results.StatusOK || got.Verdict != results.VerdictValid || got.Streams != 12 || n != 12 || len(got.Latencies) != 1 || len(got.Errors) != 0 {
					t.Errorf("%s, %s: %s %q %s, %d calls, %d of %v samples, want 12 and 12", login.name, op, got.Status, got.Error, got.Verdict, got.Streams, n, got.Latencies)
				}
				if got.Metrics["calls_per_second"].Value <= 0 || got.Metrics["error_share"].Value != 0 || got.Batches != 0 || len(ofServer(got)) != 0 {
					t.Errorf("%s, %s: metrics %v, %d batches, warnings %q", login.name, op, got.Metrics, got.Batches, got.Warnings)
				}
			}
		}
	})
}

// TestCallsOfAWindow expects as many samples as calls inside a window that does
// not hold all of them.
func TestCallsOfAWindow(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		uri, _ := serve(t, tr)
		c := config("action:ping", tr)
		c.Total, c.Duration, c.Warmup = 0, 0.3, 0.1
		got := run(t, t.Context(), uri, c)
		if n := got.Latencies["action"].Count; got.Status != results.StatusOK || n == 0 || n != got.Streams || got.Whole.Streams <= n {
			t.Errorf("%s %s, %d calls, %d samples, %d calls in all", got.Status, got.Error, got.Streams, n, got.Whole.Streams)
		}
	})
}

// TestStreamsWithCredentials reads and writes with every kind of them.
func TestStreamsWithCredentials(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		for _, login := range logins {
			uri, _ := serveWith(t, tr, func(o *server.Options) { o.Access = login.access })
			for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange} {
				c := config(op, tr)
				c.Auth = login.name
				got := runAt(t, t.Context(), fixed{uri, login.auth}, c)
				if got.Status != results.StatusOK || got.Streams != 6 || got.Batches != 54 || len(ofServer(got)) != 0 {
					t.Errorf("%s, %s: %s %q, %d streams, %d batches, warnings %q", login.name, op, got.Status, got.Error, got.Streams, got.Batches, got.Warnings)
				}
			}
		}
	})
}

// TestNotLetIn says why in one line without the secret.
func TestNotLetIn(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		for _, login := range logins[1:] {
			uri, _ := serveWith(t, tr, func(o *server.Options) { o.Access = login.access })
			wrong := login.auth
			if wrong.Token != "" {
				wrong.Token = "wr0ng"
			} else {
				wrong.Password = "wr0ng"
			}
			for _, auth := range []target.Auth{wrong, {}} {
				c := config(bench.OpGet, tr)
				c.Auth = login.name
				got := runAt(t, t.Context(), fixed{uri, auth}, c)
				if got.Status != results.StatusFailed || got.Errors["Unauthenticated"] != 1 || strings.Contains(got.Error, "\n") || strings.Contains(got.Error, "wr0ng") || got.Error == "" {
					t.Errorf("%s as %+v: %s %q, errors %v", login.name, auth, got.Status, got.Error, got.Errors)
				}
			}
		}
	})
}

// TestExpiredTokens logs in anew while streams go on, in the midst of puts too,
// and counts no error.
func TestExpiredTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		for _, login := range logins[2:] {
			ops := []string{bench.OpGet, bench.OpPut, bench.OpExchange, "info"}
			if login.name != "basic" {
				ops = ops[:1]
			}
			for _, op := range ops {
				t.Run(login.name+" "+op, func(t *testing.T) {
					t.Parallel()
					uri, _ := serveWith(t, tr, func(o *server.Options) { o.Access = login.access; o.TokenLife = 2 * time.Second })
					c := config(op, tr)
					c.Auth, c.Total, c.Duration, c.Warmup = login.name, 0, 2.5, 0
					got := runAt(t, t.Context(), fixed{uri, login.auth}, c)
					if n := got.Whole.Renewals; got.Status != results.StatusOK || n < 1 || n > 10 || len(got.Errors) != 0 || got.Streams == 0 {
						t.Errorf("%s %q, %d renewals, errors %v, %d streams", got.Status, got.Error, n, got.Errors, got.Streams)
					}
					if warned(got, "another client") {
						t.Errorf("warnings %q", got.Warnings)
					}
				})
			}
		}
	})
}

// TestCallsThatFail counts them, and none that succeeded.
func TestCallsThatFail(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		uri, _ := serve(t, tr)
		for _, kind := range workloads.FailKinds() {
			c := config("action:flightbench.fail:"+kind, tr)
			c.Concurrency, c.Connections = 1, 1
			got := run(t, t.Context(), uri, c)
			if got.Status != results.StatusFailed || got.Streams != 0 || got.Errors[codeNames[kind]] < 1 || got.Failures[kind] != got.Errors[codeNames[kind]] || len(got.Errors) != 1 {
				t.Errorf("%s: %s %q, %d calls, errors %v", kind, got.Status, got.Error, got.Streams, got.Errors)
			}
			if strings.Contains(got.Error, "ASKED_FOR") != (kind == workloads.FailServerError) {
				t.Errorf("%s: %q does not tell the extra info, or of another", kind, got.Error)
			}
		}
	})
}

// every answers each second action that it is asked for.
type every struct{ foreign }

func (e *every) DoAction(a *flight.Action, s flight.FlightService_DoActionServer) error {
	switch {
	case a.Type != "mine":
		return e.BaseFlightServer.DoAction(a, s)
	case e.asked.Add(1)%2 == 0:
		return status.Error(codes.ResourceExhausted, "not now")
	}
	return s.Send(&flight.Result{Body: []byte("here")})
}

func TestSomeCallsFail(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		uri := serveFlight(t, &every{})
		c := config("action:mine", tr)
		c.Total, c.Concurrency = 20, 3
		got := run(t, t.Context(), uri, c)
		if got.Status != results.StatusOK || got.Streams != 10 || got.Latencies["action"].Count != 10 || got.Failures["resource_exhausted"] != 10 || got.Metrics["error_share"].Value != 0.5 {
			t.Errorf("%s %q, %d calls, failures %v, %v", got.Status, got.Error, got.Streams, got.Failures, got.Metrics["error_share"])
		}
	})
}
