package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/results"
	"flightbench/workloads"
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
		{"auth", r.base.Auth}, {"headers", "0"}, {"middleware", "0"},
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
		"op": strings.Join(bench.OperationNames(), ", "), "transport": "how bytes travel: direct (our own HTTP/2), grpc (grpc-go without copies), stock (plain arrow-go)",
		"tls":         "of the embedded server: off, on, mtls",
		"workload":    "perf, lineitem, wide[:COLUMNS], strings, dict, nested, nulls, file:PATH",
		"rows":        "rows of a batch",
		"batch_bytes": "body bytes of a batch before the codec, instead of --rows",
		"compression": "none, lz4, zstd[:LEVEL]", "decode": "how far a received batch is taken: count, batch, verify",
		"concurrency": "streams in flight", "connections": "HTTP/2 connections that they share",
		"auth":    "how calls prove who makes them: none, token, basic, handshake, handshake-plain; the embedded server asks for the same",
		"headers": "headers to add to each call", "middleware": "middlewares on the embedded server's path, each reads a header and adds one",
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
	f.BoolVar(&r.oneAtATime, "one-at-a-time", false, "of lists, measure the first values together, and each other value with only that changed, instead of every combination")
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
	r.bindRequest(f)
	r.access.bind(f)
	r.servers.bind(f)
	f.StringVar(&r.name, "name", r.name, "of the run directory")
	f.StringVarP(&r.output, "output", "o", r.output, "folder that run directories are made in")
	f.StringVarP(&r.format, "format", "O", r.format, "of the results on stdout: table, json, csv")
}

// bindRequest declares what is asked for, how it is read, and how calls end.
func (r *runFlags) bindRequest(f *pflag.FlagSet) {
	b := &r.base
	f.StringVar(&b.Path, "path", "", "ask for this descriptor path, a/b, instead of a workload")
	f.StringVar(&b.Cmd, "cmd", "", "ask with this descriptor command: text, @FILE or hex:DIGITS")
	f.StringVar(&b.Ticket, "ticket", "", "read this ticket, without GetFlightInfo: text, @FILE or hex:DIGITS")
	f.StringVar(&b.SQL, "sql", "", "statement for --op query (which it implies) or prepared; @FILE with several, each with a weight as in docs/flight-sql.md")
	f.StringVar(&b.Params, "params", "", "Arrow IPC file with the parameters of --op prepared")
	f.StringVar(&b.Table, "table", "", "table that --op ingest writes to")
	f.StringVar(&b.IngestMode, "ingest-mode", "append", "append, replace, or create (a table of its own for each stream)")
	f.BoolVar(&b.Transaction, "transaction", false, "make each iteration of --op query, prepared and ingest a transaction")
	f.BoolVar(&b.Poll, "poll", false, "get: call PollFlightInfo until it is complete, not GetFlightInfo")
	f.BoolVar(&b.Ordered, "ordered", false, "get: read the endpoints one after another, not all at a time")
	f.StringVar(&b.Location, "location", b.Location, "get: which of an endpoint's locations to read: listed (the next where one is out of reach), original, rewrite:FROM=TO")
	f.DurationVar(&r.timeout, "timeout", 0, "deadline of each call; 0: none")
	f.DurationVar(&r.stall, "stall", 0, "give a stream up after so long without a message; 0: never")
	f.StringVar(&b.CancelAfter, "cancel-after", "", "cancel each stream after so many batches (16) or that time (50ms), and measure how long that takes")
	f.StringVar(&b.Provoke, "provoke", "", "error that the embedded server ends streams with: KIND, or KIND:EVERY for every EVERYth; kinds: "+strings.Join(workloads.FailKinds(), ", "))
}

