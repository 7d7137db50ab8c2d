package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"flightbench/results"
	"flightbench/workloads"
)

// probe reads a stream: what each server gives most easily.
func (c column) probe(more ...string) call {
	switch c.kind {
	case sql:
		return call{args: append([]string{"--sql", "SELECT * FROM " + c.table}, more...), want: read(-1)}
	case own:
		return call{args: append([]string{"--op", "get", "--rows", "100", "--batches", "4"}, more...), want: read(rows)}
	}
	return call{args: append([]string{"--path", "plain"}, more...), want: read(rows)}
}

// path asks for one of the peers' streams; ours asks flightbench serve with o
// for the like. Where ours is nil it has none.
func (c column) path(name string, ours []string, o options, want func(*results.Trial) error, more ...string) ask {
	if c.kind == own && ours == nil {
		return ask{}
	}
	if c.kind == own {
		return ask{o, []call{{args: append(slices.Clone(ours), more...), want: want}}}
	}
	return ask{options{}, []call{{args: append([]string{"--op", "get", "--path", name}, more...), want: want}}}
}

// ticket is the JSON of a stream of ours with more members.
func ticket(more string) []string {
	return []string{"--op", "get", "--cmd", fmt.Sprintf(`{"flightbench":1,"workload":"perf","rows":100,"batches":4%s}`, more)}
}

// statement is the descriptor of a SQL statement, as --cmd takes it.
func statement(query string) string {
	packed, err := anypb.New(&flightgen.CommandStatementQuery{Query: query})
	if err != nil {
		panic(err)
	}
	b, err := proto.Marshal(packed)
	if err != nil {
		panic(err)
	}
	return "hex:" + hex.EncodeToString(b)
}

// descriptor is what info, poll and schema ask with.
func (c column) descriptor() []string {
	switch c.kind {
	case sql:
		return []string{"--cmd", statement("SELECT * FROM " + c.table)}
	case own:
		return []string{"--rows", "100"}
	}
	return []string{"--path", "plain"}
}

func (l *lab) features() []feature {
	return slices.Concat(l.addresses(), l.credentials(), calls(), reading(), ends(), l.flightSQL(), l.doctor())
}

func (l *lab) addresses() []feature {
	const group = "Addresses and TLS"
	ca := []string{"--cacert", l.path("ca.pem")}
	cert := append([]string{"--cert", l.path("client.pem"), "--key", l.path("client.key")}, ca...)
	one := func(name string, o options, more ...string) feature {
		return feature{group, name, func(c column) ask { return ask{o, []call{c.probe(more...)}} }}
	}
	told := func(name string, o options, want func(*results.Trial) error, more ...string) feature {
		return feature{group, name, func(c column) ask {
			k := c.probe(more...)
			k.want = want
			return ask{o, []call{k}}
		}}
	}
	return []feature{
		one("grpc://", options{}),
		one("grpc:// over IPv6", options{listen: "grpc://[::1]:0"}),
		one("grpc+unix://", options{listen: "grpc+unix://{socket}"}),
		one("grpc+tls://", options{tls: true}, ca...),
		one("TLS 1.3 and no less", options{tls: true}, append(ca, "--tls-min", "1.3")...),
		one("mTLS", options{tls: true, mtls: true}, cert...),
		told("a wrong CA is told", options{tls: true}, says("signed by unknown authority", "is not signed by", "not trusted", "--cacert"), "--cacert", l.path("other.pem")),
		told("a missing client certificate is told", options{tls: true, mtls: true}, says("--cert"), ca...),
		{group, "plaintext to a TLS port is told", func(c column) ask {
			k := c.probe()
			k.want, k.uri = says("TLS"), func(uri string) string { return strings.Replace(uri, "grpc+tls:", "grpc:", 1) }
			return ask{options{tls: true}, []call{k}}
		}},
	}
}

