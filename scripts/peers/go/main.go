// Command go is a stock arrow-go Flight server for the interoperability tests
// and docs/compatibility.md: flight.NewServerWithMiddleware over grpc-go, and
// nothing of flightbench's own. With sqlite it serves arrow-go's example of a
// Flight SQL server instead.
//
// usage: go run ./scripts/peers/go server|sqlite [--listen URI] [--tls DIR [--mtls]] [--auth METHOD]
//
// Its first line on stdout is its URI; it ends when its standard input does.
// See scripts/peers/README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/example"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || (args[0] != "server" && args[0] != "sqlite") {
		return errors.New("usage: server|sqlite [--listen URI] [--tls DIR [--mtls]] [--auth METHOD]")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	var a access
	listen := flags.String("listen", "grpc://127.0.0.1:0", "where, as a Flight URI")
	flags.StringVar(&a.tls, "tls", "", "a folder with ca.pem, cert.pem and key.pem")
	flags.BoolVar(&a.mtls, "mtls", false, "every client must show a certificate that ca.pem signed")
	flags.StringVar(&a.auth, "auth", "none", "none, token, basic, handshake or handshake-plain")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	lis, uri, err := a.listen(*listen)
	if err != nil {
		return err
	}
	service, err := service(args[0], uri)
	if err != nil {
		return err
	}
	srv, err := a.server(service)
	if err != nil {
		return err
	}
	srv.InitListener(lis)
	srv.RegisterFlightService(service)
	fmt.Println(uri)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // no waiting for calls that a client left open
	}()
	return srv.Serve()
}

func service(kind, uri string) (flight.FlightServer, error) {
	if kind == "server" {
		return newStore(uri), nil
	}
	db, err := example.CreateDB()
	if err != nil {
		return nil, fmt.Errorf("create the example's database: %w", err)
	}
	sqlite, err := example.NewSQLiteFlightSQLServer(db)
	if err != nil {
		return nil, fmt.Errorf("create the example's server: %w", err)
	}
	return flightsql.NewFlightServer(sqlite), nil
}

// listen opens what uri names and returns the URI with the port in it.
func (a access) listen(uri string) (net.Listener, string, error) {
	scheme, address, ok := strings.Cut(uri, "://")
	if !ok {
		return nil, "", fmt.Errorf("--listen %s is no URI", uri)
	}
	network := "tcp"
	if scheme == "grpc+unix" {
		network = "unix"
	} else if a.tls != "" {
		scheme = "grpc+tls"
	}
	lis, err := new(net.ListenConfig).Listen(context.Background(), network, address)
	if err != nil {
		return nil, "", err
	}
	return lis, scheme + "://" + lis.Addr().String(), nil
}
