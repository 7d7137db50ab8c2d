package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/results"
	"flightbench/suites"
	"flightbench/workloads"
)

// fieldFlag is a flag of a Config field. Several values are an axis.
type fieldFlag struct {
	name, short string // name is the field's, with underscores
	kind        string // list: commas part values; text: they do not, the flag is repeated; bool: a list, true without a value
	about       string
	values      []string
	given       bool
}

// The methods of a pflag.Value.
func (v *fieldFlag) String() string { return strings.Join(v.values, ",") }
func (v *fieldFlag) Type() string   { return v.kind }
func (v *fieldFlag) Set(s string) error {
	if !v.given {
		v.given, v.values = true, nil
	}
	if v.kind == "text" {
		v.values = append(v.values, s)
		if s == "" {
			return fmt.Errorf("--%s is empty: give it a value, or leave it out", flagName(v.name))
		}
		return nil
	}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			return fmt.Errorf("--%s has no value: give at least one", flagName(v.name))
		}
		v.values = append(v.values, part)
	}
	return nil
}

// fieldFlags are the flags of the Config's fields. Their defaults are those of
// a bare run, and for show: what is not given is left to the suite.
func fieldFlags() []*fieldFlag {
	flags := []*fieldFlag{
		{name: "op", about: strings.Join(bench.OperationNames(), ", ")},
		{name: "transport", about: "how bytes travel: direct (our own HTTP/2), grpc (grpc-go without copies), stock (plain arrow-go)"},
		{name: "tls", about: "of the embedded server: off, on, mtls"},
		{name: "workload", about: "perf, lineitem, wide[:COLUMNS], strings, dict, nested, nulls, file:PATH"},
		{name: "rows", about: "rows of a batch"},
		{name: "batch_bytes", about: "body bytes of a batch before the codec, instead of --rows"},
		{name: "compression", about: "none, lz4, zstd[:LEVEL]"},
		{name: "decode", about: "how far a received batch is taken: count, batch, verify"},
		{name: "concurrency", short: "c", about: "streams in flight"},
		{name: "connections", about: "HTTP/2 connections that they share"},
		{name: "auth", about: "how calls prove who makes them: none, token, basic, handshake, handshake-plain; the embedded server asks for the same"},
		{name: "headers", about: "headers to add to each call"},
		{name: "middleware", about: "middlewares on the embedded server's path, each reads a header and adds one"},
		{name: "total", short: "n", about: "measure this many streams instead of a duration; one of get is every endpoint of a GetFlightInfo"},
		{name: "duration", short: "z", about: "of the measured window"},
		{name: "warmup", about: "before the measured window"},
		{name: "batches", about: "batches of a stream; 0: about 64 MiB of them, 64 at least"},
		{name: "endpoints", about: "endpoints that GetFlightInfo is asked for"},
		{name: "put_ack", about: "which batches of a DoPut ask for an ack: none, last, all"},
		{name: "entropy", about: "0..1: how much of the data is drawn afresh; 1 compresses worst"},
		{name: "distinct", about: "distinct batches in rotation; 0: enough to defeat a codec's and the CPU's memory"},
		{name: "seed", kind: "text", about: "of the data and of the order of trials"},
		{name: "window", about: "HTTP/2 stream window of client and embedded server; 0: the transport's default"},
		{name: "conn_window", about: "HTTP/2 connection window of both; 0: the transport's default"},
		{name: "read_buffer", about: "of a connection, of both; 0: the transport's default"},
		{name: "write_buffer", about: "of a connection, of both; 0: the transport's default"},
		{name: "max_frame", about: "largest HTTP/2 frame that the client announces, direct only; 0: the transport's default"},
		{name: "max_message", about: "largest gRPC message"},
		{name: "rtt", about: "imitate a network of this round trip between client and server, beside the real one"},
		{name: "bandwidth", about: "imitate a network of this bandwidth, 1Gbit or 125MB/s, that all connections share in each direction; 0: unlimited"},
		{name: "loss", about: "have the kernel lose this share of packets, 0.1%, in a network of its own; needs Linux with netem, and a server that flightbench starts"},
		{name: "in_process", kind: "bool", about: "run the embedded server in this process"},
		{name: "path", kind: "text", about: "ask for this descriptor path, a/b, instead of a workload"},
		{name: "cmd", kind: "text", about: "ask with this descriptor command: text, @FILE or hex:DIGITS"},
		{name: "ticket", kind: "text", about: "read this ticket, without GetFlightInfo: text, @FILE or hex:DIGITS"},
		{name: "sql", kind: "text", about: "statement for --op query (which it implies) or prepared; @FILE with several, each with a weight as in docs/flight-sql.md"},
		{name: "params", kind: "text", about: "Arrow IPC file with the parameters of --op prepared"},
		{name: "table", kind: "text", about: "table that --op ingest writes to"},
		{name: "ingest_mode", about: "append, replace, or create (a table of its own for each stream)"},
		{name: "transaction", kind: "bool", about: "make each iteration of --op query, prepared and ingest a transaction"},
		{name: "poll", kind: "bool", about: "get: call PollFlightInfo until it is complete, not GetFlightInfo"},
		{name: "ordered", kind: "bool", about: "get: read the endpoints one after another, not all at a time"},
		{name: "location", about: "get: which of an endpoint's locations to read: listed (the next where one is out of reach), original, rewrite:FROM=TO"},
		{name: "rps", short: "r", about: "open loop: begin so many streams a second, whether or not others have ended; --concurrency then caps those in flight"},
		{name: "rate", about: "open loop: begin as many streams as this takes, such as 2GB/s of bodies"},
		{name: "schedule", kind: "text", about: "open loop: starts a second over the window, in steps and ramps: RATE/LENGTH and FROM-TO/LENGTH, joined by commas"},
		{name: "arrival", about: "open loop: how starts are spread: constant, poisson"},
		{name: "timeout", about: "deadline of each call; 0: none"},
		{name: "stall", about: "give a stream up after so long without a message; 0: never"},
		{name: "cancel_after", about: "cancel each stream after so many batches (16) or that time (50ms), and measure how long that takes"},
		{name: "provoke", about: "error that the embedded server ends streams with: KIND, or KIND:EVERY for every EVERYth; kinds: " + strings.Join(workloads.FailKinds(), ", ")},
	}
	for _, f := range flags {
		if f.kind == "" {
			f.kind = "list"
		}
	}
	return flags
}

