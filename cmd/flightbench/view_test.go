package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"flightbench/bench"
	"flightbench/results"
)

// trial is one that failed with err, or measured nothing.
func trial(err string) *results.Trial {
	t := &results.Trial{Config: bench.DefaultConfig(), Status: results.StatusPartial}
	if err != "" {
		t.Status, t.Error = results.StatusFailed, err
	}
	return t
}

func TestPlainLine(t *testing.T) {
	for _, tt := range []struct {
		t    *results.Trial
		want string
	}{
		{trial("no\x1b[31m such thing\nTraceback:\n ..."), "1/4  get · 65,536 rows  failed: no [31m such thing"},
		{trial(""), "1/4  get · 65,536 rows  nothing measured  partial"},
	} {
		v := &plainView{trials: 4, varying: []string{"op", "rows"}}
		v.progress(bench.Progress{Trial: 1})
		if got := v.line(tt.t); got != tt.want {
			t.Errorf("line %q, want %q", got, tt.want)
		}
	}
}

// TestLiveViewThatEnded goes on with plain lines when the live line is gone.
func TestLiveViewThatEnded(t *testing.T) {
	var out bytes.Buffer
	v := newLiveView(&out, &plainView{w: &out, trials: 2, varying: []string{"op"}})
	v.program.Quit()
	<-v.ended
	out.Reset()
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.progress(bench.Progress{Trial: 1})
		v.done(trial("gone"))
		v.close()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the run hangs with its live line")
	}
	if !strings.Contains(out.String(), "failed: gone") {
		t.Errorf("%q does not tell the trial", &out)
	}
}

func TestAbout(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "about 1 s", 4400 * time.Millisecond: "about 4 s", 33 * time.Second: "about 35 s", 89 * time.Second: "about 90 s",
		90 * time.Second: "about 2 min", 59*time.Minute + 20*time.Second: "about 59 min", 62 * time.Minute: "about 1 h", 150 * time.Minute: "about 2 h 30 min",
	} {
		if got := about(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestFailed(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{errors.New("broken"), exitFailed},
		{fmt.Errorf("read the file: %w", context.Canceled), exitInterrupted},
		{usage(errors.New("no such flag")), exitUsage},
	} {
		if code := exitCode(failed(tt.err), &bytes.Buffer{}); code != tt.code {
			t.Errorf("%v ends with %d, want %d", tt.err, code, tt.code)
		}
	}
}
