//go:build !race

// What instrumented programs are slow by says nothing.

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"flightbench/results"
)

// slowCase is a generator or a server that is made slow, between real processes.
type slowCase struct {
	name   string
	bound  bool // it is the generator that is slow
	always bool // the test is run also where no quiet machine is promised
	env    []string
	args   []string
	start  func(t *testing.T) (uri string)
	burn   bool // with neighbours that want every core twice
}

func ours(t *testing.T) string { t.Helper(); return begin(t, "flightbench", "serve") }

// slowCases are every operation over every transport.
func slowCases() (cases []slowCase) {
	one := []string{"GOMAXPROCS=1"}
	delayed := func(rows, batches int, delay string) []string {
		return []string{"--cmd", fmt.Sprintf(`{"flightbench":1,"workload":"perf","rows":%d,"batches":%d,"delay":%q}`, rows, batches, delay)}
	}
	for _, transport := range transports {
		via := func(args ...string) []string { return append(args, "--transport", transport) }
		ready := transport != "stock"
		cases = append(cases,
			slowCase{name: "GOMAXPROCS=1, verify, get", bound: true, always: ready, env: one, args: via("--op", "get", "--rows", "8192", "--decode", "verify"), start: ours},
			slowCase{name: "GOMAXPROCS=1, verify, exchange", bound: true, env: one, args: via("--op", "exchange", "--rows", "8192", "--decode", "verify"), start: ours},
			slowCase{name: "GOMAXPROCS=1, calls", bound: true, env: one, args: via("--op", "info", "--rows", "8192", "-c", "64"), start: ours},
			slowCase{name: "neighbours, get", bound: true, always: ready, burn: true, args: via("--op", "get", "--rows", "8192"), start: ours},
			slowCase{name: "neighbours, put", bound: true, burn: true, args: via("--op", "put", "--rows", "8192"), start: ours},
			slowCase{name: "neighbours, exchange", bound: true, burn: true, args: via("--op", "exchange", "--rows", "8192"), start: ours},
			slowCase{name: "neighbours, calls", bound: true, burn: true, args: via("--op", "info", "--rows", "8192", "-c", "16"), start: ours},
			slowCase{name: "a server that waits", always: ready, args: via(append(delayed(8192, 1_000_000, "2ms"), "--op", "get")...), start: ours},
			slowCase{name: "a server that waits, GOMAXPROCS=1", env: one, args: via(append(delayed(8192, 1_000_000, "2ms"), "--op", "get")...), start: ours},
		)
		for _, how := range []string{"--nap=0.002", "--burn=0.002"} {
			start := func(t *testing.T) string { t.Helper(); return known(t, how, "--batches", "100") }
			for op, args := range map[string][]string{
				"get": {"--ticket", "mine"}, "put": {"--path", "mine", "--rows", "10", "--batches", "100"},
				"exchange": {"--path", "mine", "--rows", "10", "--batches", "100"}, "action:work": {"-c", "16"},
			} {
				cases = append(cases, slowCase{name: "pyarrow " + how + ", " + op, args: via(append(args, "--op", op)...), start: start})
			}
		}
		// In one process nothing tells whose the CPU is.
		cases = append(cases, slowCase{name: "one process", args: via("--op", "get", "--rows", "8192", "--in-process")})
	}
	return cases
}

// TestGeneratorBound has processes that are slow be told apart by the verdict: in
// two trials of up to four, since a machine may be much in use meanwhile.
func TestGeneratorBound(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: it takes half a minute, and is asked to be short")
	}
	quiet := os.Getenv("FLIGHTBENCH_GROUND_TRUTH") != ""
	for _, c := range slowCases() {
		if !quiet && !c.always {
			continue
		}
		name := fmt.Sprintf("%s (%s)", c.name, c.args[len(c.args)-1])
		t.Run(name, func(t *testing.T) {
			args := c.args
			if c.start != nil {
				args = append([]string{c.start(t)}, args...)
			}
			if c.burn {
				burn(t, 2*runtime.NumCPU())
			}
			right, wrong, evidence := 0, 0, []string{}
			for right < 2 && wrong < 3 {
				tr := alone(t, c.env, append(args, "-z", "1.2s", "--warmup", "200ms")...)
				if tr.Status != results.StatusOK || tr.Batches+tr.Streams == 0 {
					t.Fatalf("%s %s", tr.Status, tr.Error)
				}
				bound := tr.Verdict == results.VerdictGeneratorBound
				if bound == c.bound {
					right++
				} else {
					wrong++
				}
				if bound && len(tr.Evidence) == 0 {
					t.Error("generator-bound without evidence")
				}
				evidence = append(evidence, fmt.Sprintf("%s %q", tr.Verdict, tr.Evidence))
			}
			t.Logf("%d of %d: %s", right, right+wrong, evidence[len(evidence)-1])
			if wrong == 3 {
				t.Errorf("want generator-bound: %v; were %v", c.bound, evidence)
			}
		})
	}
}

// burn keeps so many processes busy until the test ends.
func burn(t *testing.T, n int) {
	t.Helper()
	for range n {
		cmd := exec.Command("timeout", "120", "sh", "-c", "while :; do :; done") // it ends also where this test is killed
		if err := cmd.Start(); err != nil {
			t.Skipf("SKIPPED: there is no neighbour to start: %v", err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		})
	}
}
