package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/results"
)

// axisFlag is a comma list that becomes an axis.
type axisFlag struct {
	name   string // as in results.Axes
	values []string
}

// newRunFlags holds the defaults of a bare run: DoGet and DoPut at three batch
// sizes, three times, in well under a minute.
func newRunFlags() *runFlags {
	r := &runFlags{base: bench.DefaultConfig(), repeat: 3, name: "run", output: "flightbench-results", format: "table"}
	for _, a := range []struct{ name, def string }{
		{"op", "get,put"}, {"transport", r.base.Transport}, {"tls", r.base.TLS}, {"workload", r.base.Workload},
		{"rows", "1024,8192,65536"}, {"batch_bytes", ""}, {"compression", r.base.Compression}, {"decode", r.base.Decode},
		{"concurrency", fmt.Sprint(r.base.Concurrency)}, {"connections", fmt.Sprint(r.base.Connections)},
	} {
		f := &axisFlag{name: a.name}
		if a.def != "" {
			f.values = strings.Split(a.def, ",")
		}
		r.axes = append(r.axes, f)
	}
	return r
}

// bind declares the flags of run.
func (r *runFlags) bind(f *pflag.FlagSet) {
	about := map[string]string{
		"op": "get, put, exchange", "transport": "how bytes travel: direct (our own HTTP/2), grpc (grpc-go without copies), stock (plain arrow-go)",
		"tls":         "of the embedded server: off, on, mtls",
		"workload":    "perf, lineitem, wide[:COLUMNS], strings, dict, nested, nulls, file:PATH",
		"rows":        "rows of a batch",
		"batch_bytes": "body bytes of a batch before the codec, instead of --rows",
		"compression": "none, lz4, zstd[:LEVEL]", "decode": "how far a received batch is taken: count, batch, verify",
		"concurrency": "streams in flight", "connections": "HTTP/2 connections that they share",
	}
	for _, a := range r.axes {
		short := ""
		if a.name == "concurrency" {
			short = "c"
		}
		f.StringSliceVarP(&a.values, flagName(a.name), short, a.values, about[a.name]+" (list)")
	}
	b := &r.base
	f.Int64VarP(&b.Total, "total", "n", 0, "measure this many streams instead of a duration; one of get is every endpoint of a GetFlightInfo")
	r.duration, r.warmup = seconds(b.Duration), seconds(b.Warmup)
	f.DurationVarP(&r.duration, "duration", "z", r.duration, "of the measured window")
	f.DurationVar(&r.warmup, "warmup", r.warmup, "before the measured window")
	f.IntVar(&r.repeat, "repeat", r.repeat, "rounds: how often each combination is measured")
	f.Int64Var(&b.Batches, "batches", 0, "batches of a stream; 0: about 64 MiB of them, 64 at least")
	f.IntVar(&b.Endpoints, "endpoints", b.Endpoints, "endpoints that GetFlightInfo is asked for")
	f.StringVar(&b.PutAck, "put-ack", b.PutAck, "which batches of a DoPut ask for an ack: none, last, all")
	f.Float64Var(&b.Entropy, "entropy", b.Entropy, "0..1: how much of the data is drawn afresh; 1 compresses worst")
	f.IntVar(&b.Distinct, "distinct", b.Distinct, "distinct batches in rotation; 0: enough to defeat a codec's and the CPU's memory")
	f.Uint64Var(&b.Seed, "seed", b.Seed, "of the data and of the order of trials")
	f.Var(bytesOf(&b.Window), "window", "HTTP/2 stream window of client and embedded server; 0: the transport's default")
	f.Var(bytesOf(&b.ConnWindow), "conn-window", "HTTP/2 connection window of both; 0: the transport's default")
	f.Var(bytesOf(&b.ReadBuffer), "read-buffer", "of a connection, of both; 0: the transport's default")
	f.Var(bytesOf(&b.WriteBuffer), "write-buffer", "of a connection, of both; 0: the transport's default")
	f.Var(bytesOf(&b.MaxFrame), "max-frame", "largest HTTP/2 frame that the client announces, direct only; 0: the transport's default")
	f.Var(bytesOf(&b.MaxMessage), "max-message", "largest gRPC message")
	f.BoolVar(&r.inProcess, "in-process", false, "run the embedded server in this process")
	f.StringArrayVar(&r.targets, "target", nil, "[NAME=]URI of a server; repeatable, like the arguments")
	f.StringVar(&r.trust.CACert, "cacert", "", "PEM file of the CA that a grpc+tls target is verified with")
	f.StringVar(&r.trust.Cert, "cert", "", "PEM file of the client's certificate")
	f.StringVar(&r.trust.Key, "key", "", "PEM file of its private key")
	f.StringVar(&r.trust.ServerName, "server-name", "", "name to verify in the server's certificate")
	f.StringVar(&r.name, "name", r.name, "of the run directory")
	f.StringVarP(&r.output, "output", "o", r.output, "folder that run directories are made in")
	f.StringVarP(&r.format, "format", "O", r.format, "of the results on stdout: table, json, csv")
}