// newFlags holds the defaults of v without a flag, which measures v's own
// suite.
func newFlags(v verb) *runFlags {
	r := &runFlags{verb: v, fields: fieldFlags(), name: v.name, output: "flightbench-results", format: "table"}
	tour, err := v.tour()
	if err != nil {
		panic(err) // TestEmbedded finds it
	}
	r.repeat = tour.Repeat
	for _, f := range r.fields {
		f.values = tour.Matrix.Values(f.name)
		if s, _ := tour.Matrix.Base.Number(f.name); f.name == "duration" || f.name == "warmup" {
			f.values = []string{seconds(s).String()}
		}
	}
	return r
}

// bind declares the verb's flags: run's, but for those that it omits, and its
// own.
func (r *runFlags) bind(f *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	r.bindRun(all)
	all.VisitAll(func(fl *pflag.Flag) {
		if !slices.Contains(r.verb.omit, fl.Name) {
			f.AddFlag(fl)
		}
	})
	r.own = r.verb.begin(f)
}

// bindRun declares the flags of run.
func (r *runFlags) bindRun(f *pflag.FlagSet) {
	for _, v := range r.fields {
		f.VarP(v, flagName(v.name), v.short, v.about)
		if v.kind == "bool" {
			f.Lookup(flagName(v.name)).NoOptDefVal = "true"
		}
	}
	f.StringVarP(&r.suite, "file", "f", "", "`suite` to measure: a YAML file, or a name that flightbench suites lists; flags take the place of what it says")
	f.IntVar(&r.repeat, "repeat", r.repeat, "rounds: how often each combination is measured; with --until the least of them")
	f.StringVar(&r.until, "until", "", "add rounds until the 95 % interval of each combination's median rate (open loop: median latency) is at most ± this `percentage` of it, such as 2%")
	f.DurationVar(&r.maxTime, "max-time", bench.MaxTime, "with --until: measure no longer than this, however wide the intervals are")
	f.BoolVar(&r.oneAtATime, "one-at-a-time", false, "of lists, measure the first values together, and each other value with only that changed, instead of every combination")
	r.access.bind(f)
	r.servers.bind(f)
	f.BoolVar(&r.dryRun, "dry-run", false, "print what would be measured and how long that takes; start and measure nothing")
	f.StringArrayVar(&r.gates, "gate", nil, "a limit to a figure, such as 'first_batch.p99<=5ms'; exit code 99 if a configuration misses it; repeatable")
	f.StringVar(&r.resume, "resume", "", "go on with the interrupted run in this `directory`, by its own flags; give credentials again that came from the command line")
	f.StringVar(&r.name, "name", r.name, "of the run directory")
	f.StringVarP(&r.output, "output", "o", r.output, "folder that run directories are made in")
	f.StringVarP(&r.format, "format", "O", r.format, "of the results on stdout: table, json, csv")
}

