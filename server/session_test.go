package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"flightbench/internal/wire"
)

// jar keeps a client's session cookie.
//
// Note: arrow-go's cookie middleware is not used, for it drops the cookies of a
// stream whose context ends before it has looked at them.
type jar struct {
	flight.Client
	t      *testing.T
	cookie string
}

// call makes a call with the cookie, and keeps the one that answers it.
func (j *jar) call(do func(ctx context.Context, opts ...grpc.CallOption) error) error {
	ctx := j.t.Context()
	if j.cookie != "" {
		ctx = withHeader(j.t, "cookie", j.cookie)
	}
	var md metadata.MD
	err := do(ctx, grpc.Header(&md))
	for _, line := range md.Get("set-cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			j.t.Fatal(err)
		}
		if j.cookie = c.Name + "=" + c.Value; c.MaxAge < 0 {
			j.cookie = ""
		}
	}
	return err
}

func (j *jar) set(options map[string]any) (errs map[string]*flight.SetSessionOptionsResultError) {
	j.t.Helper()
	values, err := flight.NewSessionOptionValues(options)
	if err != nil {
		j.t.Fatal(err)
	}
	err = j.call(func(ctx context.Context, opts ...grpc.CallOption) error {
		res, err := j.SetSessionOptions(ctx, &flight.SetSessionOptionsRequest{SessionOptions: values}, opts...)
		errs = res.GetErrors()
		return err
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return errs
}

func (j *jar) get() (options map[string]*flight.SessionOptionValue) {
	j.t.Helper()
	err := j.call(func(ctx context.Context, opts ...grpc.CallOption) error {
		res, err := j.GetSessionOptions(ctx, &flight.GetSessionOptionsRequest{}, opts...)
		options = res.GetSessionOptions()
		return err
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return options
}

func (j *jar) end() (status flightgen.CloseSessionResult_Status, err error) {
	err = j.call(func(ctx context.Context, opts ...grpc.CallOption) error {
		res, err := j.CloseSession(ctx, &flight.CloseSessionRequest{}, opts...)
		status = res.GetStatus()
		return err
	})
	return status, err
}

func TestSessionOptions(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		for _, cookies := range []bool{false, true} {
			client := serve(t, tr, func(o *Options) { o.Cookies = cookies })
			j, other := &jar{Client: client, t: t}, &jar{Client: client, t: t}
			if errs := j.set(map[string]any{"catalog": "sales", "limit": int64(5)}); len(errs) != 0 {
				t.Errorf("errors %v", errs)
			}
			errs := j.set(map[string]any{"limit": nil, "fast": true, "": "x", "long": strings.Repeat("x", maxOptionBytes)})
			if errs[""].GetValue() != flight.SetSessionOptionsResultErrorInvalidName || errs["long"].GetValue() != flight.SetSessionOptionsResultErrorInvalidValue || len(errs) != 2 {
				t.Errorf("errors %v, want of the name \"\" and of the value of long", errs)
			}
			if got := j.get(); len(got) != 2 || got["catalog"].GetStringValue() != "sales" || !got["fast"].GetBoolValue() {
				t.Errorf("options %v, want catalog and fast", got)
			}
			if got := other.get(); len(got) != 0 {
				t.Errorf("another client sees %v", got)
			}
			was := j.cookie
			if status, err := j.end(); err != nil || status != flight.CloseSessionResultClosed || j.cookie != "" {
				t.Errorf("close: %v, %v, the cookie is %q; want it taken away", status, err, j.cookie)
			}
			j.cookie = was
			if got := j.get(); len(got) != 0 {
				t.Errorf("the closed session has %v", got)
			}
			j.cookie = was
			_, err := j.end()
			expect(t, err, codes.NotFound, "no session")
		}
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

	// Large values, though each may be: the second does not fit, and does once the first is smaller.
	id, err := s.begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, bytes int) (refused bool) {
		t.Helper()
		v, err := flight.NewSessionOptionValue(strings.Repeat("x", bytes))
		if err != nil {
			t.Fatal(err)
		}
		body, err := marshal(&flight.SetSessionOptionsRequest{SessionOptions: map[string]*flight.SessionOptionValue{name: &v}})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := s.set(metadata.NewIncomingContext(ctx, metadata.Pairs("cookie", sessionCookie+"="+id)), body)
		if err != nil {
			t.Fatal(err)
		}
		var result flight.SetSessionOptionsResult
		if err := proto.Unmarshal(answer, &result); err != nil {
			t.Fatal(err)
		}
		return len(result.Errors) > 0
	}
	if set("a", maxOptionBytes*2/3) || !set("b", maxOptionBytes*2/3) || set("a", 10) || set("b", maxOptionBytes*2/3) {
		t.Error("the bytes of a session's options are not bounded as they should be")
	}
}

// headerSink is a call whose headers nobody sees.
type headerSink struct{}

func (headerSink) Method() string               { return "" }
func (headerSink) SetHeader(metadata.MD) error  { return nil }
func (headerSink) SendHeader(metadata.MD) error { return nil }
func (headerSink) SetTrailer(metadata.MD) error { return nil }