// plan checks the flags and expands the axes.
func (r *runFlags) plan(f *pflag.FlagSet) (bench.Plan, error) {
	p := bench.Plan{Repeat: r.repeat, Seed: r.base.Seed}
	if err := results.CheckFormat(r.format); err != nil {
		return p, fmt.Errorf("--format: %w", err)
	}
	if r.repeat < 1 {
		return p, fmt.Errorf("--repeat %d measures nothing: use at least 1", r.repeat)
	}
	if f.Changed("rows") && f.Changed("batch-bytes") {
		return p, errors.New("--rows and --batch-bytes both size a batch: give one of them")
	}
	r.base.Duration, r.base.Warmup = r.duration.Seconds(), r.warmup.Seconds()
	if f.Changed("total") {
		if f.Changed("duration") {
			return p, errors.New("--total and --duration both end a trial: give one of them")
		}
		if r.base.Total < 1 {
			return p, fmt.Errorf("--total %d measures nothing: use at least 1", r.base.Total)
		}
		r.base.Duration = 0
	}
	r.base.InProcess = r.inProcess
	axes := []bench.Axis{}
	if len(r.targets) > 0 {
		if f.Changed("tls") || r.inProcess {
			return p, errors.New("--tls and --in-process are for the embedded server: a target's URI says whether it is grpc+tls://")
		}
		a := bench.Axis{Name: "target"}
		for _, t := range r.targets {
			name, _ := splitTarget(t)
			if name == "" {
				return p, fmt.Errorf("--target %q has an empty name: write NAME=URI or the URI alone", t)
			}
			a.Values = append(a.Values, name)
		}
		axes = append(axes, a)
	} else if r.trust != (target.Trust{}) {
		return p, errors.New("--cacert, --cert, --key and --server-name are for a grpc+tls target: name one, or use --tls for the embedded server")
	}
	for _, a := range r.axes {
		if len(a.values) == 0 && f.Changed(flagName(a.name)) {
			return p, fmt.Errorf("--%s has no value: give at least one", flagName(a.name))
		}
		if len(a.values) == 0 || a.name == "rows" && f.Changed("batch-bytes") {
			continue
		}
		if a.name == "rows" && !f.Changed("rows") && onlyFiles(r.axes) {
			r.base.Rows = 0 // a file has batches of its own
			continue
		}
		axes = append(axes, bench.Axis{Name: a.name, Values: a.values})
	}
	var err error
	p.Configs, err = bench.Expand(r.base, axes)
	return p, err
}

// onlyFiles tells whether every workload asked for is a file.
func onlyFiles(axes []*axisFlag) bool {
	for _, a := range axes {
		if a.name == "workload" {
			for _, v := range a.values {
				if !strings.HasPrefix(v, "file:") {
					return false
				}
			}
		}
	}
	return true
}

// splitTarget splits NAME=URI; a bare URI is its own name.
func splitTarget(s string) (name, uri string) {
	name, uri, ok := strings.Cut(s, "=")
	if !ok || strings.Contains(name, "://") {
		return s, s
	}
	return name, uri
}

// resolve makes the targets of the plan: those named, or the embedded server.
// stop ends what was started.
func (r *runFlags) resolve(ctx context.Context, p *bench.Plan) (_ bench.Targets, stop func(), err error) {
	files, err := bench.CheckFiles(ctx, p.Configs)
	if err != nil {
		return nil, nil, failed(err)
	}
	if len(r.targets) == 0 {
		e, err := newEmbedded(r.inProcess, files)
		if err != nil {
			return nil, nil, failed(err)
		}
		return e, func() { _ = e.close() }, nil
	}
	byName := remote{}
	for _, s := range r.targets {
		name, uri := splitTarget(s)
		t, err := target.Parse(uri)
		if err != nil {
			return nil, nil, usage(err)
		}
		if t, err = t.WithTrust(r.trust); err != nil {
			return nil, nil, usage(err)
		}
		t.Name = name
		byName[name] = t
	}
	for i := range p.Configs {
		p.Configs[i].TLS = byName[p.Configs[i].Target].Mode()
	}
	return byName, func() {}, nil
}

func flagName(axis string) string { return strings.ReplaceAll(axis, "_", "-") }