// plan checks the flags and expands what they and the suite say.
func (r *runFlags) plan(f *pflag.FlagSet) (p bench.Plan, err error) {
	if err := checkEmpty(f); err != nil {
		return p, err
	}
	if err := results.CheckFormat(r.format); err != nil {
		return p, fmt.Errorf("--format: %w", err)
	}
	suite, err := r.takeSuite(f)
	if err != nil {
		return p, err
	}
	if _, err := parseGates(r.gates); err != nil {
		return p, err
	}
	if r.repeat < 1 {
		return p, fmt.Errorf("--repeat %d measures nothing: use at least 1", r.repeat)
	}
	if p.Until, p.MaxTime, err = r.untilOf(f, suite); err != nil {
		return p, err
	}
	if f.Changed("rows") && f.Changed("batch-bytes") {
		return p, errors.New("--rows and --batch-bytes both size a batch: give one of them")
	}
	if f.Changed("total") && f.Changed("duration") {
		return p, errors.New("--total and --duration both end a trial: give one of them")
	}
	m := suite.Matrix
	said := func(name string) bool {
		return f.Changed(flagName(name)) || r.suite != "" && suite.Says(name)
	}
	for _, v := range r.fields {
		if !v.given {
			continue
		}
		if v.name == "seed" && len(v.values) > 1 {
			return p, errors.New("--seed is of the whole run: give one")
		}
		if err := m.Vary(bench.Axis{Name: v.name, Values: v.values}); err != nil {
			return p, err
		}
	}
	if err := r.remote(f, &m, said); err != nil {
		return p, err
	}
	if err := m.Imply(said); err != nil {
		return p, err
	}
	if f.Changed("one-at-a-time") {
		m.OneAtATime = r.oneAtATime
	}
	p.Repeat, p.Seed = r.repeat, m.Base.Seed
	if p.Configs, err = m.Expand(); err != nil {
		return p, err
	}
	if err := p.CheckUntil(); err != nil {
		return p, err
	}
	return p, bench.CheckHeeded(p.Configs, func(flag string) bool { return f.Changed(flag) && !r.single(flag) })
}

// untilOf is how narrow intervals shall be, and how long that may take; 0 where
// nothing was said of it.
func (r *runFlags) untilOf(f *pflag.FlagSet, s *suites.Suite) (until float64, maxTime time.Duration, err error) {
	until, maxTime = s.Until, r.maxTime
	if f.Changed("until") {
		if until, err = bench.ParseUntil(r.until); err != nil {
			return 0, 0, fmt.Errorf("--until: %w", err)
		}
	}
	if !f.Changed("max-time") && s.MaxTime > 0 {
		maxTime = s.MaxTime
	}
	switch {
	case until > 0:
		return until, maxTime, nil
	case f.Changed("max-time") && f.Lookup("until") != nil:
		return 0, 0, errors.New("--max-time ends what --until begins: give --until 2%, too, or say by --repeat how many rounds there are")
	}
	return 0, 0, nil
}

// single tells whether flag is a list of one value: where nothing heeds it, it
// sets nothing apart.
func (r *runFlags) single(flag string) bool {
	return slices.ContainsFunc(r.fields, func(v *fieldFlag) bool {
		return flagName(v.name) == flag && len(v.values) == 1 && bench.Shapes(v.name)
	})
}

