// Command compatibility runs flightbench against every peer of scripts/peers
// and writes docs/compatibility.md, the table of what works with whom. Nothing
// in the table is written by hand: each cell is one or more runs.
//
// usage: scripts/compatibility.sh [FEATURE-SUBSTRING]
//
// With an argument only the features whose names contain it are run, and the
// table goes to stdout instead. FLIGHTBENCH names a program that is built
// already.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const page = "docs/compatibility.md"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compatibility:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	began := time.Now()
	dir, err := os.MkdirTemp("", "compatibility")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	lab, err := newLab(ctx, dir)
	if err != nil {
		return err
	}
	columns, err := lab.columns(ctx)
	if err != nil {
		return err
	}
	features := lab.features()
	if len(args) > 0 {
		kept := features[:0]
		for _, f := range features {
			if strings.Contains(f.name, args[0]) {
				kept = append(kept, f)
			}
		}
		features = kept
	}

	t := newTable(lab.version, columns, features)
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for c, col := range columns {
		g.Go(func() error {
			servers := &servers{lab: lab, column: col}
			defer servers.stop()
			for f, feature := range features {
				cell := servers.try(gctx, feature)
				mu.Lock()
				t.set(f, c, cell)
				mu.Unlock()
				fmt.Fprintf(os.Stderr, "%-10s %-44s %s\n", col.name, feature.name, cell)
			}
			return gctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	text := t.markdown(time.Since(began))
	if len(args) > 0 {
		fmt.Print(text)
	} else if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		return err
	}
	if doubts := t.doubts(); len(doubts) > 0 {
		return errors.New(strings.Join(doubts, "\n"))
	}
	return nil
}

// lab is what all columns share: the programs, certificates and files.
type lab struct {
	dir         string // for everything that is thrown away afterwards
	flightbench string
	version     string // of it
	goPeer      string
	python      string
}

// newLab builds the programs and the peers, and writes the files.
func newLab(ctx context.Context, dir string) (*lab, error) {
	l := &lab{dir: dir, flightbench: filepath.Join(dir, "flightbench"), goPeer: filepath.Join(dir, "go-peer")}
	build := []string{"go", "build", "-o", l.flightbench, "./cmd/flightbench"}
	if built := os.Getenv("FLIGHTBENCH"); built != "" {
		l.flightbench, build = built, []string{built, "version"}
	}
	for _, argv := range [][]string{
		build,
		{"go", "build", "-o", l.goPeer, "./scripts/peers/go"},
		{"scripts/peers/java.sh", "build"},
		{"scripts/peers/rust.sh", "build"},
		{"scripts/peers/roapi.sh", "build"},
	} {
		if _, err := output(ctx, argv...); err != nil {
			return nil, err
		}
	}
	var err error
	if l.version, err = output(ctx, l.flightbench, "version"); err != nil {
		return nil, err
	}
	l.version, _, _ = strings.Cut(l.version, "\n")
	if l.python, err = output(ctx, "scripts/peers/python.sh"); err != nil {
		return nil, err
	}
	if err := l.writeCertificates(); err != nil {
		return nil, err
	}
	return l, l.writeParams()
}

// path is a file of the lab.
func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// output runs a program and returns what it printed.
func output(ctx context.Context, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, &stderr)
	}
	return strings.TrimSpace(string(out)), nil
}
