package server

import (
	"strconv"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"flightbench/internal/wire"
)

// Nothing is on the path of a call unless it was asked for.
func TestNoHooksByDefault(t *testing.T) {
	for n, set := range map[int]func(*Options){
		0: func(*Options) {},
		1: func(o *Options) { o.Cookies = true },
		3: func(o *Options) { o.Middleware = 3 },
		5: func(o *Options) { o.Middleware, o.Cookies, o.Auth, o.Token = 3, true, AuthToken, "t" },
	} {
		o := DefaultOptions()
		set(&o)
		s, err := newService(o)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(s.hooks()); got != n {
			t.Errorf("%d hooks, want %d", got, n)
		}
		s.cache.close()
	}
	if unary, stream := interceptors(nil); unary != nil || stream != nil {
		t.Error("there are interceptors without hooks")
	}
}

// Each middleware answers its own header, on unary and on streaming calls.
func TestMiddleware(t *testing.T) {
	overTransports(t, func(t *testing.T, tr wire.Transport) {
		for _, n := range []int{0, 1, 3, 100} {
			c := serve(t, tr, func(o *Options) { o.Middleware = n })
			ctx := withHeader(t, "x-flightbench-mw-1", "hello")
			var unary, streamed metadata.MD
			if _, err := c.GetSchema(ctx, cmd(small(t, "perf").Marshal()), grpc.Header(&unary)); err != nil {
				t.Fatal(err)
			}
			stream, err := c.DoGet(ctx, &flight.Ticket{Ticket: small(t, "perf").Marshal()}, grpc.Header(&streamed))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := drain(stream); err != nil {
				t.Fatal(err)
			}
			for kind, md := range map[string]metadata.MD{"unary": unary, "streamed": streamed} {
				for i := 1; i <= n+1; i++ {
					var want []string
					switch {
					case i == 1 && n > 0:
						want = []string{"hello"}
					case i <= n:
						want = []string{"1"}
					}
					if got := md.Get("x-flightbench-mw-" + strconv.Itoa(i)); len(got) != len(want) || len(got) == 1 && got[0] != want[0] {
						t.Errorf("%d middlewares, %s: header %d is %q, want %q", n, kind, i, got, want)
					}
				}
			}
		}
	})
}
