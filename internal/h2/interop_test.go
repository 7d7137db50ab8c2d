package h2

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// interopCases are grpc-go's own. One that fails ends its process.
var interopCases = map[string]func(context.Context, grpc.ClientConnInterface, ...grpc.CallOption){
	"empty_unary":                 onTest(interop.DoEmptyUnaryCall),
	"large_unary":                 onTest(interop.DoLargeUnaryCall),
	"client_streaming":            onTest(interop.DoClientStreaming),
	"server_streaming":            onTest(interop.DoServerStreaming),
	"ping_pong":                   onTest(interop.DoPingPong),
	"empty_stream":                onTest(interop.DoEmptyStream),
	"timeout_on_sleeping_server":  onTest(interop.DoTimeoutOnSleepingServer),
	"cancel_after_begin":          onTest(interop.DoCancelAfterBegin),
	"cancel_after_first_response": onTest(interop.DoCancelAfterFirstResponse),
	"custom_metadata":             onTest(interop.DoCustomMetadata),
	"status_code_and_message":     onTest(interop.DoStatusCodeAndMessage),
	"special_status_message":      onTest(interop.DoSpecialStatusMessage),
	"unimplemented_service": func(ctx context.Context, cc grpc.ClientConnInterface, o ...grpc.CallOption) {
		interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(cc))
	},
	"soak": func(ctx context.Context, cc grpc.ClientConnInterface, o ...grpc.CallOption) {
		interop.DoSoakTest(ctx, interop.SoakTestConfig{
			RequestSize: 27182, ResponseSize: 31415, PerIterationMaxAcceptableLatency: 10 * time.Second,
			OverallTimeout: time.Minute, ServerAddr: "direct", NumWorkers: 4, Iterations: 200, MaxFailures: 0,
			ChannelForTest: func() (*grpc.ClientConn, func()) { return through(cc) },
		})
	},
}

// through is a *grpc.ClientConn whose unary calls go over cc, for the one case that insists on the type.
func through(cc grpc.ClientConnInterface) (*grpc.ClientConn, func()) {
	g, err := grpc.NewClient("passthrough:///unused", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(func(ctx context.Context, m string, q, r any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, o ...grpc.CallOption) error {
			return cc.Invoke(ctx, m, q, r, o...)
		}))
	if err != nil {
		panic(err)
	}
	return g, func() { g.Close() }
}

func onTest(f func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption)) func(context.Context, grpc.ClientConnInterface, ...grpc.CallOption) {
	return func(ctx context.Context, cc grpc.ClientConnInterface, o ...grpc.CallOption) {
		f(ctx, testgrpc.NewTestServiceClient(cc), o...)
	}
}

func TestMain(m *testing.M) {
	if spec := os.Getenv("H2_INTEROP"); spec != "" {
		if err := interopChild(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if kind := os.Getenv("H2_BENCH"); kind != "" {
		_ = benchChild(kind)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// interopChild runs "client/server/security/compression/case".
func interopChild(spec string) error {
	f := strings.Split(spec, "/")
	var stls, ctls *tls.Config
	if f[2] == "tls" {
		var err error
		if stls, ctls, err = testTLS(); err != nil {
			return err
		}
	}
	addr, stop, err := startTestServer(f[1], stls)
	if err != nil {
		return err
	}
	defer stop()
	var opts []grpc.CallOption
	if f[3] == "gzip" {
		opts = append(opts, grpc.UseCompressor("gzip"))
	}
	cc, closeCC, err := dialTest(f[0], addr, ctls, opts)
	if err != nil {
		return err
	}
	defer closeCC()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	interopCases[f[4]](ctx, cc, opts...)
	return nil
}

func startTestServer(kind string, cfg *tls.Config) (addr string, stop func(), err error) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	if kind == "direct" {
		o := DefaultServerOptions()
		o.TLS = cfg
		s := NewServer(o)
		testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
		go s.Serve(lis)
		return lis.Addr().String(), s.Stop, nil
	}
	var opts []grpc.ServerOption
	if cfg != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(cfg)))
	}
	s := grpc.NewServer(opts...)
	testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
	go s.Serve(lis)
	return lis.Addr().String(), s.Stop, nil
}

func dialTest(kind, addr string, cfg *tls.Config, opts []grpc.CallOption) (grpc.ClientConnInterface, func(), error) {
	if kind == "direct" {
		o := testClientOptions(addr)
		o.TLS = cfg
		cc, err := NewClient(o)
		if err != nil {
			return nil, nil, err
		}
		return cc, func() { cc.Close() }, nil
	}
	creds := insecure.NewCredentials()
	if cfg != nil {
		creds = credentials.NewTLS(cfg)
	}
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		return nil, nil, err
	}
	return cc, func() { cc.Close() }, nil
}

func testClientOptions(addr string) ClientOptions {
	o := DefaultClientOptions()
	o.Dial = func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
	o.Authority = addr
	return o
}

func TestInterop(t *testing.T) {
	for _, pair := range []string{"direct/grpc", "grpc/direct", "direct/direct"} {
		for _, security := range []string{"plain", "tls"} {
			for _, comp := range []string{"identity", "gzip"} {
				if security == "tls" && comp == "gzip" {
					continue
				}
				for name := range interopCases {
					spec := strings.Join([]string{pair, security, comp, name}, "/")
					t.Run(spec, func(t *testing.T) {
						t.Parallel()
						ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
						defer cancel()
						cmd := exec.CommandContext(ctx, os.Args[0])
						cmd.Env = append(os.Environ(), "H2_INTEROP="+spec, "GRPC_GO_LOG_SEVERITY_LEVEL=error")
						if out, err := cmd.CombinedOutput(); err != nil {
							t.Fatalf("%v\n%s", err, out)
						}
					})
				}
			}
		}
	}
}
