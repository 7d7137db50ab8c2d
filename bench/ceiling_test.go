package bench_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/internal/wire"
	"flightbench/results"
	"flightbench/server"
)

// measureAll measures each of the Configs once.
func measureAll(t *testing.T, at bench.Targets, configs ...results.Config) []*results.Trial {
	t.Helper()
	var out []*results.Trial
	r := bench.Runner{Targets: at}
	err := r.Run(t.Context(), bench.Plan{Configs: configs, Repeat: 1}.Schedule(), func(tr *results.Trial) error { out = append(out, tr); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// trusting is a Targets with one server behind TLS.
type trusting struct {
	uri   string
	certs *server.Certificates
	mtls  bool
}

func (f trusting) Resolve(context.Context, results.Config) (target.Target, error) {
	tgt, err := target.Parse(f.uri)
	if err != nil || f.certs == nil {
		return tgt, err
	}
	if f.mtls {
		return tgt.WithPEM(f.certs.CA, f.certs.ClientCert, f.certs.ClientKey, "")
	}
	return tgt.WithPEM(f.certs.CA, nil, nil, "")
}

// Every rung of every operation moves exactly what both ends count, over each
// transport and kind of socket.
func TestRungsMoveWhatBothEndsCount(t *testing.T) {
	certs, err := server.NewCertificates()
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, tr wire.Transport) {
		for _, kind := range []string{"tcp", "unix", "tls", "mtls"} {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				at := trusting{}
				mode := "off"
				at.uri, _ = serveWith(t, tr, func(o *server.Options) {
					switch kind {
					case "unix":
						o.Listen = "grpc+unix://" + filepath.Join(t.TempDir(), "s")
					case "tls", "mtls":
						mode = map[string]string{"tls": "on", "mtls": "mtls"}[kind]
						at.certs, at.mtls = certs, kind == "mtls"
						o.Listen, o.TLS = "grpc+tls://127.0.0.1:0", certs.ServerTLS(at.mtls)
					}
				})
				var configs []results.Config
				for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange} {
					c := config(op, tr)
					c.TLS, c.Compression, c.Rows = mode, "lz4", 3000
					configs = append(configs, c)
				}
				plan := bench.Plan{Configs: configs}
				if err := bench.AddCeilings(&plan); err != nil {
					t.Fatal(err)
				}
				sums := map[string]int64{} // body bytes of a stream, by the rungs that must agree
				for _, tr := range measureAll(t, at, plan.Configs[len(configs):]...) {
					checkRung(t, tr)
					_, way, _ := tr.Config.Rung()
					if way != "" && !strings.HasPrefix(tr.Config.Op, results.RungCodec) {
						sums[tr.Config.Op] = tr.Whole.Body
					}
				}
				want := 6 // socket and gRPC of each operation
				if mode != "off" {
					want = 9
				}
				if len(sums) != want {
					t.Errorf("%d rungs went to the server, want %d: %v", len(sums), want, sums)
				}
				for op, n := range sums {
					if base := sums["ceiling:socket:get"]; strings.HasSuffix(op, "exchange") && n != 2*base || !strings.HasSuffix(op, "exchange") && n != base {
						t.Errorf("%s moved %d bytes where the socket's get moved %d", op, n, base)
					}
				}
			})
		}
	})
}

// checkRung fails unless tr ended well, and both ends counted the same.
func checkRung(t *testing.T, tr *results.Trial) {
	t.Helper()
	op := tr.Config.Op
	w := tr.Whole
	if tr.Status != results.StatusOK {
		t.Fatalf("%s is %s: %s", op, tr.Status, tr.Error)
	}
	if w.Streams != 6 || w.Rows != 0 || w.Body == 0 || w.Batches == 0 || w.Cut != 0 {
		t.Errorf("%s: the client counted %+v", op, w)
	}
	if tr.Metrics[results.BodyRate].Value <= 0 || tr.Latencies["stream"].Count != 6 {
		t.Errorf("%s has no rate or not each stream's time", op)
	}
	_, way, _ := tr.Config.Rung()
	if remote := way != "" && !strings.HasPrefix(op, results.RungCodec); remote != (tr.Server != nil) {
		t.Fatalf("%s: the server's counts are there: %v", op, tr.Server != nil)
	} else if !remote {
		return
	}
	if p := tr.Server; p.Streams != w.Streams || p.Batches != w.Batches || p.Body != w.Body || p.Rows != 0 {
		t.Errorf("%s: the server counted %+v, the client %+v", op, p, w)
	}
	if w.Batches != 6*tr.Config.Batches {
		t.Errorf("%s moved %d batches in 6 streams of %d", op, w.Batches, tr.Config.Batches)
	}
	if slices.ContainsFunc(tr.Warnings, func(w string) bool { return strings.Contains(w, "counted") }) {
		t.Errorf("%s warns: %q", op, tr.Warnings)
	}
}