func (l *lab) credentials() []feature {
	const group = "Who calls"
	login := []string{"--user", "bench", "--password-env", "COMPATIBILITY_PASSWORD"}
	one := func(name string, auth string, more ...string) feature {
		return feature{group, name, func(c column) ask { return ask{options{auth: auth}, []call{c.probe(append(more, "--auth", auth)...)}} }}
	}
	headers := func(name, path string, serve []string, more ...string) feature {
		return feature{group, name, func(c column) ask {
			return c.path(path, []string{"--op", "get", "--rows", "100", "--batches", "4"}, options{own: serve}, read(rows), more...)
		}}
	}
	return []feature{
		one("bearer token", "token", "--token-env", "COMPATIBILITY_TOKEN"),
		one("Basic, answered by a bearer token", "basic", login...),
		one("Handshake with BasicAuth", "handshake", login...),
		one("Handshake with two payloads", "handshake-plain", login...),
		{group, "Handshake as an operation", func(c column) ask {
			auth := "handshake"
			if c.kind == sql {
				auth = "basic"
			}
			return ask{options{auth: auth}, []call{{args: append([]string{"--op", "handshake", "--auth", auth}, login...), want: called("handshake")}}}
		}},
		{group, "a wrong password is told", func(c column) ask {
			k := c.probe("--auth", "basic", "--user", "bench", "--password-env", "COMPATIBILITY_WRONG")
			k.want = says("refuses user")
			return ask{options{auth: "basic"}, []call{k}}
		}},
		headers("header", "needs-header", []string{"--middleware", "1"}, "-H", "x-peer-feature: yes"),
		headers("binary header", "needs-binary-header", []string{"--middleware", "1"}, "-H", "x-peer-feature-bin: AP8B"),
		headers("cookie", "needs-cookie", []string{"--cookies"}, "--cookies"),
	}
}

func calls() []feature {
	const group = "Calls"
	one := func(name, op, latency string, described bool, serve ...string) feature {
		return feature{group, name, func(c column) ask {
			args := []string{"--op", op}
			if described {
				args = append(args, c.descriptor()...)
			}
			return ask{options{own: serve}, []call{{args: args, want: called(latency)}}}
		}}
	}
	data := []string{"--rows", "100", "--batches", "4"}
	to := func(c column, op string, more ...string) []string {
		args := append([]string{"--op", op}, data...)
		if c.kind == peer {
			args = append(args, "--path", "kept")
		}
		return append(args, more...)
	}
	return []feature{
		one("ListFlights", "list-flights", "list_flights", false),
		one("GetFlightInfo", "info", "info", true),
		one("PollFlightInfo", "poll", "poll", true, "--polls", "3"),
		one("GetSchema", "schema", "schema", true),
		{group, "DoGet", func(c column) ask { return ask{options{}, []call{c.probe("--decode", "batch")}} }},
		{group, "DoPut", func(c column) ask {
			runs := []call{{args: to(c, "put"), want: read(rows)}}
			if c.kind == peer { // what was put is read back
				runs = append(runs, call{args: to(c, "get"), want: read(rows)})
			}
			return ask{options{}, runs}
		}},
		{group, "DoPut, each batch acknowledged", func(c column) ask {
			acks := counted("acknowledgement", func(t *results.Trial) int64 { return t.Whole.Acks })
			return ask{options{}, []call{{args: to(c, "put", "--put-ack", "all"), want: also(read(rows), acks)}}}
		}},
		{group, "DoExchange", func(c column) ask { return ask{options{}, []call{{args: to(c, "exchange"), want: called("exchange")}}} }},
		one("DoAction", "action:ping", "action", false),
		one("ListActions", "list-actions", "list_actions", false),
	}
}

