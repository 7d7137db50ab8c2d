package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"flightbench/server"
)

// perfServerName is what Arrow's arrow-flight-benchmark looks for on PATH. This
// program does as that server does when it is called by this name.
const perfServerName = "arrow-flight-perf-server"

// perfServerCommand takes the flags of Arrow's perf_server.cc, with one dash or
// two, as gflags does.
func perfServerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "perf-server [-port N] [-server_host HOST] [-server_unix PATH] [-cert_file F -key_file F] [-transport grpc]",
		Short: "be the server that Arrow's own arrow-flight-benchmark measures",
		Long: `Takes the flags of arrow-flight-perf-server and speaks its perf.proto, so that Arrow's arrow-flight-benchmark can measure this server. A link to
flightbench by the name arrow-flight-perf-server on PATH lets that program start it by itself. See docs/arrow-flight-benchmark.md.`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := parsePerfFlags(args)
			if errors.Is(err, errHelp) {
				return cmd.Help()
			}
			if err != nil {
				return usage(err)
			}
			o, err := p.options()
			if err != nil {
				return usage(err)
			}
			s, err := server.New(o)
			if err != nil {
				return failed(err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "Server host:", p["server_host"])
			fmt.Fprintln(cmd.OutOrStdout(), "Server location:", s.URI())
			return failed(s.Serve(cmd.Context()))
		},
	}
}

// perfFlags are the flags by name.
type perfFlags map[string]string

var errHelp = errors.New("help")

func parsePerfFlags(args []string) (perfFlags, error) {
	p := perfFlags{"port": "31337", "server_host": "localhost", "server_unix": "", "cert_file": "", "key_file": "", "transport": "grpc"}
	for len(args) > 0 {
		name := strings.TrimPrefix(strings.TrimPrefix(args[0], "-"), "-")
		if name == args[0] {
			return p, fmt.Errorf("perf-server takes no argument, and was given %q: its flags are -port, -server_host, -server_unix, -cert_file, -key_file, -transport", args[0])
		}
		if name == "help" || name == "h" {
			return p, errHelp
		}
		args = args[1:]
		name, value, joined := strings.Cut(name, "=")
		name = strings.ReplaceAll(name, "-", "_")
		if _, ok := p[name]; !ok {
			return p, fmt.Errorf("perf-server has no flag -%s: use -port, -server_host, -server_unix, -cert_file, -key_file, -transport", name)
		}
		if !joined {
			if len(args) == 0 {
				return p, fmt.Errorf("-%s has no value: write -%s VALUE", name, name)
			}
			value, args = args[0], args[1:]
		}
		p[name] = value
	}
	return p, nil
}

// options are the flags as our server takes them.
func (p perfFlags) options() (server.Options, error) {
	o := server.DefaultOptions()
	o.Version = version()
	if p["transport"] != "grpc" {
		return o, fmt.Errorf("-transport %q is not there: use grpc", p["transport"])
	}
	port, err := strconv.ParseUint(p["port"], 10, 16)
	if err != nil {
		return o, fmt.Errorf("-port %q is no port: use 1 to 65535, or 0 for any", p["port"])
	}
	if (p["cert_file"] == "") != (p["key_file"] == "") {
		return o, errors.New("-cert_file and -key_file go together: give both")
	}
	scheme := "grpc+tcp"
	if p["cert_file"] != "" {
		scheme = "grpc+tls"
		cert, err := os.ReadFile(p["cert_file"])
		if err != nil {
			return o, fmt.Errorf("-cert_file: %w", err)
		}
		key, err := os.ReadFile(p["key_file"])
		if err != nil {
			return o, fmt.Errorf("-key_file: %w", err)
		}
		if o.TLS, err = server.TLS(cert, key, nil); err != nil {
			return o, err
		}
	}
	if path := p["server_unix"]; path != "" {
		if o.TLS != nil {
			return o, errors.New("-server_unix and -cert_file exclude each other: a Unix socket has no TLS")
		}
		o.Listen = "grpc+unix://" + path
		o.Locations = []string{o.Listen}
		return o, nil
	}
	// As perf_server.cc: it listens on every interface, and lists -server_host.
	o.Listen = scheme + "://" + net.JoinHostPort("0.0.0.0", strconv.FormatUint(port, 10))
	if port != 0 {
		o.Locations = []string{scheme + "://" + net.JoinHostPort(p["server_host"], strconv.FormatUint(port, 10))}
	}
	return o, nil
}
