// Command flightbench measures Apache Arrow Flight servers. Run
// `flightbench help` for its verbs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes of the contract.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitNotValid    = 3
	exitInterrupted = 130
)

// exitError ends the program with a code. Its text is printed unless empty.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error { return &exitError{exitUsage, err} }

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		// timeout(1) and others signal their child and then its process group: that is one interrupt, not two.
		time.Sleep(200 * time.Millisecond)
		for len(signals) > 0 {
			<-signals
		}
		<-signals
		os.Exit(exitInterrupted)
	}()
	os.Exit(exitCode(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr), os.Stderr))
}

// run executes one command line. A canceled ctx ends it early with what there is.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	root := &cobra.Command{
		Use:           "flightbench",
		Version:       version(),
		Short:         "measure how fast Apache Arrow Flight servers move data",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownVerb,

		SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage(errors.New("name a verb: `flightbench run` measures, `flightbench help` lists the others"))
		},
	}
	root.SetArgs(args)
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == perfServerName {
		root.SetArgs(append([]string{"perf-server"}, args...))
	}
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w: see `%s --help`", err, cmd.CommandPath()))
	})
	root.AddCommand(runCommand(), capacityCommand(), ceilingCommand(), serveCommand(), perfServerCommand(), doctorCommand(), suitesCommand(), reportCommand(), compareCommand(), mergeCommand(), exportCommand(), versionCommand())
	root.AddCommand(planCommand(), tuneCommand())
	err := root.ExecuteContext(ctx)
	var e *exitError
	if err != nil && !errors.As(err, &e) {
		// What cobra itself finds is about the command line; verbs say their codes.
		return usage(err)
	}
	return err
}

// unknownVerb refuses an argument of the root, with the verb that it may be.
func unknownVerb(root *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case len(root.SuggestionsFor(args[0])) > 0:
		return fmt.Errorf("there is no verb %q, did you mean %s?", args[0], strings.Join(root.SuggestionsFor(args[0]), " or "))
	}
	return fmt.Errorf("there is no verb %q: `flightbench help` lists them", args[0])
}

// arguments wants between least and most of them, else says what to name.
func arguments(least, most int, remedy string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if n := len(args); n < least || n > most {
			return fmt.Errorf("%s: %d given, see `%s --help`", remedy, n, cmd.CommandPath())
		}
		return nil
	}
}

// exitCode prints err in one line and returns the code that it ends with.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	var e *exitError
	if !errors.As(err, &e) {
		e = &exitError{exitFailed, err}
	}
	if e.err != nil {
		fmt.Fprintf(stderr, "flightbench: %v\n", err) // which may join others to e
	}
	return e.code
}

// failed gives err the code of a failure, or of an interrupt, unless it has one.
func failed(err error) error {
	var e *exitError
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case errors.Is(err, context.Canceled):
		return &exitError{exitInterrupted, fmt.Errorf("interrupted: %w", err)}
	}
	return &exitError{exitFailed, err}
}

// version is the module's, or the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return v
}