// takeSuite loads the suite, and takes from it what no flag says of servers
// and rounds.
func (r *runFlags) takeSuite(f *pflag.FlagSet) (*suites.Suite, error) {
	if r.suite == "" {
		return r.verb.tour()
	}
	load := func() (*suites.Suite, error) { return suites.Load(r.suite) }
	if r.text != "" { // of a run that is resumed: the file may have changed
		load = func() (*suites.Suite, error) { return suites.Parse(r.suite, []byte(r.text)) }
	}
	s, err := load()
	if err != nil {
		return nil, err
	}
	r.text = s.Text
	if !f.Changed("repeat") {
		r.repeat = s.Repeat
	}
	if !f.Changed("gate") {
		r.gates = s.Gates
	}
	if !f.Changed("name") {
		r.name = s.Name
	}
	if !r.servers.any() {
		for _, t := range s.Targets {
			r.servers.targets = append(r.servers.targets, t.Name+"="+t.Is)
		}
		for _, t := range s.Commands {
			r.servers.commands = append(r.servers.commands, t.Name+"="+t.Is)
		}
	}
	if !f.Changed("server-uri") {
		r.servers.uri = cmp.Or(s.ServerURI, r.servers.uri)
	}
	if !f.Changed("ready") {
		r.servers.ready = cmp.Or(s.Ready, r.servers.ready)
	}
	if !f.Changed("ready-timeout") {
		r.servers.wait = cmp.Or(s.ReadyTimeout, r.servers.wait)
	}
	return s, nil
}

// remote makes the named targets an axis, and refuses with them what the
// embedded server alone understands, and without them what it does not.
func (r *runFlags) remote(f *pflag.FlagSet, m *bench.Matrix, said func(string) bool) error {
	names, err := r.servers.names()
	if err != nil {
		return err
	}
	for _, flag := range []string{"server-uri", "ready", "ready-timeout"} {
		if f.Changed(flag) && len(r.servers.commands) == 0 {
			return fmt.Errorf("--%s is about a server that is started: give --server-cmd, or leave it out", flag)
		}
	}
	if len(names) == 0 {
		switch {
		case r.access.trust != (target.Trust{}):
			return errors.New("--cacert, --cert, --key, --server-name, --tls-min and --tls-skip-verify are for a grpc+tls target: name one, or use --tls for the embedded server")
		case r.access.given():
			return errors.New("--user, --token, --cookies and their like are for a target: name one, or use --auth for the embedded server, which makes credentials of its own")
		}
		return nil
	}
	for _, name := range suites.EmbeddedOnly {
		if said(name) {
			return fmt.Errorf("--%s is for the embedded server, and a target is named: leave one of them out", flagName(name))
		}
	}
	if !said("auth") {
		if err := m.Set("auth", r.access.method()); err != nil {
			return err
		}
	}
	return m.Vary(bench.Axis{Name: "target", Values: names})
}

// resolve makes the targets of the plan: those named, those started, or the
// embedded server. None is started before a Config needs it.
func (r *runFlags) resolve(ctx context.Context, p *bench.Plan, stdin io.Reader, stderr io.Writer) (_ *targets, err error) {
	files, err := bench.CheckFiles(ctx, p.Configs)
	if err != nil {
		return nil, failed(err)
	}
	if len(r.servers.commands) > 0 {
		if err := bench.CheckReady(ctx, r.servers.ready, p.Configs...); err != nil {
			return nil, usage(err)
		}
	}
	r.access.warnVisible(stderr)
	if !r.servers.any() {
		e, err := newEmbedded(files)
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
	for _, c := range p.Configs {
		if c.Auth != "" && !slices.Contains(methods, c.Auth) { // empty: it calls nobody
			methods = append(methods, c.Auth)
		}
	}
	auth, err := r.access.auth(methods, stdin, stderr)
	if err != nil {
		return nil, usage(err)
	}
	return r.reach(p, auth)
}

// reach parses the named targets, and has the Configs of p say how they are
// reached.
func (r *runFlags) reach(p *bench.Plan, auth target.Auth) (*targets, error) {
	t, err := r.servers.resolve(&r.access, auth)
	if err != nil {
		return nil, usage(err)
	}
	for i := range p.Configs {
		c := &p.Configs[i]
		if _, _, rung := c.Rung(); rung { // of a run that is gone on with, and complete
			continue
		}
		c.TLS = t.byName[c.Target].target.Mode()
		c.TLSSkipVerify = r.access.trust.SkipVerify && c.TLS != "off"
		if c.TLS != "off" {
			c.TLSMin = cmp.Or(r.access.trust.MinVersion, "1.2")
		}
	}
	return t, nil
}

func flagName(axis string) string { return strings.ReplaceAll(axis, "_", "-") }