func reading() []feature {
	const group = "Reading"
	plain := []string{"--op", "get", "--rows", "100", "--batches", "4"}
	one := func(name, path string, ours []string, o options, want func(*results.Trial) error, more ...string) feature {
		return feature{group, name, func(c column) ask { return c.path(path, ours, o, want, more...) }}
	}
	here, dead := "grpc://127.0.0.1:{port}", "grpc://127.0.0.1:1"
	at := func(locations ...string) options {
		o := options{listen: here}
		for _, l := range locations {
			o.own = append(o.own, "--location", l)
		}
		return o
	}
	two := []string{"--op", "get", "--rows", "100", "--batches", "2", "--endpoints", "2"}
	failover := counted("failover", func(t *results.Trial) int64 { return t.Whole.Failovers })
	renewal := counted("renewal", func(t *results.Trial) int64 { return t.Whole.EndpointRenewals })
	coded := func(codec string) feature {
		return one(codec, codec, append(slices.Clone(plain), "--compression", codec), options{}, read(rows), "--decode", "batch")
	}
	dict := []string{"--op", "get", "--workload", "dict", "--rows", "100", "--batches", "4"}
	return []feature{
		one("two endpoints, at a time", "two", two, options{}, read(rows)),
		one("two endpoints, one after another", "two", two, options{}, read(rows), "--ordered"),
		one("location: the server's own", "location-self", plain, at(here), read(rows)),
		one("location: reuse the connection", "location-reuse", plain, at("arrow-flight-reuse-connection://?"), read(rows)),
		one("location: the second, the first being dead", "location-second", plain, at(dead, here), also(read(rows), failover)),
		one("location: original instead of a dead one", "location-dead", plain, at(dead), read(rows), "--location", "original"),
		one("location: a dead one rewritten", "location-dead", plain, at(dead), read(rows), "--location", "rewrite:127.0.0.1:1={address}"),
		one("expiring endpoint, renewed", "expiring", plain, options{own: []string{"--expiry", "800ms"}}, also(read(rows), renewal)),
		{group, "PollFlightInfo, then all", func(c column) ask {
			k := call{args: []string{"--op", "get", "--poll", "--path", "plain"}, want: also(read(rows), called("info"))}
			if c.kind == own {
				k.args = append(slices.Clone(plain), "--poll")
			}
			return ask{options{own: []string{"--polls", "3"}}, []call{k}}
		}},
		one("totals of -1", "unknown-totals", nil, options{}, read(rows)),
		one("metadata-only messages", "metadata-only", ticket(`,"quirk":"metadata"`), options{}, read(rows)),
		one("batches without rows", "zero-rows", ticket(`,"quirk":"empty"`), options{}, read(rows), "--decode", "batch"),
		one("dictionary", "dictionary", dict, options{}, read(rows), "--decode", "batch"),
		one("dictionary, with deltas", "dictionary-delta", nil, options{}, read(rows), "--decode", "batch"),
		one("dictionary, replaced", "dictionary-replaced", ticket(`,"quirk":"dictionaries","workload":"dict"`), options{}, read(rows), "--decode", "batch"),
		coded("lz4"),
		coded("zstd"),
	}
}

func ends() []feature {
	const group = "Errors and ends"
	slow := `,"delay":"10ms"`
	slowly := strings.Replace(strings.Join(ticket(slow)[3:], ""), `"rows":100,"batches":4`, `"rows":1,"batches":400`, 1)
	one := func(name string, want func(*results.Trial) error, more ...string) feature {
		return feature{group, name, func(c column) ask {
			return c.path("slow", []string{"--op", "get", "--cmd", slowly}, options{}, want, more...)
		}}
	}
	canceled := counted("canceled stream", func(t *results.Trial) int64 { return t.Whole.Canceled })
	return []feature{
		{group, "each of Flight's errors is told by name", func(c column) ask {
			var runs []call
			for _, kind := range workloads.FailKinds() {
				if c.kind == own {
					runs = append(runs, call{args: ticket(fmt.Sprintf(`,"fail":%q,"fail_after":2`, kind)), want: fails(kind)})
				} else {
					runs = append(runs, call{args: []string{"--op", "get", "--path", "error-" + kind}, want: fails(kind)})
				}
			}
			return ask{options{}, runs}
		}},
		one("--timeout", fails("timed_out"), "--timeout", "300ms"),
		one("--stall", says("stall"), "--stall", "4ms"),
		one("--cancel-after", canceled, "--cancel-after", "3"),
		{group, "the server sees a cancellation", func(c column) ask {
			a := c.path("slow", []string{"--op", "get", "--cmd", slowly}, options{}, canceled, "--cancel-after", "3")
			if c.kind == own {
				a.runs[0].want = also(canceled, counted("notice of the server", func(t *results.Trial) int64 { return t.Latencies["cancel_seen"].Count }))
			} else {
				a.runs[0].after = sawCancel
			}
			return a
		}},
	}
}

