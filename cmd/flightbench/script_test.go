package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain puts this program on the PATH of the tests, as flightbench.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"flightbench": main})
}

// TestScripts runs the command lines in testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"measure": measure,
			"waitfor": waitFor,
		},
	})
}

// measure runs flightbench with args. That nothing which it measured is valid, on a
// machine that others use meanwhile, is no failure; TestOutcome has the exit codes.
func measure(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: measure VERB ARG...")
	}
	err := ts.Exec("flightbench", args...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitNotValid && strings.Contains(ts.ReadFile("stderr"), "no trial is valid") {
		return
	}
	ts.Check(err)
}

// waitFor waits until the file that its argument names is there and not empty;
// "measuring" stands for a run being well under way.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE|measuring")
	}
	if args[0] == "measuring" {
		// Nothing on disk tells it: server, preparation and warm-up take a fraction of this.
		time.Sleep(2 * time.Second)
		return
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if i, err := os.Stat(ts.MkAbs(args[0])); err == nil && (i.Size() > 0 || i.Mode()&os.ModeSocket != 0) {
			return
		}
	}
	ts.Fatalf("%s did not appear within 20 s", args[0])
}
