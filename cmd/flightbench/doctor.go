package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"flightbench/bench"
	"flightbench/doctor"
	"flightbench/internal/target"
)

func doctorCommand() *cobra.Command {
	var (
		access            accessFlags
		auth, format      string
		path, text, token string
		o                 doctor.Options
	)
	cmd := &cobra.Command{
		Use:   "doctor URI",
		Short: "say on one screen what a Flight server can do and how well it is set up",
		Long: `Calls a Flight server in every way that writes nothing, and says what it can do, how well it is set up, and what to do about what is not right.
It exits with 1 where it found a problem.`,
		Example: `  flightbench doctor grpc://db.example:31337
  flightbench doctor grpc+tls://db.example:443 --cacert ca.pem --user me --password-env DB_PASSWORD --path my/table`,
		Args: arguments(1, 1, "name one target"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkEmpty(cmd.Flags()); err != nil {
				return usage(err)
			}
			if format != "table" && format != "json" {
				return usage(fmt.Errorf("--format %q is unknown: use table or json", format))
			}
			t, err := target.Parse(args[0])
			if err != nil {
				return usage(err)
			}
			if t, err = access.apply(t); err != nil {
				return usage(err)
			}
			access.warnVisible(cmd.ErrOrStderr())
			if auth == "" {
				auth = access.method()
			}
			credentials, err := access.auth([]string{auth}, cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return usage(err)
			}
			t.Auth = by(credentials, auth)
			if err := t.Auth.Validate(); err != nil {
				return usage(err)
			}
			if o.Descriptor, o.Ticket, err = bench.Asked(path, text, token); err != nil {
				return usage(err)
			}
			report, err := doctor.Examine(cmd.Context(), t, o)
			if err != nil {
				return failed(err)
			}
			if format == "json" {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				err = e.Encode(report)
			} else {
				err = report.Print(cmd.OutOrStdout(), cmp.Or(terminalWidth(cmd.OutOrStdout()), 100))
			}
			if err == nil && report.Worst() == doctor.Problem {
				return &exitError{exitFailed, errors.New("there are problems: see above")}
			}
			return failed(err)
		},
	}
	f := cmd.Flags()
	access.bind(f)
	f.StringVar(&auth, "auth", "", "none, token, basic, handshake or handshake-plain; by default what the credentials stand for")
	f.StringVar(&path, "path", "", "look at the data of this descriptor path, a/b")
	f.StringVar(&text, "cmd", "", "look at the data of this descriptor command: text, @FILE or hex:DIGITS")
	f.StringVar(&token, "ticket", "", "look at the data of this ticket: text, @FILE or hex:DIGITS")
	f.BoolVar(&o.WriteProbe, "write-probe", false, "also try calls that write: DoPut and DoExchange")
	f.DurationVar(&o.Timeout, "timeout", doctor.DefaultTimeout, "of each probe")
	f.StringVarP(&format, "format", "O", "table", "of the report: table, json")
	return cmd
}