// plan checks the flags and expands the axes.
func (r *runFlags) plan(f *pflag.FlagSet) (bench.Plan, error) {
	p := bench.Plan{Repeat: r.repeat, Seed: r.base.Seed}
	if err := checkEmpty(f); err != nil {
		return p, err
	}
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
	r.base.Timeout, r.base.Stall = r.timeout.Seconds(), r.stall.Seconds()
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
	names, err := r.servers.names()
	if err != nil {
		return p, err
	}
	for _, flag := range []string{"server-uri", "ready", "ready-timeout"} {
		if f.Changed(flag) && len(r.servers.commands) == 0 {
			return p, fmt.Errorf("--%s is about a server that is started: give --server-cmd, or leave it out", flag)
		}
	}
	if len(names) > 0 {
		for _, flag := range []string{"tls", "in-process", "middleware", "provoke"} {
			if f.Changed(flag) {
				return p, fmt.Errorf("--%s is for the embedded server, and a target is named: leave one of them out", flag)
			}
		}
		axes = append(axes, bench.Axis{Name: "target", Values: names})
	} else if r.access.trust != (target.Trust{}) {
		return p, errors.New("--cacert, --cert, --key, --server-name, --tls-min and --tls-skip-verify are for a grpc+tls target: name one, or use --tls for the embedded server")
	}
	if r.base.Table == "" && !f.Changed("ingest-mode") {
		r.base.IngestMode = ""
	}
	if err := r.implied(f, len(names) > 0); err != nil {
		return p, err
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
	expand := bench.Expand
	if r.oneAtATime {
		expand = bench.OneAtATime
	}
	if p.Configs, err = expand(r.base, axes); err != nil {
		return p, err
	}
	return p, bench.CheckHeeded(p.Configs, func(flag string) bool { return f.Changed(flag) && !r.single(flag) })
}

// single tells whether flag is a list of one value: where nothing heeds it, it
// sets nothing apart.
func (r *runFlags) single(flag string) bool {
	return slices.ContainsFunc(r.axes, func(a *axisFlag) bool { return flagName(a.name) == flag && len(a.values) == 1 })
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

// implied settles what flags say about each other: --sql makes a query, and
// credentials say how they are to be used.
func (r *runFlags) implied(f *pflag.FlagSet, remote bool) error {
	set := func(axis, value string) {
		for _, a := range r.axes {
			if a.name == axis && !f.Changed(flagName(axis)) {
				a.values = []string{value}
			}
		}
	}
	switch {
	case r.base.SQL != "":
		set("op", bench.OpQuery)
		set("rows", "65536") // one Config: what is asked for has a size of its own
	case r.base.Table != "":
		set("op", bench.OpIngest)
	case r.base.Path != "" || r.base.Cmd != "" || r.base.Ticket != "":
		set("op", bench.OpGet)
		set("rows", "65536")
	}
	if remote {
		set("auth", r.access.method())
	} else if r.access.given() {
		return errors.New("--user, --token, --cookies and their like are for a target: name one, or use --auth for the embedded server, which makes credentials of its own")
	}
	return nil
}

// resolve makes the targets of the plan: those named, those started, or the
// embedded server. dir is where started servers leave their output; stop ends
// what was started.
func (r *runFlags) resolve(ctx context.Context, p *bench.Plan, stdin io.Reader, stderr io.Writer) (_ *targets, err error) {
	files, err := bench.CheckFiles(ctx, p.Configs)
	if err != nil {
		return nil, failed(err)
	}
	r.access.warnVisible(stderr)
	if !r.servers.any() {
		e, err := newEmbedded(r.inProcess, files)
		if err != nil {
			return nil, failed(err)
		}
		e.headers, err = parseHeaders(r.access.headers)
		if err != nil {
			return nil, usage(err)
		}
		return &targets{embedded: e}, nil
	}
	var methods []string
	for _, a := range r.axes {
		if a.name == "auth" {
			methods = a.values
		}
	}
	auth, err := r.access.auth(methods, stdin, stderr)
	if err != nil {
		return nil, usage(err)
	}
	t, err := r.servers.resolve(&r.access, auth)
	if err != nil {
		return nil, usage(err)
	}
	for i := range p.Configs {
		c := &p.Configs[i]
		c.TLS = t.byName[c.Target].target.Mode()
		c.TLSSkipVerify = r.access.trust.SkipVerify && c.TLS != "off"
		if c.TLS != "off" {
			c.TLSMin = cmp.Or(r.access.trust.MinVersion, "1.2")
		}
	}
	return t, nil
}

func flagName(axis string) string { return strings.ReplaceAll(axis, "_", "-") }