func (l *lab) flightSQL() []feature {
	const group = "Flight SQL"
	demo := options{own: []string{"--sql-demo"}}
	one := func(name string, want func(*results.Trial) error, args ...string) feature {
		return feature{group, name, func(c column) ask {
			args := slices.Clone(args)
			for i, a := range args {
				args[i] = strings.NewReplacer("{table}", c.table, "{param}", c.param).Replace(a)
			}
			return ask{demo, []call{{args: args, want: want}}}
		}}
	}
	catalog := func(op string) feature {
		return one(op, func(t *results.Trial) error {
			if t.Status != results.StatusOK || len(t.Failures) > 0 {
				return fmt.Errorf("%s", t.Error)
			}
			return nil
		}, "--op", op)
	}
	ingested := also(read(rows), func(t *results.Trial) error {
		if slices.ContainsFunc(t.Warnings, func(w string) bool { return strings.Contains(w, "did not say how many rows") }) {
			return fmt.Errorf("the server takes the rows and says nothing of a table")
		}
		return nil
	})
	ingest := []string{"--op", "ingest", "--table", "put_here", "--workload", "perf", "--rows", "100", "--batches", "4"}
	return []feature{
		one("query", read(-1), "--op", "query", "--sql", "SELECT * FROM {table} LIMIT 3"),
		one("query in a transaction", read(-1), "--op", "query", "--transaction", "--sql", "SELECT * FROM {table} LIMIT 3"),
		one("prepared statement", read(-1), "--op", "prepared", "--sql", "SELECT * FROM {table} LIMIT 3"),
		one("prepared statement with a parameter", read(-1), "--op", "prepared", "--sql", "{param}", "--params", l.path("params.arrow")),
		one("bulk ingest, create or replace", ingested, append(slices.Clone(ingest), "--ingest-mode", "replace")...),
		one("bulk ingest, append", ingested, append(slices.Clone(ingest), "--ingest-mode", "append")...),
		catalog("sql-info"), catalog("catalogs"), catalog("schemas"), catalog("tables"), catalog("table-types"), catalog("type-info"),
	}
}

// doctor examines each server and wants a report.
func (l *lab) doctor() []feature {
	return []feature{{"Doctor", "flightbench doctor", func(c column) ask {
		return ask{options{own: []string{"--sql-demo"}}, []call{{after: func(ctx context.Context, uri string) error {
			args := []string{"doctor", uri, "-O", "json"}
			if c.kind == peer {
				args = append(args, "--path", "plain")
			}
			// It exits with 1 where it finds a problem: the report is there nevertheless.
			out, _ := exec.CommandContext(ctx, l.flightbench, args...).Output()
			var report struct {
				Lines []struct{ Topic, Level, Text string }
			}
			if err := json.Unmarshal(out, &report); err != nil {
				return fmt.Errorf("no report: %w", err)
			}
			if len(report.Lines) < 10 {
				return fmt.Errorf("a report of %d lines", len(report.Lines))
			}
			for _, line := range report.Lines {
				if line.Level == "problem" {
					return fmt.Errorf("it finds a problem: %s: %s", line.Topic, line.Text)
				}
			}
			return nil
		}}}}
	}}}
}