// The bytes of a rung are those of the operation's own bodies.
func TestRungsHaveTheBytesOfTheirOperation(t *testing.T) {
	for _, compression := range []string{"none", "zstd"} {
		for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange} {
			t.Run(op+" "+compression, func(t *testing.T) {
				t.Parallel()
				uri, _ := serve(t, wire.Direct)
				c := config(op, wire.Direct)
				c.Compression, c.Decode, c.Batches = compression, "verify", 0
				if op == bench.OpExchange {
					c.Decode = "count" // verified, the server encodes anew
				}
				c.Rows, c.Total = 30_000, 2
				trials := measureAll(t, fixed{uri: uri}, append([]results.Config{c}, c.Rungs()...)...)
				ladders := results.Ladders(trials)
				if len(ladders) != 1 {
					t.Fatalf("%d ladders of one Config: its rungs are not found", len(ladders))
				}
				flight := ladders[0].Flight.Trials[0].Whole
				for _, r := range ladders[0].Rungs {
					if r.Missing != "" {
						t.Errorf("%s: %s", r.Name, r.Missing)
						continue
					}
					w := r.Group.Trials[0].Whole
					if _, way, _ := r.Group.Config.Rung(); (way == op || op != bench.OpExchange) && (w.Body != flight.Body || w.Batches != flight.Batches) {
						t.Errorf("%s moved %d bytes in %d batches, the operation %d in %d", r.Name, w.Body, w.Batches, flight.Body, flight.Batches)
					}
				}
			})
		}
	}
}

// A server that is none of ours is no failure: what it lacks is named.
func TestRungsOfForeignServer(t *testing.T) {
	uri := (&foreign{batches: 9}).start(t)
	c := config(bench.OpGet, wire.GRPC)
	c.Decode = "batch"
	trials := measureAll(t, fixed{uri: uri}, append([]results.Config{c}, c.Rungs()...)...)
	l := results.Ladders(trials)
	if len(l) != 1 {
		t.Fatalf("%d ladders", len(l))
	}
	var missing, there []string
	for _, r := range l[0].Rungs {
		if r.Missing == "" {
			there = append(there, r.Name)
			continue
		}
		missing = append(missing, r.Name)
		if !strings.Contains(r.Missing, "none of flightbench's") {
			t.Errorf("%s is missing because %q", r.Name, r.Missing)
		}
	}
	if want := []string{"socket", "gRPC"}; !slices.Equal(missing, want) {
		t.Errorf("missing %q, want %q", missing, want)
	}
	if want := []string{"memory copy", "DoGet", "encode", "decode"}; !slices.Equal(there, want) {
		t.Errorf("there are %q, want %q", there, want)
	}
}

// A window's end cuts the streams of rungs, and the next trial begins anew.
func TestRungsEndWithTheirWindow(t *testing.T) {
	each(t, func(t *testing.T, tr wire.Transport) {
		t.Parallel()
		uri, _ := serve(t, tr)
		for _, op := range []string{bench.OpGet, bench.OpPut, bench.OpExchange} {
			c := config(op, tr)
			c.Total, c.Duration, c.Warmup, c.Batches = 0, 0.2, 0.05, 1_000_000
			for _, tr := range measureAll(t, fixed{uri: uri}, slices.DeleteFunc(c.Rungs(), func(r results.Config) bool { return r.Target == "" })...) {
				if tr.Status != results.StatusOK || tr.Whole.Cut != int64(tr.Config.Concurrency) {
					t.Errorf("%s is %s, %d of its %d streams were cut: %s", tr.Config.Op, tr.Status, tr.Whole.Cut, tr.Config.Concurrency, tr.Error)
				}
			}
		}
	})
}

// A listener that cannot be reached, though the server itself can, is no
// failure either, and the other rungs stay.
func TestRungBehindFirewall(t *testing.T) {
	uri, _ := serve(t, wire.Direct)
	wall, err := net.Listen("tcp", "127.0.0.2:0") // where the server opens no other port
	if err != nil {
		t.Skipf("this system has one loopback address: %v", err)
	}
	t.Cleanup(func() { wall.Close() })
	go func() {
		for {
			in, err := wall.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", strings.TrimPrefix(uri, "grpc://"))
			if err != nil {
				in.Close()
				continue
			}
			go func() { defer in.Close(); _, _ = io.Copy(in, out) }()
			go func() { defer out.Close(); _, _ = io.Copy(out, in) }()
		}
	}()
	c := config(bench.OpGet, wire.Direct)
	for _, tr := range measureAll(t, fixed{uri: "grpc://" + wall.Addr().String()}, c.Rungs()...) {
		want := results.StatusOK
		if strings.HasPrefix(tr.Config.Op, results.RungSocket) {
			want = results.StatusUnavailable
		}
		if tr.Status != want || want != results.StatusOK && !strings.Contains(tr.Error, "firewall") {
			t.Errorf("%s is %s (%s), want %s", tr.Config.Op, tr.Status, tr.Error, want)
		}
	}
}

func TestNobodyAsksForARungByName(t *testing.T) {
	c := config(results.RungSocket+":get", wire.Direct)
	if err := bench.Validate(c); err == nil || !strings.Contains(err.Error(), "--ceiling") {
		t.Errorf("got %v, want an error that names --ceiling", err)
	}
	if slices.ContainsFunc(bench.OperationNames(), func(n string) bool { return strings.HasPrefix(n, results.RungPrefix) }) {
		t.Error("help names rungs as operations")
	}
	plan := bench.Plan{Configs: []results.Config{config("list-flights", wire.Direct)}}
	if err := bench.AddCeilings(&plan); err == nil || !strings.Contains(err.Error(), "list-flights") {
		t.Errorf("got %v, want an error that names the operation", err)
	}
}
