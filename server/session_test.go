package server

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"flightbench/internal/wire"
)

// jar is a client that keeps cookies, as arrow-go's does.
func jar(t *testing.T, uri string) flight.Client {
	t.Helper()
	_, addr, _ := strings.Cut(uri, "://")
	c, err := flight.NewClientWithMiddleware(addr, nil, []flight.ClientMiddleware{flight.NewClientCookieMiddleware()}, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestSessionOptions(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		s := start(t, tr, nil)
		c := jar(t, s.URI())
		set := func(options map[string]any) map[string]*flight.SetSessionOptionsResultError {
			t.Helper()
			values, err := flight.NewSessionOptionValues(options)
			if err != nil {
				t.Fatal(err)
			}
			res, err := c.SetSessionOptions(t.Context(), &flight.SetSessionOptionsRequest{SessionOptions: values})
			if err != nil {
				t.Fatal(err)
			}
			return res.GetErrors()
		}
		get := func(c flight.Client) map[string]*flight.SessionOptionValue {
			t.Helper()
			res, err := c.GetSessionOptions(t.Context(), &flight.GetSessionOptionsRequest{})
			if err != nil {
				t.Fatal(err)
			}
			return res.GetSessionOptions()
		}
		if errs := set(map[string]any{"catalog": "sales", "limit": int64(5)}); len(errs) != 0 {
			t.Errorf("errors %v", errs)
		}
		errs := set(map[string]any{"limit": nil, "fast": true, "": "x", "long": strings.Repeat("x", maxOptionBytes)})
		if errs[""].GetValue() != flight.SetSessionOptionsResultErrorInvalidName || errs["long"].GetValue() != flight.SetSessionOptionsResultErrorInvalidValue || len(errs) != 2 {
			t.Errorf("errors %v, want of the name \"\" and of the value of long", errs)
		}
		if got := get(c); len(got) != 2 || got["catalog"].GetStringValue() != "sales" || !got["fast"].GetBoolValue() {
			t.Errorf("options %v, want catalog and fast", got)
		}
		if got := get(jar(t, s.URI())); len(got) != 0 {
			t.Errorf("another client sees %v", got)
		}
		res, err := c.CloseSession(t.Context(), &flight.CloseSessionRequest{})
		if err != nil || res.GetStatus() != flight.CloseSessionResultClosed {
			t.Errorf("close: %v, %v", res, err)
		}
		if got := get(c); len(got) != 0 {
			t.Errorf("the closed session has %v", got)
		}
		_, err = c.CloseSession(t.Context(), &flight.CloseSessionRequest{})
		expect(t, err, codes.NotFound, "no session")
	})
}

// Each client gets a cookie with its first call, whatever it sent, and no other
// once it sends it back.
func TestCookies(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		c := serve(t, tr, func(o *Options) { o.Cookies = true })
		given := func(cookie string) []string {
			t.Helper()
			ctx := t.Context()
			if cookie != "" {
				ctx = withHeader(t, "cookie", cookie)
			}
			var md metadata.MD
			if _, err := c.GetSchema(ctx, cmd(small(t, "perf").Marshal()), grpc.Header(&md)); err != nil {
				t.Fatal(err)
			}
			return md.Get("set-cookie")
		}
		for _, sent := range []string{"", "other=1", "arrow_flight_session_id=forged", "no cookie; at all"} {
			got := given(sent)
			if len(got) != 1 {
				t.Fatalf("after %q: cookies %q, want one", sent, got)
			}
			cookie, err := http.ParseSetCookie(got[0])
			if err != nil || cookie.Name != "arrow_flight_session_id" || len(cookie.Value) < 16 {
				t.Fatalf("cookie %q, %v", got[0], err)
			}
			if again := given("a=b; " + cookie.Name + "=" + cookie.Value); len(again) != 0 {
				t.Errorf("the known cookie was answered with %q", again)
			}
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	var s sessions
	ctx := grpc.NewContextWithServerTransportStream(t.Context(), headerSink{})
	first, err := s.begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	known := func(id string) bool {
		_, _, ok := s.of(metadata.NewIncomingContext(t.Context(), metadata.Pairs("cookie", sessionCookie+"="+id)))
		return ok
	}
	for i := range maxSessions {
		if !known(first) {
			t.Fatalf("the first session was forgotten after %d more", i)
		}
		if _, err := s.begin(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if known(first) || len(s.byID) != maxSessions || len(s.ids) != maxSessions {
		t.Errorf("%d sessions are kept, the first one too: %t; want %d and false", len(s.byID), known(first), maxSessions)
	}
	last := s.ids[len(s.ids)-1]
	full := &flight.SetSessionOptionsRequest{SessionOptions: make(map[string]*flight.SessionOptionValue)}
	for i := range maxOptions + 5 {
		v, err := flight.NewSessionOptionValue(int64(i))
		if err != nil {
			t.Fatal(err)
		}
		full.SessionOptions[strconv.Itoa(i)] = &v
	}
	body, err := marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.set(metadata.NewIncomingContext(ctx, metadata.Pairs("cookie", sessionCookie+"="+last)), body); err != nil {
		t.Fatal(err)
	}
	if n := len(s.byID[last]); n != maxOptions {
		t.Errorf("a session holds %d options, want %d", n, maxOptions)
	}
}

// headerSink is a call whose headers nobody sees.
type headerSink struct{}

func (headerSink) Method() string               { return "" }
func (headerSink) SetHeader(metadata.MD) error  { return nil }
func (headerSink) SendHeader(metadata.MD) error { return nil }
func (headerSink) SetTrailer(metadata.MD) error { return nil }
