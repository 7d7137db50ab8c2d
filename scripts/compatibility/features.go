package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"flightbench/results"
)

// rows of each stream that is read, peer's or own.
const rows = 400

// feature is one row of the table: what a cell runs for each kind of column.
type feature struct {
	group, name string
	asks        func(c column) ask
}

// ask is how a feature is tried. Without a run there is nothing to try, and the
// column's lacks say why.
type ask struct {
	options options
	runs    []call
}

// options of a server, in words that each kind of server has.
type options struct {
	listen    string
	tls, mtls bool
	auth      string
	own       []string // of flightbench serve alone; {port} is the port it listens at
}

// call is one command line of flightbench after the server's URI, and what must
// come of it. It is run over each of the client's transports. {address} in args
// is the server's host and port.
type call struct {
	args  []string
	want  func(*results.Trial) error                  // if nil: nothing is run, only after is called
	uri   func(uri string) string                     // if not nil: the server is called by another URI
	after func(ctx context.Context, uri string) error // if not nil: what must be so afterwards
}

// streams is how many streams or calls a run makes.
const streams = 2

// read wants streams of so many rows that ended well.
func read(n int64) func(*results.Trial) error {
	return func(t *results.Trial) error {
		switch {
		case t.Status != results.StatusOK || len(t.Failures) > 0:
			return fmt.Errorf("%s", t.Error)
		case n > 0 && t.Whole.Rows != streams*n:
			return fmt.Errorf("%d rows came, not %d", t.Whole.Rows, streams*n)
		case n < 0 && t.Whole.Rows == 0:
			return fmt.Errorf("no rows came")
		}
		return nil
	}
}

// called wants calls that were answered.
func called(latency string) func(*results.Trial) error {
	return func(t *results.Trial) error {
		if t.Status != results.StatusOK || len(t.Failures) > 0 {
			return fmt.Errorf("%s", t.Error)
		}
		if n := t.Latencies[latency].Count; n < streams {
			return fmt.Errorf("%d samples of %s", n, latency)
		}
		return nil
	}
}

// fails wants an error of this kind.
func fails(kind string) func(*results.Trial) error {
	return func(t *results.Trial) error {
		if t.Failures[kind] == 0 {
			return fmt.Errorf("failures %v, not %s: %s", t.Failures, kind, t.Error)
		}
		return nil
	}
}

// says wants an error whose line has one of texts.
func says(texts ...string) func(*results.Trial) error {
	return func(t *results.Trial) error {
		if t.Status != results.StatusFailed || !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(t.Error, s) }) {
			return fmt.Errorf("no line about %q: %s %s", texts, t.Status, t.Error)
		}
		return nil
	}
}

// also wants more than one thing.
func also(wants ...func(*results.Trial) error) func(*results.Trial) error {
	return func(t *results.Trial) error {
		for _, w := range wants {
			if err := w(t); err != nil {
				return err
			}
		}
		return nil
	}
}

// counted wants a count that is more than nothing.
func counted(what string, of func(*results.Trial) int64) func(*results.Trial) error {
	return func(t *results.Trial) error {
		if of(t) == 0 {
			return fmt.Errorf("no %s", what)
		}
		return nil
	}
}
