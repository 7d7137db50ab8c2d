package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// kind is what a server can be asked for.
type kind int

const (
	peer kind = iota // the streams of scripts/peers/README.md
	sql              // Flight SQL alone
	own              // flightbench serve
)

// column is one server of the table.
type column struct {
	name, about string // about: with its version, for the page
	kind        kind
	server      []string // its command line, to which options are added
	table       string   // of Flight SQL: one that is there
	param       string   // a statement with one int64 parameter
	// lacks says why features do not work, by name or by group/*. They are run
	// nevertheless: what works although it is listed here is an error.
	lacks map[string]string
}

const (
	noSQL   = "Flight SQL is another library, which this peer does not use"
	onlySQL = "the server answers Flight SQL alone"
	noTLS   = "roapi panics where TLS is configured: it has no CryptoProvider for rustls"
)

func (l *lab) columns(ctx context.Context) ([]column, error) {
	versions, err := l.versions(ctx)
	if err != nil {
		return nil, err
	}
	noFlightSQL := func(more map[string]string) map[string]string {
		out := map[string]string{"Flight SQL/*": noSQL}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	sqlOnly := func(more map[string]string) map[string]string {
		out := map[string]string{"ListFlights": onlySQL, "PollFlightInfo": onlySQL, "DoPut": onlySQL, "DoPut, each batch acknowledged": onlySQL, "DoExchange": onlySQL, "DoAction": onlySQL,
			"Reading/*": onlySQL, "Errors and ends/*": onlySQL, "header": "the server asks for none", "binary header": "the server asks for none",
			"cookie": "the server asks for none"}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	all := []column{
		{name: "pyarrow", about: "pyarrow " + versions["pyarrow"] + " (Arrow C++)", server: []string{l.python, "scripts/peers/pyarrow_server.py"}, table: "t", param: "SELECT ?",
			lacks: noFlightSQL(map[string]string{
				"PollFlightInfo":           "pyarrow's server has no such method",
				"PollFlightInfo, then all": "pyarrow's server has no such method",
				"metadata-only messages":   "pyarrow's server cannot send one in a DoGet",
			})},
		{name: "Java", about: "Java flight-core " + versions["java"], server: []string{"scripts/peers/java.sh", "server"}, table: "t", param: "SELECT ?",
			lacks: noFlightSQL(map[string]string{
				"grpc+unix://":            "flight-core does not bring the Netty transport that it needs",
				"dictionary, with deltas": "flight-core sends a dictionary once, at the start",
				"dictionary, replaced":    "flight-core sends a dictionary once, at the start",
			})},
		{name: "Rust", about: "Rust arrow-flight " + versions["rust"] + " on tonic " + versions["tonic"], server: []string{"scripts/peers/rust.sh", "server"},
			table: "t", param: "SELECT ?", lacks: noFlightSQL(nil)},
		{name: "arrow-go", about: "arrow-go " + versions["arrow-go"] + "'s stock server on grpc-go " + versions["grpc-go"], server: []string{l.goPeer, "server"},
			table: "t", param: "SELECT ?", lacks: noFlightSQL(nil)},
		{name: "SQLite example", about: "arrow-go " + versions["arrow-go"] + "'s SQLite Flight SQL server", kind: sql, server: []string{l.goPeer, "sqlite"},
			table: "intTable", param: "SELECT * FROM intTable WHERE id >= ?", lacks: sqlOnly(nil)},
		{name: "roapi", about: versions["roapi"] + " (DataFusion's Flight SQL)", kind: sql, server: []string{"scripts/peers/roapi.sh", "server"},
			table: "cities", param: "SELECT * FROM cities WHERE population >= $1", lacks: sqlOnly(map[string]string{
				"grpc+unix://": "roapi listens at TCP addresses alone", "grpc+tls://": noTLS, "TLS 1.3 and no less": noTLS, "mTLS": noTLS, "a wrong CA is told": noTLS,
				"a missing client certificate is told": noTLS, "plaintext to a TLS port is told": noTLS,
				"Handshake with BasicAuth": "roapi has Basic and token alone", "Handshake with two payloads": "roapi has Basic and token alone",
			})},
	}
	for _, transport := range []string{"direct", "grpc", "stock"} {
		all = append(all, column{name: "serve, " + transport, about: "`flightbench serve --transport " + transport + "`", kind: own,
			server: []string{l.flightbench, "serve", "--transport", transport}, table: "lineitem", param: "SELECT * FROM lineitem WHERE l_orderkey <= ?",
			lacks: map[string]string{
				"totals of -1":            "this server always knows its totals",
				"dictionary, with deltas": "this server sends whole dictionaries",
			}})
	}
	return all, nil
}

// versions are what the peers are built from.
func (l *lab) versions(ctx context.Context) (map[string]string, error) {
	v := map[string]string{}
	var err error
	if v["pyarrow"], err = output(ctx, l.python, "-c", "import pyarrow; print(pyarrow.__version__)"); err != nil {
		return nil, err
	}
	if v["roapi"], err = output(ctx, "scripts/peers/roapi.sh", "version"); err != nil {
		return nil, err
	}
	for _, in := range []struct{ name, file, pattern string }{
		{"java", "scripts/peers/java/pom.xml", `<arrow.version>(.*)</arrow.version>`},
		{"rust", "scripts/peers/rust/Cargo.toml", `arrow-flight = "=(.*)"`},
		{"tonic", "scripts/peers/rust/Cargo.toml", `tonic = \{ version = "=([^"]*)"`},
	} {
		text, err := os.ReadFile(in.file)
		if err != nil {
			return nil, err
		}
		m := regexp.MustCompile(in.pattern).FindSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("%s: no version like %s", in.file, in.pattern)
		}
		v[in.name] = string(m[1])
	}
	info, err := buildinfo.ReadFile(l.goPeer)
	if err != nil {
		return nil, err
	}
	for _, d := range info.Deps {
		switch d.Path {
		case "github.com/apache/arrow-go/v18":
			v["arrow-go"] = strings.TrimPrefix(d.Version, "v")
		case "google.golang.org/grpc":
			v["grpc-go"] = strings.TrimPrefix(d.Version, "v")
		}
	}
	return v, nil
}
